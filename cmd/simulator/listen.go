package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"time"

	"ksefworker/internal/simulator"
)

// face is one of the two addresses on which the simulator answers.
type face struct {
	listener net.Listener
	server   *http.Server
}

// listen serves until ctx ends or a face fails. Requests that are still running at that moment have
// five more seconds.
func listen(ctx context.Context, f flags, o simulator.Options, stdout io.Writer) (err error) {
	s, err := simulator.New(o)
	if err != nil {
		return fmt.Errorf("start: %w", err)
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	gateway, err := open(ctx, f.Addr, s)
	if err != nil {
		return err
	}
	faces := []face{gateway}
	fmt.Fprintf(stdout, "simulator listening on http://%s\n", gateway.listener.Addr())
	if f.Direct.Addr != "" {
		handler, err := f.Direct.face(s)
		if err != nil {
			return errors.Join(fmt.Errorf("start the Ministry's API: %w", err), gateway.listener.Close())
		}
		direct, err := open(ctx, f.Direct.Addr, handler)
		if err != nil {
			return errors.Join(err, gateway.listener.Close())
		}
		faces = append(faces, direct)
		fmt.Fprintf(stdout, "simulator answers the Ministry's API on http://%s/v2\n", direct.listener.Addr())
	}
	return serveAll(ctx, faces)
}

func open(ctx context.Context, addr string, handler http.Handler) (face, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return face{}, fmt.Errorf("listen: %w", err)
	}
	return face{l, &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second}}, nil
}

// serveAll serves every face until ctx ends or one of them fails.
func serveAll(ctx context.Context, faces []face) error {
	served := make(chan error, len(faces))
	for _, f := range faces {
		go func() { served <- f.server.Serve(f.listener) }()
	}
	var err error
	running := len(faces)
	select {
	case failed := <-served:
		err = fmt.Errorf("serve: %w", failed)
		running--
	case <-ctx.Done():
	}
	ending, cancel := context.WithTimeout(context.WithoutCancel(ctx), 5*time.Second)
	defer cancel()
	for _, f := range faces {
		if err := f.server.Shutdown(ending); err != nil {
			_ = f.server.Close() // cuts the connections of requests that did not end in time
		}
	}
	for range running {
		<-served
	}
	return err
}
