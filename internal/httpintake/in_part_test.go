package httpintake

import (
	"math"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"

	"ksefworker/internal/ledger"
)

// sick replaces keys by lists, as another program would.
func (b *bench) sick(keys ...string) {
	b.t.Helper()
	for _, key := range keys {
		b.must(b.rdb.Del(b.t.Context(), key).Err())
		b.must(b.rdb.RPush(b.t.Context(), key, "foreign").Err())
	}
}

// keyOf returns the only key that matches a pattern.
func (b *bench) keyOf(pattern string) string {
	b.t.Helper()
	keys := b.rdb.Keys(b.t.Context(), pattern).Val()
	if len(keys) != 1 {
		b.t.Fatalf("the pattern %s has the keys %q, want one", pattern, keys)
	}
	return keys[0]
}

// wantInPart checks that a call is answered with 503 and words that name a key.
func (b *bench) wantInPart(path, key, name string) {
	b.t.Helper()
	a := b.call("GET", path, nil, "Authorization", "Bearer "+key)
	b.want(a, http.StatusServiceUnavailable, "unavailable")
	if !strings.Contains(a.body.Detail, "a part of the ledger cannot be read ("+name+")") || a.head.Get("Retry-After") != "60" {
		b.t.Errorf("%s is answered with %v %s, want Retry-After: 60 and words that name the key %s", path, a.head, a.raw, name)
	}
	newContract(b.t.(*testing.T), openAPI).check("GET", path, "", a)
	a = b.call("GET", path, nil, "Authorization", "Bearer "+key, "Accept-Language", "pl")
	if !strings.Contains(a.body.Detail, "części rejestru nie można odczytać ("+name+")") {
		b.t.Errorf("in Polish %s is answered with %s, want words that name the key %s", path, a.raw, name)
	}
}

// The key that would name the invoice of a number or ref holds another type. The invoice may be
// here, so nobody is told that it is not.
func TestInvoices_KeyOfANameIsSick_AbsenceIsNotClaimed(t *testing.T) {
	for _, c := range []struct{ what, pattern, path string }{
		{"the identity", "ksef:ident:*", "/v1/invoices?number=FV/1"},
		{"the sellers", "ksef:sellers", "/v1/invoices?number=FV/1"},
		{"the sellers, and a number that nothing has", "ksef:sellers", "/v1/invoices?number=FV/none"},
		{"the ref", "ksef:ref:*", "/v1/invoices?ref=SO-1"},
	} {
		t.Run(c.what, func(t *testing.T) {
			b := withAll(t)
			b.take(0, "FV/1", "?ref=SO-1")
			key := b.keyOf(c.pattern)
			b.sick(key)
			for _, client := range []string{keyOne, keyAll} {
				b.wantInPart(c.path, client, strings.TrimPrefix(key, "ksef:"))
			}
			if a := b.call("GET", c.path+"&state=refused", nil); a.status != http.StatusOK || len(a.body.Items) > 0 {
				t.Errorf("refused documents alone are answered with %d %s, want none: no invoice is asked for", a.status, a.raw)
			}
		})
	}
}

// What is found needs no proof that there is nothing else.
func TestInvoices_KeyOfAnotherNameIsSick_WhatIsFoundIsAnswered(t *testing.T) {
	b := withAll(t)
	id := b.take(0, "FV/1", "?ref=SO-1")
	b.sick(b.keyOf("ksef:ident:*"))
	names := map[string]string{id: "a", b.take(1, "FV/1", "?ref=SO-1"): "b"}
	if got := b.seen("/v1/invoices?number=FV/1", keyAll, names); got != "b queued" {
		t.Errorf("the number finds %q, want the invoice whose key is well", got)
	}
	b.wantInPart("/v1/invoices?number=FV/1&state=parked", keyAll, strings.TrimPrefix(b.sickKey("ksef:ident:*"), "ksef:"))
	if got := b.seen("/v1/invoices?ref=SO-1", keyAll, names); got != "a queued, b queued" {
		t.Errorf("the ref finds %q, want both invoices", got)
	}
}

// sickKey returns the key that matches a pattern and is a list.
func (b *bench) sickKey(pattern string) string {
	b.t.Helper()
	keys := slices.DeleteFunc(b.rdb.Keys(b.t.Context(), pattern).Val(), func(key string) bool {
		return b.rdb.Type(b.t.Context(), key).Val() != "list"
	})
	if len(keys) != 1 {
		b.t.Fatalf("the sick keys of the pattern %s are %q, want one", pattern, keys)
	}
	return keys[0]
}

