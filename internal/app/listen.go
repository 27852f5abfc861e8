package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

// listen makes the worker's HTTP server and opens its port. It does neither when http.addr is
// empty.
func (w *Worker) listen(metrics *Metrics) error {
	cfg := w.pool.Config
	if cfg.HTTP.Addr == "" {
		return nil
	}
	login, err := cfg.HTTP.Dashboard.Login()
	if err != nil {
		return err
	}
	certificate := &pageCertificate{log: w.log}
	secure, err := cfg.HTTP.TLS.Config(certificate.tell)
	if err != nil {
		return err
	}
	if secure != nil {
		w.encrypted = certificate
	}
	o := httpOptions{Addr: cfg.HTTP.Addr, Ready: readiness{w}.ready, Metrics: metrics.Handler(), Login: login, TLS: secure, Log: w.log,
		Public: cfg.HTTP.Public(), Proxies: cfg.HTTP.Proxies()}
	if cfg.HTTP.Dashboard.Enabled {
		conn, err := cfg.Redis.Conn()
		if err != nil {
			return err
		}
		options := dashboardOptions{ReadOnly: cfg.HTTP.Dashboard.ReadOnly, Public: o.Public}
		if w.dashboard, err = newDashboard(asynqConn{conn, cfg.Redis.AsynqPrefix()}, options); err != nil {
			return err
		}
		w.pages.add("dashboard", func(context.Context) error { return w.dashboard.Close() })
		o.Dashboard = w.dashboard
	}
	o.Throttle = newThrottle(w.log)
	if err := w.addPage(&o); err != nil {
		return err
	}
	if w.http, err = newHTTP(o); err != nil {
		return err
	}
	w.listener, err = net.Listen("tcp", cfg.HTTP.Addr)
	if errors.Is(err, syscall.EADDRINUSE) {
		w.listener, err = w.listenElsewhere(cfg.HTTP.Addr)
	}
	if err != nil {
		return fmt.Errorf("listen on http.addr: %w", err)
	}
	w.pages.add("http", w.closeHTTP)
	return nil
}

// closeHTTP gives the requests that are under way one second to end. It also closes the listener
// itself, because the server closes it only if Serve was called.
func (w *Worker) closeHTTP(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), time.Second)
	defer cancel()
	err := w.http.Shutdown(ctx)
	if err != nil {
		err = w.http.Close()
	}
	if e := w.listener.Close(); e != nil && !errors.Is(e, net.ErrClosed) {
		err = errors.Join(err, e)
	}
	return err
}

// listenElsewhere takes any free port when the configured one is in use. This happens when two
// workers run on one host with the same configuration. Refusing to start would stop a worker that
// can send invoices. The log names the other port.
func (w *Worker) listenElsewhere(inUse string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(inUse)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	w.log.Warn().Str("in_use", inUse).Str("http", l.Addr().String()).
		Msg("http.addr is in use, most likely by another worker on this host: this worker's pages are at another port; " +
			"set KSEF_HTTP_ADDR to give each worker an address of its own (--healthcheck and scrapers ask the configured one)")
	return l, nil
}

// Addr returns the host:port on which the HTTP endpoints listen; "" when they do not.
func (w *Worker) Addr() string {
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}
