//go:build unix

package chaos

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
	"ksefworker/internal/sample"
)

// planted are an invoice and a package as a newer build would write them. They are written directly
// into Redis, because no operation of this build's ledger writes them.
type planted struct {
	invoice, pack string                       // their ids
	was           map[string]map[string]string // what was written, by key
}

const (
	prefix       = "ksef:"
	newerVersion = 9
	// The sweep searches these states for entries that nobody works on.
	newerState   = ledger.Queued
	newerPackage = ledger.PackageProcessing
)

// plant writes an invoice and a package of a newer version. They are older than every other entry
// in the same state, so that the sweep meets them first.
func plant(ctx context.Context, rdb redis.UniversalClient, now time.Time) (*planted, error) {
	p := &planted{invoice: "inv-newer", pack: "pkg-newer", was: map[string]map[string]string{}}
	then := now.Add(-time.Hour).UnixMilli()
	p.was[prefix+"inv:"+p.invoice] = map[string]string{
		"rev": "1", "state": string(newerState), "number": "NEWER/1", "lane": "auto", "updated_at": fmt.Sprint(then),
		"deadline": fmt.Sprint(now.Add(time.Hour).UnixMilli()),
		"facts":    fmt.Sprintf(`{"v":%d,"id":%q,"shape":"another"}`, newerVersion, p.invoice),
	}
	p.was[prefix+"pkg:"+p.pack] = map[string]string{
		"v": fmt.Sprint(newerVersion), "id": p.pack, "rev": "1", "state": string(newerPackage), "lane": "bulk",
		"tenant": sample.NIP(0), "session": "20261123-SB-0000000000-0000000000-99", "updated_at": fmt.Sprint(then),
	}
	_, err := rdb.TxPipelined(ctx, func(tx redis.Pipeliner) error {
		for key, fields := range p.was {
			tx.HSet(ctx, key, fields)
		}
		tx.ZAdd(ctx, prefix+"st:"+string(newerState), redis.Z{Score: float64(then), Member: p.invoice})
		tx.ZAdd(ctx, prefix+"due", redis.Z{Score: float64(now.Add(time.Hour).UnixMilli()), Member: p.invoice})
		tx.ZAdd(ctx, prefix+"pst:"+string(newerPackage), redis.Z{Score: float64(then), Member: p.pack})
		return nil
	})
	return p, err
}

// count returns how many planted invoices are in a state. A nil planted has none.
func (p *planted) count(s ledger.State) int64 {
	if p != nil && s == newerState {
		return 1
	}
	return 0
}

// has reports whether an entry was planted. A nil planted has none.
func (p *planted) has(id string) bool { return p != nil && (id == p.invoice || id == p.pack) }

// check reports planted entries that were changed, and those that no worker has logged.
func (p *planted) check(ctx context.Context, rdb redis.UniversalClient, logs []string) (errs []error) {
	for _, key := range slices.Sorted(maps.Keys(p.was)) {
		is, err := rdb.HGetAll(ctx, key).Result()
		if err == nil && !maps.Equal(is, p.was[key]) {
			err = fmt.Errorf("was %v, is %v", p.was[key], is)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("the newer entry %s: %w", key, err))
		}
	}
	text := ""
	for _, path := range logs {
		data, err := os.ReadFile(path)
		errs = append(errs, err)
		text += string(data)
	}
	for _, id := range []string{p.invoice, p.pack} {
		if !strings.Contains(text, id) {
			errs = append(errs, errors.New("no worker logged the newer entry "+id))
		}
	}
	return errs
}
