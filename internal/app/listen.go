package app

import (
	"context"
	"errors"
	"fmt"
	"net"
	"syscall"
	"time"
)

func (w *Worker) listen(metrics *Metrics) error {
	cfg := w.pool.Config
	if cfg.HTTP.Addr == "" {
		return nil
	}
	login, err := cfg.HTTP.Dashboard.Login()
	if err != nil {
		return err
	}
	secure, err := cfg.HTTP.TLS.Config()
	if err != nil {
		return err
	}
	o := HTTPOptions{Addr: cfg.HTTP.Addr, Ready: w.ready, Metrics: metrics.Handler(), Login: login, TLS: secure, Log: w.log}
	if cfg.HTTP.Dashboard.Enabled {
		conn, err := cfg.Redis.Conn()
		if err != nil {
			return err
		}
		if w.dashboard, err = NewDashboard(asynqConn{conn, cfg.Redis.AsynqPrefix()}, DashboardOptions{ReadOnly: cfg.HTTP.Dashboard.ReadOnly}); err != nil {
			return err
		}
		w.pages.add("dashboard", func(context.Context) error { return w.dashboard.Close() })
		o.Dashboard = w.dashboard
	}
	if w.http, err = NewHTTP(o); err != nil {
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

// closeHTTP lets requests that are under way end, for a second. A listener that nothing was served
// on yet is closed too.
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

// listenElsewhere takes a free port when the configured one is taken, as it is for a second worker of
// one configuration on one host. To refuse to start would keep a worker that can send invoices from
// it; that its pages are elsewhere is said.
func (w *Worker) listenElsewhere(taken string) (net.Listener, error) {
	host, _, err := net.SplitHostPort(taken)
	if err != nil {
		return nil, err
	}
	l, err := net.Listen("tcp", net.JoinHostPort(host, "0"))
	if err != nil {
		return nil, err
	}
	w.log.Warn().Str("taken", taken).Str("http", l.Addr().String()).
		Msg("http.addr is taken, most likely by another worker on this host: this one's pages are at another port; " +
			"set KSEF_HTTP_ADDR to give each worker an address of its own (--healthcheck and a scraper ask the one that is configured)")
	return l, nil
}

// Addr is where the HTTP endpoints listen; "" when they do not.
func (w *Worker) Addr() string {
	if w.listener == nil {
		return ""
	}
	return w.listener.Addr().String()
}
