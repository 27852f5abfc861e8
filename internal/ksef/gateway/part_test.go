package gateway_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

func itoa(n int) string { return strconv.Itoa(n) }

func partTo(url string) ksef.PartUpload {
	return ksef.PartUpload{Ordinal: 3, Method: "PUT", URL: url + "/c/part?sv=1&sig=SiGnAtUrE%2B", Headers: []ksef.Header{
		{Name: "x-ms-blob-type", Value: "BlockBlob"}, {Name: "Content-Type", Value: "application/octet-stream"}}}
}

func TestUploadPart_SendsExactlyItsHeaders_AndNoCredentials(t *testing.T) {
	rec, gate := &recorder{status: 201}, &recordingGate{}
	store := httptest.NewServer(rec)
	t.Cleanup(store.Close)
	c := dial(t, "http://gateway.invalid", func(o *gateway.Options) {
		o.Gate = gate
		o.Key = func() (string, error) { return "", errors.New("not to be asked") }
	})
	data := bytes.Repeat([]byte("0123456789abcdef"), 100_000)
	if err := c.UploadPart(soon(t), partTo(store.URL), opener(data), int64(len(data))); err != nil {
		t.Fatal(err)
	}
	r := rec.all()[0]
	want := http.Header{"X-Ms-Blob-Type": {"BlockBlob"}, "Content-Type": {"application/octet-stream"}, "Content-Length": {itoa(len(data))}}
	if diff := cmp.Diff(want, r.header); diff != "" {
		t.Errorf("headers (-want +got):\n%s", diff)
	}
	if r.method != "PUT" || r.path != "/c/part" || r.query != "sv=1&sig=SiGnAtUrE%2B" || r.chunked || !bytes.Equal(r.body, data) {
		t.Errorf("the store got %s %s?%s, chunked %v, with %d bytes, want one PUT to the part's address",
			r.method, r.path, r.query, r.chunked, len(r.body))
	}
	if diff := cmp.Diff([]ksef.Group{ksef.GroupNone}, gate.groups()); diff != "" {
		t.Errorf("groups (-want +got):\n%s", diff)
	}
	if o := gate.last(t); o.Status != 201 || o.Err != nil || o.Outage {
		t.Errorf("the gate was told the outcome %+v, want HTTP 201 without an error", o)
	}
}

func TestUploadPart_EveryStatus_OnlyCreatedIsSuccess(t *testing.T) {
	for _, tc := range []struct {
		why       string
		status    int
		kind      string
		body      string
		want      ksef.ErrorKind
		maybeDone bool
	}{
		{"a firewall's 200", 200, "text/html", htmlPage, ksef.KindOutage, true},
		{"a bare 200", 200, "", "", ksef.KindOutage, true},
		{"202", 202, "", "", ksef.KindOutage, true},
		{"204", 204, "", "", ksef.KindOutage, true},
		{"a redirect", 307, "", "", ksef.KindOutage, true},
		{"bad data", 400, "application/xml", `<Error><Code>Md5Mismatch</Code></Error>`, ksef.KindRefused, false},
		{
			"a bad signature, which says nothing about our credentials", 401, "application/xml",
			`<Error><Code>AuthenticationFailed</Code></Error>`, ksef.KindRefused, false,
		},
		{"a part that comes too late, which says nothing about our credentials", 403, "", "", ksef.KindRefused, false},
		{"a firewall's 403", 403, "text/html", htmlPage, ksef.KindOutage, true},
		{"408", 408, "", "", ksef.KindOutage, true},
		{"throttled", 429, "", "", ksef.KindThrottled, false},
		{"the store is down", 503, "application/xml", `<Error><Code>ServerBusy</Code></Error>`, ksef.KindOutage, true},
	} {
		t.Run(tc.why, func(t *testing.T) {
			rec := answers(tc.status, tc.kind, tc.body)
			rec.header.Set("Location", "/elsewhere")
			if tc.body == "" {
				rec.body = nil
			}
			c, srv := serve(t, rec)
			e := apiError(t, c.UploadPart(soon(t), partTo(srv.URL), opener(plain), int64(len(plain))))
			if e.Kind != tc.want || e.MaybeDone != tc.maybeDone || e.Status != tc.status {
				t.Errorf("the error is %v of kind %s, maybe done %v, HTTP %d, want kind %s, maybe done %v, HTTP %d",
					e, e.Kind, e.MaybeDone, e.Status, tc.want, tc.maybeDone, tc.status)
			}
			if _, code, ok := strings.Cut(tc.body, "<Code>"); ok && !strings.HasPrefix(code, e.Description+"<") {
				t.Errorf("the error does not keep the store's code: %q", e.Description)
			}
			if n := len(rec.all()); n != 1 {
				t.Errorf("the upload made %d requests, want 1", n)
			}
		})
	}
}

