package simulator

import (
	"net/http"
	"os"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/strictjson"
)

// boxUpload is one upload to the black box. The gateway makes a session of its own for it.
type boxUpload struct {
	session *session
	batch   bool
	upo     bool // the answer shall hold the UPO
	started time.Time
}

// uploadKey makes the ids of different accounts distinct: each account chooses its ids by itself.
func uploadKey(account Account, id string) string { return account.ID + "\x00" + id }

// beginUpload makes the session of an upload, unless the id was used before. The caller holds mu.
func (s *Simulator) beginUpload(c *call, id string, f *fa.Form, lane string, offline, upo bool) (*session, *refusal) {
	if id == "" {
		return nil, badInput("uploadId is empty")
	}
	if s.uploads[uploadKey(c.account, id)] != nil {
		return nil, badInput("uploadId %q was used before", id)
	}
	kind := "SO"
	if lane == laneBatch {
		kind = "SB"
	}
	now := s.now()
	sess := &session{
		id: s.reference(kind), lane: lane, account: c.account.ID, context: c.account.NIP, form: f, offline: offline,
		opened: now, closed: now, expires: now.Add(sessionLife), boxed: true,
	}
	s.addSession(sess)
	s.uploads[uploadKey(c.account, id)] = &boxUpload{session: sess, batch: lane == laneBatch, upo: upo, started: now}
	return sess, nil
}

func (s *Simulator) boxUploadInvoice(c *call) (reply, *refusal) {
	var body struct {
		ID      string            `json:"uploadId"`
		Offline bool              `json:"offline"`
		Notify  bool              `json:"notify"`
		UPO     bool              `json:"upo,omitempty"`
		Data    strictjson.Octets `json:"invoiceData"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if len(body.Data) == 0 {
		return reply{}, badInput("invoiceData is empty")
	}
	s.mu.Lock()
	sess, refused := s.beginUpload(c, body.ID, s.forms["v3"], laneOnline, body.Offline, body.UPO)
	if refused != nil {
		s.mu.Unlock()
		return reply{}, refused
	}
	o := &outcome{ordinal: 1, id: s.reference("EE"), sent: sess.opened, code: 150}
	sess.invoices = append(sess.invoices, o)
	s.mu.Unlock()
	read := s.read(body.Data, sess.form, laneOnline, o.sent)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.decide(sess, o, read)
	s.finishOnline(sess)
	return resultTrue(), nil
}

func resultTrue() reply {
	return jsonReply(struct {
		Result bool `json:"result"`
	}{true})
}

type boxBatchRequest struct {
	ID      string `json:"uploadId"`
	Offline bool   `json:"offline"`
	Notify  bool   `json:"notify"`
	UPO     bool   `json:"upo,omitempty"`
	Version string `json:"invoiceVersion"`
}

func (s *Simulator) boxUploadBatch(c *call) (reply, *refusal) {
	body, file, refused := s.multipart(c)
	if refused != nil {
		return reply{}, refused
	}
	f := s.forms[body.Version]
	if f == nil {
		_ = os.Remove(file)
		return reply{}, badInput("invoiceVersion %q is neither v2 nor v3", body.Version)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := s.beginUpload(c, body.ID, f, laneBatch, body.Offline, body.UPO)
	if refused != nil {
		_ = os.Remove(file)
		return reply{}, refused
	}
	s.inBackground(sess, func() packageResult {
		defer func() { _ = os.Remove(file) }()
		return s.unpackFile(file, f, sess.opened, s.opts.maxInvoicesOf(sess.context))
	})
	return resultTrue(), nil
}

// unpackFile reads a package that is not encrypted.
func (s *Simulator) unpackFile(name string, f *fa.Form, acceptance time.Time, maxFiles int) packageResult {
	file, err := os.Open(name)
	if err != nil {
		return s.broken(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return s.broken(err)
	}
	return s.readPackage(file, info.Size(), f, acceptance, maxFiles)
}

func (s *Simulator) boxInvoiceStatus(c *call) (reply, *refusal) { return s.boxStatus(c, false) }
func (s *Simulator) boxBatchStatus(c *call) (reply, *refusal)   { return s.boxStatus(c, true) }

// boxStatus answers what became of an upload. For a package that failed as a whole it is an error
// with the session's code.
func (s *Simulator) boxStatus(c *call, batch bool) (reply, *refusal) {
	s.mu.Lock()
	u := s.uploads[uploadKey(c.account, c.value(0))]
	if u == nil || u.batch != batch {
		s.mu.Unlock()
		return reply{}, badInput("uploadId %q is unknown", c.value(0))
	}
	status := s.status(u.session)
	if status < 200 {
		s.mu.Unlock()
		if status == 170 {
			status = 150
		}
		return reply{}, tryAgain(status)
	}
	list := s.list(u.session)
	sess := u.session
	details := sess.details
	s.mu.Unlock()
	if batch && len(list) == 0 {
		return reply{}, &refusal{status: http.StatusBadRequest, code: status, description: sess.describe(status), details: details}
	}
	var upo []byte
	if u.upo && status == 200 {
		var err error
		if upo, err = s.receipt(sess); err != nil {
			return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
		}
	}
	answer := struct {
		ID      string `json:"uploadId"`
		Info    any    `json:"invoiceInfo"`
		Session string `json:"sessionId"`
		UPO     []byte `json:"upo,omitempty"`
	}{ID: c.value(0), Info: list, Session: sess.id, UPO: upo}
	if !batch {
		answer.Info = list[0]
	}
	return jsonReply(answer), nil
}
