package sinks

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/url"
)

// CheckSecrets returns an error when calls cannot be signed.
func (w *Webhook) CheckSecrets() error {
	_, err := w.keys()
	return err
}

// keys reads the keys with which calls are signed.
func (w *Webhook) keys() ([][]byte, error) {
	secrets, err := w.o.Secrets()
	var keys [][]byte
	for _, s := range secrets {
		key, bad := parseSecret(s)
		err = errors.Join(err, bad)
		keys = append(keys, key)
	}
	if err == nil && len(keys) == 0 {
		err = errors.New("no secret is set")
	}
	return keys, err
}

// CheckAddress connects as a call does, with the same checks of the address and the certificate. It
// sends no request, so the receiver sees a connection that ends. It does not check a host name that
// has characters outside ASCII.
func (w *Webhook) CheckAddress(ctx context.Context) error {
	u, err := url.Parse(w.o.URL)
	if err != nil || u.Hostname() == "" {
		return errors.New("the address of the webhook cannot be used")
	}
	for _, b := range []byte(u.Hostname()) {
		if b >= 0x80 {
			return nil // only the HTTP client translates such a name
		}
	}
	port := u.Port()
	switch {
	case port == "" && u.Scheme == "https":
		port = "443"
	case port == "":
		port = "80"
	}
	ctx, cancel := context.WithTimeout(ctx, w.o.Timeout)
	defer cancel()
	conn, err := dialer(w.o.AllowPrivate).DialContext(ctx, "tcp", net.JoinHostPort(u.Hostname(), port))
	if err == nil && u.Scheme == "https" {
		trusted := w.tls.Clone()
		trusted.ServerName = u.Hostname()
		secure := tls.Client(conn, trusted)
		err, conn = secure.HandshakeContext(ctx), secure
	}
	if conn != nil {
		defer conn.Close()
	}
	if err != nil && ctx.Err() != nil {
		return ErrNoAnswer
	}
	if err != nil {
		return unreachable(err)
	}
	return nil
}
