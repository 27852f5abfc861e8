package ledger

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/redis/go-redis/v9"
)

// Home says where the invoices of a ledger go. It is written once, by the first process that means
// to work with the ledger, and every other one compares: an invoice that a test environment
// accepted is not in KSeF, and one that waits for a test must not be issued. The zero value is a
// home that nobody has written.
type Home struct {
	V           int    `json:"v"`
	Environment string `json:"environment"`       // as configured: test, production or custom
	Address     string `json:"address"`           // of the gateway
	Purging     bool   `json:"purging,omitempty"` // the ledger is being dropped; see [Ledger.Purge]
}

// String names it for people.
func (h Home) String() string { return h.Environment + " at " + h.Address }

// custom is the environment that is known by its address alone.
const custom = "custom"

// Same reports that both send to the same KSeF. What is said by name goes by the name, so that its
// address may change with a later build; custom is no name.
func (h Home) Same(o Home) bool {
	return sameAddress(h.Address, o.Address) || h.Environment == o.Environment && h.Environment != custom
}

func sameAddress(a, b string) bool {
	return strings.EqualFold(strings.TrimRight(a, "/"), strings.TrimRight(b, "/"))
}

// HomeError refuses a process that would work with a ledger of another environment or gateway.
type HomeError struct {
	Home   Home // of the ledger
	Here   Home // of the process
	Prefix string
}

func (e *HomeError) Error() string {
	if e.Home.Purging {
		return fmt.Sprintf("the ledger under redis.prefix %s (%s) is being dropped, and what is left of it is not whole: "+
			"run enqueue purge again, to its end", e.Prefix, e.Home)
	}
	moved := ""
	if e.Home.Environment == custom && e.Here.Environment == custom {
		moved = "; if it is the same gateway at a new address, say so once: enqueue moved --from " + e.Home.Address
	}
	return fmt.Sprintf("the ledger under redis.prefix %s belongs to %s, and this configuration is for %s: "+
		"give each a ledger of its own, by another database (redis.url) or another redis.prefix%s", e.Prefix, e.Home, e.Here, moved)
}

// Home reads where the ledger belongs; the zero value when nobody has said so.
func (l *Ledger) Home(ctx context.Context) (Home, error) {
	h, _, err := l.home(ctx)
	return h, err
}

func (l *Ledger) home(ctx context.Context) (h Home, raw string, err error) {
	raw, err = l.rdb.Get(ctx, l.key(keyHome)).Result()
	if errors.Is(err, redis.Nil) {
		return Home{}, "", nil
	}
	if err == nil {
		h, err = parseHome(raw)
	}
	if err != nil {
		return Home{}, "", fmt.Errorf("read where the ledger belongs (%s): %w", l.key(keyHome), err)
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

// CheckHome compares and writes nothing: a [*HomeError] when the ledger belongs elsewhere. A ledger
// that nobody has claimed is fit for all.
func (l *Ledger) CheckHome(ctx context.Context, here Home) error {
	at, err := l.Home(ctx)
	if err != nil {
		return err
	}
	return l.fits(at, here)
}

func (l *Ledger) fits(at, here Home) error {
	if at == (Home{}) || at.Same(here) && !at.Purging {
		return nil
	}
	return &HomeError{Home: at, Here: here, Prefix: l.prefix}
}

// Claim says, before the first invoice is taken or sent, that the ledger belongs here, unless it
// belongs elsewhere: a [*HomeError] then. Of several processes that claim it at once the first
// decides. One that is older than this record has no home and is taken for that of whoever comes
// first.
func (l *Ledger) Claim(ctx context.Context, here Home) error {
	at, raw, err := l.home(ctx)
	if err == nil && raw == "" {
		at, err = l.writeHome(ctx, here, "")
	}
	if err != nil {
		return err
	}
	return l.fits(at, here)
}

// Rehome says that the gateway of a ledger has another address now. Only one that is known by its
// address can have moved; from is the home as the caller read it, and a [*HomeError] says that it
// is another one by now.
func (l *Ledger) Rehome(ctx context.Context, from, to Home) error {
	at, raw, err := l.home(ctx)
	if err != nil {
		return err
	}
	if at == from && !at.Purging && at.Environment == custom && to.Environment == custom {
		if at, err = l.writeHome(ctx, to, raw); err != nil {
			return err
		}
	}
	return l.fits(at, to)
}

// writeHome puts a home in place of the one that was read as raw, and returns the one that is there
// then.
func (l *Ledger) writeHome(ctx context.Context, h Home, raw string) (Home, error) {
	h.V = Version
	value, err := json.Marshal(h)
	if err == nil {
		var r []any
		if r, err = l.run(ctx, homeScript, l.args(value, raw)); err == nil {
			h, err = parseHome(text(cell(r, 0)))
		}
	}
	if err != nil {
		return Home{}, fmt.Errorf("write where the ledger belongs: %w", err)
	}
	return h, nil
}
