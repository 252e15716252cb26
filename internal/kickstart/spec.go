package kickstart

// Spec is the table of one command: what it is called, what it accepts, and in which versions.
type Spec struct {
	Names    []string // every spelling; the canonical one first
	Attr     string   // commands of one Attr share their state, as halt and reboot do; empty: Names[0]
	Help     string   // one sentence for people
	Since    Version  // first version that knows the command; 0: all
	Until    Version  // last version that knows it; 0: all
	Ignored  Version  // from this version on it is accepted with a warning and does nothing
	Removed  Version  // from this version on it is an error
	Priority int      // where the canonical text has it, lowest first
	Repeats  bool     // each occurrence stands for itself; otherwise a later one amends the earlier
	// Conflicts are the Attrs that can't stand before this command in the same file.
	Conflicts      []string
	ConflictsSince Version  // first version in which they conflict; 0: all
	Args           []Option // positional arguments, in order
	Options        []Option
	// Key are destinations without any of which the command says nothing and the canonical text leaves it out; nil: it always says something.
	Key     []string
	PrintAs string                 // the name in the canonical text; "": Names[0]
	loose   bool                   // check sees to the words that fit nowhere
	parse   func(*call)            // reads the words itself, for commands without a table
	check   func(*call)            // what a table can't say; may set values
	print   func(*printer, Values) // writes the arguments in the canonical text; nil: by the table
}

// Kind says how many words an option takes and what they become in [Values].
type Kind int

// The kinds. Flag, Off and Const take no word; Optional takes none or one; Rest is for positional arguments only.
const (
	Text     Kind = iota // one word: string
	Int                  // one word: int64
	Bool                 // one word, on/off/yes/no/true/false/1/0: bool
	List                 // one word, separated by commas: []string
	Flag                 // true when given
	Off                  // false when given
	Const                // Value when given
	Collect              // one word, may be repeated: []string
	Extend               // one list, may be repeated: []string
	Member               // Value joins the list of Dest: []string
	Optional             // none or one word: string, or true when none
	Rest                 // positional: every word that follows: []string
)

func (k Kind) String() string {
	names := [...]string{"text", "number", "yes/no", "list", "flag", "flag", "flag", "text, repeatable", "list, repeatable", "flag",
		"optional text", "words"}
	if k < 0 || int(k) >= len(names) {
		return "unknown"
	}
	return names[k]
}

func (k Kind) takesWord() bool { return k != Flag && k != Off && k != Const && k != Member }

// Option is one option, or one positional argument, of a command or section.
type Option struct {
	Names      []string // with dashes, canonical first; a positional argument has its placeholder
	Dest       string   // key in [Values]
	Kind       Kind
	Value      any      // what Const and Member set
	Choices    []string // the words that are allowed; nil: any
	Required   bool
	Secret     bool    // a password or the like: kept out of messages and JSON
	Resets     bool    // a later occurrence of the command without this option takes the value away
	Since      Version // first version that knows it; 0: all
	Until      Version // last version that knows it; 0: all
	Deprecated Version // from this version on it warns
	Instead    string  // what to use in place of a deprecated one
	Print      Printing
	// Read turns the word into its value; nil: as Kind says. Its error is shown after "--option: ".
	Read func(word string, v Version) (any, error)
}

// Printing says when the canonical text has an option that has a value.
type Printing struct {
	With     []string // only when all these destinations have a value too
	Unless   string   // not when this destination has a value
	Implied  any      // not when it has this value
	Standard string   // what is written when the option wasn't given
	Above0   bool     // only a number above 0
	Empty    bool     // also when the text is empty
	Hidden   bool     // never
}

// Known reports whether the version has the command; an ignored or removed command is known.
func (s *Spec) Known(v Version) bool { return inRange(v, s.Since, s.Until) }

// Known reports whether the version has the option.
func (o *Option) Known(v Version) bool { return inRange(v, o.Since, o.Until) }

func inRange(v, since, until Version) bool {
	return (since == 0 || v >= since) && (until == 0 || v <= until)
}
