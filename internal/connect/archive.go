package connect

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"sync/atomic"

	"github.com/rs/zerolog"

	"ksefworker/config"
	"ksefworker/internal/archive"
	"ksefworker/internal/archive/bundle"
	"ksefworker/internal/ledger"
)

type storeOpener func(context.Context, config.Archive, *archiveLog) (archive.Store, error)

func openStore(ctx context.Context, a config.Archive, log *archiveLog) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{OnChange: log.changed})
}

func openStoreLater(ctx context.Context, a config.Archive, log *archiveLog) (archive.Store, error) {
	return openStoreWith(ctx, a, archive.Options{OpenLater: true, OnChange: log.changed})
}

// OpenArchive opens the archive alone, for programs that only read it and must work where there is
// no Redis. It writes nothing. An archive that does not exist, or has nothing in it, gives an error
// that wraps [ErrUnreachable], because nobody can tell it from a share that is not mounted. An
// archive that belongs to another environment or gateway gives a [*config.FieldError] around an
// [*archive.OwnerError]. The caller must close the store.
func OpenArchive(ctx context.Context, cfg config.Config) (archive.Store, error) {
	if err := hasFolder(cfg); err != nil {
		return nil, err
	}
	store, err := openStoreWith(ctx, cfg.Archive, archive.Options{OpenLater: true, ReadOnly: true})
	if err != nil {
		return nil, err
	}
	home := ledger.Home{Environment: string(cfg.Environment), Address: cfg.BaseURL()}
	owned := archive.Owned(store, ownerOf(home), sameOwner, nil)
	err = ownerFault(owned.Verify(ctx))
	if err == nil {
		err = hasContent(ctx, cfg, owned)
	}
	if err != nil {
		return nil, errors.Join(err, store.Close())
	}
	return bundle.Over(owned), nil
}

// CheckArchive returns an error that wraps [ErrUnreachable] when the archive of a pool does not
// exist, or has nothing in it. In that case, an object that is missing there may be in a share that
// is not mounted.
func CheckArchive(ctx context.Context, p *Pool) error {
	if err := hasFolder(p.Config); err != nil {
		return err
	}
	return hasContent(ctx, p.Config, p.owned)
}

// hasFolder returns an error when the archive is a folder that does not exist.
func hasFolder(cfg config.Config) error {
	if dir := cfg.Archive.Folder(); dir != "" {
		if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
			return noArchive(cfg, "has no folder there: is the share mounted, or the path mistyped?")
		}
	}
	return nil
}

// hasContent returns an error when an archive has nothing in it.
func hasContent(ctx context.Context, cfg config.Config, owned *archive.OwnedStore) error {
	empty, err := owned.Empty(ctx)
	if err == nil && empty {
		return noArchive(cfg, "has nothing in it, not even archive.json: is the share mounted, or the path mistyped? "+
			"A worker that starts writes this file")
	}
	return err
}

// noArchive is the error of a place where no archive is. It is not a fault of a setting, because
// the share of the archive may come back.
func noArchive(cfg config.Config, why string) error {
	return fmt.Errorf("the archive is %w: archive.url: %s %s", ErrUnreachable, cfg.Archive.URL, why)
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
	case h.OutOfService:
		log.Warn().Err(h.Why).Msg("the archive is out of service for this process: " +
			"receipts wait, everything else goes on; the archive is tried again at growing intervals of at most a minute")
	default:
		log.Info().Msg("the archive answers again: the waiting receipts are stored now")
	}
}
