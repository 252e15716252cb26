package wire

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"unicode"
)

func TestDecoderReadsEvents(t *testing.T) {
	const text = `{"kind":"hello","message":"5.14.0"}
{"kind":"progress","phase":"copy","done":1,"total":2,"unit":"bytes"}
{"kind":"done","result":{"packages":["bash 0 5.1 1.el9 x86_64 7000"],"uefi":true},"new":"of a later agent"}
`
	// It must not matter in what pieces the port delivers.
	d := NewDecoder(iotest.OneByteReader(strings.NewReader(text)))
	var kinds []EventKind
	for {
		e, err := d.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		kinds = append(kinds, e.Kind)
		if e.Kind == EventDone && (e.Result == nil || !e.Result.UEFI || len(e.Result.Packages) != 1) {
			t.Errorf("the result is %+v", e.Result)
		}
	}
	if got := fmt.Sprint(kinds); got != "[hello progress done]" {
		t.Errorf("got %s", got)
	}
}

func TestDecoderRefuses(t *testing.T) {
	for _, test := range []struct{ name, text, want string }{
		{"no event", "Welcome to GRUB!\n", "no event"},
		{"another shape", `{"kind":7}` + "\n", "no event"},
		{"a list", "[]\n", "no event"},
		{"cut off", `{"kind":"do`, "within a message"},
		{"too long", `{"kind":"log","message":"` + strings.Repeat("x", MaxLine) + `"}` + "\n", "more than"},
		{"endless", strings.Repeat("x", 2*MaxLine), "more than"},
	} {
		t.Run(test.name, func(t *testing.T) {
			_, err := NewDecoder(strings.NewReader(test.text)).Next()
			if err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want %q", err, test.want)
			}
		})
	}
	if _, err := NewDecoder(strings.NewReader(`{"kind":"do`)).Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Errorf("a cut message is %v", err)
	}
}

func TestDecoderCleansForeignText(t *testing.T) {
	const evil = `\u001b]0;owned\u0007a\nb\u202e\u009b31m`
	line := `{"kind":"failed","phase":"` + evil + `","message":"` + evil + `","unit":"` + evil + `",` +
		`"failure":{"phase":"` + evil + `","message":"` + evil + `","file":"` + evil + `","tail":["` + evil + `"]},` +
		`"result":{"packages":["` + evil + `"]}}` + "\n"
	e, err := NewDecoder(strings.NewReader(line)).Next()
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []string{e.Phase, e.Message, e.Unit, e.Failure.Phase, e.Failure.Message, e.Failure.File, e.Failure.Tail[0], e.Result.Packages[0]} {
		if got != "]0;owneda b31m" {
			t.Errorf("a text came through as %q", got)
		}
	}
}

func TestCleanBounds(t *testing.T) {
	// The cut may fall into the middle of a character.
	got := Clean("x" + strings.Repeat("ä", MaxMessage))
	if len(got) > MaxMessage+len("…") || !strings.HasSuffix(got, "ä…") {
		t.Errorf("%d bytes, ending in %q", len(got), got[len(got)-6:])
	}
}

// FuzzDecoder: no line of a machine panics the host or brings a control character through.
func FuzzDecoder(f *testing.F) {
	for _, seed := range []string{
		`{"kind":"hello","message":"5.14"}` + "\n" + `{"kind":"done"}` + "\n",
		`{"kind":"failed","failure":{"tail":["\u001b[2J","\ud800"]}}` + "\n", `{"kind":"done","result":{"packages":["a\u0000b"]}}` + "\n",
		"null\n", "{}\n\n", `{"done":1e99}` + "\n", `{"kind":"log","message":"` + "\xff\xfe" + `"}` + "\n", "\x00", `{"failure":null}` + "\r\n",
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		d := NewDecoder(bytes.NewReader(sent))
		for lines := 0; ; lines++ {
			e, err := d.Next()
			if err != nil {
				return
			}
			if lines > bytes.Count(sent, []byte("\n")) {
				t.Fatal("more events than lines")
			}
			texts := []string{e.Phase, e.Message, e.Unit}
			if e.Failure != nil {
				texts = append(append(texts, e.Failure.Message, e.Failure.File, e.Failure.Phase), e.Failure.Tail...)
			}
			if e.Result != nil {
				texts = append(texts, e.Result.Packages...)
			}
			for _, text := range texts {
				if strings.ContainsFunc(text, unicode.IsControl) {
					t.Fatalf("%q came through", text)
				}
			}
		}
	})
}

func TestPasswordsAreNotPrinted(t *testing.T) {
	c := Config{Root: &Password{Value: "hunter2"}, Users: []User{{Name: "joe", Password: Password{Value: "hunter2"}}}}
	for _, verb := range []string{"%v", "%+v", "%s"} {
		if got := fmt.Sprintf(verb, c.Users) + fmt.Sprintf(verb, c.Root); strings.Contains(got, "hunter2") || !strings.Contains(got, "joe") {
			t.Errorf("%s prints %s", verb, got)
		}
	}
}
