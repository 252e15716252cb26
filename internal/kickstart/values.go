package kickstart

import "maps"

// Values are the arguments of a command by destination, the name that the tables give each option. A value is a
// string, int64, bool or []string; an option that wasn't given is absent.
type Values map[string]any

// Text is the string at dest, or "".
func (v Values) Text(dest string) string { s, _ := v[dest].(string); return s }

// Int is the number at dest, or 0.
func (v Values) Int(dest string) int64 { n, _ := v[dest].(int64); return n }

// OptInt is the number at dest, or nil when it wasn't given.
func (v Values) OptInt(dest string) *int {
	n, ok := v[dest].(int64)
	if !ok {
		return nil
	}
	i := int(n)
	return &i
}

// Bool is the flag at dest; absent is false.
func (v Values) Bool(dest string) bool { b, _ := v[dest].(bool); return b }

// OptBool is the flag at dest, or nil when it wasn't given.
func (v Values) OptBool(dest string) *bool {
	b, ok := v[dest].(bool)
	if !ok {
		return nil
	}
	return &b
}

// List is the list at dest, or nil. It must not be changed.
func (v Values) List(dest string) []string { l, _ := v[dest].([]string); return l }

// Has reports whether dest was given.
func (v Values) Has(dest string) bool { _, ok := v[dest]; return ok }

// empty reports whether dest is absent or holds its zero value, which mean the same to most commands.
func (v Values) empty(dest string) bool {
	switch value := v[dest].(type) {
	case nil:
		return true
	case string:
		return value == ""
	case int64:
		return value == 0
	case bool:
		return !value
	case []string:
		return len(value) == 0
	}
	return false
}

// count is how many of the destinations have a value.
func (v Values) count(dests ...string) (n int) {
	for _, dest := range dests {
		if !v.empty(dest) {
			n++
		}
	}
	return n
}

// amend lays later values over earlier ones: what a repeated command that isn't a list means. Options of the table that
// reset and weren't given again lose their value.
func (v Values) amend(later Values, options []Option) {
	for _, o := range options {
		if o.Resets {
			delete(v, o.Dest)
		}
	}
	maps.Copy(v, later)
}
