package httpintake

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/intake"
)

// Client is a program that may call.
type Client struct {
	Name    string
	KeyFile string
	Tenants []string // names of the tenants whose invoices it may hand in and see
	// Keys reads the bearer keys of KeyFile. Each is the key itself, or "sha256:" and the key's
	// hash in hex.
	Keys func() ([]string, error)
}

// keyCheck is the shortest time between two reads of a file of keys. So a removed key stops working
// after this time, unless the file cannot be read.
const keyCheck = time.Second

// client is a Client with its keys as they are now.
type client struct {
	Client
	admitter *intake.Admitter // of its own tenants
	nips     map[string]string
	ownsAll  bool          // it has every tenant of the pool
	looking  chan struct{} // holds one value while a slow search runs for the client: in the refusals or in the archive
	made     made
	holder   func(*client, keys) (string, keys)
	storing  *sync.Mutex // one lock for all clients; held while the keys of any client are replaced

	mu      sync.Mutex
	keys    keys
	shared  keys // in the file, but they open nothing here, because another client's file has them too
	checked time.Time
	reading chan struct{} // closed at the end of the running check of the file; nil when none runs
	fault   string        // the error of the file that was logged last; "" when none
}

// keys are the hashes of what a file of keys held when it was read.
type keys [][sha256.Size]byte

// keyTimeout is how long a call waits for the check of a file of keys. A share that hangs must not
// stop the calls of other clients, so after this time the last keys count.
const keyTimeout = 250 * time.Millisecond

// clients are the programs that may call.
type clients struct {
	all     []*client
	o       Options
	storing sync.Mutex
}

func newClients(o Options) *clients {
	cs := &clients{o: o}
	for _, one := range o.Clients {
		admitter := o.Admitter.Only(one.Tenants)
		admitter.NamedBy = intake.ByField
		c := &client{Client: one, admitter: admitter, nips: nipsOf(admitter.Accounts), looking: make(chan struct{}, 1),
			holder: cs.holder, storing: &cs.storing}
		c.ownsAll = !slices.ContainsFunc(o.Admitter.Accounts, func(a intake.Account) bool { return !slices.Contains(c.Tenants, a.Name) })
		cs.all = append(cs.all, c)
	}
	cs.readFirst()
	return cs
}

// holder finds out which of the keys some are also in the file of a client other than c. It returns
// these keys and the name of one such client. The name is "" if no other client has any of the
// keys.
func (cs *clients) holder(c *client, some keys) (name string, theirs keys) {
	for _, other := range cs.all {
		if other == c {
			continue
		}
		other.mu.Lock()
		both := some.in(append(slices.Clone(other.keys), other.shared...))
		other.mu.Unlock()
		if len(both) > 0 {
			name, theirs = other.Name, append(theirs, both...)
		}
	}
	return name, theirs
}

// of returns the client whose key a request has.
func (cs *clients) of(r *http.Request) (*client, error) {
	given := r.Header.Values("Authorization")
	scheme, key, _ := strings.Cut(strings.Join(given, ","), " ")
	if len(given) != 1 || !strings.EqualFold(scheme, "Bearer") || key == "" {
		return nil, &problem{kind: unauthorized, detail: text{
			en: "send the header Authorization: Bearer KEY with the key of your program",
			pl: "wyślij nagłówek Authorization: Bearer KLUCZ z kluczem swojego programu"}}
	}
	hash := sha256.Sum256([]byte(key))
	var found *client
	for _, c := range cs.all { // even after a match, so that the time of the answer says nothing about the keys
		if c.has(hash, cs.o) {
			found = c
		}
	}
	if found == nil {
		return nil, &problem{kind: unauthorized, detail: text{
			en: "this key is not known; it may have been replaced", pl: "ten klucz nie jest znany; mógł zostać wymieniony"}}
	}
	return found, nil
}

// still returns nil if the key of a request is still the key of this client, and otherwise the
// problem with which a new call would end.
func (cs *clients) still(c *client, r *http.Request) error {
	now, err := cs.of(r)
	if err == nil && now != c {
		return &problem{kind: unauthorized, detail: text{
			en: "this key belongs to another client now", pl: "ten klucz należy teraz do innego klienta"}}
	}
	return err
}

