package kickstart

import (
	"encoding/json"
	"maps"
	"slices"
)

// File is a kickstart that was read: its own commands and sections and those of the files it includes, in order.
type File struct {
	Name         string        `json:"name"`
	Version      Version       `json:"version"`
	Commands     []*Command    `json:"commands"`
	Packages     Packages      `json:"packages"`
	Scripts      []Script      `json:"scripts,omitempty"`
	Addons       []Addon       `json:"addons,omitempty"`
	Certificates []Certificate `json:"certificates,omitempty"`
	// Unresolved are includes that couldn't be read yet, see Options.AllowMissingIncludes.
	Unresolved []Include `json:"unresolvedIncludes,omitempty"`
	Warnings   []Problem `json:"warnings,omitempty"`

	byAttr map[string][]*Command
	states map[string]Values   // by Attr, what the occurrences so far amount to
	unique map[string]Position // see call.duplicate
	flat   string
}

// Command is one occurrence of a command.
type Command struct {
	Name   string // as written: "partition" stays "partition"
	Pos    Position
	Values Values

	spec *Spec
	at   map[string]int // see At
}

// At is the position of the word that gave the destination its value, the command's own when none did.
func (c *Command) At(dest string) Position {
	pos := c.Pos
	if at, ok := c.at[dest]; ok {
		pos.Column = at + 1
	}
	return pos
}

// MarshalJSON leaves secrets such as passwords out.
func (c *Command) MarshalJSON() ([]byte, error) {
	values := maps.Clone(c.Values)
	for _, o := range slices.Concat(c.spec.Args, c.spec.Options) {
		if o.Secret {
			delete(values, o.Dest)
		}
	}
	return json.Marshal(struct {
		Name   string   `json:"name"`
		Pos    Position `json:"position"`
		Values Values   `json:"values,omitempty"`
	}{c.Name, c.Pos, values})
}

// Spec is the command's table.
func (c *Command) Spec() *Spec { return c.spec }

// Script is a section that is run.
type Script struct {
	Kind        string   `json:"kind"` // "pre", "pre-install", "post", "onerror" or "traceback"
	Interpreter string   `json:"interpreter"`
	NoChroot    bool     `json:"noChroot"` // always true but for a plain %post
	ErrorOnFail bool     `json:"errorOnFail"`
	Log         string   `json:"log,omitempty"`
	Body        string   `json:"body"` // with its line ends as they stand
	Pos         Position `json:"position"`
}

// Addon is a section that the installer hands to others: %addon, whose name it is called by, or %anaconda.
type Addon struct {
	Section string   `json:"section"` // "%addon" or "%anaconda"
	Name    string   `json:"name"`    // such as "com_redhat_kdump"; "" for %anaconda
	Args    []string `json:"args,omitempty"`
	Body    string   `json:"body"`
	Pos     Position `json:"position"`
}

// Certificate is a %certificate section.
type Certificate struct {
	Filename string   `json:"filename"`
	Dir      string   `json:"dir,omitempty"`
	Type     string   `json:"type,omitempty"`
	Body     string   `json:"body"`
	Pos      Position `json:"position"`
}

// Include is an %include or %ksappend that wasn't resolved.
type Include struct {
	Ref string   `json:"ref"` // as written
	Pos Position `json:"position"`
}

// Flat is the text with every include replaced by what it includes, comments and all. It parses to an equal File.
func (f *File) Flat() string { return f.flat }

// Merged is what all occurrences of a command amount to: later ones amend earlier ones, as in the installer. It is for
// commands that don't repeat ([Spec.Repeats]); nil when the command isn't there. It must not be changed.
func (f *File) Merged(name string) Values {
	if c, ok := f.Command(name); ok {
		return f.states[c.spec.attr()]
	}
	return nil
}

// All are the occurrences of a command that repeats, in order, whichever of its names they use.
func (f *File) All(name string) []*Command {
	if c, ok := f.Command(name); ok {
		return f.byAttr[c.spec.attr()]
	}
	return nil
}

// Command is the last occurrence of the named command or of another spelling of it.
func (f *File) Command(name string) (*Command, bool) {
	for i := len(f.Commands) - 1; i >= 0; i-- {
		if c := f.Commands[i]; c.spec.called(name) {
			return c, true
		}
	}
	return nil, false
}

func (s *Spec) called(name string) bool {
	for _, n := range s.Names {
		if n == name {
			return true
		}
	}
	return false
}

func (f *File) add(c *Command) {
	f.Commands = append(f.Commands, c)
	attr := c.spec.attr()
	f.byAttr[attr] = append(f.byAttr[attr], c)
	if !c.spec.Repeats {
		if f.states[attr] == nil {
			f.states[attr] = Values{}
		}
		f.states[attr].amend(c.Values, c.spec.Options)
	}
}

// all are the occurrences of every command with the Attr.
func (f *File) all(attr string) []*Command { return f.byAttr[attr] }

func (f *File) seen(attr string) bool { return len(f.byAttr[attr]) > 0 }

// state is what the occurrences of a command that isn't a list amount to. It must not be changed.
func (f *File) state(attr string) Values { return f.states[attr] }
