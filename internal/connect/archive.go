package connect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"sync/atomic"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/archive"
)

type storeOpener func(context.Context, config.Archive, *archiveNews) (archive.Store, error)

func openStore(ctx context.Context, a config.Archive, news *archiveNews) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{OnChange: news.changed})
}

func openStoreLater(ctx context.Context, a config.Archive, news *archiveNews) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{Later: true, OnChange: news.changed})
}

// openStoreThatExists returns no store and no error for a folder that does not exist: to open it
// would make it. One that exists and cannot be opened is left to its first call, which says why.
func openStoreThatExists(ctx context.Context, a config.Archive, news *archiveNews) (archive.Store, error) {
	if u, err := url.Parse(a.URL); err == nil && u.Scheme == "file" {
		if _, err := os.Lstat(u.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, CheckFolder("archive.url", u.Path)
		}
	}
	return openStoreLater(ctx, a, news)
}

func openStoreWith(ctx context.Context, a config.Archive, o archive.Options) (archive.Store, error) {
	var err error
	if o.AccessKey, o.SecretKey, err = a.Keys(); err != nil {
		return nil, err
	}
	o.Timeout = a.Timeout
	location, err := url.Parse(a.URL)
	if err != nil {
		return nil, errors.New("archive.url is not a URL")
	}
	q := location.Query()
	for name, value := range map[string]string{"region": a.Region, "endpoint": a.Endpoint} {
		if value != "" {
			q.Set(name, value)
		}
	}
	location.RawQuery = q.Encode()
	s, err := archive.Open(ctx, location.String(), o)
	if err != nil {
		return nil, fmt.Errorf("archive.url: %w", err)
	}
	return s, nil
}

// CheckFolder says why the folder of a setting cannot be used; nil when it can. It makes nothing: a
// folder that does not exist is made by the worker, so its nearest parent counts.
func CheckFolder(setting, dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return fmt.Errorf("look at %s: %w", setting, err)
		case !info.IsDir():
			return fmt.Errorf("look at %s: %s is not a folder", setting, at)
		}
		return nil
	}
}

// LogArchive lets the log tell when the archive goes out of service for this process and when it is
// back.
func (p *Pool) LogArchive(log zerolog.Logger) { p.news.log.Store(&log) }

// archiveNews passes what happens to the archive on to a log, once there is one.
type archiveNews struct {
	log atomic.Pointer[zerolog.Logger]
}

func (n *archiveNews) changed(h archive.Health) {
	log := n.log.Load()
	switch {
	case log == nil:
	case h.Out:
		log.Warn().Err(h.Why).Msg("the archive is out of service for this process: " +
			"receipts wait, nothing else does; asked again at growing intervals, at least every minute")
	default:
		log.Info().Msg("the archive answers again: the receipts that wait follow")
	}
}
