package simulator

import (
	"cmp"
	"crypto/aes"
	"crypto/sha256"
	"fmt"
	"math"
	"net/http"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/strictjson"
)

const (
	maxParts     = 50
	maxPart      = 100_000_000 // bytes of a part before encryption
	maxPackage   = 5_000_000_000
	maxEncrypted = maxPart + aes.BlockSize // the padding of a full part is a whole block
)

// batchFile is what the client declared about its package.
type batchFile struct {
	Size  int64             `json:"batchSize"`
	Hash  strictjson.Octets `json:"batchHash"`
	Parts []batchPart       `json:"batchParts"`
}

type batchPart struct {
	Ordinal int32             `json:"ordinal"`
	Size    int64             `json:"partSize"`
	Hash    strictjson.Octets `json:"partHash"`
}

func (b batchFile) check() *refusal {
	if b.Size < 1 || b.Size > math.MaxInt32 || len(b.Hash) != sha256.Size {
		return badInput("batchInfo needs a positive batchSize and a batchHash of 32 bytes")
	}
	if len(b.Parts) < 1 || len(b.Parts) > maxParts {
		return &refusal{
			status: http.StatusBadRequest, code: codePartCount, description: "Przekroczono dozwoloną liczbę części pakietu.",
			details: fmt.Sprintf("there are %d parts; 1 to %d are allowed", len(b.Parts), maxParts),
		}
	}
	seen := map[int32]bool{}
	for _, p := range b.Parts {
		if p.Ordinal < 1 || int(p.Ordinal) > len(b.Parts) || seen[p.Ordinal] {
			return badInput("batchParts: the ordinals are not 1 to %d, each once", len(b.Parts))
		}
		seen[p.Ordinal] = true
		if len(p.Hash) != sha256.Size {
			return badInput("batchParts: partHash of part %d is not 32 bytes long", p.Ordinal)
		}
		if p.Size < 1 || p.Size > maxEncrypted {
			return &refusal{
				status: http.StatusBadRequest, code: codePartSize, description: "Nieprawidłowy rozmiar części pakietu.",
				details: fmt.Sprintf("part %d: %d bytes", p.Ordinal, p.Size),
			}
		}
	}
	return nil
}

type nameValue struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

type partUpload struct {
	Ordinal int         `json:"ordinal"`
	Method  string      `json:"method"`
	URL     string      `json:"url"`
	Headers []nameValue `json:"headers"`
}

