package simulator

import (
	"bytes"
	"encoding/base64"
	"net/http"
	"strings"
	"testing"
)

func TestAuthorization_NotExactlyBasic_Is401WithJSON(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Accounts = []Account{{ID: "own", Key: "k", NIP: sellerA}} })
	basic := func(text string) string { return "Basic " + base64.StdEncoding.EncodeToString([]byte(text)) }
	for name, c := range map[string]struct {
		header []string
		status int
	}{
		"the contract's example":             {[]string{"Basic dGVzdF9pZDp0ZXN0X2tleQ=="}, 200},
		"a tenant by the default rule":       {[]string{basic("test_5265877635:test_key")}, 200},
		"an account from the options":        {[]string{basic("own:k")}, 200},
		"no header":                          {nil, 401},
		"two headers":                        {[]string{basic("test_id:test_key"), basic("test_id:test_key")}, 401},
		"the scheme in lower case":           {[]string{"basic dGVzdF9pZDp0ZXN0X2tleQ=="}, 401},
		"the scheme Bearer":                  {[]string{"Bearer dGVzdF9pZDp0ZXN0X2tleQ=="}, 401},
		"two spaces after the scheme":        {[]string{"Basic  dGVzdF9pZDp0ZXN0X2tleQ=="}, 401},
		"Base64 without padding":             {[]string{"Basic dGVzdF9pZDp0ZXN0X2tleQ"}, 401},
		"a wrong key":                        {[]string{basic("test_id:test_keY")}, 401},
		"an empty key":                       {[]string{basic("test_id:")}, 401},
		"no colon":                           {[]string{basic("test_id")}, 401},
		"a tenant with a wrong check digit":  {[]string{basic("test_5265877636:test_key")}, 401},
		"a key with a line break at its end": {[]string{basic("test_id:test_key\n")}, 401},
	} {
		t.Run(name, func(t *testing.T) {
			req := r.request(http.MethodGet, "/invoice/public/key", nil)
			req.Header["Authorization"] = c.header
			a := r.do(req)
			if a.status != c.status {
				t.Fatalf("the request got HTTP %d, want %d", a.status, c.status)
			}
			if code, _ := a.apiError(); a.status == 401 && (code != 401 || a.header.Get("Content-Type") != "application/json") {
				t.Errorf("the answer is %s, want code 401 as JSON", a.body)
			}
		})
	}
	if n := r.sim.Books().Requests["other:publicKey"]; n != 3 {
		t.Errorf("%d requests are counted, want only the three with a valid key", n)
	}
}

func TestRoutes_NotInTheContract_AreRefusedAsJSON(t *testing.T) {
	r := newRig(t)
	for _, c := range []struct {
		method, path string
		status       int
	}{
		{"GET", "/", 404},
		{"GET", "/invoice/public/key/", 404},
		{"GET", "/Invoice/public/key", 404},
		{"POST", "/invoice/public/key", 405},
		{"HEAD", "/invoice/public/key", 405},
		{"PUT", "/invoice/send", 405},
		{"DELETE", "/invoice/session/close/x", 405},
		{"POST", "/invoice/session/close/x", 405},
		{"GET", "/invoice/session/close/", 404},
		{"GET", "/invoice/session/close/a/b", 404},
		{"GET", "/sim/nothing", 404},
	} {
		a := r.do(r.request(c.method, c.path, nil))
		if code, _ := a.apiError(); a.status != c.status || c.method != "HEAD" && code != c.status {
			t.Errorf("the request %s %s got HTTP %d %s, want HTTP %d with this code as JSON", c.method, c.path, a.status, a.body, c.status)
		}
	}
}

func TestAccept_NotTheAnswersType_Is406(t *testing.T) {
	r := newRig(t)
	for accept, want := range map[string]int{"application/json": 200, "*/*": 200, "text/html, application/json": 200, "text/xml": 406} {
		req := r.request("GET", "/invoice/public/key", nil)
		req.Header.Set("Accept", accept)
		if a := r.do(req); a.status != want {
			t.Errorf("with Accept %s the request got HTTP %d, want %d", accept, a.status, want)
		}
	}
}

func TestPost_WrongTypeOrSize_IsRefused(t *testing.T) {
	r := newRig(t)
	req := r.request("POST", "/invoice/send", []byte("{}"))
	req.Header.Set("Content-Type", "text/plain")
	if a := r.do(req); a.status != 400 {
		t.Errorf("a body of type text/plain got HTTP %d, want 400", a.status)
	}
	if a := r.post("/invoice/session/open/online", bytes.Repeat([]byte(" "), smallBody+1)); a.status != 413 {
		t.Errorf("a body longer than allowed got HTTP %d, want 413", a.status)
	}
}

