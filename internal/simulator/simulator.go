package simulator

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/limits"
)

// Simulator answers requests as the gateway does. It is an http.Handler and safe for concurrent
// use.
type Simulator struct {
	*core
	*performer
	*registry
	*alterer
	*unpacker
	*sessionBook
	*batches
	*onlineSessions
	*receipts
	*partStore
	*sessionOperations
	*boxOperations
	*registerOperations
	*documentOperations
	operations []*operation
}

// New makes a simulator, which the caller must close. It fails when the options are invalid, with
// FieldErrors, and when its directory cannot be made.
func New(o Options) (*Simulator, error) {
	if o.Profile == "" {
		o.Profile = Production
	}
	if o.Scale == 0 {
		o.Scale = 1
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.KeyBits == 0 {
		o.KeyBits = 2048
	}
	if o.NewKey == nil {
		o.NewKey = generate
	}
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("check simulator options: %w", err)
	}
	seed := uint64(o.Seed)
	if seed == 0 {
		seed = mathrand.Uint64()
	}
	warsaw, err := time.LoadLocation("Europe/Warsaw")
	if err != nil {
		return nil, fmt.Errorf("load time zone: %w", err)
	}
	c := &core{
		opts: o, log: o.Log, warsaw: warsaw, dir: o.Dir,
		accounts: accounts{extra: o.Accounts},
		limits:   limits.New(o.Profile != Unlimited, o.Scale),
		forms:    fa.Forms(),
		signing:  make([]byte, 32),
		stopped:  make(chan struct{}),
		random:   mathrand.New(mathrand.NewPCG(seed, 1)),
		sessions: map[string]*session{}, sent: map[string]sentInvoice{},
		originals: map[fa.Identity]*accepted{}, byNumber: map[string]*accepted{},
		refused: map[contextHash]bool{}, taken: map[contextHash]bool{}, corrected: map[contextHash]bool{},
		queries: map[string]*query{}, uploads: map[string]*boxUpload{}, downloads: map[string]*boxDownload{},
	}
	c.unpacked.L = &c.mu
	c.faults = newFaultBook(o.Faults, mathrand.New(mathrand.NewPCG(seed, 2)), c.now)
	s := newParts(c)
	s.operations = s.table()
	if _, err := rand.Read(s.signing); err != nil {
		return nil, fmt.Errorf("draw signing key: %w", err)
	}
	if err := s.newKey(false); err != nil {
		return nil, fmt.Errorf("make RSA key: %w", err)
	}
	if s.dir == "" {
		if s.dir, err = os.MkdirTemp("", "ksef-simulator-"); err != nil {
			return nil, fmt.Errorf("make directory: %w", err)
		}
		s.ownDir = true
	} else if err := os.MkdirAll(s.dir, 0o700); err != nil {
		return nil, fmt.Errorf("make directory: %w", err)
	}
	if s.documents, err = openVault(s.dir); err != nil {
		return nil, errors.Join(fmt.Errorf("open vault: %w", err), s.Close())
	}
	return s, nil
}

// Close stops processing, waits until it has ended and removes the directory if New made a
// temporary one. It may be called twice.
func (s *Simulator) Close() error {
	s.stopOnce.Do(func() {
		s.mu.Lock() // work starts only under mu, after a check of stopped, so no more work starts
		defer s.mu.Unlock()
		close(s.stopped)
	})
	s.background.Wait()
	var errs []error
	if s.documents != nil {
		errs = append(errs, s.documents.close())
	}
	if s.ownDir {
		errs = append(errs, os.RemoveAll(s.dir))
	}
	return errors.Join(errs...)
}

// Advance moves the simulated clock forward, so that sessions expire, limits recover and parts
// become too late. Before that it waits for the unpacking of packages, as Rest does, so that what a
// session shows after a simulated minute does not depend on the speed of this machine.
func (s *Simulator) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest()
	s.offset.Add(int64(d))
}

// Rest waits until the packages of all sessions that were closed are unpacked.
func (s *Simulator) Rest() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rest()
}

// rest does what Rest does, for callers that hold mu. It releases mu while it waits.
func (c *core) rest() {
	for c.unpacking > 0 {
		c.unpacked.Wait()
	}
}

// Now returns the simulated time.
func (c *core) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now()
}

// now returns the simulated time. Callers that record times in order hold mu. The faults and
// [Face.Now] need no order, so they call this function without mu. The result has no monotonic
// reading, because simulated times are printed, and are compared after the clock was moved. Nothing
// waits by simulated time.
func (c *core) now() time.Time { return c.opts.Now().Add(time.Duration(c.offset.Load())).Round(0) }

// Inject arms one more fault. It fails, with FieldErrors, when the fault is not valid.
func (s *Simulator) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return fmt.Errorf("inject fault: %w", err)
	}
	s.faults.arm(f)
	return nil
}

// RotateKey replaces the RSA key. Open sessions keep working. A session or query that is started
// with the old key from now on ends with status 415.
func (c *core) RotateKey() error { return c.rotateKey(false) }

// RotateKeyAsPlanned replaces the RSA key and keeps the old one working until the next rotation.
// The Ministry's API shows both keys.
func (s *Simulator) RotateKeyAsPlanned() error { return s.rotateKey(true) }

func (c *core) rotateKey(planned bool) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.newKey(planned); err != nil {
		return fmt.Errorf("rotate RSA key: %w", err)
	}
	return nil
}

// newKey puts a new key in force.
func (c *core) newKey(planned bool) error {
	key, err := c.opts.NewKey(c.opts.KeyBits)
	if err != nil {
		return err
	}
	return c.keys.rotate(key, planned)
}
