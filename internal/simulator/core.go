package simulator

import (
	mathrand "math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/rs/zerolog"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/limits"
)

// core is what all parts of a [Simulator] share: its settings, its clock, the faults, and the books
// that mu guards. Each part embeds it.
type core struct {
	opts      Options
	log       zerolog.Logger
	accounts  accounts
	warsaw    *time.Location
	dir       string
	ownDir    bool
	signing   []byte // key that signs part addresses
	limits    *limits.Limiter
	faults    *faultBook
	forms     map[string]*fa.Form
	documents *vault

	offset     atomic.Int64 // of the clock, in nanoseconds; set under mu
	background sync.WaitGroup
	stopped    chan struct{}
	stopOnce   sync.Once

	// mu guards everything below. The only slow work that is done while it is held is making a key.
	mu        sync.Mutex
	unpacking int       // packages that are being unpacked
	unpacked  sync.Cond // signals, with mu, that unpacking is zero again
	random    *mathrand.Rand
	keys      keyring
	sessions  map[string]*session
	order     []*session
	sent      map[string]sentInvoice    // online invoices by reference number
	originals map[fa.Identity]*accepted // an invoice with the identity of one of these is a duplicate
	byNumber  map[string]*accepted      // by KSeF number
	refused   map[contextHash]bool      // documents that were refused
	taken     map[contextHash]bool      // documents that were accepted
	corrected map[contextHash]bool      // refused documents that have an accepted technical correction
	accepted  []*accepted               // in the order of acceptance
	rejected  []Rejected
	serial    uint32
	queries   map[string]*query
	uploads   map[string]*boxUpload
	downloads map[string]*boxDownload
}

// The parts of a [Simulator]. Each part holds the parts that it calls. A part calls only parts
// above it in this list.
type (
	// performer carries an operation out, and applies to it the faults that a script has ordered.
	// The request limits are checked earlier.
	performer struct{ *core }
	// registry decides what becomes of an invoice, and writes it into the books.
	registry struct{ *core }
	// alterer lets clients see something other than what the books hold, where a fault orders it.
	alterer struct{ *core }
	// unpacker reads what clients have sent.
	unpacker struct{ *core }
	// receipts writes UPOs.
	receipts struct {
		*core
		alterer *alterer
	}
	// batches unpacks packages in the background and lets the registry decide their invoices.
	batches struct {
		*core
		registry *registry
		unpacker *unpacker
	}
	// sessionBook reports the states of sessions, and ends them.
	sessionBook struct {
		*core
		batches *batches
	}
	// onlineSessions takes invoices one by one.
	onlineSessions struct {
		*core
		registry *registry
		unpacker *unpacker
		batches  *batches
		book     *sessionBook
	}
	// partStore takes the parts of packages.
	partStore struct {
		*core
		performer *performer
		book      *sessionBook
	}
	sessionOperations struct {
		*core
		book     *sessionBook
		online   *onlineSessions
		batches  *batches
		parts    *partStore
		receipts *receipts
		alterer  *alterer
	}
	registerOperations struct {
		*core
		alterer *alterer
	}
	boxOperations struct {
		*core
		book        *sessionBook
		batches     *batches
		registry    *registry
		unpacker    *unpacker
		receipts    *receipts
		registerOps *registerOperations
	}
	documentOperations struct{ *core }
)

func newParts(c *core) *Simulator {
	s := &Simulator{
		core: c, performer: &performer{c}, registry: &registry{c}, alterer: &alterer{c}, unpacker: &unpacker{c},
		documentOperations: &documentOperations{c},
	}
	s.receipts = &receipts{c, s.alterer}
	s.batches = &batches{c, s.registry, s.unpacker}
	s.sessionBook = &sessionBook{c, s.batches}
	s.onlineSessions = &onlineSessions{c, s.registry, s.unpacker, s.batches, s.sessionBook}
	s.partStore = &partStore{c, s.performer, s.sessionBook}
	s.sessionOperations = &sessionOperations{
		c, s.sessionBook, s.onlineSessions, s.batches, s.partStore, s.receipts, s.alterer,
	}
	s.registerOperations = &registerOperations{c, s.alterer}
	s.boxOperations = &boxOperations{
		c, s.sessionBook, s.batches, s.registry, s.unpacker, s.receipts, s.registerOperations,
	}
	return s
}
