package kickstart

// The constructors below make a table line readable: kind, names, then what is special about it.

func text(names ...string) Option   { return Option{Names: names, Dest: destOf(names[0])} }
func number(names ...string) Option { return text(names...).kind(Int) }
func yesNo(names ...string) Option  { return text(names...).kind(Bool) }
func list(names ...string) Option   { return text(names...).kind(List) }

// flag resets, as a flag that isn't repeated counts as not given.
func flag(names ...string) Option { return text(names...).kind(Flag).resets() }

// off is a flag that makes another value false.
func off(dest string, names ...string) Option { return text(names...).kind(Off).to(dest).resets() }

// set is a flag that gives dest a fixed value.
func set(dest string, value any, names ...string) Option {
	o := text(names...).kind(Const).to(dest)
	o.Value = value
	return o
}

// member is a flag that adds one word to a list.
func member(dest, value string, names ...string) Option {
	o := text(names...).kind(Member).to(dest)
	o.Value = value
	return o
}

// positional is one positional argument that is required; rest takes all that follow.
func positional(name string) Option { return text(name).need() }
func rest(name string) Option       { return text(name).kind(Rest) }

func (o Option) kind(k Kind) Option           { o.Kind = k; return o }
func (o Option) to(dest string) Option        { o.Dest = dest; return o }
func (o Option) need() Option                 { o.Required = true; return o }
func (o Option) resets() Option               { o.Resets = true; return o }
func (o Option) keeps() Option                { o.Resets = false; return o }
func (o Option) since(v Version) Option       { o.Since = v; return o }
func (o Option) until(v Version) Option       { o.Until = v; return o }
func (o Option) oneOf(words ...string) Option { o.Choices = words; return o }
func (o Option) deprecated(v Version, instead string) Option {
	o.Deprecated, o.Instead = v, instead
	return o
}
func (o Option) read(f func(string, Version) (any, error)) Option { o.Read = f; return o }

func (o Option) with(dests ...string) Option { o.Print.With = dests; return o }
func (o Option) unless(dest string) Option   { o.Print.Unless = dest; return o }
func (o Option) implied(value any) Option    { o.Print.Implied = value; return o }
func (o Option) standard(text string) Option { o.Print.Standard = text; return o }
func (o Option) above0() Option              { o.Print.Above0 = true; return o }
func (o Option) empty() Option               { o.Print.Empty = true; return o }
func (o Option) secret() Option              { o.Secret = true; return o }
func (o Option) hidden() Option              { o.Print.Hidden = true; return o }

// destOf makes "ipv4_dns_search" of "--ipv4-dns-search" and "mntpoint" of "<mntpoint>".
func destOf(name string) string {
	var dest []byte
	for i := 0; i < len(name); i++ {
		switch c := name[i]; {
		case c == '-' && len(dest) > 0:
			dest = append(dest, '_')
		case c == '-' || c == '<' || c == '>' || c == '[' || c == ']':
		default:
			dest = append(dest, c)
		}
	}
	return string(dest)
}

// concat joins the parts of a table.
func concat(parts ...[]Option) (all []Option) {
	for _, part := range parts {
		all = append(all, part...)
	}
	return all
}

// named gives an option of a shared part more spellings.
func named(options []Option, names ...string) []Option {
	for i := range options {
		if options[i].Names[0] == names[0] {
			options[i].Names = names
		}
	}
	return options
}
