package history

import (
	"context"
	"database/sql"
	"fmt"
	"os"
	"strconv"
	"strings"
)

// process names a process for good: a number alone is given to another one later.
type process struct {
	pid   int
	born  int64  // start, in clock ticks since the host's boot; see proc(5), /proc/PID/stat field 22
	boot  string // the host's boot
	pidns string // the namespace that pid is meant in
}

// self is this process.
func self() (process, error) {
	p, err := host()
	if err != nil {
		return p, err
	}
	p.pid = os.Getpid()
	p.born, err = born(p.pid)
	return p, err
}

// host is the part that all processes have in common that this one can see.
func host() (process, error) {
	boot, err := os.ReadFile("/proc/sys/kernel/random/boot_id")
	if err != nil {
		return process{}, err
	}
	pidns, err := os.Readlink("/proc/self/ns/pid")
	return process{boot: strings.TrimSpace(string(boot)), pidns: pidns}, err
}

// born reads when a process started.
func born(pid int) (int64, error) {
	data, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// The program's name, in brackets, may hold anything.
	fields := strings.Fields(string(data[strings.LastIndexByte(string(data), ')')+1:]))
	const field = 22 - 3
	if len(fields) <= field {
		return 0, fmt.Errorf("/proc/%d/stat has no start time", pid)
	}
	return strconv.ParseInt(fields[field], 10, 64)
}

// gone reports whether p is certainly no more. Of another container's process on the same host that can't be known.
func (p process) gone(here process) bool {
	if p.boot != here.boot {
		return true
	}
	if p.pidns != here.pidns {
		return false
	}
	at, err := born(p.pid)
	return err != nil || at != p.born
}

// settle marks the runs as interrupted whose process is gone, with what was last known of them as their end.
func (h *History) settle(ctx context.Context) error {
	here, err := host()
	if err != nil {
		return err
	}
	type running struct {
		id string
		process
	}
	all, err := collect(ctx, h, func(rows *sql.Rows) (running, error) {
		var r running
		return r, rows.Scan(&r.id, &r.pid, &r.born, &r.boot, &r.pidns)
	}, `SELECT id, pid, born, boot, pidns FROM runs WHERE state = ?`, Running)
	if err != nil {
		return err
	}
	for _, r := range all {
		if !r.gone(here) {
			continue
		}
		if err := h.write(ctx, "marking run "+r.id+" as interrupted", func(tx *sql.Tx) error { return abandon(ctx, tx, r.id) }); err != nil {
			return err
		}
	}
	return nil
}

// abandon ends a run that nobody works on.
func abandon(ctx context.Context, tx *sql.Tx, run string) error {
	const words = "the process was ended before the build was"
	_, err := tx.ExecContext(ctx, `
		UPDATE builds SET state = ?1, error = ?2,
			finished = max(started, coalesce((SELECT max(finished) FROM steps WHERE build = builds.id), 0))
		WHERE run = ?3 AND state = ?4`, Interrupted, words, run, Running)
	if err != nil {
		return err
	}
	_, err = tx.ExecContext(ctx, `
		UPDATE runs SET state = ?1, error = ?2,
			finished = max(started, coalesce((SELECT max(finished) FROM builds WHERE run = runs.id), 0))
		WHERE id = ?3 AND state = ?4`, Interrupted, words, run, Running)
	return err
}
