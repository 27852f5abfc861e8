package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"net"

	"github.com/rs/zerolog"

	"ksefworker/config"
)

// listen opens the port of enqueue serve. It also returns the address, for the log.
func listen(ctx context.Context, h config.IntakeHTTP, log zerolog.Logger) (l net.Listener, address string, err error) {
	secure, err := h.TLSConfig(func(err error) { tellCertificate(log, err) })
	if err != nil {
		return nil, "", &usageError{what: err.Error()}
	}
	l, err = (&net.ListenConfig{}).Listen(ctx, "tcp", h.Addr)
	if err != nil {
		return nil, "", &usageError{what: fmt.Sprintf("intake.http.addr: %v", err), hint: "is another program on that port?"}
	}
	address = l.Addr().String()
	if secure != nil {
		return tls.NewListener(l, secure), "https://" + address, nil
	}
	return l, "http://" + address, nil
}

// tellCertificate logs what is wrong with the certificate, or that all is well again.
func tellCertificate(log zerolog.Logger, err error) {
	if err == nil {
		log.Info().Msg("the certificate (intake.http.tls) is well again")
		return
	}
	log.Warn().Err(err).Msg("the certificate (intake.http.tls) needs a person")
}
