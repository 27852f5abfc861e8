package httponce

import (
	"bytes"
	"io"
	"strings"
)

// The standard library's Transport sends a request a second time, unasked, when a kept-alive
// connection breaks before the answer and the request counts as replayable. A GET, HEAD, OPTIONS or
// TRACE (or any method with an Idempotency-Key header) is replayable if its Body is nil, NoBody, or
// has a GetBody. If nothing had been written yet, the method and the header do not matter. The
// gateway closes sessions with a GET, so a second request can do harm.
//
// So no request of this package has a nil Body or a GetBody. net/http has no other way to forbid
// the second sending of a single request. The alternative would be a Transport that uses no
// connection twice. But then each request would pay for a handshake, and safety would depend on a
// setting of a Transport that the caller may replace.

// emptyBody is the body of a request that carries none. For a GET or DELETE the transport reads it
// once, finds it empty, and writes neither Content-Length nor chunks.
type emptyBody struct{}

func (emptyBody) Read([]byte) (int, error) { return 0, io.EOF }
func (emptyBody) Close() error             { return nil }

func onceBody(b []byte) io.ReadCloser { return io.NopCloser(bytes.NewReader(b)) }

func trimSlash(path string) string { return strings.TrimRight(path, "/") }
