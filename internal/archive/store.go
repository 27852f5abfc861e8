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
//
// No call of a store from [Open] takes longer than its time, whatever the back end does. One that the store itself is to blame for ends as
// *[CallError]. Data MUST NOT be changed after it was handed over, not even after an error: a call that was left behind may still read it.
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

	// Flush makes durable what this Store had accepted under these names before the call; without names, everything. After an error, put
	// those things again, then Flush. What others have put and not brought to disk is no fault of the names that are given.
	// One Flush for many Puts is what makes an archive of small files quick.
	Flush(ctx context.Context, names ...string) error

	// Check writes and reads a small probe, so that missing rights and a full or missing disk show at start, not at night. It leaves no
	// more behind than one object, however often it is called, also where nothing may be deleted.
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

// Options are what the URL must not carry, and what tests change.
type Options struct {
	AccessKey, SecretKey string // of the S3 service; both empty: the machine's own (AWS_… variables, credentials file, instance role)

	// Timeout bounds each call, its own retries included; large objects get more, by their size. 0: 30 seconds.
	Timeout time.Duration

	// Later leaves a folder that cannot be opened, for whatever reason, to the first call that can: the
	// others fail with that reason.
	Later bool

	// OnChange is told when the store goes out of service for this process and when it is back; nil: nobody is. It must not call the store.
	OnChange func(Health)

	// Transport replaces the HTTP transport to the S3 service. nil: one like http.DefaultTransport, of this Store's own.
	Transport http.RoundTripper
}

// Open returns the store that rawURL names, without touching the network; call Check to learn whether it works. A folder that does not
// answer within the time, or whose disk or share does not work, is opened later, by the first call that can.
//
//	file:///var/lib/ksef                                      a folder, made with mode 0700 when missing
//	s3://bucket/prefix?region=eu-central-1                    Amazon
//	s3://bucket?endpoint=http://127.0.0.1:9000&path_style=true   any other S3 service
//
// A URL with a user name or password in it is refused: it would end up in logs.
func Open(ctx context.Context, rawURL string, o Options) (Store, error) {
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
		f, err := newFolder(u)
		if err != nil {
			return nil, err
		}
		g := newGuard(f, o)
		if err := g.call(ctx, "open archive", checkKey, g.timeout, f.open); err != nil && !o.Later && !awayForNow(err) {
			return nil, errors.Join(err, f.Close())
		}
		return g, nil
	case "s3":
		b, err := openBucket(u, o)
		if err != nil {
			return nil, err
		}
		return newGuard(b, o), nil
	}
	return nil, fmt.Errorf("open archive: scheme %q is neither file nor s3", u.Scheme)
}
