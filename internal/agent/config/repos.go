package config

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// repoID is what dnf accepts as the id of a repository; it becomes a file's name.
var repoID = regexp.MustCompile(`^[A-Za-z0-9_.:-]+$`)

// repositories writes /etc/yum.repos.d/ID.repo for each repo --install.
func repositories(_ context.Context, t Target, c wire.Config) error {
	for _, r := range c.Repos {
		if !repoID.MatchString(r.ID) || strings.HasPrefix(r.ID, ".") {
			return fmt.Errorf("%q is no id of a repository", r.ID)
		}
		if err := t.write("etc/yum.repos.d/"+r.ID+".repo", repoFile(r), 0o644); err != nil {
			return err
		}
	}
	return nil
}

func repoFile(r wire.Repo) string {
	var b strings.Builder
	fmt.Fprintf(&b, "[%s]\nname=%s\nenabled=1\n", r.ID, r.ID)
	for _, o := range [][2]string{
		{"baseurl", r.BaseURL}, {"mirrorlist", r.Mirrors}, {"metalink", r.Metalink},
		{"includepkgs", strings.Join(r.Include, " ")}, {"excludepkgs", strings.Join(r.Exclude, " ")},
	} {
		if o[1] != "" {
			fmt.Fprintf(&b, "%s=%s\n", o[0], o[1])
		}
	}
	if r.Cost > 0 {
		fmt.Fprintf(&b, "cost=%d\n", r.Cost)
	}
	return b.String()
}

// rpmMacros keeps settings of the installation's transaction for later ones: languages where Anaconda keeps them, the rest where
// livecd-tools does.
func rpmMacros(_ context.Context, t Target, c wire.Config) error {
	files := map[string]string{}
	for _, macro := range c.RPMMacros {
		name := "etc/rpm/macros.imgcreate"
		if strings.HasPrefix(macro, "%_install_langs ") {
			name = "etc/rpm/macros.image-language-conf"
		}
		files[name] += macro + "\n"
	}
	for name, text := range files {
		if err := t.write(name, text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