func TestInvoices_RefusalsOfOneTenantAreSick_ThoseOfAnotherAreFound(t *testing.T) {
	for _, list := range []string{"refused:", "refusals:"} {
		t.Run(list, func(t *testing.T) {
			b := withAll(t)
			refused := ledger.Refusal{ID: ledger.RefusalOfFile("x.xml"), Tenant: "two", File: "x.xml", Ref: "OB", Number: "OPENB/1",
				Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
			b.must(b.o.Ledger.Refuse(t.Context(), []ledger.Refusal{refused}))
			lost := ledger.Refusal{ID: ledger.RefusalOfFile("y.xml"), Tenant: "one", File: "y.xml", Number: "Y",
				Faults: []ledger.RefusalFault{{Rule: "must be XML"}}}
			b.must(b.o.Ledger.Refuse(t.Context(), []ledger.Refusal{lost}))
			b.sick("ksef:" + list + "one")
			names := map[string]string{refused.ID: "r"}
			paths := []string{"/v1/invoices?ref=OB", "/v1/invoices?number=OPENB/1"}
			if list == "refusals:" { // no tenant has an id of its own, and the record of another tenant is found by its id
				paths = append(paths, "/v1/invoices?number=OPENB/1&state=refused")
			}
			for _, path := range paths {
				if got := b.seen(path, keyAll, names); got != "r refused" {
					t.Errorf("%s finds %q, want the refused document of the other tenant", path, got)
				}
			}
			b.wantInPart("/v1/invoices?number=none", keyAll, list+"one")
			b.wantInPart("/v1/invoices?number=Y", keyOne, list+"one")
			if got := b.seen("/v1/invoices?number=none", keyTwo, names); got != "" {
				t.Errorf("the client of the other tenant finds %q, want nothing and no problem", got)
			}
		})
	}
}

func TestCalls_OtherKeyIsSick_TheProblemNamesIt(t *testing.T) {
	b := newBench(t, nil)
	b.post(xmlOf(0, "FV/1"), "", "Idempotency-Key", "k")
	request := b.keyOf("ksef:request:*")
	b.sick(request, "ksef:outbox")
	b.wantInPart("/v1/events", keyOne, "outbox")
	a := b.post(xmlOf(0, "FV/1"), "", "Idempotency-Key", "k")
	if b.want(a, http.StatusServiceUnavailable, "unavailable"); !strings.Contains(a.body.Detail, strings.TrimPrefix(request, "ksef:")) {
		t.Errorf("the call with an Idempotency-Key is answered with %s, want words that name the key %s", a.raw, request)
	}
}

func TestList_IndexIsSick_IsNamedAndNoListLacksItsInvoices(t *testing.T) {
	b := withAll(t)
	id := b.take(0, "FV/1", "")
	number := "5265877635-20261123-0100A0DB5B00-39"
	b.move(ledger.Packed, nil, id)
	b.move(ledger.Accepted, ledger.Edit{}.Number(number), id)
	_, err := b.o.Ledger.Receipt(t.Context(), []string{id}, "file:///upo.xml")
	b.must(err)
	b.sick("ksef:st:receipted")
	for _, query := range []string{"", "?state=receipted", "?since=2020-01-01", "?ksef_number=" + number, "?day=2026-11-23"} {
		b.wantInPart("/v1/invoices"+query, keyOne, "st:receipted")
	}
	if got := b.seen("/v1/invoices?state=queued", keyOne, nil); got != "" {
		t.Errorf("the list of another state has %q, want it empty and no problem", got)
	}
}

// An invoice whose score is not a valid time has no place in the order. It is listed all the same.
func TestList_ScoreIsNotAValidTime_TheInvoiceIsListed(t *testing.T) {
	for _, score := range []float64{math.Inf(1), math.Inf(-1), -5, 1.5, 1e17} {
		b := withAll(t)
		ids := []string{b.take(0, "FV/1", ""), b.take(0, "FV/2", ""), b.take(1, "FV/3", ""), b.take(0, "FV/4", "")}
		names := map[string]string{"none": "n"}
		for i, id := range ids {
			names[id] = string(rune('a' + i))
		}
		odd := []redis.Z{{Score: score, Member: ids[0]}, {Score: score, Member: ids[2]}, {Score: score, Member: ids[3]},
			{Score: score, Member: "none"}}
		b.must(b.rdb.ZAdd(t.Context(), "ksef:st:queued", odd...).Err())
		b.opaque(ids[3])
		for _, c := range []struct{ path, key, want string }{
			{"/v1/invoices", keyOne, "a queued, b queued"}, {"/v1/invoices", keyTwo, "c queued"},
			{"/v1/invoices", keyAll, "a queued, b queued, c queued, d unreadable, n unreadable"},
			{"/v1/invoices?state=queued", keyOne, "a queued, b queued"}, {"/v1/invoices?state=parked", keyAll, ""},
			{"/v1/invoices?day=2026-11-23", keyOne, "a queued, b queued"}, {"/v1/invoices?number_prefix=FV/1", keyOne, "a queued"},
			{"/v1/invoices?since=2020-01-01", keyOne, "a queued, b queued"}, {"/v1/invoices?since=2049-01-01", keyOne, ""},
		} {
			got := strings.Split(b.seen(c.path, c.key, names), ", ")
			if slices.Sort(got); strings.Join(got, ", ") != c.want {
				t.Errorf("with the score %v, %s finds %q for the client %s, want %q", score, c.path, got, c.key[:3], c.want)
			}
		}
		seen := map[string]bool{}
		for next, pages := "", 0; pages < 10; pages++ {
			a := b.call("GET", "/v1/invoices?limit=1&since=2020-01-01&cursor="+next, nil, "Authorization", "Bearer "+keyAll)
			for _, it := range a.body.Items {
				seen[names[it.ID]] = true
			}
			if next = a.body.Next; next == "" {
				break
			}
		}
		if len(seen) != 5 {
			t.Errorf("with the score %v, page by page the client finds %v, want all five", score, seen)
		}
	}
}
