package chaos

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// Partial faults make one part sick, for a while or for good, and leave the rest healthy. Each can be ordered alone.
const (
	Tenant5xx     = "tenant-5xx"          // every request of one tenant answers 502 or 503
	TenantHangs   = "tenant-hangs"        // every request of one tenant hangs, is reset or meets a firewall's HTML
	Operation5xx  = "operation-5xx"       // one operation answers 502 or 503 to everybody
	PartStore     = "part-store"          // the storage of batch parts fails or hangs, the gateway does not
	ArchiveHangs  = "archive-hangs"       // the archive takes connections and says nothing; it is a bucket then
	KeylessWorker = "replica-without-key" // one more worker whose key file for one tenant is missing
	NewerEntry    = "newer-entry"         // an invoice and a package of a newer version stand in the ledger
	Rewritten     = "rewritten-numbers"   // numbers come back with other white space
	Missing       = "missing-entries"     // lists lack entries that their session counts
	Unnamed       = "unnamed-entries"     // entries come back without the invoice's number
	Undecodable   = "undecodable-fields"  // one field of an entry has another type or form
	ShortReceipt  = "short-receipts"      // receipts lack a document for a while
	SplitNumbers  = "split-numbers"       // KSeF numbers are written 6-6
	Failover      = "failover"            // Redis is a master, a replica that lags, and a Sentinel; the master dies
	OneSession    = "one-session"         // the status, list or receipt of one session answers 502 or 503
)

const (
	everyOther = 2          // seeds have archive-hangs; the rest have a folder
	everyThird = 3          // seed has failover
	label      = "partial:" // before the names, in the simulator's books

	brief         = 5 * time.Second // how long an answer stays bent
	shortestSpell = 3 * time.Second // of sickness
	longestSpell  = 10 * time.Second
	longestLag    = 500 * time.Millisecond // of the replica, before its master dies
	// worstWait is how long an invoice may wait, from its delivery to its acceptance, that a lone fault does not concern.
	worstWait = 12 * time.Second
)

// PartialFaults lists the names.
func PartialFaults() []string {
	return []string{Tenant5xx, TenantHangs, Operation5xx, PartStore, ArchiveHangs, KeylessWorker, NewerEntry, Rewritten,
		Missing, Unnamed, Undecodable, ShortReceipt, SplitNumbers, Failover, OneSession}
}

// ParsePartial reads a list with commas: "all", "none", or names.
func ParsePartial(list string) ([]string, error) {
	switch list {
	case "all":
		return PartialFaults(), nil
	case "", "none":
		return nil, nil
	}
	names := strings.Split(list, ",")
	for _, n := range names {
		if !slices.Contains(PartialFaults(), n) {
			return nil, fmt.Errorf("%q is none of the partial faults: %s", n, strings.Join(PartialFaults(), ", "))
		}
	}
	return names, nil
}

// lone tells whether the run has this fault and nothing else that could hold an invoice up.
func (o Options) lone() bool {
	return len(o.Partial) == 1 && o.Faults == 0 && o.Blows.none()
}

// has tells whether a fault is in this run. Two of them change what the whole run stands on, so the seeds share them
// out; one that was ordered alone is in every run.
func (o Options) has(name string) bool {
	if !slices.Contains(o.Partial, name) {
		return false
	}
	switch {
	case len(o.Partial) == 1:
		return true
	case name == ArchiveHangs:
		return o.Seed%everyOther == 1
	case name == Failover:
		return o.Seed%everyThird == 0
	}
	return true
}

// spell is a time of partial sickness.
type spell struct {
	kind  string
	at    time.Duration // from the beginning of the run
	lasts time.Duration
	fault *simulator.Fault // for what the simulator does
	nip   string           // of the tenant that it is about, "" for none
	lag   time.Duration    // of the replica
}

// omens draws what is sick when, and the bent answers, which have no time of their own: the simulator has them from the
// start. The dice are not those of the run itself: with or without partial faults a seed hands in the same invoices and
// deals the same blows.
func omens(o Options, e *export, dice *rand.Rand) (spells []spell, bent []simulator.Fault) {
	few := 1 + int(o.Feed/time.Minute)
	for _, kind := range PartialFaults() {
		draw := rand.New(rand.NewPCG(o.Seed, dice.Uint64())) // so that a fault alone strikes as it does in company
		if !o.has(kind) {
			continue
		}
		bent = append(bent, o.bent(kind, e, draw)...)
		for range few {
			if s, is := o.spell(kind, draw); is {
				spells = append(spells, s)
			}
			if kind == NewerEntry || o.lone() {
				break
			}
		}
	}
	slices.SortStableFunc(spells, func(a, b spell) int { return int(a.at - b.at) })
	return spells, bent
}

