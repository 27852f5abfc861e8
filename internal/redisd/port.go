package redisd

import (
	"fmt"
	"math/rand/v2"
	"net"
	"strconv"
)

const (
	loopback = "127.0.0.1"

	// Below 32768, where Linux begins to hand out ports to outgoing connections (macOS: 49152). Asking the system for port 0 gives one
	// from that range, and then two things go wrong while the server is down between Kill and Restart: some outgoing connection
	// is given the port, or a client that redials it connects to itself, which TCP allows, and waits for ever.
	lowestPort  = 15000
	highestPort = 32000
)

// freePort returns a port on which nobody listens now. Somebody may a moment later; the caller tries again.
func freePort() (int, error) {
	var last error
	for range 100 {
		port := lowestPort + rand.IntN(highestPort-lowestPort)
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
	return 0, fmt.Errorf("find a free port between %d and %d: %w", lowestPort, highestPort, last)
}