func (so *sessionOperations) openBatch(c *call) (reply, *refusal) {
	var body struct {
		Version    string         `json:"invoiceVersion"`
		Encryption encryptionInfo `json:"encryptionInfo"`
		Offline    bool           `json:"offline"`
		Batch      batchFile      `json:"batchInfo"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	f, refused := so.book.opens(body.Version, body.Encryption)
	if refused != nil {
		return reply{}, refused
	}
	if refused := body.Batch.check(); refused != nil {
		return reply{}, refused
	}
	so.mu.Lock()
	defer so.mu.Unlock()
	sess := so.batches.startBatch(c.account, f, body.Encryption, body.Batch, body.Offline)
	c.session = sess.id
	answer := struct {
		ID      string       `json:"id"`
		Uploads []partUpload `json:"partUploads"`
	}{ID: sess.id}
	for _, p := range body.Batch.Parts {
		n := int(p.Ordinal)
		answer.Uploads = append(answer.Uploads, partUpload{
			Ordinal: n, Method: http.MethodPut, URL: so.parts.partURL(so.baseOf(c.r), sess, n), Headers: partHeaders(sess.id, n),
		})
	}
	return jsonReply(answer), nil
}

// startBatch makes a batch session that waits for its parts. The caller holds mu.
func (bt *batches) startBatch(account Account, f *fa.Form, e encryptionInfo, b batchFile, offline bool) *session {
	sess := bt.begin(account, laneBatch, f, e)
	sess.offline, sess.batch, sess.parts = offline, &b, map[int]*part{}
	if until := sess.partsUntil(); until.After(sess.expires) {
		sess.expires = until
	}
	return sess
}

// partsUntil returns the time at which the part store stops taking parts of the session.
func (sess *session) partsUntil() time.Time {
	return sess.opened.Add(partLife * time.Duration(len(sess.batch.Parts)))
}

// process starts the processing of a closed batch session. A session without parts ends at once.
// Otherwise the package is unpacked in the background. The caller holds mu.
func (bt *batches) process(sess *session) {
	if len(sess.parts) == 0 {
		sess.end(440, "Nie przesłano faktur")
		return
	}
	bt.inBackground(sess, func() packageResult {
		f := bt.unpacker.unpackSession(sess)
		for _, p := range sess.parts { // the session is closed, so no more parts come
			p.remove()
		}
		return f
	})
}

// inBackground unpacks a package without the lock and then finishes its session. The caller holds
// mu. When the simulator is closing, the session stays in processing forever.
func (bt *batches) inBackground(sess *session, unpack func() packageResult) {
	if bt.isStopped() {
		return
	}
	bt.unpacking++
	bt.background.Go(func() {
		f := unpack()
		bt.mu.Lock()
		defer bt.mu.Unlock()
		if bt.unpacking--; bt.unpacking == 0 {
			bt.unpacked.Broadcast()
		}
		if !bt.isStopped() {
			bt.finishBatch(sess, f)
		}
	})
}

// packageResult is the result of unpacking a package. It is the end of the session, or the invoices
// of the package.
type packageResult struct {
	code    int // the status of the session; 0 when the package could be unpacked
	details string
	read    []reading
}

// finishBatch gives the invoices of a batch session their outcomes, and the session its end. The
// caller holds mu.
func (bt *batches) finishBatch(sess *session, f packageResult) {
	if f.code != 0 {
		sess.end(f.code, f.details)
		return
	}
	for _, r := range f.read {
		if sess.context == "" && r.code == 200 {
			sess.context = r.header.Issuer()
		}
	}
	sess.refusedCode = bt.refusedByFault(sess, f.read)
	bt.spoiledByFault(sess)
	for i, r := range f.read {
		o := &outcome{ordinal: i + 1, sent: sess.closed, file: r.file}
		if sess.direct {
			o.id = bt.reference("EE")
		}
		sess.invoices = append(sess.invoices, o)
		bt.registry.decide(sess, o, r)
	}
	switch {
	case sess.refusedCode == 405 || sess.refusedCode > 405 && sess.refusedCode <= 440:
		sess.invoices = nil // as if the package had never been unpacked
		sess.end(sess.refusedCode, "")
	case sess.refusedCode != 0:
		sess.end(sess.refusedCode, "")
	case sess.spoiledCode != 0:
		sess.end(sess.spoiledCode, "")
	case sess.count(true) == 0:
		sess.end(445, "")
	default:
		sess.end(200, "")
	}
}

// spoiledByFault asks the faults whether the session ends with an error that changes nothing for
// its invoices.
func (bt *batches) spoiledByFault(sess *session) {
	if f, hit := bt.faults.take(sess.event(""), SessionSpoiled); hit {
		sess.spoiledCode = cmp.Or(f.Code, 500)
	}
}

// refusedByFault asks the faults whether the whole package is refused. It returns the code of the
// refusal, or 0 when the package is not refused.
func (bt *batches) refusedByFault(sess *session, invoices []reading) int {
	if f, hit := bt.faults.take(sess.event(""), SessionRefused); hit {
		return cmp.Or(f.Code, 405)
	}
	for _, r := range invoices {
		if r.header == nil {
			continue
		}
		e := sess.event(r.header.Number)
		e.named = true
		if f, hit := bt.faults.take(e, Poison, SessionRefused); hit {
			return cmp.Or(f.Code, 405)
		}
	}
	return 0
}