// spell draws one time of sickness. A lone fault lasts through most of the run: what waits for it waits long enough to
// be seen.
func (o Options) spell(kind string, dice *rand.Rand) (s spell, is bool) {
	s = spell{kind: kind, lasts: min(shortestSpell+time.Duration(dice.Int64N(int64(longestSpell-shortestSpell))), o.Feed/3)}
	s.at = time.Duration(dice.Int64N(int64(o.Feed - s.lasts)))
	if o.lone() {
		s.at, s.lasts = o.Feed/10, o.Feed*8/10
	}
	nip := sample.NIP(dice.IntN(o.Tenants))
	fault := func(kinds ...string) *simulator.Fault {
		f := &simulator.Fault{Kind: kinds[dice.IntN(len(kinds))], Lasting: s.lasts, Label: label + kind}
		if f.Kind == simulator.Status {
			f.Code = 502 + dice.IntN(2)
		}
		return f
	}
	switch kind {
	case Tenant5xx:
		s.nip, s.fault = nip, fault(simulator.Status)
		s.fault.NIP = nip
	case TenantHangs:
		s.nip, s.fault = nip, fault(simulator.Hang, simulator.Reset, simulator.HTML200)
		s.fault.NIP = nip
	case Operation5xx:
		s.fault = fault(simulator.Status)
		among := []string{"upo", "upo", "sessionStatus", "invoices", "openBatch", "close", "send", "openOnline", "publicKey"}
		s.fault.On = among[dice.IntN(len(among))]
		if o.lone() {
			s.fault.On = "upo" // the one that holds up nothing but receipts
		}
	case PartStore:
		s.fault = fault(simulator.Status, simulator.Hang, simulator.Reset)
		s.fault.On = "part"
	case OneSession:
		s.fault = fault(simulator.Status)
		s.fault.OneSession = true
		among := []string{"sessionStatus", "invoices", "upo"}
		s.fault.On = among[dice.IntN(len(among))]
		if o.lone() {
			s.fault.On = "sessionStatus" // the one that comes first, and without which nothing follows
		}
	case KeylessWorker:
		s.nip = nip
	case Failover:
		s.lag = longestLag/5 + time.Duration(dice.Int64N(int64(longestLag*4/5)))
	case ArchiveHangs, NewerEntry:
	default:
		return s, false
	}
	return s, true
}

// bent draws the answers that are bent. What is left out, or cannot be read, for ever is one of the good invoices: those
// the session's receipt proves, while nothing in the world tells what became of a refused one that is never listed.
func (o Options) bent(kind string, e *export, dice *rand.Rand) (all []simulator.Fault) {
	few := 2 + o.Invoices/100
	bend := func(f simulator.Fault) {
		f.Label = label + kind
		if f.Times == 0 {
			f.Times = few
		}
		if f.Number == "" {
			f.Probability = 0.1
		}
		all = append(all, f)
	}
	good := func() string {
		for {
			if it := e.items[dice.IntN(len(e.items))]; !it.bad {
				return plain(it.number)
			}
		}
	}
	switch kind {
	case Rewritten:
		for _, as := range []string{simulator.Doubled, simulator.NoBreak, simulator.Tabbed, simulator.TrailBlank} {
			bend(simulator.Fault{Kind: simulator.NumberRewritten, As: as})
		}
	case Missing:
		bend(simulator.Fault{Kind: simulator.ListOmit, On: "invoices", For: brief})
		for range 2 {
			bend(simulator.Fault{Kind: simulator.ListOmit, On: "invoices", Number: good()})
		}
	case Unnamed:
		bend(simulator.Fault{Kind: simulator.Unnamed, For: brief})
		for range 2 {
			bend(simulator.Fault{Kind: simulator.Unnamed, Number: good()})
		}
	case Undecodable:
		for _, as := range []string{simulator.NumericNumber, simulator.TextCode, simulator.LoneExtension, simulator.MappedExtension} {
			bend(simulator.Fault{Kind: simulator.Undecodable, As: as, For: brief})
		}
		for _, as := range []string{simulator.OddDate, simulator.TextOrdinal} { // only shown, never judged by
			bend(simulator.Fault{Kind: simulator.Undecodable, As: as})
		}
	case ShortReceipt:
		bend(simulator.Fault{Kind: simulator.ReceiptOmit, For: brief})
	case SplitNumbers:
		bend(simulator.Fault{Kind: simulator.KsefNumberSplit})
	}
	return all
}

// plain is a number with its white space in order, as KSeF keeps it.
func plain(number string) string { return strings.Join(strings.Fields(number), " ") }

// oddNumber is the P_2 of the i-th invoice in a run whose faults need one of a certain form: with white space that can
// come back otherwise, or of digits alone, which can come back as a JSON number.
func (o Options) oddNumber(i int, usual string) string {
	switch {
	case o.has(Rewritten) && i%8 == 1:
		return fmt.Sprintf("CHAOS %d %06d", o.Seed, i)
	case o.has(Rewritten) && i%8 == 3:
		return fmt.Sprintf("CHAOS  %d  %06d", o.Seed, i)
	case o.has(Rewritten) && i%8 == 5:
		return fmt.Sprintf("CHAOS\u00a0%d %06d", o.Seed, i)
	case o.has(Undecodable) && i%8 == 7:
		return fmt.Sprintf("%d%06d", 2026+o.Seed, i)
	}
	return usual
}
