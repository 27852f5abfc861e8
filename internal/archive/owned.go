package archive

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
)

// ownerName is the name of the object that says who owns an archive.
const ownerName = "archive" + resultSuffix

// Owner is the environment whose invoices an archive keeps. The names of documents follow from
// their content. So two environments in one archive would overwrite each other's results, and each
// would take the other's results for its own.
type Owner struct {
	Environment string `json:"environment"`
	Address     string `json:"address"` // of the gateway or of KSeF itself
}

// String returns the owner as a text for people.
func (o Owner) String() string { return o.Environment + " at " + o.Address }

// Owned returns s as the archive of one environment. Before its first use, the returned store reads
// who owns the archive. Before its first Put or Replace, it records the argument here as the owner,
// if no owner is recorded yet. If the archive belongs to another environment, every call except
// Flush, URL and Close returns an [*OwnerError]. The function same reports whether two owners are
// equal.
//
// When the archive does not answer, the call fails, and the next call asks again. The owner is also
// read again after the folder was replaced, or removed and made again, while the process runs.
//
// The argument uses, if it is not nil, remembers which archives were used. When an archive that was
// used no longer says who owns it, every call except Flush, URL and Close returns an
// [*UnmarkedError]. The share of such an archive is not mounted, or the archive has lost its
// content. So a document that is not found there may have been archived all the same.
func Owned(s Store, here Owner, same func(a, b Owner) bool, uses Uses) *OwnedStore {
	return &OwnedStore{Store: s, here: here, same: same, uses: uses, turn: make(chan struct{}, 1)}
}

// Uses remembers the archives that were used, by their URL. Its records outlive the archives.
type Uses interface {
	ArchiveUsed(ctx context.Context, url string) (bool, error)
	NoteArchive(ctx context.Context, url string) error
}

// OwnedStore is a store that knows who owns it. Make it with [Owned].
type OwnedStore struct {
	Store
	here Owner
	same func(a, b Owner) bool
	uses Uses

	turn  chan struct{} // full while one call reads the owner
	mu    sync.Mutex
	known bool
	seen  int64 // how often the folder had been replaced when the owner was read
	err   error // an *OwnerError
	noted bool  // the archive was noted in uses
}

// Claim reads who owns the archive, and records that it belongs here if it has no owner. It returns
// an [*OwnerError] if the archive belongs elsewhere, an [*UnmarkedError] if the archive was used
// and no longer says who owns it, or the error of an archive that cannot be asked now.
func (s *OwnedStore) Claim(ctx context.Context) error {
	_, err := s.ask(ctx, true)
	return err
}

// Verify is Claim without writing. It accepts an archive without an owner that was never used
// before.
func (s *OwnedStore) Verify(ctx context.Context) error {
	_, err := s.ask(ctx, false)
	return err
}

