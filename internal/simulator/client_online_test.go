package simulator

// online is an open online session.
type online struct {
	rig    *rig
	secret secret
	id     string
}

func (r *rig) openOnline() *online {
	r.t.Helper()
	s := r.secret()
	var opened opened
	r.ok(r.post("/invoice/session/open/online", m{"invoiceVersion": "v3", "encryptionInfo": s.info()}), &opened)
	return &online{rig: r, secret: s, id: opened.ID}
}

func (o *online) body(document string) m {
	content := []byte(document)
	encrypted := m{"invoiceSize": len(content), "invoiceHash": sha(content), "encryptedInvoice": o.secret.seal(content)}
	return m{"sessionId": o.id, "encrypted": encrypted}
}

func (o *online) send(document string) string {
	o.rig.t.Helper()
	var sent opened
	o.rig.ok(o.rig.post("/invoice/send", o.body(document)), &sent)
	return sent.ID
}

func (o *online) invoice(id string) invoiceInfo {
	o.rig.t.Helper()
	var i struct {
		Info invoiceInfo `json:"invoiceInfo"`
	}
	o.rig.ok(o.rig.get("/invoice/status/"+id), &i)
	return i.Info
}

func (o *online) close() *online {
	o.rig.t.Helper()
	o.rig.ok(o.rig.get("/invoice/session/close/"+o.id), nil)
	return o
}
