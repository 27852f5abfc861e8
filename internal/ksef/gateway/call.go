package gateway

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ksefworker/internal/ksef"
)

// call describes one request. Each operation fills one in and hands it to [Client.do].
type call struct {
	op    string
	group ksef.Group
	err   error // a fault in the arguments, found before the request costs anything

	method string
	path   string   // below the base URL, escaped
	target *url.URL // instead of path: the pre-signed address of a part

	accept      string
	contentType string
	body        []byte
	open        func() (io.ReadCloser, error) // instead of body: streamed, size bytes
	size        int64
	headers     []ksef.Header // of a part: exactly these, and no credentials

	success    int           // HTTP status; 0: 200
	limit      int64         // of the answer in bytes, within Options.MaxResponse; 0: Options.MaxResponse
	stream     bool          // Timeout counts from the last byte that moved
	within     time.Duration // upper bound for the whole request, 0: none
	processing bool          // codes 100 and 150 mean "ask again"
}

const (
	acceptJSON = "application/json"
	acceptXML  = "text/xml, application/json"
)

// get is a request without a body.
func get(op string, group ksef.Group, format string, ids ...string) call {
	path, err := buildPath(format, ids)
	return call{op: op, group: group, err: err, method: http.MethodGet, path: path, accept: acceptJSON, limit: smallAnswer}
}

// post is a request with a JSON body.
func post(op string, group ksef.Group, path string, body any) call {
	k := call{
		op: op, group: group, method: http.MethodPost, path: path, accept: acceptJSON,
		contentType: "application/json", limit: smallAnswer,
	}
	k.body, k.err = json.Marshal(body)
	return k
}

// An answer is held in memory until it is decoded, once for each task that runs. So each operation
// has a bound that fits it: a proxy that answers with megabytes costs nobody memory.
const (
	smallAnswer    = 1 << 20
	pageAnswer     = 16 << 20 // a page of the register
	documentAnswer = 32 << 20 // one invoice, far above what KSeF takes
	anyAnswer      = 0
)

func (k call) upTo(limit int64) call { k.limit = limit; return k }

func (k call) accepting(types string) call { k.accept = types; return k }

// bad adds a fault in the arguments, unless err is nil.
func (k call) bad(err error) call {
	k.err = errors.Join(k.err, err)
	return k
}

// buildPath escapes each id into its %s. It refuses ids that a server would take for a step in the
// path.
func buildPath(format string, ids []string) (string, error) {
	escaped := make([]any, len(ids))
	for i, id := range ids {
		switch {
		case id == "":
			return "", errors.New("id is empty")
		case id == "." || id == "..":
			return "", fmt.Errorf("id %q is not an id", id)
		case hasControl(id):
			return "", errors.New("id has control characters")
		}
		escaped[i] = url.PathEscape(id)
	}
	return fmt.Sprintf(format, escaped...), nil
}

func required(field, value string) error {
	if strings.TrimSpace(value) == "" {
		return fmt.Errorf("%s is required", field)
	}
	return nil
}
