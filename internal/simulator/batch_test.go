package simulator

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestBatch_BadPackages_EndWithKSeFsCode(t *testing.T) {
	r := newRig(t)
	number := 0
	good := func() []byte { number++; return zipOf(t, faXML(sellerA, fmt.Sprintf("G/%d", number), today)) }
	for name, c := range map[string]struct {
		archive []byte
		change  func(b *batch) // what is wrong before the session is opened
		upload  func(b *batch) // in place of uploadAll, if not nil
		code    int
	}{
		"a good package":               {good(), nil, nil, 200},
		"nothing uploaded":             {good(), nil, func(*batch) {}, 440},
		"one part missing":             {good(), nil, func(b *batch) { r.upload(b.uploads[0], b.parts[0]) }, 405},
		"a part with one changed byte": {good(), nil, func(b *batch) { b.parts[1][5] ^= 1; b.uploadAll() }, 405},
		"a part cut short":             {good(), nil, func(b *batch) { b.parts[1] = b.parts[1][16:]; b.uploadAll() }, 405},
		"two parts exchanged": {
			good(), nil, func(b *batch) { b.parts[0], b.parts[1] = b.parts[1], b.parts[0]; b.uploadAll() }, 405,
		},
		"a wrong partHash":            {good(), func(b *batch) { b.declared[0]["partHash"] = sha(nil) }, nil, 405},
		"a wrong partSize":            {good(), func(b *batch) { b.declared[0]["partSize"] = 160 }, nil, 405},
		"the hash of another package": {good(), func(b *batch) { b.info()["batchHash"] = sha(nil) }, nil, 405},
		"the size of another package": {good(), func(b *batch) { b.info()["batchSize"] = 77 }, nil, 405},
		"a key that is not encrypted": {
			good(), func(b *batch) { b.open["encryptionInfo"].(m)["encryptedKey"] = b.secret.key }, nil, 415,
		},
		"a wrong initVector, so the decrypted ZIP has a wrong hash": {
			good(), func(b *batch) { b.open["encryptionInfo"].(m)["initVector"] = make([]byte, 16) }, nil, 405,
		},
		"parts that are not encrypted":    {good(), func(b *batch) { b.replace(0, bytes.Repeat([]byte("x"), 32)) }, nil, 435},
		"a part with an incomplete block": {good(), func(b *batch) { b.replace(0, []byte("seventeen bytes !")) }, nil, 435},
		"not a ZIP":                       {[]byte("no archive at all, only text"), nil, nil, 430},
		"a truncated ZIP":                 {good()[:200], nil, nil, 430},
		"a path in the ZIP":               {zipFiles(t, [2]string{"a/1.xml", "x"}), nil, nil, 430},
		"a path that leaves the ZIP":      {zipFiles(t, [2]string{`..\1.xml`, "x"}), nil, nil, 430},
		"a folder in the ZIP":             {zipFiles(t, [2]string{"a/", ""}), nil, nil, 430},
		"a file that is not XML":          {zipFiles(t, [2]string{"readme.txt", "x"}), nil, nil, 430},
		"a name twice in the ZIP":         {zipFiles(t, [2]string{"a.xml", "x"}, [2]string{"a.xml", "y"}), nil, nil, 430},
		"an empty ZIP":                    {zipFiles(t), nil, nil, 445},
		"no valid invoice":                {zipOf(t, "x", "<y/>"), nil, nil, 445},
		"10,001 files":                    {zipOf(t, make([]string, 10_001)...), nil, nil, 420},
		"a file larger than any invoice":  {zipOf(t, strings.Repeat(" ", 4_000_000)), nil, nil, 445},
	} {
		t.Run(name, func(t *testing.T) {
			before := len(r.sim.Books().Accepted)
			b := r.pack(c.archive, 2)
			if c.change != nil {
				c.change(b)
			}
			b.begin()
			if c.upload == nil {
				b.uploadAll()
			} else {
				c.upload(b)
			}
			b.close()
			if s := r.await(b.id); s.Code != c.code || s.Description == "" {
				t.Errorf("the session ends with %+v, want code %d and a description", s, c.code)
			}
			if got := len(r.sim.Books().Accepted) - before; (got > 0) != (c.code == 200) {
				t.Errorf("%d invoices of a session with code %d were accepted, want some with code 200 and none otherwise", got, c.code)
			}
			if a := r.get("/invoice/session/upo/" + b.id); (a.status == 200) != (c.code == 200) {
				t.Errorf("the request for the UPO of a session with code %d is answered with %d, want 200 only for code 200",
					c.code, a.status)
			}
		})
	}
}

// replace gives a part other bytes, and declares their size and hash.
func (b *batch) replace(i int, data []byte) {
	b.parts[i] = data
	b.declared[i]["partSize"], b.declared[i]["partHash"] = len(data), sha(data)
}

