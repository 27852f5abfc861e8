package oidc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"
)

const (
	// requestTime bounds one request, from dialling to the end of the answer.
	requestTime = 8 * time.Second
	// maxAnswer bounds one answer, in bytes. Discovery, keys and tokens are a few kB.
	maxAnswer = 1 << 20
)

// newClient returns the HTTP client for a provider. roots are the authorities that it trusts, or
// nil for the system's authorities. The client follows no redirect, so that only addresses from the
// configuration and the provider's own discovery document are asked.
func newClient(roots *x509.CertPool) *http.Client {
	t := &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: requestTime}).DialContext,
		TLSHandshakeTimeout:    requestTime,
		TLSClientConfig:        &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12},
		ForceAttemptHTTP2:      true,
		MaxIdleConnsPerHost:    2,
		IdleConnTimeout:        4 * time.Second, // logins are rare
		MaxResponseHeaderBytes: 64 << 10,
	}
	return &http.Client{Transport: &bounded{t}, Timeout: requestTime,
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// bounded bounds the size of answers, and refuses unencrypted requests to other machines.
type bounded struct{ *http.Transport }

// RoundTrip implements [http.RoundTripper].
func (b *bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	if err := encrypted(r.URL); err != nil {
		return nil, err
	}
	res, err := b.Transport.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	// For an answer other than 200 the OpenID library puts the whole body into its error. So only
	// the status is passed on. Answers of the token endpoint pass (its method is POST), because the
	// code of the error is read from them.
	if r.Method == http.MethodGet && res.StatusCode != http.StatusOK {
		_ = res.Body.Close()
		return nil, fmt.Errorf("%s answered %d", r.URL.Path, res.StatusCode)
	}
	res.Body = &limited{res.Body, maxAnswer}
	return res, nil
}

// encrypted refuses plain HTTP to other machines.
func encrypted(u *url.URL) error {
	if u.Scheme == "https" && u.Host != "" || u.Scheme == "http" && loopback(u.Hostname()) {
		return nil
	}
	return fmt.Errorf("%s://%s is not https", u.Scheme, u.Host)
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

var errTooLarge = errors.New("the answer has more than 1 MiB")

// limited fails when the body has more bytes than the field left allows. If it cut the body off
// silently, the document would seem to be wrong, and not too large.
type limited struct {
	io.ReadCloser
	left int64
}

// Read implements [io.Reader].
func (l *limited) Read(p []byte) (int, error) {
	if l.left < 0 {
		return 0, errTooLarge
	}
	n, err := l.ReadCloser.Read(p[:min(int64(len(p)), l.left+1)])
	if l.left -= int64(n); l.left < 0 {
		return n, errTooLarge
	}
	return n, err
}
