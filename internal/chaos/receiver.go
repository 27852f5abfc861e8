//go:build unix

package chaos

import (
	"crypto/hmac"
	crand "crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"maps"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"

	"ksefworker/internal/testbed"
)

// receiver is the exporter's HTTP server, to which the workers report what became of invoices. It
// stores the results that it gets. It fails at the times and in the ways that were drawn for the
// run (its moods, see moods.go). It never answers 410, which would end the deliveries for good.
// Safe for concurrent use.
type receiver struct {
	url        string
	stop       func() error
	key        []byte
	secretFile string // path
	moods      []mood
	upsets     []mood        // how single calls fail outside the moods (moods.go): in turn, again and again
	calmed     time.Duration // since the beginning of the run; from then on no single call fails

	mu       sync.Mutex
	began    time.Time // of the run; zero before it
	told     []told
	seen     map[string]bool // webhook-ids that were seen; no later call with one of them has an upset
	upset    int
	failures map[string]int // by kind
	wrong    []string       // what was wrong with calls; the workers should never make such calls
}

// told is one result that the receiver has stored. The receiver keeps the results in the order in
// which it stored them.
type told struct {
	at         time.Time
	ID         string `json:"id"`
	Revision   int64  `json:"revision"`
	NIP        string `json:"nip"`
	Number     string `json:"number"`
	File       string `json:"file"`
	State      string `json:"state"`
	KsefNumber string `json:"ksef_number"`
	Code       int    `json:"code"`
	Reason     string `json:"reason"`
}

// redirected is where the receiver's redirects lead. Nobody may come there.
const redirected = "/elsewhere"

// receiverName is the receiver's name in the workers' configuration.
const receiverName = "erp"

// startReceiver starts the receiver and writes its secret into a file, in the form of Standard
// Webhooks.
func startReceiver(o Options, dice *rand.Rand) (*receiver, error) {
	rc := &receiver{seen: map[string]bool{}, failures: map[string]int{}, key: make([]byte, 32)}
	rc.moods, rc.upsets = drawMoods(o, dice)
	rc.calmed, rc.secretFile = o.Feed*2/3, filepath.Join(o.Dir, "webhook-secret")
	_, _ = crand.Read(rc.key) // it never fails
	secret := "whsec_" + base64.StdEncoding.EncodeToString(rc.key) + "\n"
	if err := os.WriteFile(rc.secretFile, []byte(secret), 0o600); err != nil {
		return nil, err
	}
	var err error
	rc.url, rc.stop, err = testbed.Serve(rc)
	return rc, err
}

// begin tells the receiver when the run began.
func (rc *receiver) begin(at time.Time) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.began = at
}

// ServeHTTP implements http.Handler.
func (rc *receiver) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 1<<20))
	if err != nil {
		return // the caller has gone
	}
	t := told{at: time.Now()}
	if fault := rc.check(r, body, &t); fault != "" {
		rc.note(fault)
		http.Error(w, fault, http.StatusBadRequest)
		return
	}
	m, mooded := rc.moodOf(r.Header.Get("Webhook-Id"))
	if mooded && !m.stores() {
		m.answer(w, r)
		return
	}
	if mooded && m.kind == slow {
		m.wait(r)
	}
	rc.mu.Lock()
	rc.told = append(rc.told, t)
	rc.mu.Unlock()
	if mooded && m.kind == lostAnswer {
		panic(http.ErrAbortHandler)
	}
	w.WriteHeader(http.StatusNoContent)
}

// check returns what is wrong with a call, "" for nothing, and decodes its body into t.
func (rc *receiver) check(r *http.Request, body []byte, t *told) string {
	id, at := r.Header.Get("Webhook-Id"), r.Header.Get("Webhook-Timestamp")
	mac := hmac.New(sha256.New, rc.key)
	mac.Write([]byte(id + "." + at + "." + string(body)))
	want := "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
	seconds, _ := strconv.ParseInt(at, 10, 64)
	switch {
	case r.URL.Path == redirected:
		return "a redirect was followed"
	case r.Method != http.MethodPost:
		return "the method is " + r.Method
	case !hmac.Equal([]byte(r.Header.Get("Webhook-Signature")), []byte(want)):
		return "the signature is wrong"
	case t.at.Sub(time.Unix(seconds, 0)).Abs() > time.Minute:
		return "the time of the signature is " + at
	case json.Unmarshal(body, t) != nil:
		return "the body is not a result"
	case id != t.ID+"_"+strconv.FormatInt(t.Revision, 10):
		return "webhook-id is " + id + " for " + t.ID + " revision " + strconv.FormatInt(t.Revision, 10)
	}
	return ""
}

// moodOf returns how the receiver fails this call; false when it does not. Outside the moods of the
// run, until the time calmed, the first call fails for about one result in ten.
func (rc *receiver) moodOf(id string) (mood, bool) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	now := time.Since(rc.began)
	for _, m := range rc.moods {
		if !rc.began.IsZero() && now >= m.at && now < m.at+m.lasts {
			rc.failures[m.kind]++
			rc.seen[id] = true
			return m, true
		}
	}
	if rc.seen[id] || len(rc.upsets) == 0 || now > rc.calmed {
		return mood{}, false
	}
	rc.seen[id] = true
	if len(rc.seen)%oneInUpset != 0 {
		return mood{}, false
	}
	m := rc.upsets[rc.upset%len(rc.upsets)]
	rc.upset++
	rc.failures[m.kind]++
	return m, true
}

func (rc *receiver) note(fault string) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	rc.wrong = append(rc.wrong, fault)
}

// received returns what the receiver has stored, and what was wrong with calls.
func (rc *receiver) received() (all []told, wrong []string) {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return append(all, rc.told...), append(wrong, rc.wrong...)
}

// failed returns how often the receiver failed, by kind.
func (rc *receiver) failed() map[string]int {
	rc.mu.Lock()
	defer rc.mu.Unlock()
	return maps.Clone(rc.failures)
}

// refusal reports whether a result is about a refused document, which is not an invoice.
func (t told) refusal() bool { return strings.HasPrefix(t.ID, "ref-") }