func TestBatch_BadInvoice_HarmsNoOther(t *testing.T) {
	r := newRig(t)
	noCurrency := swap(t, faXML(sellerA, "FV/2", today), "<KodWaluty>PLN</KodWaluty>", "")
	id, end := r.sendBatch(faXML(sellerA, "FV/1", today), "not XML", noCurrency, faXML(sellerA, "FV/3", today))
	if end.Code != 200 {
		t.Fatalf("status %+v, want 200", end)
	}
	list := r.invoices(id)
	codes := []int{}
	for _, i := range list {
		codes = append(codes, i.Status.Code)
	}
	if fmt.Sprint(codes) != "[200 430 450 200]" {
		t.Fatalf("codes %v, want [200 430 450 200]", codes)
	}
	if list[1].Number != "" || list[2].Number != "FV/2" {
		t.Errorf("the refused invoices have the numbers %q and %q, want none for the unreadable one and FV/2 for the other",
			list[1].Number, list[2].Number)
	}
	contains(t, list[2].Status.Details, "KodWaluty")
	checkReceipt(t, r.get("/invoice/session/upo/"+id).body, id, 2)
	if info := r.status(id); *info.Count != 4 || *info.Success != 2 || *info.Failed != 2 {
		t.Errorf("the session counts %+v, want 2 of 4 accepted", info)
	}
}

func TestBatch_Delay_StatusGoesFrom100To150To200(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Delay = 3 * time.Second })
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll()
	seen := []int{r.status(b.id).Status.Code}
	b.close()
	seen = append(seen, r.status(b.id).Status.Code)
	if n := len(r.invoices(b.id)); n != 0 {
		t.Errorf("%d invoices are listed while the status is 100, want none", n)
	}
	for range 2 {
		r.clock.add(1500 * time.Millisecond)
		if len(seen) == 3 {
			r.await(b.id)
		}
		seen = append(seen, r.status(b.id).Status.Code)
		if a := r.get("/invoice/session/upo/" + b.id); (a.status == 200) != (len(seen) == 4) {
			t.Errorf("after the statuses %v, the request for the UPO is answered with %d, want 200 only after the last status",
				seen, a.status)
		}
	}
	if fmt.Sprint(seen) != "[100 100 150 200]" {
		t.Errorf("statuses %v, want [100 100 150 200]", seen)
	}
}

func TestClose_SessionIsClosed_IsRefused(t *testing.T) {
	r := newRig(t, func(o *Options) { o.Delay = 3 * time.Second })
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll().close()
	o := r.openOnline().close()
	for _, id := range []string{b.id, o.id, b.id, o.id, b.id, o.id} { // in status 100 and 170, and after the end
		a := r.get("/invoice/session/close/" + id)
		if code, _ := a.apiError(); a.status != 400 || code != codeSessionStatus {
			t.Errorf("the answer is %d %s, want status 400 and code 21180", a.status, a.body)
		}
		r.clock.add(1500 * time.Millisecond)
	}
	r.await(b.id)
}

func TestBatch_NeverClosed_IsCancelledAfterTwelveHours(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin().uploadAll()
	r.clock.add(12*time.Hour - time.Second)
	if s := r.status(b.id).Status.Code; s != 100 {
		t.Errorf("the session has status %d, want 100", s)
	}
	r.clock.add(time.Second)
	if s := r.status(b.id).Status; s.Code != 440 || s.Details != "Przekroczono czas wysyłki" {
		t.Errorf("status %+v, want 440 with the details %q", s, "Przekroczono czas wysyłki")
	}
	if code, _ := r.get("/invoice/session/close/" + b.id).apiError(); code != codeTimedOut {
		t.Errorf("the close gives code %d, want %d: the session was cancelled after its time", code, codeTimedOut)
	}
	if len(r.sim.Books().Accepted) != 0 {
		t.Error("an invoice of a cancelled session was accepted")
	}
}

func TestBatch_MidnightBetweenOpeningAndClosing_KeepsInvoicesOnline(t *testing.T) {
	r := newRig(t)
	r.clock.set(time.Date(2026, 11, 23, 22, 59, 59, 0, time.UTC)) // 23:59:59 in Warsaw
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today), faXML(sellerA, "FV/2", "2026-11-22")), 1).begin()
	r.clock.add(time.Minute)
	tomorrow := r.pack(zipOf(t, faXML(sellerA, "FV/3", today)), 1).begin()
	for _, b := range []*batch{b, tomorrow} {
		b.uploadAll().close()
		r.await(b.id)
	}
	modes := ""
	for _, i := range append(r.invoices(b.id), r.invoices(tomorrow.id)...) {
		modes += i.Mode + " " + i.KsefNumber[11:19] + ", "
	}
	if want := "online 20261123, offline 20261123, offline 20261124, "; modes != want {
		t.Errorf("the invoices have the modes and days %q, want %q: the day is that of the session's opening", modes, want)
	}
}

func TestBatch_OfflineFlag_MarksInvoicesOffline(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1)
	b.open["offline"] = true
	b.begin().uploadAll().close()
	r.await(b.id)
	if i := r.invoices(b.id)[0]; i.Mode != "offline" {
		t.Errorf("the invoice is %+v, want the mode offline", i)
	}
	contains(t, string(r.get("/invoice/session/upo/"+b.id).body), "<TrybWysylki>Offline</TrybWysylki>")
}
