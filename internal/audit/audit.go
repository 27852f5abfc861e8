// Package audit records what people do on the business page, on the command line and over HTTP,
// with who did it and when. The log is a stream in Redis that keeps the newest entries. It has ids
// and the names of tenants, but no content of an invoice. The reason that a person gives is in the
// ledger only.
package audit

import (
	"cmp"
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// MaxEntries is the approximate number of entries that are kept. They take some 15 MB of Redis. The
// oldest go first.
const MaxEntries = 100_000

// Entry is one action of a person, done or not done.
type Entry struct {
	At     time.Time `json:"at"` // Redis's clock; [Log.Record] ignores it
	Who    string    `json:"who"`
	Via    string    `json:"via"`  // page, enqueue or http
	What   string    `json:"what"` // one of the verbs below
	Tenant string    `json:"tenant,omitempty"`
	ID     string    `json:"id,omitempty"` // of an invoice or a refusal, or what the verb is about
	// NotDone says why the action was not done; "" when it was done or is being done.
	NotDone string `json:"not_done,omitempty"`
}

// The verbs.
const (
	Login   = "login"
	Logout  = "logout"
	Refused = "login refused"
	Retry   = "retry"
	Dismiss = "dismiss"
	Seen    = "seen"
	Unseen  = "not seen"
	Pause   = "pause"
	Drain   = "drain"
	Resume  = "resume"
	Resend  = "resend"
	// CallAgain lets a receiver of results be called again at once.
	CallAgain = "call again"
	Export    = "export"
	// ExportInvoices is an export of the results of a search. Export is an export of open items.
	ExportInvoices = "export invoices"
)

// Log is the stream. Safe for concurrent use.
type Log struct {
	rdb redis.UniversalClient
	key string
}

// New returns the log of the pool with this prefix of keys.
func New(rdb redis.UniversalClient, prefix string) *Log { return &Log{rdb, prefix + "audit"} }

// maxText bounds each text of an entry, in bytes.
const maxText = 200

// Record adds an entry.
func (l *Log) Record(ctx context.Context, e Entry) error {
	values := make([]any, 0, 12)
	for _, f := range [][2]string{{"who", e.Who}, {"via", e.Via}, {"what", e.What}, {"tenant", e.Tenant}, {"id", e.ID},
		{"not", e.NotDone}} {
		if f[1] != "" {
			values = append(values, f[0], strings.ToValidUTF8(f[1][:min(len(f[1]), maxText)], ""))
		}
	}
	if err := l.rdb.XAdd(ctx, &redis.XAddArgs{Stream: l.key, MaxLen: MaxEntries, Approx: true, Values: values}).Err(); err != nil {
		return fmt.Errorf("write audit log: %w", l.sickOr(err))
	}
	return nil
}

// Place is where a list goes on; "" begins at the newest entry.
type Place string

// List returns up to limit entries, the newest first, and none older than since. before is the
// value of next from an earlier call, or "" to begin at the newest entry. next is "" when there are
// no older entries.
func (l *Log) List(ctx context.Context, before Place, since time.Time, limit int) (entries []Entry, next Place, err error) {
	last, first := "+", "-"
	if before != "" {
		last = "(" + string(before)
	}
	if !since.IsZero() {
		first = strconv.FormatInt(since.UnixMilli(), 10)
	}
	read, err := l.rdb.XRevRangeN(ctx, l.key, last, first, int64(limit)+1).Result()
	if err != nil {
		return nil, "", fmt.Errorf("read audit log: %w", l.sickOr(err))
	}
	if len(read) > limit {
		read = read[:limit]
		next = Place(read[limit-1].ID)
	}
	for _, m := range read {
		text := func(name string) string { s, _ := m.Values[name].(string); return s }
		ms, _, _ := strings.Cut(m.ID, "-")
		at, _ := strconv.ParseInt(ms, 10, 64)
		entries = append(entries, Entry{At: time.UnixMilli(at), Who: text("who"), Via: text("via"), What: text("what"),
			Tenant: text("tenant"), ID: text("id"), NotDone: text("not")})
	}
	return entries, next, nil
}

// Recorder records what one program does.
type Recorder struct {
	Log *Log
	Via string
}

// Begin records that somebody is about to do something. When Begin returns an error, the caller
// must not do it. A nil Recorder records nothing.
func (r *Recorder) Begin(ctx context.Context, e Entry) error {
	if r == nil {
		return nil
	}
	e.Via = cmp.Or(e.Via, r.Via)
	return r.Log.Record(ctx, e)
}

// NotDone records that what Begin recorded was not done after all. The work has failed already, so
// an error of Redis is dropped.
func (r *Recorder) NotDone(ctx context.Context, e Entry, why error) {
	if r == nil || why == nil {
		return
	}
	e.Via, e.NotDone = cmp.Or(e.Via, r.Via), why.Error()
	_ = r.Log.Record(ctx, e)
}
