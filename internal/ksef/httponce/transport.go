package httponce

import (
	"net"
	"net/http"
	"time"
)

// NewTransport returns the connection pool that New makes when none is given. Several clients may
// share one.
//
// It speaks HTTP/1.1 only. HTTP/2 has replay rules of its own, and when an HTTP/2 connection
// breaks, the outcome of all its requests is unknown.
//
// Idle connections are dropped after four seconds. The shortest keep-alive in common use on servers
// is Apache's five seconds. If a request is written to a connection that the server has just
// closed, the outcome of the request is unknown. An unknown outcome costs far more than a
// handshake.
func NewTransport() *http.Transport {
	only1 := new(http.Protocols)
	only1.SetHTTP1(true)
	return &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 10 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    10 * time.Second,
		MaxIdleConnsPerHost:    16,
		IdleConnTimeout:        4 * time.Second,
		MaxResponseHeaderBytes: 256 << 10,
		DisableCompression:     true, // parts are sent with exactly their headers, so no Accept-Encoding may be added
		Protocols:              only1,
	}
}