func TestOpen_BadRequests_AreRefusedAndMakeNoSession(t *testing.T) {
	r := newRig(t)
	archive := zipOf(t, faXML(sellerA, "FV/1", today))
	for name, c := range map[string]struct {
		change func(b *batch)
		code   int
	}{
		"form FA(1)":              {func(b *batch) { b.open["invoiceVersion"] = "v1" }, codeInput},
		"no encryption":           {func(b *batch) { delete(b.open, "encryptionInfo") }, codeInput},
		"no offline flag":         {func(b *batch) { delete(b.open, "offline") }, codeInput},
		"a vector of 12 bytes":    {func(b *batch) { b.open["encryptionInfo"].(m)["initVector"] = make([]byte, 12) }, codeInput},
		"an empty key":            {func(b *batch) { b.open["encryptionInfo"].(m)["encryptedKey"] = "" }, codeInput},
		"a size of 0":             {func(b *batch) { b.info()["batchSize"] = 0 }, codeInput},
		"a size beyond int32":     {func(b *batch) { b.info()["batchSize"] = int64(5_000_000_000) }, codeInput},
		"a hash in hex":           {func(b *batch) { b.info()["batchHash"] = strings.Repeat("ab", 32) }, codeInput},
		"no parts":                {func(b *batch) { b.info()["batchParts"] = []m{} }, codePartCount},
		"51 parts":                {func(b *batch) { b.info()["batchParts"] = parts(51) }, codePartCount},
		"ordinals from 0":         {func(b *batch) { b.declared[0]["ordinal"] = 0 }, codeInput},
		"ordinals with a gap":     {func(b *batch) { b.declared[0]["ordinal"] = 2 }, codeInput},
		"an ordinal twice":        {func(b *batch) { b.info()["batchParts"] = append(b.declared, b.declared[0]) }, codeInput},
		"a part of 0 bytes":       {func(b *batch) { b.declared[0]["partSize"] = 0 }, codePartSize},
		"a part beyond 100 MB":    {func(b *batch) { b.declared[0]["partSize"] = 100_000_017 }, codePartSize},
		"a part hash of 20 bytes": {func(b *batch) { b.declared[0]["partHash"] = make([]byte, 20) }, codeInput},
		"an unknown field":        {func(b *batch) { b.open["compressionType"] = "Zip" }, codeInput},
	} {
		t.Run(name, func(t *testing.T) {
			b := r.pack(archive, 1)
			c.change(b)
			a := r.post("/invoice/session/open/batch", b.open)
			if code, _ := a.apiError(); a.status != 400 || code != c.code {
				t.Errorf("the open got HTTP %d %s, want 400 and code %d", a.status, a.body, c.code)
			}
		})
	}
	if a := r.post("/invoice/session/open/online", m{"invoiceVersion": "v4", "encryptionInfo": r.secret().info()}); a.status != 400 {
		t.Errorf("the open of an online session with version v4 got HTTP %d, want 400", a.status)
	}
	if n := len(r.sim.Books().Sessions); n != 0 {
		t.Errorf("the books hold %d sessions, want none", n)
	}
	full := r.pack(archive, 1)
	full.declared[0]["partSize"] = 100_000_016
	full.begin() // 100,000,000 bytes and their padding
	many := r.pack(archive, 1)
	many.info()["batchParts"] = parts(50)
	many.begin()
}

func parts(n int) []m {
	list := make([]m, n)
	for i := range list {
		list[i] = m{"ordinal": i + 1, "partSize": 16, "partHash": make([]byte, 32)}
	}
	return list
}

func TestSessions_UnknownOrOfAnotherAccount_DoNotExist(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll().close()
	r.await(b.id)
	o := r.openOnline()
	other := r.as("test_" + sellerB)
	for _, c := range []struct {
		who *rig
		id  string
	}{{r, "20261123-SB-0000000000-0000000000-00"}, {other, b.id}, {other, o.id}} {
		for _, call := range []string{"status", "invoices", "close", "upo"} {
			a := c.who.get("/invoice/session/" + call + "/" + c.id)
			if code, details := a.apiError(); a.status != 400 || code != codeNoSession || !strings.Contains(details, c.id) {
				t.Errorf("the request %s for a session that is not the caller's got HTTP %d %s, want code %d and the id %s",
					call, a.status, a.body, codeNoSession, c.id)
			}
		}
		body := o.body(faXML(sellerA, "FV/2", today))
		body["sessionId"] = c.id
		if code, _ := c.who.post("/invoice/send", body).apiError(); code != codeNoSession {
			t.Errorf("a send to a session that is not the caller's got code %d, want %d", code, codeNoSession)
		}
	}
	id := o.send(faXML(sellerA, "FV/2", today))
	for who, status := range map[*rig]int{r: 200, other: 400} {
		if a := who.get("/invoice/status/" + id); a.status != status {
			t.Errorf("the request of account %s for the invoice's status got HTTP %d, want %d", who.id, a.status, status)
		}
		if a := who.get("/invoice/get/" + r.sim.Books().Accepted[0].KsefNumber); a.status != status {
			t.Errorf("the request of account %s for the document got HTTP %d, want %d", who.id, a.status, status)
		}
	}
	if a := r.as("test_" + buyer).get("/invoice/get/" + r.sim.Books().Accepted[0].KsefNumber); a.status != 200 {
		t.Errorf("the request of the buyer for the document got HTTP %d, want 200", a.status)
	}
}
