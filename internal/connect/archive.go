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

type storeOpener func(context.Context, config.Archive, *archiveLog) (archive.Store, error)

func openStore(ctx context.Context, a config.Archive, log *archiveLog) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{OnChange: log.changed})
}

func openStoreLater(ctx context.Context, a config.Archive, log *archiveLog) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{Later: true, OnChange: log.changed})
}

// openExistingStore returns no store and no error for a folder that does not exist, because opening
// it would make it. When a folder exists but cannot be opened, the store's first call says why.
func openExistingStore(ctx context.Context, a config.Archive, log *archiveLog) (archive.Store, error) {
	if u, err := url.Parse(a.URL); err == nil && u.Scheme == "file" {
		if _, err := os.Lstat(u.Path); errors.Is(err, fs.ErrNotExist) {
			return nil, CheckFolder("archive.url", u.Path)
		}
	}
	return openStoreLater(ctx, a, log)
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

// CheckFolder returns why the folder of a setting cannot be used; nil when it can. It makes no
// folder. When the folder does not exist, it checks the nearest parent, because the worker makes
// the rest.
func CheckFolder(setting, dir string) error {
	for at := dir; ; at = filepath.Dir(at) {
		info, err := os.Stat(at)
		switch {
		case errors.Is(err, fs.ErrNotExist) && at != filepath.Dir(at):
			continue
		case err != nil:
			return fmt.Errorf("check %s: %w", setting, err)
		case !info.IsDir():
			return fmt.Errorf("check %s: %s is not a folder", setting, at)
		}
		return nil
	}
}

// LogArchive makes the pool log when the archive goes out of service for this process and when it
// is back. Safe for concurrent use.
func (p *Pool) LogArchive(log zerolog.Logger) { p.archiveLog.log.Store(&log) }

// archiveLog logs changes of the archive's health, once it has a log.
type archiveLog struct {
	log atomic.Pointer[zerolog.Logger]
}

func (l *archiveLog) changed(h archive.Health) {
	log := l.log.Load()
	switch {
	case log == nil:
	case h.Out:
		log.Warn().Err(h.Why).Msg("the archive is out of service for this process: " +
			"receipts wait, everything else goes on; it is tried again at growing intervals of at most a minute")
	default:
		log.Info().Msg("the archive answers again: the waiting receipts are stored now")
	}
}