func TestUploadPart_BodyOfAnotherLength_IsALocalFault(t *testing.T) {
	broken := errors.New("disk read error")
	for why, open := range map[string]func() (io.ReadCloser, error){
		"shorter than declared": opener([]byte("123")),
		"longer than declared":  opener([]byte("12345678901")),
		"can't be opened":       func() (io.ReadCloser, error) { return nil, broken },
		"can't be read": func() (io.ReadCloser, error) {
			return io.NopCloser(io.MultiReader(strings.NewReader("12"), failingReader{broken})), nil
		},
	} {
		t.Run(why, func(t *testing.T) {
			gate := &recordingGate{}
			// The handler gives no answer before the client gives up, so the client's own checks
			// decide.
			c, srv := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				_, _ = io.Copy(io.Discard, r.Body)
				<-r.Context().Done()
			}), func(o *gateway.Options) { o.Gate = gate })
			err := c.UploadPart(soon(t), partTo(srv.URL), open, 10)
			if e := apiError(t, err); e.Kind != ksef.KindLocal || gate.last(t).Outage {
				t.Errorf("the error is %v of kind %s, want KindLocal and no outage", e, e.Kind)
			}
			if strings.HasPrefix(why, "can't") && !errors.Is(err, broken) {
				t.Errorf("the error does not keep the cause: %v", err)
			}
		})
	}
}

type failingReader struct{ err error }

func (f failingReader) Read([]byte) (int, error) { return 0, f.err }

func TestUploadPart_AnyOutcome_ClosesItsBody(t *testing.T) {
	for status, name := range map[int]string{201: "on success", 403: "on refusal"} {
		closed := make(chan struct{})
		c, srv := serve(t, &recorder{status: status})
		body := func() (io.ReadCloser, error) { return &closer{Reader: bytes.NewReader(plain), closed: closed}, nil }
		_ = c.UploadPart(soon(t), partTo(srv.URL), body, int64(len(plain)))
		select {
		case <-closed:
		case <-time.After(5 * time.Second):
			t.Errorf("%s, the body stays open, want it closed", name)
		}
	}
}

type closer struct {
	io.Reader
	closed chan struct{}
}

func (c *closer) Close() error { close(c.closed); return nil }

func TestUploadPart_SilentStore_EndsWhenNothingMoves(t *testing.T) {
	c, srv := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		<-r.Context().Done()
	}), func(o *gateway.Options) { o.Timeout = 100 * time.Millisecond })
	err := c.UploadPart(soon(t), partTo(srv.URL), opener(plain), int64(len(plain)))
	if e := apiError(t, err); e.Kind != ksef.KindNetwork || !e.MaybeDone || !errors.Is(err, ksef.ErrTimeout) {
		t.Errorf("a silent store gave %v of kind %s, want ErrTimeout that may be done", e, e.Kind)
	}
}

func TestUploadPart_BytesStillMove_EndsAfterTheTimeThatKSeFAllows(t *testing.T) {
	c, srv := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	p := partTo(srv.URL)
	p.Allowed = 100 * time.Millisecond
	trickle := func() (io.ReadCloser, error) { return io.NopCloser(trickling{}), nil }
	err := c.UploadPart(soon(t), p, trickle, 1<<40)
	if e := apiError(t, err); e.Kind != ksef.KindNetwork || !errors.Is(err, ksef.ErrTimeout) {
		t.Errorf("an endless upload gave %v of kind %s, want ErrTimeout", e, e.Kind)
	}
}

