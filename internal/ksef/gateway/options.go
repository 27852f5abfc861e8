package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// Defaults of [Options].
const (
	DefaultTimeout     = httponce.DefaultTimeout
	DefaultMaxResponse = httponce.DefaultMaxResponse
	DefaultMaxDownload = httponce.DefaultMaxDownload
)

// Options describe a client. BaseURL, KeyID and Key are required; the rest has defaults.
type Options struct {
	// BaseURL is TestURL, ProductionURL or another address. It must be absolute, http or https, and
	// without user, query and fragment.
	BaseURL string
	// KeyID is the public half of the credentials. ':' and control characters are not allowed (RFC
	// 7617).
	KeyID string
	// Key returns the secret half. Key is called for each request, after the gate has opened. So a
	// replaced key file works without a restart. Key must be safe for concurrent use. Its error
	// comes back in a [*ksef.APIError] of [ksef.KindLocal].
	Key func() (string, error)
	// App names the program in the User-Agent, e.g. "erp-bridge/2.1". If App is empty, only the
	// client names itself.
	App string
	// Gate is asked before each request and told its outcome. A nil Gate is always open.
	Gate ksef.Gate
	// Timeout is the time for one request, from the gate's opening to the last byte of the answer.
	// Where bytes are streamed (uploads of parts and of batches, downloads written to a writer),
	// Timeout is instead the longest time in which no byte moves. 0 means DefaultTimeout.
	Timeout time.Duration
	// MaxResponse is the largest answer that is taken into memory, in bytes, after decompression. 0
	// means DefaultMaxResponse.
	MaxResponse int64
	// MaxDownload is the largest answer that is written to a writer, in bytes. 0 means
	// DefaultMaxDownload.
	MaxDownload int64
	// Transport replaces the connection pool that New makes. It must not follow redirects or send a
	// request twice. An *http.Transport, as used here, is suitable.
	Transport http.RoundTripper
	// Now is the clock against which a Retry-After date is read. nil means time.Now.
	Now func() time.Time
}

// OptionError names the field of Options that is wrong. It never carries a secret.
type OptionError struct {
	Field string
	Err   error
}

func (e *OptionError) Error() string { return "gateway options: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *OptionError) Unwrap() error { return e.Err }

func (o Options) check() (*url.URL, error) {
	var faults []error
	fault := func(field, format string, args ...any) {
		faults = append(faults, &OptionError{Field: field, Err: fmt.Errorf(format, args...)})
	}
	base, err := httponce.ParseBase(o.BaseURL)
	if err != nil {
		fault("BaseURL", "%w", err)
	}
	if err := checkKeyID(o.KeyID); err != nil {
		fault("KeyID", "%w", err)
	}
	if o.Key == nil {
		fault("Key", "is required")
	}
	if httponce.HasControl(o.App) {
		fault("App", "has control characters")
	}
	if o.Timeout < 0 {
		fault("Timeout", "%v is negative", o.Timeout)
	}
	if o.MaxResponse < 0 {
		fault("MaxResponse", "%d is negative", o.MaxResponse)
	}
	if o.MaxDownload < 0 {
		fault("MaxDownload", "%d is negative", o.MaxDownload)
	}
	return base, errors.Join(faults...)
}
