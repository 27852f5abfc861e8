package redisd

import (
	"errors"
	"fmt"
	"os/exec"
)

// Options describe one server. The zero value is a memory-only server on a free port, in a temporary folder of its own.
type Options struct {
	// Dir is the server's working folder: data files and its log, redis.log. Empty: a temporary one, which Stop removes.
	// A folder named here is made when it is missing (mode 0700) and is never removed.
	Dir string

	// Port to listen on. 0: a free one is chosen, below the range that the system hands to outgoing connections.
	Port int

	// AppendOnly keeps every write in an append-only file, synced each second. Without it Kill, Stop and Restart forget all data.
	AppendOnly bool

	// Args are appended to the command line and win over the settings made here, for example "--save", "60 1".
	// They must not change port, bind, dir, daemonize or set a password: readiness is asked for on the address chosen here.
	Args []string

	// Binary is the program. Empty: what Find returns. A wrapper script must exec the server, because the process that was started
	// has to be the one that answers.
	Binary string
}

// ErrNotFound says that no redis-server is installed. The text says how to mend it.
var ErrNotFound = errors.New("redis-server not found on PATH; Debian: apt-get install redis-server")

// Find returns the path of the redis-server that Start would run, or an error that wraps ErrNotFound.
func Find() (string, error) {
	path, err := exec.LookPath("redis-server")
	if err != nil {
		if errors.Is(err, exec.ErrNotFound) {
			return "", ErrNotFound
		}
		return "", fmt.Errorf("%w (%w)", ErrNotFound, err)
	}
	return path, nil
}
