package page

import (
	"net/http"

	"ksefworker/internal/explain"
	"ksefworker/internal/ledger"
	"ksefworker/internal/qrcode"
	"ksefworker/internal/results"
)

// xml answers with the document.
func (v *single) xml() error {
	r, _, doc, err := v.document()
	if err != nil {
		return err
	}
	return v.file(r.ID+".xml", "application/xml", doc)
}

func (v *single) upo() error {
	r, _, err := v.result()
	if err != nil {
		return err
	}
	receipt, err := v.p.o.Records.ReceiptOf(v.ctx(), r)
	if err := kept(r, err, "This invoice has no UPO yet."); err != nil {
		return err
	}
	return v.file(r.ID+".upo.xml", "application/xml", receipt.Raw)
}

// qr answers with the QR code KOD I. The label below it is the KSeF number when KSeF has the
// invoice, and OFFLINE otherwise.
func (v *single) qr() error {
	r, _, err := v.result()
	if err != nil {
		return err
	}
	if r.VerificationURL == "" {
		why, _ := explain.Say(v.Lang, results.NoCode(r.State))
		return &shown{http.StatusNotFound, why + ".", nil}
	}
	label := r.KsefNumber
	if label == "" || !ledger.State(r.State).InKSeF() {
		label = qrcode.LabelOffline
	}
	img, err := qrcode.PNG(r.VerificationURL, label)
	if err != nil {
		return err
	}
	v.w.Header().Set("Content-Type", "image/png")
	_, _ = v.w.Write(img) // an error means that the person has gone
	return nil
}
