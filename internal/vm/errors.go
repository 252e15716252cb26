package vm

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/agent/wire"
)

// shownTail is how many console lines an error carries.
const shownTail = 30

// Evidence explains the failure of a machine. Console lines are foreign text, made safe to print.
type Evidence struct {
	Cause      string   // the likely cause, "" where nothing known was seen
	Console    []string // the last lines that the guest printed
	QEMU       []string // what QEMU itself complained about
	ConsoleLog string   // path of the whole console
	Command    string   // path of the machine as a shell command
}

func (e Evidence) suffix() string {
	if e.Cause == "" {
		return ""
	}
	return "; likely cause: " + e.Cause
}

// GuestError is a failure that the agent reported: the machine itself worked.
type GuestError struct {
	Failure wire.Failure
	Evidence
}

func (e *GuestError) Error() string {
	var b strings.Builder
	if f := e.Failure; f.File != "" {
		fmt.Fprintf(&b, "%s:%d: ", f.File, f.Line)
	}
	b.WriteString(e.Failure.Message)
	if e.Failure.Phase != "" {
		fmt.Fprintf(&b, " (in the machine, phase %s)", e.Failure.Phase)
	}
	return b.String()
}

// SilentError is a machine that missed a deadline and was ended.
type SilentError struct {
	Phase string        // what it was doing; "boot" before the agent reported
	After time.Duration // the deadline
	Whole bool          // the phase or machine as a whole took too long, instead of having nothing new to say
	Alive bool          // the agent was still answering: what it ran hangs, not the machine
	Evidence
}

func (e *SilentError) Error() string {
	switch {
	case e.Whole:
		return fmt.Sprintf("the machine was not done with phase %s after %s%s", e.Phase, e.After, e.suffix())
	case e.Alive:
		return fmt.Sprintf("the machine had nothing new to say for %s in phase %s, while its agent still answered: what it runs there hangs%s",
			e.After, e.Phase, e.suffix())
	case e.Phase == bootPhase:
		return fmt.Sprintf("the machine did not report within %s of its start%s", e.After, e.suffix())
	}
	return fmt.Sprintf("the machine fell silent for %s in phase %s%s", e.After, e.Phase, e.suffix())
}

// DiedError is a machine that ended, or that stopped making sense, before its work was done.
type DiedError struct {
	Phase string
	Err   error
	Evidence
}

func (e *DiedError) Error() string {
	return fmt.Sprintf("the machine ended in phase %s before its work was done: %v%s", e.Phase, e.Err, e.suffix())
}

func (e *DiedError) Unwrap() error { return e.Err }

// EvidenceOf returns what err, from Follow, carries to explain it.
func EvidenceOf(err error) (Evidence, bool) {
	var guest *GuestError
	var silent *SilentError
	var died *DiedError
	switch {
	case errors.As(err, &guest):
		return guest.Evidence, true
	case errors.As(err, &silent):
		return silent.Evidence, true
	case errors.As(err, &died):
		return died.Evidence, true
	}
	return Evidence{}, false
}
