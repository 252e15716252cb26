// Package guestagent is the guest's end of the conversation with QEMU's guest agent, for tests: as much of qemu-ga as they need, in a test's
// process or as a program in a machine. The product's end is internal/guestagent.
package guestagent

import (
	"bufio"
	"encoding/json"
	"errors"
	"io"
)

// Guest is what the agent tells. Its fields are asked anew for every command.
type Guest struct {
	Commands  map[string]bool                            // names; false is known and forbidden
	System    map[string]string                          // answers guest-get-osinfo
	Users     func() []string                            // who is logged in
	Exec      func(argv []string) (code int, out string) // answers guest-exec; it runs to its end before the agent answers
	PowerOff  func()
	processes []map[string]any
}

// refusal is an error for the host.
type refusal struct {
	Class string `json:"class"`
	Desc  string `json:"desc"`
}

// Serve answers until the port is closed.
func (g *Guest) Serve(port io.ReadWriter) error {
	in := bufio.NewReader(port)
	for {
		line, err := in.ReadBytes('\n')
		if err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
		for i := len(line) - 1; i >= 0; i-- { // a delimiter drops what came before
			if line[i] == 0xff {
				line = line[i+1:]
				break
			}
		}
		if err := g.reply(port, line); err != nil {
			return err
		}
	}
}

func (g *Guest) reply(port io.Writer, line []byte) error {
	var c struct {
		Execute   string `json:"execute"`
		Arguments struct {
			ID   int64    `json:"id"`
			PID  int      `json:"pid"`
			Path string   `json:"path"`
			Arg  []string `json:"arg"`
		} `json:"arguments"`
	}
	if json.Unmarshal(line, &c) != nil {
		return g.write(port, nil, &refusal{"GenericError", "no command"})
	}
	if enabled, known := g.Commands[c.Execute]; known && !enabled {
		return g.write(port, nil, &refusal{"CommandNotFound", "The command " + c.Execute + " has been disabled for this instance"})
	}
	switch c.Execute {
	case "guest-sync-delimited":
		if _, err := port.Write([]byte{0xff}); err != nil {
			return err
		}
		return g.write(port, c.Arguments.ID, nil)
	case "guest-ping":
		return g.write(port, struct{}{}, nil)
	case "guest-info":
		var list []map[string]any
		for name, enabled := range g.Commands {
			list = append(list, map[string]any{"name": name, "enabled": enabled, "success-response": true})
		}
		return g.write(port, map[string]any{"version": "7.2.0", "supported_commands": list}, nil)
	case "guest-get-osinfo":
		return g.write(port, g.System, nil)
	case "guest-get-users":
		list := []map[string]any{}
		for _, user := range g.Users() {
			list = append(list, map[string]any{"user": user, "login-time": 1700000000.5})
		}
		return g.write(port, list, nil)
	case "guest-exec":
		code, out := g.Exec(append([]string{c.Arguments.Path}, c.Arguments.Arg...))
		g.processes = append(g.processes, map[string]any{"exited": true, "exitcode": code, "out-data": []byte(out)})
		return g.write(port, map[string]int{"pid": len(g.processes)}, nil)
	case "guest-exec-status":
		if pid := c.Arguments.PID; pid >= 1 && pid <= len(g.processes) {
			return g.write(port, g.processes[pid-1], nil)
		}
		return g.write(port, nil, &refusal{"GenericError", "PID does not exist"})
	case "guest-shutdown": // which has no answer
		g.PowerOff()
		return nil
	}
	return g.write(port, nil, &refusal{"CommandNotFound", "The command " + c.Execute + " has not been found"})
}

func (g *Guest) write(port io.Writer, result any, refused *refusal) error {
	message := map[string]any{"return": result}
	if refused != nil {
		message = map[string]any{"error": refused}
	}
	text, err := json.Marshal(message)
	if err != nil {
		return err
	}
	_, err = port.Write(append(text, '\n'))
	return err
}
