package kickstart

import (
	"fmt"
	"strings"
)

// Version is the release of Enterprise Linux whose kickstart syntax is meant.
type Version int

// The syntax versions that are known. A zero Version is none of them.
const (
	RHEL8  Version = 8
	RHEL9  Version = 9
	RHEL10 Version = 10
)

// Versions lists every known version, oldest first.
func Versions() []Version { return []Version{RHEL8, RHEL9, RHEL10} }

// ParseVersion reads "rhel9", "RHEL9", "el9" or "9".
func ParseVersion(text string) (Version, error) {
	number := strings.ToLower(strings.TrimSpace(text))
	number = strings.TrimPrefix(strings.TrimPrefix(number, "rh"), "el")
	for _, v := range Versions() {
		if number == fmt.Sprint(int(v)) {
			return v, nil
		}
	}
	return 0, fmt.Errorf("unknown kickstart version %q: use rhel8, rhel9 or rhel10", text)
}

// String is the name that kickstart files use in "#version=", such as "RHEL9".
func (v Version) String() string {
	if !v.valid() {
		return fmt.Sprintf("Version(%d)", int(v))
	}
	return fmt.Sprintf("RHEL%d", int(v))
}

// MarshalText writes the name that [ParseVersion] reads.
func (v Version) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// UnmarshalText reads what [ParseVersion] reads.
func (v *Version) UnmarshalText(text []byte) (err error) {
	*v, err = ParseVersion(string(text))
	return err
}

func (v Version) valid() bool { return v == RHEL8 || v == RHEL9 || v == RHEL10 }