type trickling struct{}

func (trickling) Read(p []byte) (int, error) {
	<-time.After(5 * time.Millisecond)
	p[0] = 'x'
	return 1, nil
}

func TestUploadPart_PlainHTTPAddressOfAnHTTPSGateway_IsRefused(t *testing.T) {
	c := dial(t, gateway.TestURL)
	e := apiError(t, c.UploadPart(soon(t), partTo("http://store.test"), opener(plain), int64(len(plain))))
	if e.Kind != ksef.KindLocal || e.MaybeDone {
		t.Errorf("a plain HTTP address gave %v, want KindLocal and not done", e)
	}
}

func TestBoxUploadBatch_Form_IsStreamedWithItsLength(t *testing.T) {
	zip := bytes.Repeat([]byte("PK zip "), 50_000)
	type form struct{ Request, RequestType, File, FileName, FileType string }
	var got form
	var length int64
	c, _ := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		length = r.ContentLength
		in, err := r.MultipartReader()
		if err != nil {
			t.Error(err)
			return
		}
		for {
			p, err := in.NextPart()
			if err != nil {
				break
			}
			data, _ := io.ReadAll(p)
			switch p.FormName() {
			case "request":
				got.Request, got.RequestType = string(data), p.Header.Get("Content-Type")
			case "file":
				got.File, got.FileName, got.FileType = string(data), p.FileName(), p.Header.Get("Content-Type")
			}
		}
		_, _ = io.WriteString(w, `{"result":true}`)
	}))
	r := gateway.BoxBatchRequest{UploadID: "u-2", Notify: true, UPO: true, InvoiceVersion: ksef.FA3}
	if err := c.BoxUploadBatch(soon(t), r, opener(zip), int64(len(zip))); err != nil {
		t.Fatal(err)
	}
	want := form{
		`{"uploadId":"u-2","offline":false,"notify":true,"upo":true,"invoiceVersion":"v3"}`, "application/json",
		string(zip), "batch.zip", "application/zip",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("form (-want +got):\n%.600s", diff)
	}
	if length <= int64(len(zip)) {
		t.Errorf("the request declares a length of %d, want more than the package has", length)
	}
	whole := make(chan bool, 2)
	other, _ := serve(t, http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		whole <- err == nil
	}))
	for why, size := range map[string]int{"shorter": len(zip) + 1, "longer": len(zip) - 1} {
		err := other.BoxUploadBatch(soon(t), r, opener(zip), int64(size))
		if e := apiError(t, err); e.Kind != ksef.KindLocal {
			t.Errorf("a package that is %s than declared gave %v, want KindLocal", why, e)
		}
		if <-whole {
			t.Errorf("a package that is %s than declared reached the server as a whole request, want one that breaks off", why)
		}
	}
}

// A Read of the part's body may hang, and the transport waits for it. Even so, the request must
// end.
func TestUploadPart_ReaderHangs_TheRequestStillEnds(t *testing.T) {
	store := &recorder{status: 201}
	for why, tc := range map[string]struct {
		timeout time.Duration
		want    ksef.ErrorKind
	}{
		"time is up":      {50 * time.Millisecond, ksef.KindNetwork},
		"caller gives up": {time.Minute, ksef.KindCanceled},
	} {
		t.Run(why, func(t *testing.T) {
			c, srv := serve(t, store, func(o *gateway.Options) { o.Timeout = tc.timeout })
			ctx, cancel := context.WithTimeout(context.Background(), 500*time.Millisecond)
			defer cancel()
			body, stuck := io.Pipe()
			defer stuck.Close()
			e := apiError(t, c.UploadPart(ctx, partTo(srv.URL), func() (io.ReadCloser, error) { return body, nil }, 10))
			if e.Kind != tc.want || !e.MaybeDone {
				t.Errorf("the error is %v of kind %s, maybe done %v, want kind %s and maybe done true", e, e.Kind, e.MaybeDone, tc.want)
			}
		})
	}
}
