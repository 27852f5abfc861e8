package redisd

import (
	"errors"
	"fmt"
	"os/exec"
)

// Options describe one server. The zero value is a server in memory only, on a free port, in a
// temporary folder of its own.
type Options struct {
	// Dir is the server's working folder, with its data files and its log, redis.log. Empty: a
	// temporary folder, which Stop removes. A folder that is named here is made when it is missing
	// (mode 0700) and is never removed.
	Dir string

	// Port is the port to listen on. 0: a free one is chosen, below the range that the system uses
	// for outgoing connections.
	Port int

	// AppendOnly keeps every write in an append-only file, synced each second. Without it, and
	// without a save point in Args, Kill, Stop and Restart lose all data.
	AppendOnly bool

	// Args are appended to the command line and override the settings made here, for example
	// "--save", "60 1". They must leave port, bind, dir, daemonize and the password as they are,
	// because package redisd polls the server at the address set here until the server is ready.
	Args []string

	// Binary is the program. Empty: what Find returns. A wrapper script must exec the server,
	// because the process that was started must be the one that answers.
	Binary string
}

// ErrNotFound says that redis-server is not installed. Its text says how to install it.
var ErrNotFound = errors.New("redis-server not found on PATH; Debian: apt-get install redis-server")

// Find returns the path of the redis-server that Start runs when Options.Binary is empty, or an
// error that wraps ErrNotFound.
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
