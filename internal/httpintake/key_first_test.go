package httpintake

import (
	"errors"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// A key was revoked by removing or emptying its file, and then the server was started again. Only
// the client of that file is locked out.
func TestNew_FileOfKeysCannotBeUsed_OnlyItsClientIsLockedOutUntilItIsThere(t *testing.T) {
	for what, spoil := range map[string]func(file string) error{
		"it is gone":  os.Remove,
		"it is empty": func(file string) error { return os.WriteFile(file, nil, 0o600) },
	} {
		now, file := monday, ""
		b := newBench(t, func(o *Options) {
			o.Now = func() time.Time { return now }
			file = o.Clients[0].KeyFile
			read := o.Clients[0].Keys
			o.Clients[0].Keys = func() ([]string, error) { // like the Keys that the configuration makes
				keys, err := read()
				if err == nil && len(keys) == 0 {
					return []string{}, errors.New("file " + file + " has no key")
				}
				return keys, err
			}
			if err := spoil(file); err != nil {
				t.Fatal(err)
			}
		})
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusUnauthorized, "unauthorized")
		b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
		b.want(b.call("GET", "/readyz", nil), http.StatusOK, "")
		now = now.Add(2 * keyCheck)
		b.call("GET", "/v1/invoices", nil)
		said := `"client":"erp-one","keys":0`
		if log := b.log.String(); strings.Count(log, said) != 1 || !strings.Contains(log, file) {
			t.Errorf("%s: the log should say once that the client has no key, and name the file: %s", what, log)
		}
		b.must(os.WriteFile(file, []byte(keyOne+"\n"), 0o600))
		now = now.Add(2 * keyCheck)
		b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
		if log := b.log.String(); !strings.Contains(log, "is well again") {
			t.Errorf("%s: the log should say that the file is well again: %s", what, log)
		}
	}
}

func TestNew_OneLineOfAFileOfKeysCannotBeUsed_TheOtherKeysOpen(t *testing.T) {
	b := newBench(t, func(o *Options) {
		o.Clients[0].Keys = func() ([]string, error) { return []string{keyOne}, errors.New("one line is at fault") }
	})
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
	if log := b.log.String(); !strings.Contains(log, "one line is at fault") || !strings.Contains(log, `"client":"erp-one"`) {
		t.Errorf("the log should name the client and the fault of its file: %s", log)
	}
}

// The files of keys come only after the start, for example from another program that fetches them.
// The server must start without them, because it reads them later.
func TestNew_NoFileOfKeysIsThere_ItStartsIsNotReadyAndReadsThemLater(t *testing.T) {
	now := monday
	b := newBench(t, func(o *Options) {
		o.Now = func() time.Time { return now }
		for _, c := range o.Clients {
			if err := os.Remove(c.KeyFile); err != nil {
				t.Fatal(err)
			}
		}
	})
	b.want(b.call("GET", "/healthz", nil), http.StatusOK, "")
	b.want(b.call("GET", "/readyz", nil), http.StatusServiceUnavailable, "unavailable")
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusUnauthorized, "unauthorized")
	if log := b.log.String(); !strings.Contains(log, "no client may call") {
		t.Errorf("the log should say that no client may call: %s", log)
	}
	b.must(os.WriteFile(b.keyFile, []byte(keyOne+"\n"), 0o600))
	now = now.Add(2 * keyCheck)
	b.want(b.call("GET", "/readyz", nil), http.StatusOK, "") // no other call has made the server read the file
	b.want(b.call("GET", "/v1/invoices", nil), http.StatusOK, "")
}

// Two files have the same key, and at a start nobody knows whose key it is. The key opens nothing
// until only one of the files has it. The other keys of both files work.
func TestNew_TwoFilesHaveOneKey_ItOpensNothingAndTheirOtherKeysWork(t *testing.T) {
	const both = "both-both-both-both-both"
	now, files := monday, [][]string{{both, keyOne}, {keyTwo, both}}
	b := newBench(t, func(o *Options) {
		o.Now = func() time.Time { return now }
		for i := range files {
			o.Clients[i].Keys = func() ([]string, error) { return slices.Clone(files[i]), nil }
		}
	})
	for range 3 {
		b.want(b.call("GET", "/v1/invoices", nil, "Authorization", "Bearer "+both), http.StatusUnauthorized, "unauthorized")
		b.want(b.call("GET", "/v1/invoices?tenant=one", nil), http.StatusOK, "")
		b.want(b.call("GET", "/v1/invoices?tenant=two", nil, "Authorization", "Bearer "+keyTwo), http.StatusOK, "")
		now = now.Add(2 * keyCheck)
	}
	if log := b.log.String(); !strings.Contains(log, "has a key of intake client erp-") {
		t.Errorf("the log should say that a file has the key of another client: %s", log)
	}
	files[0] = []string{keyOne}
	now = now.Add(2 * keyCheck)
	b.call("GET", "/v1/invoices", nil)
	now = now.Add(2 * keyCheck)
	b.want(b.call("GET", "/v1/invoices?tenant=two", nil, "Authorization", "Bearer "+both), http.StatusOK, "")
	b.want(b.call("GET", "/v1/invoices?tenant=one", nil, "Authorization", "Bearer "+both), http.StatusBadRequest, "")
}
