package matrix

import (
	"encoding/xml"
	"fmt"
	"strings"

	"github.com/quarry-project/quarry/internal/durable"
)

// The form of JUnit's XML that CI systems read: one suite, a case for each build. There is no standard; this follows what the Jenkins
// xUnit plugin's schema (junit-10.xsd) accepts.
type junitSuite struct {
	XMLName   xml.Name    `xml:"testsuite"`
	Name      string      `xml:"name,attr"`
	Timestamp string      `xml:"timestamp,attr"`
	Tests     int         `xml:"tests,attr"`
	Failures  int         `xml:"failures,attr"`
	Errors    int         `xml:"errors,attr"`
	Skipped   int         `xml:"skipped,attr"`
	Time      string      `xml:"time,attr"`
	Cases     []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string        `xml:"classname,attr"`
	Name    string        `xml:"name,attr"`
	Time    string        `xml:"time,attr"`
	Failure *junitProblem `xml:"failure,omitempty"` // the image is no good
	Error   *junitProblem `xml:"error,omitempty"`   // there is no image
	Skipped *junitSkipped `xml:"skipped,omitempty"`
	Out     string        `xml:"system-out,omitempty"`
}

type junitProblem struct {
	Type    string `xml:"type,attr"`
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

type junitSkipped struct {
	Message string `xml:"message,attr"`
}

// SaveJUnit writes the report as JUnit XML to a file, whole or not at all: a build that failed is an error, an image that did not pass its
// boots a failure, one that is unchanged is skipped.
func (r Report) SaveJUnit(path string) error {
	data, err := r.junit()
	if err == nil {
		err = durable.WriteFile(path, data)
	}
	if err != nil {
		return fmt.Errorf("writing the JUnit file: %w", err)
	}
	return nil
}

func (r Report) junit() ([]byte, error) {
	name := r.Name
	if name == "" {
		name = "quarry"
	}
	suite := junitSuite{
		Name: name, Timestamp: r.Started.Format("2006-01-02T15:04:05"), Tests: len(r.Builds), Time: seconds(r.Seconds),
		Failures: r.Count(Refused), Errors: r.Count(Failed, Interrupted), Skipped: r.Count(Unchanged),
	}
	for _, b := range r.Builds {
		c := junitCase{Class: plain(b.Title()), Name: plain(b.Name), Time: seconds(b.Seconds)}
		problem := &junitProblem{Type: string(b.State), Message: plain(firstLine(b.Error)), Text: plain(b.Error)}
		switch b.State {
		case Refused:
			c.Failure = problem
		case Failed, Interrupted:
			c.Error = problem
		case Unchanged:
			c.Skipped = &junitSkipped{Message: plain(strings.Join(b.Reasons, "; "))}
		}
		var out strings.Builder
		for _, p := range b.Published {
			fmt.Fprintf(&out, "published: %s\n", p)
		}
		if b.Logs != "" {
			fmt.Fprintf(&out, "logs: %s\n", b.Logs)
		}
		c.Out = plain(out.String())
		suite.Cases = append(suite.Cases, c)
	}
	data, err := xml.MarshalIndent(suite, "", "  ")
	if err != nil {
		return nil, err
	}
	return append([]byte(xml.Header), append(data, '\n')...), nil
}

func seconds(s float64) string { return fmt.Sprintf("%.3f", s) }

// plain drops what XML can't hold: a guest's last words may have anything in them.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r == '\n' || r == '\t' || r >= 0x20 && r != 0xFFFE && r != 0xFFFF && r != '\uFFFD' && r != 0x7F {
			return r
		}
		return -1
	}, s)
}