// Move records that the archive belongs here. It does so only if the archive has no owner, belongs
// to the owner in the argument from, or belongs here already. Move is for a gateway that has
// another address now. It returns an [*OwnerError] if a third environment owns the archive.
func (s *OwnedStore) Move(ctx context.Context, from Owner) error {
	n := renewalsOf(s.Store)
	ctx = context.WithValue(ctx, renewalKey{}, n)
	owner, err := s.owner(ctx, false)
	if err == nil && owner != (Owner{}) && !s.same(owner, from) && !s.same(owner, s.here) {
		return &OwnerError{Owner: owner, Here: s.here, URL: s.Store.URL("")}
	}
	var raw []byte
	if err == nil {
		raw, err = json.Marshal(s.here)
	}
	if err == nil {
		err = s.Store.Replace(ctx, ownerName, raw, "application/json")
	}
	if err == nil {
		err = s.Store.Flush(ctx, ownerName)
	}
	if err != nil {
		return fmt.Errorf("write whose the archive is: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.known, s.seen, s.err = true, n, nil
	return nil
}

// answer returns what is known about the owner of a folder that was replaced n times.
func (s *OwnedStore) answer(n int64) (known bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.known && s.seen == n, s.err
}

// ask checks the owner and returns the context for the call that follows. If the folder is replaced
// before that call, the call fails, because the owner of the new folder is unknown.
func (s *OwnedStore) ask(ctx context.Context, claim bool) (context.Context, error) {
	n := renewalsOf(s.Store)
	ctx = context.WithValue(ctx, renewalKey{}, n)
	if known, err := s.answer(n); known {
		s.note(ctx, claim, err)
		return ctx, err
	}
	select {
	case s.turn <- struct{}{}:
		defer func() { <-s.turn }()
	case <-ctx.Done():
		return ctx, context.Cause(ctx)
	}
	if known, err := s.answer(n); known {
		return ctx, err
	}
	owner, err := s.owner(ctx, claim)
	if err != nil || owner == (Owner{}) {
		return ctx, err
	}
	if !s.same(owner, s.here) {
		err = &OwnerError{Owner: owner, Here: s.here, URL: s.Store.URL("")}
	}
	s.mu.Lock()
	s.known, s.seen, s.err = true, n, err
	s.mu.Unlock()
	s.note(ctx, claim, err)
	return ctx, err
}

// note records in s.uses that the archive, which belongs here, is about to be written. When that
// fails, the next write tries again.
func (s *OwnedStore) note(ctx context.Context, claim bool, err error) {
	s.mu.Lock()
	due := claim && err == nil && s.uses != nil && !s.noted
	s.mu.Unlock()
	if due && s.uses.NoteArchive(ctx, s.Store.URL("")) == nil {
		s.mu.Lock()
		s.noted = true
		s.mu.Unlock()
	}
}

// unmarked returns why an archive without a recorded owner may not be used, and nil when it may.
// lacks is the error of reading the owner.
func (s *OwnedStore) unmarked(ctx context.Context, lacks error) error {
	if s.uses == nil {
		return nil
	}
	url := s.Store.URL("")
	used, err := s.uses.ArchiveUsed(ctx, url)
	if err == nil && used {
		err = &CallError{Sick: true, Err: &UnmarkedError{URL: url, Here: s.here, NoFolder: errors.Is(lacks, ErrNoFolder)}}
	}
	return err
}

// owner reads who owns the archive. When there is none, it records this environment as the owner if
// claim is true, and otherwise returns the zero value.
func (s *OwnedStore) owner(ctx context.Context, claim bool) (Owner, error) {
	raw, err := s.Store.Get(ctx, ownerName)
	if errors.Is(err, ErrNotFound) {
		if err := s.unmarked(ctx, err); err != nil {
			return Owner{}, err
		}
	}
	if errors.Is(err, ErrNotFound) && claim {
		if raw, err = json.Marshal(s.here); err == nil {
			err = s.Store.Put(ctx, ownerName, raw, "application/json")
		}
		if errors.Is(err, ErrConflict) { // another process was quicker
			raw, err = s.Store.Get(ctx, ownerName)
		} else if err == nil {
			err = s.Store.Flush(ctx, ownerName)
		}
	}
	if errors.Is(err, ErrNotFound) {
		return Owner{}, nil
	}
	if err != nil && !errors.Is(err, ErrCorrupt) {
		return Owner{}, fmt.Errorf("read whose the archive is (%s): %w", ownerName, err)
	}
	var owner Owner
	if err != nil {
		// This error wraps ErrCorrupt, so with it every object of the archive would count as
		// damaged.
		err = errors.New(err.Error())
	} else if err = json.Unmarshal(raw, &owner); err == nil && owner == (Owner{}) {
		err = errors.New("it names no environment")
	}
	if err != nil {
		damaged := &DamagedOwnerError{URL: s.Store.URL(""), Here: s.here, Err: err}
		return Owner{}, &CallError{Sick: true, Err: damaged}
	}
	return owner, nil
}

// Put implements Store.
func (s *OwnedStore) Put(ctx context.Context, name string, data []byte, contentType string) error {
	ctx, err := s.ask(ctx, true)
	if err != nil {
		return err
	}
	return s.Store.Put(ctx, name, data, contentType)
}

// Replace implements Store.
func (s *OwnedStore) Replace(ctx context.Context, name string, data []byte, contentType string) error {
	ctx, err := s.ask(ctx, true)
	if err != nil {
		return err
	}
	return s.Store.Replace(ctx, name, data, contentType)
}

// Get implements Store.
func (s *OwnedStore) Get(ctx context.Context, name string) ([]byte, error) {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return nil, err
	}
	return s.Store.Get(ctx, name)
}

// Remove implements Store.
func (s *OwnedStore) Remove(ctx context.Context, name string) error {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return err
	}
	return s.Store.Remove(ctx, name)
}

// Check implements Store.
func (s *OwnedStore) Check(ctx context.Context) error {
	ctx, err := s.ask(ctx, false)
	if err != nil {
		return err
	}
	return s.Store.Check(ctx)
}

func (s *OwnedStore) health() Health { return HealthOf(s.Store) }

var _ Store = (*OwnedStore)(nil)
