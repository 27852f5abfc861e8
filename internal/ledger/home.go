package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Home says where the invoices of a ledger go. The first process that works with the ledger writes
// it, and every other process compares: an invoice that a test environment accepted is not in KSeF,
// and an invoice that is meant for a test must not be issued. The zero value means that no home was
// written.
type Home struct {
	V           int    `json:"v"`
	Environment string `json:"environment"`       // as configured: test, demo, production or custom
	Address     string `json:"address"`           // of the gateway
	Purging     bool   `json:"purging,omitempty"` // the ledger is being purged; see [Ledger.Purge]
}

// String returns the home as people read it.
func (h Home) String() string { return h.Environment + " at " + h.Address }

// custom is the environment that only its address identifies.
const custom = "custom"

// Same reports whether both send to the same KSeF. Environments with a name are compared by name,
// so that a later build may change the address; custom is not such a name.
func (h Home) Same(o Home) bool {
	return sameAddress(h.Address, o.Address) || h.Environment == o.Environment && h.Environment != custom
}

func sameAddress(a, b string) bool { return plainAddress(a) == plainAddress(b) }

// plainAddress writes an address in one form: lower case, without the scheme's own port and without
// a slash at the end.
func plainAddress(s string) string {
	s = strings.ToLower(strings.TrimRight(s, "/"))
	u, err := url.Parse(s)
	if err != nil {
		return s
	}
	if ports := map[string]string{"https": "443", "http": "80"}; u.Port() != "" && u.Port() == ports[u.Scheme] {
		u.Host = strings.TrimSuffix(u.Host, ":"+u.Port())
	}
	return u.String()
}

// HomeError says that a process must not use a ledger, because it belongs to another environment or
// gateway, or is being purged.
type HomeError struct {
	Home   Home // of the ledger
	Here   Home // of the process
	Prefix string
}

func (e *HomeError) Error() string {
	if e.Home.Purging {
		return fmt.Sprintf("the ledger under redis.prefix %s (%s) is being purged and is not complete any more: "+
			"run enqueue purge again, to its end", e.Prefix, e.Home)
	}
	moved := ""
	if e.Home.Environment == custom && e.Here.Environment == custom {
		moved = "; if it is the same gateway at a new address, say so once: enqueue moved --from " + e.Home.Address
	}
	return fmt.Sprintf("the ledger under redis.prefix %s belongs to %s, and this configuration is for %s: "+
		"give each a ledger of its own, by another database (redis.url) or another redis.prefix, and another archive.url%s", e.Prefix,
		e.Home, e.Here, moved)
}

// HomeStore keeps a ledger to the environment that it belongs to.
type HomeStore struct {
	*store
	claimed atomic.Pointer[claim]
}

// Home reads where the ledger belongs; the zero value if no process has claimed it.
func (hs *HomeStore) Home(ctx context.Context) (Home, error) {
	h, _, err := hs.home(ctx)
	return h, err
}

func (hs *HomeStore) home(ctx context.Context) (h Home, raw string, err error) {
	raw, err = hs.rdb.Get(ctx, hs.key(keyHome)).Result()
	if errors.Is(err, redis.Nil) {
		return Home{}, "", nil
	}
	if err == nil {
		h, err = parseHome(raw)
	}
	if err != nil {
		return Home{}, "", fmt.Errorf("read where the ledger belongs (%s): %w", hs.key(keyHome), err)
	}
	return h, raw, nil
}

func parseHome(raw string) (Home, error) {
	var h Home
	err := json.Unmarshal([]byte(raw), &h)
	if err == nil && h.V > Version {
		err = ErrNewer
	}
	return h, err
}

// CheckHome returns a [*HomeError] if the ledger belongs elsewhere. It writes nothing. A ledger
// that no process has claimed fits every process.
func (hs *HomeStore) CheckHome(ctx context.Context, here Home) error {
	at, err := hs.Home(ctx)
	if err != nil {
		return err
	}
	return hs.fits(at, here)
}

func (hs *HomeStore) fits(at, here Home) error {
	if at == (Home{}) || at.Same(here) && !at.Purging {
		return nil
	}
	return &HomeError{Home: at, Here: here, Prefix: hs.prefix}
}

// Claim writes, before the first invoice is taken in or sent, that the ledger belongs here. It
// returns a [*HomeError] if the ledger belongs elsewhere. When several processes claim it at once,
// the first one decides. A ledger that was made before homes were recorded belongs to the first
// process that claims it.
func (hs *HomeStore) Claim(ctx context.Context, here Home) error {
	at, raw, err := hs.home(ctx)
	if err == nil && raw == "" {
		at, raw, err = hs.writeHome(ctx, here, "")
	}
	if err != nil {
		return err
	}
	if err := hs.fits(at, here); err != nil {
		return err
	}
	hs.claimed.Store(&claim{here: here, home: raw})
	return nil
}

// claim is what a process has claimed: where it sends, and the home as it stands in Redis.
type claim struct {
	here Home
	home string
}

// atHome runs a verb after which something is sent. Its first argument is replaced by the home that
// this process has claimed. If Redis has another home now, the process claims again: Redis may have
// been emptied, or the gateway may have moved. It returns a [*HomeError] if the ledger belongs to
// another environment now. A ledger that was never claimed by this process is not compared.
func (hs *HomeStore) atHome(
	ctx context.Context, run func(context.Context, *redis.Script, []any) ([]any, error), s *redis.Script, args []any,
) ([]any, error) {
	const first = 2 // behind the prefix and the time
	c := hs.claimed.Load()
	if c == nil {
		return run(ctx, s, args)
	}
	args[first] = c.home
	r, err := run(ctx, s, args)
	if !redis.HasErrorPrefix(err, "ELSEWHERE") {
		return r, err
	}
	if err := hs.Claim(ctx, c.here); err != nil {
		return nil, err
	}
	args[first] = hs.claimed.Load().home
	return run(ctx, s, args)
}

// Rehome writes that the gateway of a ledger has another address now. Only a home that is
// identified by its address can move. from is the home as the caller read it; Rehome returns a
// [*HomeError] if the home has changed since.
func (hs *HomeStore) Rehome(ctx context.Context, from, to Home) error {
	at, raw, err := hs.home(ctx)
	if err != nil {
		return err
	}
	if at == from && !at.Purging && at.Environment == custom && to.Environment == custom {
		if at, _, err = hs.writeHome(ctx, to, raw); err != nil {
			return err
		}
	}
	return hs.fits(at, to)
}

// writeHome replaces the home that was read as old, and returns the one that is there afterwards,
// as it stands in Redis too.
func (hs *HomeStore) writeHome(ctx context.Context, h Home, old string) (at Home, raw string, err error) {
	h.V = Version
	value, err := json.Marshal(h)
	if err == nil {
		var r []any
		if r, err = hs.run(ctx, homeScript, hs.args(value, old)); err == nil {
			raw = text(cell(r, 0))
			at, err = parseHome(raw)
		}
	}
	if err != nil {
		return Home{}, "", fmt.Errorf("write where the ledger belongs: %w", err)
	}
	return at, raw, nil
}