func (c *client) has(hash [sha256.Size]byte, o Options) bool {
	c.await(c.check(o))
	c.mu.Lock()
	defer c.mu.Unlock()
	same := 0
	for i := range c.keys {
		same |= subtle.ConstantTimeCompare(hash[:], c.keys[i][:])
	}
	return same == 1
}

// check begins to read the file when that is due and no check is under way. It returns a channel
// that is closed when the check is over, or nil when it began no check.
func (c *client) check(o Options) <-chan struct{} {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := o.Now()
	if c.reading != nil || now.Sub(c.checked) < keyCheck {
		return nil
	}
	c.checked = now
	had, done := c.keys, make(chan struct{})
	c.reading = done
	go func() {
		got, err := c.refresh(had)
		c.storing.Lock() // two clients may get the same key at once
		other, shared := c.holder(c, got.without(had))
		if other != "" {
			got = got.without(shared)
			err = fmt.Errorf("file %s has a key of intake client %s: give each client a key of its own; until then that key opens nothing for this client", c.KeyFile, other)
		}
		c.mu.Lock()
		c.keys, c.shared, c.reading = got, shared, nil
		c.storing.Unlock()
		fault, told := "", c.fault
		if err != nil {
			fault = err.Error()
		}
		c.fault = fault
		c.mu.Unlock()
		switch {
		case fault == told:
		case fault == "":
			o.Log.Info().Str("client", c.Name).Msg("the file of keys of this client is well again")
		default:
			o.Log.Warn().Err(err).Str("client", c.Name).Int("keys", len(got)).
				Msg("something in the file of keys of this client cannot be used")
		}
		close(done)
	}()
	return done
}

func (c *client) await(done <-chan struct{}) {
	if done == nil {
		return
	}
	timeout := time.NewTimer(keyTimeout)
	defer timeout.Stop()
	select {
	case <-done:
	case <-timeout.C:
	}
}

// refresh reads the file again, even when its time and size have not changed. A new key can have
// the size of the old one, and a copied file may have the old time. When the file is gone, the
// client has no keys. When the file cannot be read for another reason, for example because a share
// is away, the last keys stay. When the file can be read, only the keys in it are valid, even if
// something else in it is wrong, because a key that was removed may have leaked.
func (c *client) refresh(had keys) (keys, error) {
	if _, err := os.Stat(c.KeyFile); errors.Is(err, fs.ErrNotExist) {
		return nil, err
	} else if err != nil {
		return had, err
	}
	got, err := c.read()
	if len(got) < len(had) {
		time.Sleep(rewriteTime) // a file that is written in place is empty, or half there, for a moment
		got, err = c.read()
	}
	if got == nil && err != nil {
		return had, err
	}
	return got, err
}

// in returns the keys of ks that are also in others.
func (ks keys) in(others keys) keys {
	return slices.DeleteFunc(slices.Clone(ks), func(h [sha256.Size]byte) bool { return !slices.Contains(others, h) })
}

// without returns the keys of ks that are not in others.
func (ks keys) without(others keys) keys {
	return slices.DeleteFunc(slices.Clone(ks), func(h [sha256.Size]byte) bool { return slices.Contains(others, h) })
}

// rewriteTime is how long a file must have fewer keys than before until the missing keys stop
// working. It is less than keyTimeout.
const rewriteTime = 100 * time.Millisecond

// read reads the file. If it cannot be read, the keys are nil. If only a part of it is at fault,
// read returns an error and the keys that can be used.
func (c *client) read() (keys, error) {
	texts, err := c.Keys()
	if texts == nil && err != nil {
		return nil, err
	}
	got := keys{}
	for _, key := range texts {
		sum := sha256.Sum256([]byte(key))
		if text, hashed := strings.CutPrefix(key, "sha256:"); hashed {
			raw, fault := hex.DecodeString(text)
			if fault != nil || len(raw) != len(sum) {
				err = fmt.Errorf("file %s has a hash that is not 64 hex digits", c.KeyFile)
				continue
			}
			copy(sum[:], raw)
		}
		got = append(got, sum)
	}
	return got, err
}

// ownerOf returns the client's tenant that has this NIP, and "" when the client has none or several
// with it. Only the client's own tenants count, so that an invented document stays out of the lists
// of others.
func (c *client) ownerOf(nip string) string {
	owner := ""
	for _, a := range c.admitter.Accounts {
		if a.NIP != nip {
			continue
		}
		if owner != "" {
			return ""
		}
		owner = a.Name
	}
	return owner
}
