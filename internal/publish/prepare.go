package publish

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
)

// prepare stages what the tree lacks and returns the steps that will put it in place. No published name is touched.
func (t *tree) prepare(ctx context.Context, now state, items []Item, o Options) ([]step, Result, error) {
	result := Result{Dir: t.dir}
	var need int64
	for _, item := range items {
		reason, err := withheld(item, o.Latest)
		if err != nil {
			return nil, result, err
		}
		name, exists, err := t.choose(now, item, o.Date)
		if err != nil {
			return nil, result, err
		}
		p := Published{File: name, New: !exists, Withheld: reason}
		if reason == "" {
			if p.Links, err = item.Subject.Links(item.Alias); err != nil {
				return nil, result, err
			}
		}
		if p.New {
			need += item.Image.Size
		}
		result.Items = append(result.Items, p)
	}
	if err := room(t.dir, need); err != nil {
		return nil, result, err
	}
	if err := os.MkdirAll(t.own(stagingDir), 0o755); err != nil {
		return nil, result, err
	}
	s := &stage{tree: t}
	for i, p := range result.Items {
		if err := s.report(p.File, items[i].Report); err != nil {
			return nil, result, err
		}
		if !p.New {
			continue
		}
		if err := s.image(ctx, items[i].Image, p.File, o.Report); err != nil {
			return nil, result, err
		}
		sum := checksumOf(p.File, items[i].Image)
		if err := s.text(p.File+checksumSuffix, sum.String()); err != nil {
			return nil, result, err
		}
		now.sums[p.File] = sum
	}
	moves, err := t.moves(now, items, result.Items)
	if err != nil {
		return nil, result, err
	}
	if err := s.moves(now, moves); err != nil {
		return nil, result, err
	}
	result.Changed = len(s.steps) > 0
	return s.steps, result, s.sealed()
}

// move is a link that will mean target.
type move struct {
	target string
	sum    Checksum // under the link's name
}

// moves lists the links that do not yet mean what they should.
func (t *tree) moves(now state, items []Item, published []Published) ([]move, error) {
	var moves []move
	for i, p := range published {
		for _, link := range p.Links {
			sum := checksumOf(link, items[i].Image)
			ok, err := t.means(link, p.File)
			if err != nil {
				return nil, err
			}
			if !ok || now.sums[link] != sum {
				moves = append(moves, move{p.File, sum})
			}
		}
	}
	return moves, nil
}

// moves stages links, their checksums and the folder's CHECKSUM: once without the links, for the moments in which they move, and
// once with them.
func (s *stage) moves(now state, moves []move) error {
	for _, m := range moves {
		delete(now.sums, m.sum.Name)
	}
	if all := now.all(); all != now.text {
		if err := s.text(checksumAll, all); err != nil {
			return err
		}
	}
	for _, m := range moves {
		if err := s.link(m.target, m.sum); err != nil {
			return err
		}
		now.sums[m.sum.Name] = m.sum
	}
	if len(moves) == 0 {
		return nil
	}
	return s.text(checksumAll, now.all())
}

// choose finds the name of an item: that of the same content if it was published under this date before, else the first free one.
func (t *tree) choose(now state, item Item, date string) (name string, exists bool, err error) {
	for serial := 0; ; serial++ {
		name, err := Name{Subject: item.Subject, Date: date, Serial: serial}.File()
		if err != nil {
			return "", false, err
		}
		if now.sums[name] == checksumOf(name, item.Image) {
			return name, true, nil
		}
		_, err = os.Lstat(t.path(name))
		if errors.Is(err, fs.ErrNotExist) {
			return name, false, nil
		}
		if err != nil {
			return "", false, err
		}
		if date == "" {
			return "", false, fmt.Errorf("%s is already published with other content: give a date", name)
		}
	}
}

// means reports whether link is a link to target. Something else under the link's name was put there by somebody; it is not replaced.
func (t *tree) means(link, target string) (bool, error) {
	info, err := os.Lstat(t.path(link))
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if info.Mode().Type() != fs.ModeSymlink {
		return false, fmt.Errorf("%s is no link: move it away, then publish again", t.path(link))
	}
	got, err := os.Readlink(t.path(link))
	return got == target, err
}
