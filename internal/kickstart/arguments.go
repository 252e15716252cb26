package kickstart

import (
	"fmt"
	"slices"
	"strings"
)

// arguments reads the words of one line by a table. It follows the reference's option parser, down to its habits:
// prefixes of options are options, a word that starts with a dash is a value when it holds a space, and positional
// arguments are taken as early as they fit.
type arguments struct {
	version Version
	args    []Option
	options []*Option // those that the version knows
	names   map[string]*Option
	words   []word

	values Values
	given  map[string]int // offset of the word that set each destination
	seen   map[*Option]bool
	normal []string                           // the words again, options in full and quoted where needed
	extra  []word                             // words that fit nowhere
	report func(at int, message, hint string) // an error
	warn   func(at int, message, hint string)
}

// option is a word that was recognised as an option.
type option struct {
	spec     *Option // nil: looks like one, but isn't
	name     string
	value    string // after "="
	hasValue bool
}

func (a *arguments) parse(args, options []Option) {
	for i := range args {
		if args[i].Known(a.version) {
			a.args = append(a.args, args[i])
		}
	}
	a.names = make(map[string]*Option, len(options))
	for i := range options {
		if o := &options[i]; o.Known(a.version) {
			a.options = append(a.options, o)
			for _, name := range o.Names {
				a.names[name] = o
			}
		}
	}
	found := make([]*option, len(a.words))
	plain := make([]bool, len(a.words)) // after "--" nothing is an option
	for i := range a.words {
		if a.words[i].text == "--" {
			for j := i + 1; j < len(a.words); j++ {
				plain[j] = true
			}
			break
		}
		found[i] = a.classify(a.words[i])
	}
	a.walk(found, plain)
	a.checkRequired()
}

func (a *arguments) walk(found []*option, plain []bool) {
	next := 0 // index in a.args
	for i := 0; i < len(a.words); {
		if o := found[i]; o != nil {
			i = a.takeOption(o, i, found, plain)
			continue
		}
		end := i
		for end < len(a.words) && found[end] == nil {
			end++
		}
		i, next = a.takePositional(i, end, next)
	}
	for ; next < len(a.args) && a.args[next].Kind == Rest; next++ {
		a.put(&a.args[next], 0, []string{})
	}
}

// takePositional gives the run of plain words [i,end) to as many positional arguments as it suffices for.
func (a *arguments) takePositional(i, end, next int) (int, int) {
	run := a.words[i:end]
	for _, w := range run {
		a.normal = append(a.normal, quote(w.text))
	}
	if next < len(a.args) {
		run = slices.DeleteFunc(slices.Clone(run), func(w word) bool { return w.text == "--" })
	}
	for ; next < len(a.args); next++ {
		arg := &a.args[next]
		switch {
		case arg.Kind == Rest:
			texts := make([]string, len(run))
			for k, w := range run {
				texts[k] = w.text
			}
			a.put(arg, a.words[i].at, texts)
			run = nil
		case len(run) == 0:
			if arg.Kind != Optional {
				return end, next
			}
		default:
			a.take(arg, arg.Names[0], run[0])
			run = run[1:]
		}
	}
	a.extra = append(a.extra, run...)
	return end, next
}

func (a *arguments) takeOption(o *option, i int, found []*option, plain []bool) int {
	w := a.words[i]
	if o.spec == nil {
		a.extra, a.normal = append(a.extra, w), append(a.normal, quote(w.text))
		return i + 1
	}
	if o.spec.Deprecated != 0 && a.version >= o.spec.Deprecated {
		a.warn(w.at, fmt.Sprintf("option %s is deprecated", o.name), o.spec.Instead)
	}
	hasNext := i+1 < len(a.words) && found[i+1] == nil && (plain[i+1] || a.words[i+1].text != "--")
	switch {
	case !o.spec.Kind.takesWord():
		if o.hasValue {
			a.report(w.at, fmt.Sprintf("option %s takes no value", o.name), "write it without =")
		}
		a.normal = append(a.normal, o.name)
		a.switchOn(o.spec, w.at)
	case o.hasValue:
		a.normal = append(a.normal, o.name+"="+quote(o.value))
		a.take(o.spec, o.name, word{o.value, w.at})
	case hasNext:
		a.normal = append(a.normal, o.name+"="+quote(a.words[i+1].text))
		a.take(o.spec, o.name, word{a.words[i+1].text, w.at})
		return i + 2
	case o.spec.Kind == Optional:
		a.normal = append(a.normal, o.name)
		a.put(o.spec, w.at, true)
	default:
		a.report(w.at, fmt.Sprintf("option %s needs a value", o.name), "write "+o.name+"=VALUE")
		a.seen[o.spec] = true
	}
	return i + 1
}

// classify returns nil for a word that is a value.
func (a *arguments) classify(w word) *option {
	s := w.text
	if !strings.HasPrefix(s, "-") || s == "-" {
		return nil
	}
	if o := a.names[s]; o != nil {
		return &option{spec: o, name: s}
	}
	name, value, hasValue := strings.Cut(s, "=")
	if o := a.names[name]; o != nil && hasValue {
		return &option{o, name, value, true}
	}
	if strings.HasPrefix(s, "--") {
		switch matches := a.prefixed(name); len(matches) {
		case 0:
		case 1:
			return &option{a.names[matches[0]], matches[0], value, hasValue}
		default:
			a.report(w.at, fmt.Sprintf("option %s could be any of several", name), "write out "+strings.Join(matches, " or "))
			return &option{name: name}
		}
	}
	if isNegativeNumber(s) || strings.Contains(s, " ") {
		return nil
	}
	return &option{name: name}
}

func (a *arguments) prefixed(name string) (matches []string) {
	for _, o := range a.options {
		for _, full := range o.Names {
			if strings.HasPrefix(full, name) {
				matches = append(matches, full)
			}
		}
	}
	return matches
}

func isNegativeNumber(s string) bool {
	whole, fraction, hasFraction := strings.Cut(s[1:], ".")
	digits := func(s string) bool { return strings.Trim(s, "0123456789") == "" }
	return digits(whole) && digits(fraction) && (fraction != "" || whole != "" && !hasFraction)
}

func (a *arguments) switchOn(o *Option, at int) {
	switch o.Kind {
	case Flag:
		a.put(o, at, true)
	case Off:
		a.put(o, at, false)
	case Const:
		a.put(o, at, o.Value)
	case Member:
		a.put(o, at, append(a.values.List(o.Dest), o.Value.(string)))
	}
}

// take converts one word to the option's value.
func (a *arguments) take(o *Option, name string, w word) {
	a.seen[o] = true
	value, err := o.convert(w.text, a.version)
	if err != nil {
		a.report(w.at, name+": "+err.Error(), "")
		return
	}
	if added, ok := value.([]string); ok && (o.Kind == Extend || o.Kind == Collect) {
		value = append(a.values.List(o.Dest), added...)
	}
	a.put(o, w.at, value)
}

func (a *arguments) put(o *Option, at int, value any) {
	a.seen[o] = true
	a.values[o.Dest] = value
	a.given[o.Dest] = at
}

func (a *arguments) checkRequired() {
	var missing []string
	for _, o := range a.options {
		if o.Required && !a.seen[o] {
			missing = append(missing, o.Names[0])
		}
	}
	for i := range a.args {
		if o := &a.args[i]; o.Required && !a.seen[o] {
			missing = append(missing, o.Names[0])
		}
	}
	if missing != nil {
		a.report(0, "missing "+strings.Join(missing, ", "), "")
	}
}
