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

// uploadKey makes the ids of different accounts distinct, because two accounts may choose the same
// id.
func uploadKey(account Account, id string) string { return account.ID + "\x00" + id }

// beginUpload makes the session of an upload, unless the id was used before. The caller holds mu.
func (bo *boxOperations) beginUpload(c *call, id string, f *fa.Form, lane string, offline, upo bool) (*session, *refusal) {
	if id == "" {
		return nil, badInput("uploadId is empty")
	}
	if bo.uploads[uploadKey(c.account, id)] != nil {
		return nil, badInput("uploadId %q was used before", id)
	}
	kind := "SO"
	if lane == laneBatch {
		kind = "SB"
	}
	now := bo.now()
	sess := &session{
		id: bo.reference(kind), lane: lane, account: c.account.ID, context: c.account.NIP, form: f, offline: offline,
		opened: now, closed: now, expires: now.Add(sessionLife), boxed: true,
	}
	bo.addSession(sess)
	bo.uploads[uploadKey(c.account, id)] = &boxUpload{session: sess, batch: lane == laneBatch, upo: upo, started: now}
	return sess, nil
}

func (bo *boxOperations) boxUploadInvoice(c *call) (reply, *refusal) {
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
	bo.mu.Lock()
	sess, refused := bo.beginUpload(c, body.ID, bo.forms["v3"], laneOnline, body.Offline, body.UPO)
	if refused != nil {
		bo.mu.Unlock()
		return reply{}, refused
	}
	o := &outcome{ordinal: 1, id: bo.reference("EE"), sent: sess.opened, code: 150}
	sess.invoices = append(sess.invoices, o)
	bo.mu.Unlock()
	read := bo.unpacker.read(body.Data, sess.form, laneOnline, o.sent)
	bo.mu.Lock()
	defer bo.mu.Unlock()
	bo.registry.decide(sess, o, read)
	bo.book.finishOnline(sess)
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

func (bo *boxOperations) boxUploadBatch(c *call) (reply, *refusal) {
	body, file, refused := bo.multipart(c)
	if refused != nil {
		return reply{}, refused
	}
	f := bo.forms[body.Version]
	if f == nil {
		_ = os.Remove(file)
		return reply{}, badInput("invoiceVersion %q is neither v2 nor v3", body.Version)
	}
	bo.mu.Lock()
	defer bo.mu.Unlock()
	sess, refused := bo.beginUpload(c, body.ID, f, laneBatch, body.Offline, body.UPO)
	if refused != nil {
		_ = os.Remove(file)
		return reply{}, refused
	}
	bo.batches.inBackground(sess, func() packageResult {
		defer func() { _ = os.Remove(file) }()
		return bo.unpacker.unpackFile(file, f, sess.opened, bo.opts.maxInvoicesOf(sess.context))
	})
	return resultTrue(), nil
}

// unpackFile reads a package that is not encrypted.
func (u *unpacker) unpackFile(name string, f *fa.Form, acceptance time.Time, maxFiles int) packageResult {
	file, err := os.Open(name)
	if err != nil {
		return u.broken(err)
	}
	defer func() { _ = file.Close() }()
	info, err := file.Stat()
	if err != nil {
		return u.broken(err)
	}
	return u.readPackage(file, info.Size(), f, acceptance, maxFiles)
}

func (bo *boxOperations) boxInvoiceStatus(c *call) (reply, *refusal) { return bo.boxStatus(c, false) }
func (bo *boxOperations) boxBatchStatus(c *call) (reply, *refusal)   { return bo.boxStatus(c, true) }

// boxStatus answers with what became of an upload. For a package that failed as a whole the answer
// is an error with the session's code.
func (bo *boxOperations) boxStatus(c *call, batch bool) (reply, *refusal) {
	bo.mu.Lock()
	u := bo.uploads[uploadKey(c.account, c.value(0))]
	if u == nil || u.batch != batch {
		bo.mu.Unlock()
		return reply{}, badInput("uploadId %q is unknown", c.value(0))
	}
	status := bo.status(u.session)
	if status < 200 {
		bo.mu.Unlock()
		if status == 170 {
			status = 150
		}
		return reply{}, tryAgain(status)
	}
	list := bo.book.list(u.session)
	sess := u.session
	details := sess.details
	bo.mu.Unlock()
	if batch && len(list) == 0 {
		return reply{}, &refusal{status: http.StatusBadRequest, code: status, description: sess.describe(status), details: details}
	}
	var upo []byte
	if u.upo && status == 200 {
		var err error
		if upo, err = bo.receipts.receipt(sess); err != nil {
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
