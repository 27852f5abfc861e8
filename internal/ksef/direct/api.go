package direct

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// The Ministry's environments (docs/srodowiska.md of the KSeF documentation, March 2026).
const (
	TestURL       = "https://api-test.ksef.mf.gov.pl/v2"
	DemoURL       = "https://api-demo.ksef.mf.gov.pl/v2"
	ProductionURL = "https://api.ksef.mf.gov.pl/v2"
)

const (
	clientName    = "ksefworker-client"
	clientVersion = "1.0"
	side          = "KSeF"
)

// Options describe an API. BaseURL is required; the rest has defaults.
type Options struct {
	// BaseURL is TestURL, DemoURL, ProductionURL or another address that ends in the version. It
	// must be absolute, http or https, and without user, query and fragment.
	BaseURL string
	// App names the program in the User-Agent. If App is empty, only the client names itself.
	App string
	// Gate is asked before each request and told its outcome. A nil Gate is always open.
	Gate ksef.Gate
	// Timeout is the time for one request. For the upload of a part, it is the longest time in
	// which no byte moves. 0 means httponce.DefaultTimeout.
	Timeout time.Duration
	// MaxResponse is the largest answer that is taken into memory, in bytes. 0 means
	// httponce.DefaultMaxResponse.
	MaxResponse int64
	// Transport replaces the connection pool that New makes.
	Transport http.RoundTripper
	// Warn is told what KSeF says in the header X-System-Warning of an answer, for example about a
	// signature that it will refuse one day. If Warn is nil, warnings are ignored.
	Warn func(ctx context.Context, op, warning string)
	// Now is the clock. nil means time.Now.
	Now func() time.Time
}

// OptionError names the field of Options that is wrong. It never carries a secret.
type OptionError struct {
	Field string
	Err   error
}

func (e *OptionError) Error() string { return "KSeF options: " + e.Field + ": " + e.Err.Error() }

// Unwrap returns what is wrong with the field.
func (e *OptionError) Unwrap() error { return e.Err }

// API is the Ministry's API at one address. Safe for concurrent use.
type API struct {
	http *httponce.Client
	now  func() time.Time
}

// New checks the options and returns an API. All faults are reported at once, joined; each is a
// *[OptionError].
func New(o Options) (*API, error) {
	var faults []error
	fault := func(field string, err error) {
		if err != nil {
			faults = append(faults, &OptionError{Field: field, Err: err})
		}
	}
	base, err := httponce.ParseBase(o.BaseURL)
	fault("BaseURL", err)
	if httponce.HasControl(o.App) {
		fault("App", errors.New("has control characters"))
	}
	if o.Timeout < 0 {
		fault("Timeout", fmt.Errorf("%v is negative", o.Timeout))
	}
	if o.MaxResponse < 0 {
		fault("MaxResponse", fmt.Errorf("%d is negative", o.MaxResponse))
	}
	if len(faults) > 0 {
		return nil, errors.Join(faults...)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	h := httponce.Options{
		Base: base, UserAgent: strings.TrimSpace(o.App + " " + clientName + "/" + clientVersion),
		Side: side, ParseError: httponce.ParseKSeF,
		Gate: o.Gate, Timeout: o.Timeout, MaxResponse: o.MaxResponse, Transport: o.Transport, Now: o.Now,
	}
	if o.Warn != nil {
		h.Observe = func(ctx context.Context, op string, _ int, header http.Header) {
			if w := header.Get("X-System-Warning"); w != "" {
				o.Warn(ctx, op, ksef.Printable(w))
			}
		}
	}
	return &API{http: httponce.New(h), now: o.Now}, nil
}

// Base returns the address of the API.
func (a *API) Base() *url.URL { return a.http.Base() }

// CloseIdleConnections closes connections that no request uses.
func (a *API) CloseIdleConnections() { a.http.CloseIdleConnections() }

// String names the API by its address.
func (a *API) String() string { return "KSeF at " + a.Base().Redacted() }

// problemDetails asks for errors in the form that names their trace (API 2.4.0). The older form is
// read as well, because a server in front of KSeF may not know the header.
var problemDetails = ksef.Header{Name: "X-Error-Format", Value: "problem-details"}

// get, post and the rest describe a request; see [httponce.Call].
func get(op string, group ksef.Group, format string, ids ...string) httponce.Call {
	return withForm(httponce.Get(op, group, format, ids...))
}

func post(op string, group ksef.Group, path string, body any) httponce.Call {
	if body == nil {
		k := get(op, group, path)
		k.Method = http.MethodPost
		return k
	}
	return withForm(httponce.Post(op, group, path, body))
}

// postTo does what post does, for a path with ids in it.
func postTo(op string, group ksef.Group, body any, format string, ids ...string) httponce.Call {
	path, err := httponce.BuildPath(format, ids)
	return post(op, group, path, body).Bad(err)
}

func remove(op string, group ksef.Group, format string, ids ...string) httponce.Call {
	k := get(op, group, format, ids...)
	k.Method = http.MethodDelete
	return k
}

// withForm asks for errors in the form of problemDetails and counts any 2xx as success. The body
// says what was made, and the call checks the body. The contract's choice between 200, 201 and 202
// means nothing to a sender.
func withForm(k httponce.Call) httponce.Call {
	k.Headers = append(k.Headers, problemDetails)
	k.Success = func(status int) bool { return status >= 200 && status < 300 }
	return k
}

// query adds parameters to the path of a call. A parameter with an empty value is left out.
func query(k httponce.Call, pairs ...string) httponce.Call {
	values := url.Values{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if pairs[i+1] != "" {
			values.Set(pairs[i], pairs[i+1])
		}
	}
	if len(values) > 0 {
		k.Path += "?" + values.Encode()
	}
	return k
}

// from asks for the page that a continuation token names; "" is the first.
func from(k httponce.Call, continuation string) httponce.Call {
	if continuation != "" {
		k.Headers = append(k.Headers, ksef.Header{Name: "x-continuation-token", Value: continuation})
	}
	return k
}

// whole checks a list of an answer. given and tooLong are the fields Given and TooLong of the list.
func whole(name string, given, tooLong bool) error {
	switch {
	case !given:
		return errors.New("answer has no list of " + name)
	case tooLong:
		return errors.New("the list of " + name + " is longer than any page that was asked for")
	}
	return nil
}

func missing(field, value string) error {
	if value == "" {
		return fmt.Errorf("answer has no %s", field)
	}
	return nil
}
