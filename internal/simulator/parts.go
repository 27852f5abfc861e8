package simulator

import (
	"cmp"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strconv"
	"strings"
)

// part is what the part store holds for one part. The last upload counts, as with any blob.
type part struct {
	file string
	size int64
	hash [32]byte
}

func (p *part) remove() { _ = os.Remove(p.file) } // a file that stays does no harm

// partHeaders returns the headers that must be sent with the part, exactly as they are. The second
// header differs from part to part, so that a client with hard-coded headers fails.
func partHeaders(session string, ordinal int) []nameValue {
	return []nameValue{
		{"x-ms-blob-type", "BlockBlob"}, {"x-ms-meta-part", fmt.Sprintf("%s-%d", session[len(session)-2:], ordinal)},
	}
}

// partURL returns the pre-signed address of a part. Anybody who has the address may upload to it.
// An upload with an Authorization header is refused.
func (ps *partStore) partURL(base string, sess *session, ordinal int) string {
	path := fmt.Sprintf("/storage/%s/batch-parts/%d", strings.ToLower(sess.id), ordinal)
	until := strconv.FormatInt(sess.partsUntil().Unix(), 10)
	return base + path + "?" + url.Values{"se": {until}, "sig": {ps.sign(path, until)}}.Encode()
}

// baseOf returns the beginning of the addresses in an answer of the gateway.
func (c *core) baseOf(r *http.Request) string { return cmp.Or(c.opts.BaseURL, "http://"+r.Host) }

func (c *core) sign(path, until string) string {
	mac := hmac.New(sha256.New, c.signing)
	_, _ = io.WriteString(mac, path+"\n"+until) // writing to a hash does not fail
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// storage takes the uploads of parts. It does not check their content; processing does.
func (ps *partStore) storage(w http.ResponseWriter, r *http.Request) int {
	sess, ordinal, refused := ps.partOf(r)
	if refused != nil {
		return send(w, refused)
	}
	var spooled *part
	return ps.performer.perform(w, job{
		ctx:   r.Context(),
		body:  r.Body,
		event: event{on: opPart, account: sess.account, nip: sess.context, lane: laneBatch},
		prepare: func() *refusal {
			if refused := checkUpload(r, sess, ordinal); refused != nil {
				return refused
			}
			var err error
			if spooled, err = ps.spool(r); err != nil {
				return &refusal{status: http.StatusBadRequest, code: 400, description: "Bad Request", details: "the body ended early"}
			}
			return nil
		},
		act:  func() reply { return ps.store(sess, ordinal, spooled) },
		lose: func() { ps.lose(sess.id) },
	})
}

// partOf finds the session of an upload and checks the signature.
func (ps *partStore) partOf(r *http.Request) (*session, int, *refusal) {
	denied := &refusal{status: http.StatusUnauthorized, code: 401, description: "Unauthorized", details: "the signature is wrong"}
	until, sig := r.URL.Query().Get("se"), r.URL.Query().Get("sig")
	if !hmac.Equal([]byte(sig), []byte(ps.sign(r.URL.Path, until))) {
		return nil, 0, denied
	}
	// The simulator has signed this path, so it is well-formed.
	names := segments(r.URL.Path)
	ordinal, err := strconv.Atoi(names[len(names)-1])
	ps.mu.Lock()
	defer ps.mu.Unlock()
	sess := ps.sessions[strings.ToUpper(names[1])]
	if err != nil || sess == nil || sess.lost {
		return nil, 0, denied
	}
	return sess, ordinal, nil
}

// checkUpload compares the method and the headers with what the client was told. It needs no lock,
// because the id of a session and its declared parts never change.
func checkUpload(r *http.Request, sess *session, ordinal int) *refusal {
	bad := func(details string) *refusal {
		return &refusal{status: http.StatusBadRequest, code: 400, description: "Bad Request", details: details}
	}
	switch {
	case r.Method != http.MethodPut:
		return bad("the method is not PUT")
	case r.Header.Get("Authorization") != "":
		return bad("an Authorization header besides the signature")
	case r.ContentLength < 0:
		return bad("no Content-Length")
	case r.ContentLength > maxEncrypted:
		return bad("too large")
	}
	for _, h := range partHeaders(sess.id, ordinal) {
		if got := r.Header.Values(h.Name); len(got) != 1 || got[0] != h.Value {
			return bad("header " + h.Name + " is not as it was given")
		}
	}
	return nil
}

// spool writes a body to a file and computes its hash on the way.
func (ps *partStore) spool(r *http.Request) (*part, error) {
	f, err := os.CreateTemp(ps.dir, "part-")
	if err != nil {
		return nil, fmt.Errorf("make part file: %w", err)
	}
	p := &part{file: f.Name()}
	hash := sha256.New()
	p.size, err = io.Copy(io.MultiWriter(f, hash), r.Body)
	if closing := f.Close(); err == nil {
		err = closing
	}
	if err != nil {
		p.remove()
		return nil, fmt.Errorf("spool part: %w", err)
	}
	hash.Sum(p.hash[:0])
	return p, nil
}

// store adds a spooled part to its session, unless it came too late.
func (ps *partStore) store(sess *session, ordinal int, p *part) reply {
	ps.mu.Lock()
	defer ps.mu.Unlock()
	ps.book.expire(sess)
	if !sess.closed.IsZero() || !ps.now().Before(sess.partsUntil()) {
		p.remove()
		return (&refusal{status: http.StatusForbidden, code: 403, description: "Forbidden", details: "too late"}).reply()
	}
	if old := sess.parts[ordinal]; old != nil {
		old.remove()
	}
	sess.parts[ordinal] = p
	return reply{status: http.StatusCreated}
}
