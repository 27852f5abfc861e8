package archive

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"
)

// Store keeps bytes by name. Both back ends are safe for concurrent use, also by several processes
// on one folder or bucket.
//
// A name is relative and consists of components joined by "/", such as "5265877635/2026-11/x.xml";
// see NameError.
//
// No call of a store from [Open] takes longer than its time limit. A failure that is the fault of
// the store itself is a *[CallError]. Data MUST NOT be changed after it was passed to a call, even
// after an error, because a call that was left behind may still read the data.
type Store interface {
	// Put stores data under name. It returns nil when the name already has the same bytes, and
	// ErrConflict when the name has other bytes. contentType, such as "application/xml", is kept
	// where the back end can keep it. The data is durable after Flush.
	Put(ctx context.Context, name string, data []byte, contentType string) error

	// Replace is a Put that may overwrite. It is for result documents only. If the name does not
	// end in ".json", the error is ErrImmutable. Readers see the old or the new bytes, never a
	// mixture. When two processes replace at once, one of them wins.
	Replace(ctx context.Context, name string, data []byte, contentType string) error

	// Get returns what was put, durable or not. The error is ErrNotFound when nothing has this
	// name, and ErrCorrupt when the store finds that the object is damaged.
	Get(ctx context.Context, name string) ([]byte, error)

	// Remove deletes one body, which is a large invoice that waits to be sent. If the name does not
	// begin with "bodies/", the error is ErrImmutable. Remove returns nil when nothing has that
	// name.
	Remove(ctx context.Context, name string) error

	// Flush makes durable what this Store had accepted under these names before the call; without
	// names, everything. After an error, put those documents again, then call Flush again. With
	// names, a failure to write documents of other callers to disk is no error. One Flush for many
	// Puts makes an archive of small files fast.
	Flush(ctx context.Context, names ...string) error

	// Check writes and reads a small probe, so that missing rights and a full or missing disk are
	// found at start-up and not at night. It leaves at most one object behind, even when called
	// often and where deleting is forbidden.
	Check(ctx context.Context) error

	// URL returns what a person can open or pass to a tool: file:///… or s3://bucket/…. The name
	// need not exist.
	URL(name string) string

	// Close releases connections and files. It does not Flush.
	Close() error
}

var (
	// ErrNotFound says that nothing has this name.
	ErrNotFound = errors.New("not in the archive")

	// ErrConflict says that the name has other bytes. They were not changed.
	ErrConflict = errors.New("archive holds other content under this name")

	// ErrImmutable says that a document with such a name is never replaced or removed.
	ErrImmutable = errors.New("archive never changes a document with this name")

	// ErrReadOnly says that a folder was opened with [Options.ReadOnly].
	ErrReadOnly = errors.New("archive was opened for reading only")

	// ErrCorrupt says that a stored object differs from what was put.
	ErrCorrupt = errors.New("stored content is damaged")
)

// Options are the settings that the URL must not contain, and those that tests change.
type Options struct {
	// AccessKey and SecretKey are the credentials of the S3 service. When both are empty, those of
	// the machine are used: AWS_… variables, credentials file, instance role.
	AccessKey, SecretKey string

	// Timeout is the time limit of each call, including its retries. Large objects get more time,
	// according to their size. 0 means 30 seconds.
	Timeout time.Duration

	// OpenLater makes Open succeed for a folder that cannot be opened, whatever the reason. Each
	// call tries to open it again, and fails with the reason until one succeeds. With OpenLater,
	// Open does not make a missing folder. The first Put or Replace makes it, and until then the
	// archive counts as empty.
	OpenLater bool

	// ReadOnly leaves a folder as it is. The folder has to exist, and every write fails. A copy of
	// an archive on a medium that cannot be written to can then be read. ReadOnly has no effect on
	// a bucket.
	ReadOnly bool

	// OnChange is called when the store goes out of service for this process and when it works
	// again. nil means no call. OnChange must not call the store.
	OnChange func(Health)

	// Transport replaces the HTTP transport to the S3 service. nil means a transport of this Store,
	// similar to http.DefaultTransport.
	Transport http.RoundTripper
}

// Open returns the store that rawURL names. It does not connect to an S3 service; call Check to
// learn whether the store works. When a folder does not answer within the time limit, or its disk
// or share does not work, Open still returns a store. Each later call tries to open the folder,
// until one succeeds.
//
//	file:///var/lib/ksef                     a folder, created with mode 0700 when missing, see OpenLater
//	s3://bucket/prefix?region=eu-central-1   Amazon
//	s3://bucket?endpoint=http://127.0.0.1:9000&path_style=true
//	                                         any other S3 service
//
// A URL that contains a user name or password is refused, because it would end up in logs.
func Open(ctx context.Context, rawURL string, o Options) (Store, error) {
	u, err := url.Parse(rawURL)
	if err != nil {
		// The error of the parser is left out, because it quotes the URL, which may contain a
		// password.
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
		f.readOnly = o.ReadOnly
		g := newGuard(f, o)
		err = g.call(ctx, "open archive", checkKey, g.timeout, func(ctx context.Context) error {
			_, err := f.opened(ctx, !o.OpenLater && !o.ReadOnly)
			return err
		})
		if err != nil && !o.OpenLater && !temporarilyUnavailable(err) {
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
