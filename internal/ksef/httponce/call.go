package httponce

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"ksefworker/internal/ksef"
)

// Call describes one request. Each operation fills one in and hands it to [Client.Do].
type Call struct {
	Op    string
	Group ksef.Group
	Err   error // a fault in the arguments, found before the request costs anything

	Method string
	Path   string   // below the base URL, escaped; a query may follow
	Target *url.URL // a pre-signed address instead of Path

	// Authorize returns the credentials of the request, after the gate has opened. If it is nil,
	// the request carries none. Authorize is not called for a pre-signed address.
	Authorize func() (Credentials, error)

	Accept      string
	ContentType string
	Body        []byte
	Open        func() (io.ReadCloser, error) // instead of Body, to stream Size bytes
	Size        int64
	Headers     []ksef.Header // further headers; with a pre-signed address, exactly these

	Success    func(status int) bool // nil means 200 alone
	Limit      int64                 // of the answer in bytes, within Options.MaxResponse unless it streams; 0 means Options.MaxResponse
	Stream     bool                  // Timeout counts from the last byte that moved
	Within     time.Duration         // upper bound for the whole request; 0 means none
	Processing bool                  // codes 100 and 150 mean "ask again"
	Renewable  bool                  // its credentials expire: 401 is [ErrTokenRefused]
	Part       bool                  // it goes to a pre-signed address, not to KSeF or its gateway
}

// ErrTokenRefused says that KSeF refused a token that ended or was revoked. Another token can
// replace it. The taxpayer's credentials were not refused, so the error is of
// [ksef.KindProcessing]. Nothing was done.
var ErrTokenRefused = errors.New("the access token is no longer accepted")

// Values of the header Accept.
const (
	AcceptJSON = "application/json"
	AcceptXML  = "text/xml, application/json"
)

// Get returns a call without a body. Each id is escaped into its %s of format.
func Get(op string, group ksef.Group, format string, ids ...string) Call {
	path, err := BuildPath(format, ids)
	return Call{Op: op, Group: group, Err: err, Method: http.MethodGet, Path: path, Accept: AcceptJSON, Limit: SmallAnswer}
}

// Post returns a call with a JSON body.
func Post(op string, group ksef.Group, path string, body any) Call {
	k := Call{
		Op: op, Group: group, Method: http.MethodPost, Path: path, Accept: AcceptJSON,
		ContentType: "application/json", Limit: SmallAnswer,
	}
	k.Body, k.Err = json.Marshal(body)
	return k
}

// An answer is held in memory until it is decoded, and many tasks run at once. So each operation
// has its own bound in bytes. A proxy may answer with megabytes where a short answer is due.
const (
	SmallAnswer    = 1 << 20
	PageAnswer     = 16 << 20 // a page of the register
	DocumentAnswer = 32 << 20 // one invoice, far above what KSeF takes
	AnyAnswer      = 0
)

// UpTo returns the call with another bound for its answer, in bytes.
func (k Call) UpTo(limit int64) Call { k.Limit = limit; return k }

// Accepting returns the call with another Accept header.
func (k Call) Accepting(types string) Call { k.Accept = types; return k }

// Bad adds a fault in the arguments, unless err is nil.
func (k Call) Bad(err error) Call {
	k.Err = errors.Join(k.Err, err)
	return k
}

func (k Call) succeeds(status int) bool {
	if k.Success == nil {
		return status == http.StatusOK
	}
	return k.Success(status)
}

// BuildPath escapes each id into its %s. It refuses empty ids, ids with control characters, and ids
// that a server would take for a step in the path.
func BuildPath(format string, ids []string) (string, error) {
	escaped := make([]any, len(ids))
	for i, id := range ids {
		switch {
		case id == "":
			return "", errors.New("id is empty")
		case id == "." || id == "..":
			return "", fmt.Errorf("id %q is not an id", id)
		case HasControl(id):
			return "", errors.New("id has control characters")
		}
		escaped[i] = url.PathEscape(id)
	}
	return fmt.Sprintf(format, escaped...), nil
}

// Required returns an error for a blank value.
func Required(field, value string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("%s is required", field)
	}
	return nil
}

// HasControl reports whether s has control characters or is not UTF-8.
func HasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}
