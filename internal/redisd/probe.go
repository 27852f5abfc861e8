package redisd

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// The three commands below are written by hand, in Redis's inline form. A client library would add
// a pool, retries and a handshake, which none of them needs.

// serverPid sends PING and returns the process id of the server that answers.
func serverPid(ctx context.Context, addr string) (int, error) {
	conn, err := dial(ctx, addr)
	if err != nil {
		return 0, err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "PING\r\nINFO server\r\n"); err != nil {
		return 0, fmt.Errorf("ask %s: %w", addr, err)
	}
	answer := bufio.NewReader(conn)
	pong, err := answer.ReadString('\n')
	if err != nil {
		return 0, fmt.Errorf("ask %s: %w", addr, err)
	}
	if pong = strings.TrimSpace(pong); pong != "+PONG" {
		return 0, fmt.Errorf("ask %s: PING answered %q", addr, pong)
	}
	for {
		line, err := answer.ReadString('\n')
		if err != nil {
			return 0, fmt.Errorf("ask %s: %w", addr, err)
		}
		if pid, ok := strings.CutPrefix(strings.TrimSpace(line), "process_id:"); ok {
			return strconv.Atoi(pid)
		}
	}
}

// requestShutdown asks for a clean end, in which Redis flushes and syncs the append-only file. It
// sends neither SAVE nor NOSAVE, so Redis writes a snapshot only when Args set a save point.
func requestShutdown(ctx context.Context, addr string) error {
	conn, err := dial(ctx, addr)
	if err != nil {
		return err
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "SHUTDOWN\r\n"); err != nil {
		return fmt.Errorf("shut down %s: %w", addr, err)
	}
	line, err := bufio.NewReader(conn).ReadString('\n')
	if err == nil {
		return fmt.Errorf("shut down %s: %s", addr, strings.TrimSpace(line))
	}
	var timeout net.Error
	if errors.As(err, &timeout) && timeout.Timeout() {
		return fmt.Errorf("shut down %s: %w", addr, err)
	}
	return nil // the connection was closed: Redis is shutting down
}

func dial(ctx context.Context, addr string) (net.Conn, error) {
	var d net.Dialer
	conn, err := d.DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, err
	}
	deadline, ok := ctx.Deadline()
	if !ok {
		deadline = time.Now().Add(startTimeout)
	}
	if err := conn.SetDeadline(deadline); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}
