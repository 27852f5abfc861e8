package simulator

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
)

func TestPart_RequestDiffersFromWhatWasGiven_IsRefusedAndNotStored(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 2).begin()
	u := b.uploads[0]
	with := func(change func(u *upload)) upload {
		c := u
		c.Headers = append([]nameValue{}, u.Headers...)
		change(&c)
		return c
	}
	for name, c := range map[string]struct {
		upload  upload
		request func(*http.Request)
		status  int
	}{
		"the method POST":             {with(func(u *upload) { u.Method = "POST" }), nil, 400},
		"no headers":                  {with(func(u *upload) { u.Headers = nil }), nil, 400},
		"one header missing":          {with(func(u *upload) { u.Headers = u.Headers[:1] }), nil, 400},
		"the headers of another part": {with(func(u *upload) { u.Headers = b.uploads[1].Headers }), nil, 400},
		"a header with another value": {with(func(u *upload) { u.Headers[0].Value = "PageBlob" }), nil, 400},
		"the gateway's authorization": {u, func(r *http.Request) { r.SetBasicAuth("test_id", "test_key") }, 400},
		"a wrong signature":           {with(func(u *upload) { u.URL = strings.Replace(u.URL, "sig=", "sig=A", 1) }), nil, 401},
		"no signature":                {with(func(u *upload) { u.URL, _, _ = strings.Cut(u.URL, "?") }), nil, 401},
		"the signature of another part": {
			with(func(u *upload) { u.URL = strings.Replace(u.URL, "/batch-parts/1?", "/batch-parts/2?", 1) }), nil, 401,
		},
		"a URL with a later expiry": {with(func(u *upload) { u.URL = strings.Replace(u.URL, "se=1", "se=2", 1) }), nil, 401},
		"no Content-Length": {
			u, func(r *http.Request) { r.ContentLength, r.Body = -1, io.NopCloser(strings.NewReader("x")) }, 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			change := c.request
			if change == nil {
				change = func(*http.Request) {}
			}
			if a := r.upload(c.upload, b.parts[0], change); a.status != c.status {
				t.Errorf("the upload got HTTP %d %s (error %v), want %d", a.status, a.body, a.err, c.status)
			}
		})
	}
	b.close()
	if s := r.await(b.id); s.Code != 440 {
		t.Errorf("the session ended with %+v, want 440 because no part may be stored", s)
	}
}

func TestPart_UploadedAgain_ReplacesTheFirst(t *testing.T) {
	r := newRig(t)
	b := r.pack(zipOf(t, faXML(sellerA, "FV/1", today)), 1).begin()
	if a := r.upload(b.uploads[0], []byte("changed by a firewall")); a.status != 201 {
		t.Fatalf("an upload of other bytes got HTTP %d, want 201, because the part store does not check the content", a.status)
	}
	b.uploadAll().close()
	if s := r.await(b.id); s.Code != 200 {
		t.Errorf("status %+v, want 200", s)
	}
}

func TestPart_TooLate_Is403(t *testing.T) {
	r := newRig(t)
	archive := zipOf(t, faXML(sellerA, "FV/1", today))
	b := r.pack(archive, 2).begin()
	r.clock.add(40*time.Minute - time.Second)
	if a := r.upload(b.uploads[0], b.parts[0]); a.status != 201 {
		t.Errorf("an upload within the allowed time, 20 minutes for each of two parts, got HTTP %d, want 201", a.status)
	}
	r.clock.add(time.Second)
	if a := r.upload(b.uploads[1], b.parts[1]); a.status != 403 {
		t.Errorf("an upload after the allowed time got HTTP %d, want 403", a.status)
	}
	closed := r.pack(archive, 1).begin().uploadAll().close()
	if a := r.upload(closed.uploads[0], closed.parts[0]); a.status != 403 {
		t.Errorf("an upload after the close got HTTP %d, want 403", a.status)
	}
	r.await(closed.id)
}

func TestPart_BaseURL_IsInTheAddressOfParts(t *testing.T) {
	r := newRig(t, func(o *Options) { o.BaseURL = "http://storage.example" })
	b := r.pack(zipOf(t, "x"), 1).begin()
	if !strings.HasPrefix(b.uploads[0].URL, "http://storage.example/storage/") {
		t.Errorf("the address of the part is %s, want one that begins with %s", b.uploads[0].URL, "http://storage.example/storage/")
	}
}
