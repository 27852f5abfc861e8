package redisd

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	loopback = "127.0.0.1"

	// The range is below 32768, where Linux begins with the ports of outgoing connections (macOS:
	// 49152). Port 0 would give one of the ports of outgoing connections. Two things can go wrong
	// with such a port between Kill and Restart, while the server is down. An outgoing connection
	// may get the port. A client that dials the port again may also connect to itself, which TCP
	// allows, and wait for ever.
	minPort = 15000
	maxPort = 32000
)

// freePort returns a port on which nothing listens now. Another program may take the port a moment
// later; in that case the caller tries again.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := minPort + rand.IntN(maxPort-minPort)
		l, err := net.Listen("tcp", net.JoinHostPort(loopback, strconv.Itoa(port)))
		if err != nil {
			last = err
			continue
		}
		if err := l.Close(); err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		return port, nil
	}
	return 0, fmt.Errorf("find a free port between %d and %d: %w", minPort, maxPort, last)
}
