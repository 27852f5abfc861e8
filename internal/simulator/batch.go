package simulator

import (
	"cmp"
	"crypto/aes"
	"crypto/sha256"
	"fmt"
	"net/http"
	"time"
)

const (
	maxParts     = 50
	maxPart      = 100_000_000 // bytes of a part before encryption
	maxPackage   = 5_000_000_000
	maxEncrypted = maxPart + aes.BlockSize // the padding of a full part is a whole block
)

// batchFile is what the client declared of its package.
type batchFile struct {
	Size  int32       `json:"batchSize"`
	Hash  octets      `json:"batchHash"`
	Parts []batchPart `json:"batchParts"`
}

type batchPart struct {
	Ordinal int32  `json:"ordinal"`
	Size    int64  `json:"partSize"`
	Hash    octets `json:"partHash"`
}

func (b batchFile) check() *refusal {
	if b.Size < 1 || int64(b.Size) > maxPackage || len(b.Hash) != sha256.Size {
		return badInput("batchInfo needs a positive batchSize and a batchHash of 32 bytes")
	}
	if len(b.Parts) < 1 || len(b.Parts) > maxParts {
		return &refusal{status: 400, code: codePartCount, description: "Przekroczono dozwoloną liczbę części pakietu.", details: fmt.Sprintf("%d parts, 1 to %d are allowed", len(b.Parts), maxParts)}
	}
	seen := map[int32]bool{}
	for _, p := range b.Parts {
		if p.Ordinal < 1 || int(p.Ordinal) > len(b.Parts) || seen[p.Ordinal] {
			return badInput("batchParts: the ordinals are not 1 to %d, each once", len(b.Parts))
		}
		seen[p.Ordinal] = true
		if len(p.Hash) != sha256.Size {
			return badInput("batchParts: partHash of part %d has not 32 bytes", p.Ordinal)
		}
		if p.Size < 1 || p.Size > maxEncrypted {
			return &refusal{status: 400, code: codePartSize, description: "Nieprawidłowy rozmiar części pakietu.", details: fmt.Sprintf("part %d: %d bytes", p.Ordinal, p.Size)}
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

func (s *Simulator) openBatch(c *call) (reply, *refusal) {
	var body struct {
		Version    string         `json:"invoiceVersion"`
		Encryption encryptionInfo `json:"encryptionInfo"`
		Offline    bool           `json:"offline"`
		Batch      batchFile      `json:"batchInfo"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	f := s.forms[body.Version]
	if f == nil {
		return reply{}, badInput("invoiceVersion %q is neither v2 nor v3", body.Version)
	}
	if refused := body.Encryption.check(); refused != nil {
		return reply{}, refused
	}
	if refused := body.Batch.check(); refused != nil {
		return reply{}, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sess := s.begin(c, laneBatch, f, body.Encryption)
	sess.offline, sess.batch, sess.parts = body.Offline, &body.Batch, map[int]*part{}
	if until := sess.partsUntil(); until.After(sess.expires) {
		sess.expires = until
	}
	answer := struct {
		ID      string       `json:"id"`
		Uploads []partUpload `json:"partUploads"`
	}{ID: sess.id}
	for _, p := range body.Batch.Parts {
		n := int(p.Ordinal)
		answer.Uploads = append(answer.Uploads, partUpload{
			Ordinal: n, Method: http.MethodPut, URL: s.partURL(c.r, sess, n), Headers: partHeaders(sess.id, n),
		})
	}
	return jsonReply(answer), nil
}

// partsUntil is when the storage stops taking parts.
func (sess *session) partsUntil() time.Time {
	return sess.opened.Add(partLife * time.Duration(len(sess.batch.Parts)))
}

// process sets the fate of a batch session going, as KSeF does after close. What needs only a look at the parts is
// decided here; unpacking happens aside. The caller holds mu.
func (s *Simulator) process(sess *session) {
	if len(sess.parts) == 0 {
		sess.end(440, "Nie przesłano faktur")
		return
	}
	s.aside(sess, func() fate {
		f := s.unpackSession(sess)
		for _, p := range sess.parts { // closed: nobody stores another
			p.remove()
		}
		return f
	})
}

// aside unpacks without the lock and settles what came of it. The caller holds mu. A simulator that is closing leaves
// the session processing for ever.
func (s *Simulator) aside(sess *session, unpack func() fate) {
	if s.isStopped() {
		return
	}
	s.background.Go(func() {
		f := unpack()
		if s.isStopped() {
			return
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		s.settle(sess, f)
	})
}

// fate is what unpacking a package came to: a code of the session, or the invoices in it.
type fate struct {
	code    int // 0: it could be unpacked
	details string
	read    []reading
}

// settle gives a batch session its end and its invoices their outcomes. The caller holds mu.
func (s *Simulator) settle(sess *session, f fate) {
	if f.code != 0 {
		sess.end(f.code, f.details)
		return
	}
	for _, r := range f.read {
		if sess.context == "" && r.code == 200 {
			sess.context = r.header.Issuer()
		}
	}
	sess.refuse = s.refusedByFault(sess, f.read)
	s.spoiledByFault(sess)
	for i, r := range f.read {
		o := &outcome{ordinal: i + 1, sent: sess.closed}
		sess.invoices = append(sess.invoices, o)
		s.judge(sess, o, r)
	}
	switch {
	case sess.refuse == 405 || sess.refuse > 405 && sess.refuse <= 440:
		sess.invoices = nil // as if it had never been unpacked
		sess.end(sess.refuse, "")
	case sess.refuse != 0:
		sess.end(sess.refuse, "")
	case sess.spoil != 0:
		sess.end(sess.spoil, "")
	case sess.count(true) == 0:
		sess.end(445, "")
	default:
		sess.end(200, "")
	}
}

// spoiledByFault asks the faults whether the session shall end in an error that changes nothing for its invoices.
func (s *Simulator) spoiledByFault(sess *session) {
	if f, struck := s.faults.take(sess.occasion(""), SessionSpoiled); struck {
		sess.spoil = cmp.Or(f.Code, 500)
	}
}

// refusedByFault asks the faults whether the whole package shall be refused, 0 for no.
func (s *Simulator) refusedByFault(sess *session, invoices []reading) int {
	if f, struck := s.faults.take(sess.occasion(""), SessionRefused); struck {
		return cmp.Or(f.Code, 405)
	}
	for _, r := range invoices {
		if r.header == nil {
			continue
		}
		o := sess.occasion(r.header.Number)
		o.named = true
		if f, struck := s.faults.take(o, Poison, SessionRefused); struck {
			return cmp.Or(f.Code, 405)
		}
	}
	return 0
}
