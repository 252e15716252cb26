package verify

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"image"
	"slices"
	"strings"
	"time"

	"github.com/quarry-project/quarry/internal/vm"
)

// untilSession waits for a session and then until the picture stands still; where no user's session is demanded, a picture that stands still for
// long is taken for a login. It keeps the last picture.
func (t trial) untilSession(ctx context.Context, cam *camera, g *liveGuest) error {
	limited, cancel := context.WithTimeout(ctx, t.Login)
	defer cancel()
	var still stillness
	var unheard silence
	news, quiet := time.Now(), patience(cam.taken)
	for n := 0; limited.Err() == nil && !t.settled(still, cam.last, quiet); n++ {
		if n%askEvery == 0 && g.obeys("guest-get-users") && len(t.boot.Users) == 0 {
			if err := unheard.judge(t.users(ctx, g)); err != nil {
				return t.because(ctx, err)
			}
			if len(t.boot.Users) > 0 {
				still = stillness{} // what stood there before is not the session's
			}
		}
		picture, err := cam.look(ctx)
		if err != nil {
			return t.because(ctx, err)
		}
		still.see(picture)
		if time.Since(news) > newsTime {
			news = time.Now()
			t.log("%.0f s: the screen was the same %d times; logged in: %s", seconds(t.started), still.count, cmp.Or(listed(t.boot.Users), "nobody"))
		}
		select {
		case <-time.After(t.pause):
		case <-limited.Done():
		}
	}
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	t.judgeSession(g)
	return t.judgeScreen(cam, still)
}

// silence counts the questions on end that an agent left without an answer.
type silence int

// judge passes on what became of a question. A guest that is busy with its desktop may have no time for one answer; one that gives none for long has
// stopped.
func (s *silence) judge(err error) error {
	if !errors.Is(err, errAgentSilent) {
		*s = 0
		return err
	}
	if *s++; *s == stuckQuestions {
		return fmt.Errorf("%w: its agent answered before, and then %d times in succession not within %s", errStuck, stuckQuestions, agentTime)
	}
	return nil
}

// patience is how many pictures without a change are taken for the end of a start without a session: as many as the guest took to come up, which
// tells how quick its host is, but no fewer than a quick one needs.
func patience(start int) int { return min(max(start, quietPictures), slowness*quietPictures) }

// settled reports whether there is nothing to wait for any more.
func (t trial) settled(still stillness, picture *image.RGBA, quiet int) bool {
	settled := settledPictures
	if t.Accel == vm.TCG {
		settled *= slowness
	}
	if len(t.boot.Users) > 0 {
		return still.count >= settled && shows(picture) || still.count >= quiet
	}
	return t.User == "" && still.count >= quiet && shows(picture)
}

// users notes who is logged in, once it is somebody who is waited for.
func (t trial) users(ctx context.Context, g *liveGuest) error {
	ctx, cancel := context.WithTimeoutCause(ctx, agentTime, errAgentSilent)
	defer cancel()
	all, err := g.Sessions(ctx)
	if err != nil {
		return err
	}
	var names []string
	for _, s := range all[:min(len(all), maxListed)] {
		names = append(names, printable(s.User))
	}
	if len(names) == 0 || t.User != "" && !slices.Contains(names, t.User) {
		return nil
	}
	t.boot.Users, t.boot.Login = names, seconds(t.started)
	t.log("session of %s after %.0f s", strings.Join(names, ", "), t.boot.Login)
	return nil
}

func (t trial) judgeSession(g *liveGuest) {
	switch {
	case len(t.boot.Users) > 0:
		t.check("session", true, fmt.Sprintf("of %s after %.0f s", strings.Join(t.boot.Users, ", "), t.boot.Login))
	case t.User != "":
		t.check("session", false, fmt.Sprintf("%s was not logged in", t.User))
	case !g.obeys("guest-get-users"):
		t.notSeen("sessions: the guest's agent is not allowed to tell them")
	default:
		t.notSeen("a session: nobody was logged in; that the picture is one of a login only people can see")
	}
}

// judgeScreen looks at the picture that is left.
func (t trial) judgeScreen(cam *camera, still stillness) error {
	name := "login"
	if len(t.boot.Users) > 0 {
		name = "session"
	}
	size := cam.last.Rect.Size()
	if shows(cam.last) {
		t.check("screen", true, fmt.Sprintf("%d x %d, the same %d times", size.X, size.Y, still.count))
	} else {
		t.check("screen", false, fmt.Sprintf("%d x %d, and nothing to see on it", size.X, size.Y))
	}
	return cam.keep(name)
}
