package ledger

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/redis/go-redis/v9"
)

// Home says where the invoices of a ledger go. The first process that takes an invoice in, or sends
// one, writes the home. Every other process compares the home with its own configuration. Otherwise
// a real invoice could go to a test environment, or a test invoice could be issued. The zero value
// means that no home was written.
type Home struct {
	V           int    `json:"v"`                 // the format; a program must be able to read it to use the ledger
	Environment string `json:"environment"`       // as configured: test, demo, production or custom
	Address     string `json:"address"`           // of the gateway, or of KSeF itself when no tenant uses the gateway
	Purging     bool   `json:"purging,omitempty"` // the ledger is being purged; see [Ledger.Purge]

	// The way to a newer format ([FormatStore]).
	Writes int    `json:"writes,omitempty"` // the newest format that may be written; 0 is the first
	Next   int    `json:"next,omitempty"`   // the format that will be written next, now that every process can read it; 0: none
	Since  Millis `json:"since,omitempty"`  // when the last step towards Next was made
}

// String returns the home as people read it.
func (h Home) String() string { return h.Environment + " at " + h.Address }

// custom is the environment that only its address identifies.
const custom = "custom"

// Same reports whether h and o send to the same KSeF. They do if they have the same address, or the
// same environment other than custom. The environment counts too, because a later build may change
// the address of an environment.
func (h Home) Same(o Home) bool {
	return sameAddress(h.Address, o.Address) || h.Environment == o.Environment && h.Environment != custom
}

func sameAddress(a, b string) bool { return plainAddress(a) == plainAddress(b) }

// plainAddress writes an address in one form. It changes it to lower case and removes the scheme's
// own port and slashes at the end.
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

// HomeStore makes sure that a ledger is used only for the environment that it belongs to.
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
	if h, raw, err = homeIn(hs.store, hs.rdb.Get(ctx, hs.key(keyHome))); err != nil {
		return Home{}, "", hs.unreadableHome(err)
	}
	return h, raw, nil
}

func (hs *HomeStore) unreadableHome(err error) error {
	return fmt.Errorf("read where the ledger belongs (%s): %w", hs.key(keyHome), sickOr(err, keyHome))
}

// decodeHome decodes a home of any format. A newer build may have changed everything but the
// number of the format.
func decodeHome(raw string) (h Home, err error) {
	if err = json.Unmarshal([]byte(raw), &h); err == nil {
		return h, nil
	}
	var newer struct{ V int }
	if json.Unmarshal([]byte(raw), &newer) == nil && newer.V > Format {
		return Home{V: newer.V}, nil
	}
	return Home{}, err
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
		at, raw, err = hs.writeFirst(ctx, here)
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

// writeFirst writes the home of a ledger that has none.
func (hs *HomeStore) writeFirst(ctx context.Context, here Home) (at Home, raw string, err error) {
	used, err := hs.rdb.Exists(ctx, hs.key(keySellers), hs.key(keyState, string(Queued))).Result()
	if err != nil {
		return Home{}, "", fmt.Errorf("look whether the ledger is empty: %w", err)
	}
	now, err := hs.Clock(ctx)
	if err != nil {
		return Home{}, "", err
	}
	return hs.writeHome(ctx, here.first(used == 0, At(now)), "")
}

// claim is what a process has claimed. here is where it sends, and home is the home as it stands in
// Redis.
type claim struct {
	here Home
	home string
}

// atHome runs the script s of a verb after which something is sent. The caller leaves the first
// argument of the verb empty, and atHome puts the home that this process has claimed there. If
// Redis has another home now, the process claims again: Redis may have been emptied, or the gateway
// may have moved. atHome returns a [*HomeError] if the ledger belongs to another environment or
// gateway now. If this process has never claimed the ledger, the home is not compared.
func (hs *HomeStore) atHome(
	ctx context.Context, run func(context.Context, *redis.Script, []any) ([]any, error), s *redis.Script, args []any,
) ([]any, error) {
	const first = 2 // behind the prefix and "now,outbox"
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

// stillHere checks the home that cmd has just read. It returns an error if the ledger belongs
// elsewhere now, or has a format that this build does not know. Documents must not be taken in
// then. If this process has never claimed the ledger, only the format is checked.
func (hs *HomeStore) stillHere(ctx context.Context, cmd *redis.StringCmd) error {
	_, raw, err := homeIn(hs.store, cmd)
	if err != nil {
		return hs.unreadableHome(err)
	}
	if c := hs.claimed.Load(); c != nil && c.home != raw {
		return hs.Claim(ctx, c.here)
	}
	return nil
}

// Rehome writes that the gateway of a ledger has another address now. Only a home that is
// identified by its address can move. from is the home as the caller read it. Rehome changes
// nothing if the home has changed since. It returns a [*HomeError] if the ledger does not belong to
// the new address afterwards.
func (hs *HomeStore) Rehome(ctx context.Context, from, to Home) error {
	at, raw, err := hs.home(ctx)
	if err != nil {
		return err
	}
	if at == from && !at.Purging && at.Environment == custom && to.Environment == custom {
		if at, _, err = hs.writeHome(ctx, to.sameFormat(at), raw); err != nil {
			return err
		}
	}
	return hs.fits(at, to)
}

// writeHome replaces the home if Redis still has the text old. It returns the home that is there
// afterwards, decoded and as it stands in Redis.
func (hs *HomeStore) writeHome(ctx context.Context, h Home, old string) (at Home, raw string, err error) {
	value, err := json.Marshal(h)
	if err == nil {
		var r []any
		if r, err = hs.run(ctx, homeScript, hs.args(value, old)); err == nil {
			raw = text(cell(r, 0))
			at, err = parseHome(hs.store, raw)
		}
	}
	if err != nil {
		return Home{}, "", fmt.Errorf("write where the ledger belongs: %w", err)
	}
	return at, raw, nil
}
