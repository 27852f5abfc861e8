package ministry

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"ksefworker/internal/simulator/login"
	"ksefworker/internal/simulator/xades/xadestest"
)

func TestPages_OfInvoices_HaveTenEntriesByDefaultAndEachInvoiceOnce(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	files := numbered(35)
	files[4].content = "<Faktura/>"
	sh := r.pack(zipOf(t, files), 1, "").open().uploadAll().close()
	r.await(sh.id)
	path := "/sessions/" + sh.id + "/invoices"
	var ordinals []int
	sizes := []int{}
	for token := ""; ; {
		p := r.page(path, token)
		sizes = append(sizes, len(p.Invoices))
		for _, e := range p.Invoices {
			ordinals = append(ordinals, e.Ordinal)
		}
		if token = p.Next; token == "" {
			break
		}
	}
	if fmt.Sprint(sizes) != "[10 10 10 5]" || len(ordinals) != 35 {
		t.Fatalf("the pages have %v invoices, %d in all, want 10, 10, 10 and 5", sizes, len(ordinals))
	}
	for i, n := range ordinals {
		if n != i+1 {
			t.Fatalf("the ordinal numbers are %v, want 1 to 35 in this order", ordinals)
		}
	}
	if p := r.page(path+"/failed", ""); len(p.Invoices) != 1 || p.Invoices[0].Ordinal != 5 || p.Next != "" {
		t.Errorf("the list of refused invoices is %+v, want only the fifth", p)
	}
	if p := r.page(path+"?pageSize=35", ""); len(p.Invoices) != 35 || p.Next != "" {
		t.Errorf("a page that holds all has %d invoices and the token %q, want 35 and none", len(p.Invoices), p.Next)
	}
}

// A continuation token belongs to one list of one taxpayer.
func TestPages_TokenOfAnotherList_Is21418(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	one := r.pack(zipOf(t, numbered(12)), 1, "").open().uploadAll().close()
	r.await(one.id)
	other := r.pack(zipOf(t, numbered(12)[:11]), 1, "").open().uploadAll().close()
	r.await(other.id)
	token := r.page("/sessions/"+one.id+"/invoices", "").Next
	if token == "" {
		t.Fatal("the first page names no token for the next page")
	}
	for path, token := range map[string]string{
		"/sessions/" + other.id + "/invoices":      token,
		"/sessions/" + one.id + "/invoices/failed": token,
		"/sessions?sessionType=Batch":              token,
		"/auth/sessions":                           token,
		"/sessions/" + one.id + "/invoices":        token[:len(token)-4] + "AAA=",
		"/tokens":                                  "made up",
	} {
		r.header.Set("x-continuation-token", token)
		if a := r.get(path); a.status != http.StatusBadRequest || a.code() != 21418 {
			t.Errorf("%s: the answer is %d %s, want status 400 and code 21418", path, a.status, a.body)
		}
	}
	r.header.Del("x-continuation-token")
	for _, query := range []string{"?pageSize=9", "?pageSize=1001", "?pageSize=x", "?page=2"} {
		if a := r.get("/sessions/" + one.id + "/invoices" + query); a.code() != 21405 {
			t.Errorf("%s: the answer is %d %s, want code 21405", query, a.status, a.body)
		}
	}
}

type sessionPage struct {
	Next     string `json:"continuationToken"`
	Sessions []struct {
		Reference string     `json:"referenceNumber"`
		Status    statusInfo `json:"status"`
		Count     int        `json:"totalInvoiceCount"`
	} `json:"sessions"`
}

func TestPages_OfSessions_AreNewestFirstAndDoNotShift(t *testing.T) {
	r := newRig(t, Options{}).loggedIn(nipA)
	var opened []string
	for range 15 {
		id, _ := r.openOnline()
		opened = append(opened, id)
	}
	var first, second sessionPage
	r.ok(r.get("/sessions?sessionType=Online"), http.StatusOK, &first)
	r.openOnline() // opened while the list is being read
	r.header.Set("x-continuation-token", first.Next)
	r.ok(r.get("/sessions?sessionType=Online"), http.StatusOK, &second)
	r.header.Del("x-continuation-token")
	var listed []string
	for _, s := range append(first.Sessions, second.Sessions...) {
		listed = append([]string{s.Reference}, listed...)
	}
	if fmt.Sprint(listed) != fmt.Sprint(opened) || second.Next != "" {
		t.Errorf("the listed sessions, put oldest first, are\n%v\nwant the opened ones\n%v\nand no further page, not %q",
			listed, opened, second.Next)
	}
	r.ok(r.post("/sessions/online/"+opened[3]+"/close", nil), http.StatusNoContent, nil)
	var cancelled sessionPage
	r.ok(r.get("/sessions?sessionType=Online&statuses=Cancelled&statuses=Failed"), http.StatusOK, &cancelled)
	if len(cancelled.Sessions) != 1 || cancelled.Sessions[0].Reference != opened[3] || cancelled.Sessions[0].Status.Code != 440 {
		t.Errorf("the list is %+v, want only the cancelled session", cancelled)
	}
	for _, query := range []string{"", "?sessionType=Both", "?sessionType=Online&statuses=Done", "?sessionType=Online&dateCreatedFrom=x"} {
		if a := r.get("/sessions" + query); a.code() != 21405 {
			t.Errorf("%q: the answer is %d %s, want code 21405", query, a.status, a.body)
		}
	}
}

// A login with the permission InvoiceWrite alone lists only the sessions that its own identity has
// opened. A login with the permission Introspection lists all sessions of the taxpayer.
func TestPages_OfSessionsWithoutIntrospection_ShowOnlyOnesOwn(t *testing.T) {
	clerk := login.Identity{Type: "Nip", Value: nipB}
	r := newRig(t, Options{Grants: []login.Grant{{
		Subject: clerk, Context: login.Context{Type: "Nip", Value: nipA}, Permissions: []string{login.InvoiceWrite},
	}}})
	owner := r.loggedIn(nipA)
	owner.openOnline()
	seal := xadestest.Seal(t, nipB, noon.Add(-1))
	other := r.with(r.redeemed(r.sign(seal, nipA, xadestest.Options{})).Access.Token)
	id, _ := other.openOnline()
	var mine, all sessionPage
	r.ok(other.get("/sessions?sessionType=Online"), http.StatusOK, &mine)
	r.ok(owner.get("/sessions?sessionType=Online"), http.StatusOK, &all)
	if len(mine.Sessions) != 1 || mine.Sessions[0].Reference != id || len(all.Sessions) != 2 {
		t.Errorf("without Introspection the list is\n%+v\nwant session %s alone; with Introspection it is\n%+v\nwant both sessions",
			mine, id, all)
	}
	if at := r.sim.Books().Sessions[1].Account; !strings.HasPrefix(at, AccountPrefix+nipA) {
		t.Errorf("the clerk's session is booked on account %s, want the taxpayer's, %s, because the taxpayer's limits count",
			at, AccountPrefix+nipA)
	}
}
