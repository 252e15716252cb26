package kickstart

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
)

// convert turns the word of an option into its value.
func (o *Option) convert(text string, v Version) (any, error) {
	if o.Choices != nil && !slices.Contains(o.Choices, text) {
		return nil, fmt.Errorf("%q isn't allowed, use one of: %s", text, strings.Join(o.Choices, ", "))
	}
	if o.Read != nil {
		return o.Read(text, v)
	}
	switch o.Kind {
	case Int:
		return readInt(text)
	case Bool:
		return readBool(text)
	case List, Extend:
		return splitList(text), nil
	case Collect:
		return []string{text}, nil
	}
	return text, nil
}

// readInt accepts what the reference's language does: a sign, white space around, single underscores between digits.
func readInt(text string) (any, error) {
	digits := trimSpace(text)
	if !strings.HasPrefix(digits, "_") && !strings.HasSuffix(digits, "_") && !strings.Contains(digits, "__") {
		digits = strings.ReplaceAll(digits, "_", "")
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return nil, fmt.Errorf("%q isn't a whole number", text)
	}
	return n, nil
}

func readBool(text string) (any, error) {
	switch strings.ToLower(text) {
	case "on", "yes", "true", "1":
		return true, nil
	case "off", "no", "false", "0":
		return false, nil
	}
	return nil, fmt.Errorf("%q is neither yes nor no, use one of: on, off, yes, no, true, false, 1, 0", text)
}

// splitList splits at commas and drops empty items.
func splitList(text string) []string {
	items := []string{}
	for item := range strings.SplitSeq(text, ",") {
		if item = trimSpace(item); item != "" {
			items = append(items, item)
		}
	}
	return items
}
