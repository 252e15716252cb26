package builders

import (
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/artifact"
	"github.com/quarry-project/quarry/internal/resolve"
)

// gpgPubkey is how rpm keeps imported keys: as packages of this name that no repository has.
const gpgPubkey = "gpg-pubkey"

// strangers are the installed packages that the Lock does not pin, neither among those to install nor among those at hand for scripts. Without a
// network in the machine there can't be any, unless a script brings its own.
func strangers(lock resolve.Lock, installed []artifact.Package) []string {
	pinned := map[string]bool{}
	for _, set := range [][]resolve.Package{lock.Packages, lock.Available} {
		for _, p := range set {
			pinned[p.String()] = true
		}
	}
	var found []string
	for _, p := range installed {
		if p.Name != gpgPubkey && !pinned[p.String()] {
			found = append(found, p.String())
		}
	}
	return found
}

// CheckPinned refuses an installed system with packages that the Lock does not have: what is published has to be what was locked.
func CheckPinned(lock resolve.Lock, installed []artifact.Package) error {
	if found := strangers(lock, installed); len(found) > 0 {
		return fmt.Errorf("the installed system has packages that the Lock does not pin: %s; a script of the kickstart must have brought them",
			strings.Join(found, ", "))
	}
	return nil
}
