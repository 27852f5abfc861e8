package config

import (
	"crypto/tls"
	"fmt"
	"time"
)

// endsSoon is how long before the end of a certificate the warnings begin. A certificate that is
// renewed automatically has been renewed by then, unless the renewal fails.
const endsSoon = 14 * 24 * time.Hour

// EndingError says that the certificate of a listener ends soon, or has ended.
type EndingError struct {
	Setting, File string
	At            time.Time
	Over          bool
}

// Error implements error.
func (e *EndingError) Error() string {
	ends := "ends on"
	if e.Over {
		ends = "ended on"
	}
	return fmt.Sprintf("%s.cert_file: the certificate in %s %s %s: put the next one and its key in place, no restart is needed",
		e.Setting, e.File, ends, e.At.UTC().Format(time.DateOnly))
}

// ending returns an [*EndingError] when a certificate ends soon or has ended. The parameter at is
// the end of the certificate.
func (t HTTPTLS) ending(setting string, at, now time.Time) error {
	if at.Sub(now) >= endsSoon {
		return nil
	}
	return &EndingError{Setting: setting, File: t.CertFile, At: at, Over: at.Before(now)}
}

// Check returns what is wrong with the certificate now, as [HTTPTLS.Config] tells it; nil without a
// certificate.
func (t HTTPTLS) Check() error { return checkListener(t.Config) }

// CheckTLS is [HTTPTLS.Check] for the listener of enqueue serve.
func (h IntakeHTTP) CheckTLS() error { return checkListener(h.TLSConfig) }

func checkListener(config func(tell func(error)) (*tls.Config, error)) error {
	var told error
	if _, err := config(func(err error) { told = err }); err != nil {
		return err
	}
	return told
}
