package app

import (
	"context"
	"sync/atomic"

	"github.com/rs/zerolog"
)

// pageCertificate knows what is wrong with the certificate of the worker's listener (http.tls). The
// worker goes on, with the certificate that it has. Safe for concurrent use.
type pageCertificate struct {
	log   zerolog.Logger
	wrong atomic.Pointer[error] // holds nil when all is well
}

// tell notes and logs what is wrong. err is nil when all is well again.
func (p *pageCertificate) tell(err error) {
	p.wrong.Store(&err)
	if err == nil {
		p.log.Info().Msg("the certificate of this worker's pages (http.tls) is well again")
		return
	}
	p.log.Warn().Err(err).Msg("the certificate of this worker's pages (http.tls) needs a person")
}

// check shows what is wrong. It does not make the worker unready, because invoices are sent all the
// same.
func (p *pageCertificate) check(context.Context) Check {
	c := Check{Name: "certificate", OK: true}
	if err := p.wrong.Load(); err != nil && *err != nil {
		c.Detail = (*err).Error()
	}
	return c
}
