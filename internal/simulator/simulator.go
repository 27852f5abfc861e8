package simulator

import (
	"crypto/rand"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/limits"
)

// Profile says whether request limits are enforced.
type Profile string

const (
	// Production enforces the limits of KSeF, September 2026.
	Production Profile = "production"
	// Unlimited counts requests but refuses none, and records no violation except a request during a block that a
	// fault of kind "429" began.
	Unlimited Profile = "unlimited"
)

// Options of a Simulator. The zero value is a strict simulator with production limits that processes at once.
type Options struct {
	// Accounts are added to the default ones: test_id:test_key (any seller) and test_<nip>:test_key (that seller).
	Accounts []Account
	// Taxpayers are those for whom the Ministry has raised a limit, Grants the permissions to issue
	// another's invoices.
	Taxpayers []Taxpayer
	Grants    []Grant
	// Profile of request limits; "" is Production.
	Profile Profile
	// Scale divides the windows and blocks of the request limits: 60 makes an hour a minute. 0 is 1. Lives of
	// sessions and parts are not scaled: Advance moves the clock for them.
	Scale float64
	// Delay is how long a closed session takes from 100 through 150 (online: 170) to its end, an upload to the box
	// likewise. 0: as fast as it can.
	Delay time.Duration
	// InvoiceDelay is how long an invoice of an open online session, a query or a download by the box takes. 0: at once.
	InvoiceDelay time.Duration
	// Faults are armed from the start; Inject adds more.
	Faults []Fault
	// Now is the clock; nil is time.Now. Advance adds to it.
	Now func() time.Time
	// Log gets one line for each request; the zero value discards. Nothing secret is written.
	Log zerolog.Logger
	// BaseURL of pre-signed part addresses, without a slash at the end; "" takes the Host of the opening request.
	BaseURL string
	// Seed makes identifiers and probabilities repeatable; 0 draws a random one.
	Seed int64
	// KeyBits of the RSA key; 0 is 2048.
	KeyBits int
	// Dir holds spooled parts and accepted documents and is made when it is missing; "" is a new temporary directory,
	// removed by Close.
	Dir string
}

// validate reports every fault of the options at once.
func (o Options) validate() error {
	var errs []error
	if o.Profile != Production && o.Profile != Unlimited {
		errs = append(errs, &FieldError{Field: "Profile", Value: string(o.Profile), Err: errors.New("neither production nor unlimited")})
	}
	if o.Scale < 0 {
		errs = append(errs, &FieldError{Field: "Scale", Value: fmt.Sprint(o.Scale), Err: errors.New("negative")})
	}
	if o.Delay < 0 || o.InvoiceDelay < 0 {
		errs = append(errs, &FieldError{Field: "Delay", Value: fmt.Sprint(min(o.Delay, o.InvoiceDelay)), Err: errors.New("negative")})
	}
	for _, a := range o.Accounts {
		errs = append(errs, a.validate())
	}
	for _, t := range o.Taxpayers {
		errs = append(errs, t.validate())
	}
	for _, g := range o.Grants {
		errs = append(errs, g.validate())
	}
	for _, f := range o.Faults {
		errs = append(errs, f.Validate())
	}
	return errors.Join(errs...)
}

// FieldError names a setting that cannot be used. Value is never a secret.
type FieldError struct {
	Field, Value string
	Err          error
}

func (e *FieldError) Error() string { return fmt.Sprintf("%s %q: %v", e.Field, e.Value, e.Err) }

// Unwrap gives the reason.
func (e *FieldError) Unwrap() error { return e.Err }

// Simulator answers as the gateway does. It is an http.Handler and safe for concurrent use.
type Simulator struct {
	opts       Options
	log        zerolog.Logger
	accounts   accounts
	operations []*operation
	warsaw     *time.Location
	dir        string
	ownDir     bool
	signing    []byte // key of the signatures on part addresses
	limits     *limits.Limiter
	faults     *faultBook
	forms      map[string]*fa.Form
	documents  *vault

	offset     atomic.Int64 // of the clock, in nanoseconds; set under mu
	background sync.WaitGroup
	stopped    chan struct{}
	stopOnce   sync.Once

	// mu guards everything below; nothing slow happens under it.
	mu        sync.Mutex
	random    *mathrand.Rand
	keys      keyring
	sessions  map[string]*session
	order     []*session
	sent      map[string]sentInvoice    // online invoice by its reference
	identity  map[fa.Identity]*accepted // what makes a duplicate
	byNumber  map[string]*accepted      // by KSeF number
	accepted  []*accepted               // in the order of acceptance
	rejected  []Rejected
	serial    uint32
	queries   map[string]*query
	uploads   map[string]*boxUpload
	downloads map[string]*boxDownload
}

// New makes a simulator. The caller closes it. It fails on invalid options and when its directory cannot be made.
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
	s := &Simulator{
		opts: o, log: o.Log, warsaw: warsaw, dir: o.Dir,
		accounts: accounts{extra: o.Accounts},
		limits:   limits.New(o.Profile != Unlimited, o.Scale),
		forms:    fa.Forms(),
		signing:  make([]byte, 32),
		stopped:  make(chan struct{}),
		random:   mathrand.New(mathrand.NewPCG(seed, 1)),
		sessions: map[string]*session{}, sent: map[string]sentInvoice{},
		identity: map[fa.Identity]*accepted{}, byNumber: map[string]*accepted{},
		queries: map[string]*query{}, uploads: map[string]*boxUpload{}, downloads: map[string]*boxDownload{},
	}
	s.faults = newFaultBook(o.Faults, mathrand.New(mathrand.NewPCG(seed, 2)), s.now)
	s.operations = s.table()
	if _, err := rand.Read(s.signing); err != nil {
		return nil, fmt.Errorf("draw signing key: %w", err)
	}
	if err := s.keys.rotate(o.KeyBits); err != nil {
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

// Close stops what still processes, waits for it and removes the temporary files. It may be called twice.
func (s *Simulator) Close() error {
	s.stopOnce.Do(func() {
		s.mu.Lock() // whoever starts something looks at stopped under mu: nothing starts after this
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

// Advance moves the simulated clock forward: sessions age, limits recover, parts become late.
func (s *Simulator) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.offset.Add(int64(d))
}

// Now is the simulated time.
func (s *Simulator) Now() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now()
}

// now is for those who hold mu, and for the faults, who don't care for the order of instants. The monotonic reading is dropped: simulated time is compared across rotations of the
// clock and printed, never used to wait.
func (s *Simulator) now() time.Time { return s.opts.Now().Add(time.Duration(s.offset.Load())).Round(0) }

// Inject arms one more fault. It fails when the fault makes no sense.
func (s *Simulator) Inject(f Fault) error {
	if err := f.Validate(); err != nil {
		return fmt.Errorf("inject fault: %w", err)
	}
	s.faults.arm(f)
	return nil
}

// RotateKey replaces the RSA key. Sessions opened before keep working; what is encrypted with the old key from now on
// ends in status 415.
func (s *Simulator) RotateKey() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if err := s.keys.rotate(s.opts.KeyBits); err != nil {
		return fmt.Errorf("rotate RSA key: %w", err)
	}
	return nil
}
