package ratelimit

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/redisd/redistest"
)

// spoil puts something into a key that the limiter never writes there.
func spoil(t *testing.T, client *redis.Client, key string) {
	t.Helper()
	client.Del(t.Context(), key)
	if err := client.RPush(t.Context(), key, "x").Err(); err != nil {
		t.Fatal(err)
	}
}

// When the log of a tenant's group cannot be read, the number of the group's past requests is not
// known. So this tenant makes no request of this group until a person deletes the key. Everything
// else goes on.
func TestSickLog_OnlyRequestsOfItsGroupStop(t *testing.T) {
	client, _ := redistest.New(t)
	s, other := NewRedis(client, "test:"), Key{"1111111111", send.Group}
	log := s.key(send)
	for what, sick := range map[string]func(){
		"a log of another type":       func() { spoil(t, client, log) },
		"a log that holds other text": func() { client.Set(t.Context(), log, "hello", 0) },
		"a log that is cut off":       func() { client.Set(t.Context(), log, "\x01"+strings.Repeat("\x00", 18), 0) },
	} {
		sick()
		_, booked := s.Book(t.Context(), Request{Key: send, Limits: three, MaxWait: time.Hour})
		_, counted := s.Usage(t.Context(), send, three)
		frozen := s.Freeze(t.Context(), send, time.Minute, CauseDenied)
		_, _, throttled := s.Throttle(t.Context(), send, time.Minute)
		for _, err := range []error{booked, counted, frozen, throttled} {
			if e, ok := errors.AsType[*SickLogError](err); !ok || e.Key != send || !strings.Contains(err.Error(), "the key "+log) {
				t.Errorf("%s: Book, Usage, Freeze or Throttle gives %v, want a SickLogError that names the key", what, err)
			}
		}
		mustBook(t, s, Request{Key: Key{send.Tenant, GroupInvoiceStatus}, Limits: three, MaxWait: time.Hour})
		mustBook(t, s, Request{Key: other, Limits: three, MaxWait: time.Hour})
		if all, err := s.Usages(t.Context(), []Key{send, other}, nil); err != nil || len(all) != 1 {
			t.Errorf("%s: Usages gives %v (error %v), want the other key alone", what, all, err)
		}
		client.Del(t.Context(), log)
		mustBook(t, s, Request{Key: send, Limits: three})
		client.Del(t.Context(), log)
	}
}

// The limiter can do without the content of the other keys. The first call that finds a value of
// the wrong type in one of them deletes the key, reports that, and goes on with its work. Only the
// key with the cause of a freeze is overwritten instead.
func TestSickKeys_OfAnotherType_BeginAgainAndNothingIsLost(t *testing.T) {
	client, _ := redistest.New(t)
	s := NewRedis(client, "test:")
	var deleted []string
	s.OnDeleted(func(key, held string) {
		if held != "list" {
			t.Errorf("OnDeleted says that %s held a %s, want a list", key, held)
		}
		deleted = append(deleted, key)
	})
	c, err := NewCircuit(s, CircuitOptions{Failures: 1})
	if err != nil {
		t.Fatal(err)
	}
	pair := Pair{Host: "host", Tenant: "1", Group: "g"}
	one := Limits{{1, time.Hour}}
	waits := func() error {
		_, err := s.Book(t.Context(), Request{Key: send, Limits: one, Ticket: "x"})
		if _, ok := errors.AsType[*NotNow](err); ok {
			return nil
		}
		return errors.Join(err, errors.New("the limit is not kept"))
	}
	fails := func() error { return c.Failure(t.Context(), pair) }
	for key, does := range map[string]func() error{
		"rate-clock":                                 waits,
		"rate:5265877635:invoiceSend:why":            waits,
		"waitlist:5265877635:invoiceSend:urgent":     waits,
		"waitlist:5265877635:invoiceSend:urgent:due": waits,
		"strikes429:5265877635:invoiceSend": func() error {
			_, n, err := s.Throttle(t.Context(), send, time.Millisecond)
			if n != 1 {
				t.Errorf("Throttle counts %d answers 429 in a row, want 1", n)
			}
			return err
		},
		"circuit:host":     fails,
		"circuit:host|1:g": fails,
		"circuit:host|*":   fails,
	} {
		client.FlushAll(t.Context())
		mustBook(t, s, Request{Key: send, Limits: one})
		spoil(t, client, "test:"+key)
		deleted = nil
		if u, err := s.Usage(t.Context(), send, one); err != nil || u.Windows[0].Used != 1 {
			t.Errorf("%s: the usage is %+v (error %v), want one booked", key, u, err)
		}
		if err := s.Leave(t.Context(), send, "y"); err != nil {
			t.Errorf("%s: Leave gives the error %v", key, err)
		}
		if err := does(); err != nil {
			t.Errorf("%s: a call that needs the key gives the error %v", key, err)
		}
		if strings.HasSuffix(key, ":why") {
			continue // this key is overwritten, and counts as empty until then
		}
		if len(deleted) != 1 || deleted[0] != "test:"+key {
			t.Errorf("%s: OnDeleted was called for %v, want this key alone", key, deleted)
		}
		if _, err := s.Waitlisted(t.Context(), []Key{send}); err != nil {
			t.Errorf("%s: Waitlisted gives the error %v", key, err)
		}
		if strings.HasPrefix(key, "circuit:") {
			if open, err := c.Open(t.Context(), "host"); err != nil || len(open) != 1 {
				t.Errorf("%s: the open circuits are %v (error %v), want one", key, open, err)
			}
		}
	}
	spoil(t, client, "test:circuit:host|*")
	spoil(t, client, "test:waitlist:5265877635:invoiceSend:rest")
	if _, err := c.Open(t.Context(), "host"); err != nil {
		t.Error(err)
	}
	if _, err := s.Waitlisted(t.Context(), []Key{send}); err != nil {
		t.Error(err)
	}
}
