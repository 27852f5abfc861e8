package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Store keeps bytes by name. Both back ends are safe for concurrent use, also by several processes on one folder or bucket.
//
// A name is relative, of components joined by "/", such as "5265877635/2026-11/x.xml"; see NameError.
type Store interface {
	// Put keeps data under name. The same bytes again: nil. Other bytes than those that are there: ErrConflict. contentType, such as
	// "application/xml", is kept where the back end can. Durable after Flush.
	Put(ctx context.Context, name string, data []byte, contentType string) error

	// Replace is Put that may overwrite, for result documents only: the name must end in ".json", else ErrImmutable. Readers see
	// the old or the new bytes, never a mixture. When two processes replace at once, one of them wins.
	Replace(ctx context.Context, name string, data []byte, contentType string) error

	// Get returns what was put, durable or not. ErrNotFound when nothing was.
	Get(ctx context.Context, name string) ([]byte, error)

	// Remove deletes one body: the name must begin with "bodies/", else ErrImmutable. Nothing there: nil.
	Remove(ctx context.Context, name string) error

	// Flush makes everything durable that this Store had accepted before the call. After an error, put those things again, then Flush.
	// One Flush for many Puts is what makes an archive of small files quick.
	Flush(ctx context.Context) error

	// Check writes, reads and removes a small probe, so that missing rights and a full or missing disk show at start, not at night.
	Check(ctx context.Context) error

	// URL is what a person can open or hand to a tool: file:///… or s3://bucket/…. The name need not exist.
	URL(name string) string

	// Close lets go of connections and files. It does not Flush.
	Close() error
}

var (
	// ErrNotFound says that nothing has that name.
	ErrNotFound = errors.New("not in the archive")

	// ErrConflict says that the name is taken by other bytes, which were left as they are.
	ErrConflict = errors.New("archive holds other content under this name")

	// ErrImmutable says that what is kept under such a name is never replaced or removed.
	ErrImmutable = errors.New("archive does not change this")

	// ErrCorrupt says that a stored object is not what was put.
	ErrCorrupt = errors.New("stored content is damaged")
)

// Options are what the URL must not carry, and what tests change. The folder back end uses none of them.
type Options struct {
	AccessKey, SecretKey string // of the S3 service; both empty: the machine's own (AWS_… variables, credentials file, instance role)

	// Timeout bounds each call to the S3 service, its own retries included. 0: one minute.
	Timeout time.Duration

	// Transport replaces the HTTP transport to the S3 service. nil: one like http.DefaultTransport, of this Store's own.
	Transport http.RoundTripper
}

// Open returns the store that rawURL names, without touching the network; call Check to learn whether it works.
//
//	file:///var/lib/ksef                                      a folder, made with mode 0700 when missing
//	s3://bucket/prefix?region=eu-central-1                    Amazon
//	s3://bucket?endpoint=http://127.0.0.1:9000&path_style=true   any other S3 service
//
// A URL with a user name or password in it is refused: it would end up in logs.
func Open(_ context.Context, rawURL string, o Options) (Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// Not the parser's error: it quotes the URL, and with it a password that has no business there.
		return nil, errors.New("open archive: not a URL; write file:///folder or s3://bucket/prefix")
	}
	if u.User != nil {
		return nil, errors.New("open archive: the URL has a user name or key in it; keys come from files or the environment")
	}
	switch u.Scheme {
	case "file":
		return openFolder(u)
	case "s3":
		return openBucket(u, o)
	}
	return nil, fmt.Errorf("open archive: scheme %q is neither file nor s3", u.Scheme)
}
