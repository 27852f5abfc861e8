package httpintake

import (
	"bytes"
	"fmt"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
)

// A small body may have many documents in it, and the answer about each document takes memory. So a
// call with such a body needs a place among the large calls.
func TestTurn_ManyDocumentsInASmallBody_NeedAPlace(t *testing.T) {
	form := func(n int) string {
		return strings.Repeat("--b\r\nContent-Disposition: form-data; name=f; filename=a\r\n\r\nx\r\n", n) + "--b--\r\n"
	}
	list := func(one string, n int) string {
		return `{"invoices":[` + strings.TrimSuffix(strings.Repeat(one+",", n), ",") + `]}`
	}
	for _, tt := range []struct {
		media, text string
		kind        turns
		large       bool
	}{
		{"application/json", list(`{}`, 100), plain, false},
		{"application/json", list(`{}`, 101), plain, true},
		{"application/json", list(`1`, 101), plain, true},
		{"application/json", list(`{"faktura":{}}`, 101), converted, true},
		{"application/json", list(`{"faktura":{"a":[1,2],"b":"\",[{"}}`, 90), plain, false},
		{"application/json", `{"invoices":[{"xml":"` + strings.Repeat(`,\\\"`, 900) + `"}]}`, plain, false},
		{"multipart/form-data", form(90), plain, false},
		{"multipart/form-data", form(101), plain, true},
		{"application/zip", "PK", plain, true},
	} {
		b := &body{at: strings.NewReader(tt.text), size: int64(len(tt.text)), mem: []byte(tt.text)}
		kind, large := b.turn(&asked{media: tt.media, params: map[string]string{"boundary": "b"}})
		if large != tt.large || large && kind != tt.kind {
			t.Errorf("the body %s %.40s needs a place of kind %v, large %v; want kind %v, large %v",
				tt.media, tt.text, kind, large, tt.kind, tt.large)
		}
	}
}

// While all places are taken, a call with many documents in a small body waits, and a call with few
// documents does not.
func TestSubmit_PlacesAreTaken_ManyTinyElementsWait(t *testing.T) {
	b := newBench(t, nil)
	c := b.server.clients.all[0]
	var held []func()
	for range batchesOfOne {
		done, err := b.server.gates.batch(t.Context(), c, plain)
		b.must(err)
		held = append(held, done)
	}
	tiny := []byte(`{"invoices":[` + strings.Repeat("{},", 200) + `{}]}`)
	var wg sync.WaitGroup
	answered := make(chan int, 1)
	wg.Go(func() { answered <- b.call("POST", "/v1/invoices", tiny, "Content-Type", "application/json").status })
	b.take(0, "FV/1", "") // a single document passes
	select {
	case status := <-answered:
		t.Errorf("the call with many documents was answered with status %d, although no place was free", status)
	default:
	}
	held[0]()
	wg.Wait()
	if status := <-answered; status != http.StatusUnprocessableEntity {
		t.Errorf("the call that waited was answered with status %d, want 422", status)
	}
	// The call has given up its place.
	if !c.free(b.server.gates) {
		t.Error("the call has ended, but its place is still taken")
	}
	held[1]()
}

// free reports whether a place for a large call is free for the client.
func (c *client) free(g *gates) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if !g.of(c).batches[plain].TryAcquire(1) {
		return false
	}
	g.of(c).batches[plain].Release(1)
	return true
}

// A large answer is kept in a file, not in memory, and the caller gets all of it.
func TestEncoded_LargeAnswer_IsInAFileThatIsGone(t *testing.T) {
	dir := t.TempDir()
	c := &call{temp: dir}
	many := make([]string, 100_000)
	for i := range many {
		many[i] = fmt.Sprint("item <", i, ">")
	}
	for _, items := range [][]string{many[:10], many} {
		answer := c.encoded(items)
		var got bytes.Buffer
		if n, err := got.ReadFrom(answer.reader()); err != nil || n != answer.size || !strings.Contains(got.String(), "<9>") {
			t.Errorf("%d of %d bytes of the answer could be read, %v, want all of them and item <9> among them", n, answer.size, err)
		}
		if inFile := answer.file != nil; inFile != (len(items) > 10) {
			t.Errorf("want only the large answer in a file; the answer about %d items is in one: %v", len(items), inFile)
		}
		answer.close()
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("after the answers, files are left: %v, %v, want none", left, err)
	}
	c.temp = dir + "/none"
	if answer := c.encoded(many); answer.size < 1_000_000 {
		t.Errorf("without a folder for files, the answer should still be whole; it has %d bytes", answer.size)
	}
}
