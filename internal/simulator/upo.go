package simulator

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"net/http"
	"time"
)

// potwierdzenie is the UPO of a session in the Ministry's schema v4-3. It is not signed, because
// that schema has no place for a signature.
type potwierdzenie struct {
	XMLName xml.Name `xml:"http://upo.schematy.mf.gov.pl/KSeF/v4-3 Potwierdzenie"`
	Podmiot string   `xml:"NazwaPodmiotuPrzyjmujacego"`
	Sesja   string   `xml:"NumerReferencyjnySesji"`
	Nip     string   `xml:"Uwierzytelnienie>IdKontekstu>Nip"`
	Token   string   `xml:"Uwierzytelnienie>NumerReferencyjnyTokenaKSeF"`
	Opis    struct {
		Strona   int `xml:"Strona"`
		Stron    int `xml:"LiczbaStron"`
		Od       int `xml:"ZakresDokumentowOd"`
		Do       int `xml:"ZakresDokumentowDo"`
		Wszystko int `xml:"CalkowitaLiczbaDokumentow"`
	} `xml:"OpisPotwierdzenia"`
	Struktura string     `xml:"NazwaStrukturyLogicznej"`
	Formularz string     `xml:"KodFormularza"`
	Dokumenty []dokument `xml:"Dokument"`
}

type dokument struct {
	Nip        string `xml:"NipSprzedawcy"`
	KsefNumer  string `xml:"NumerKSeFDokumentu"`
	Numer      string `xml:"NumerFaktury"`
	Wystawiono string `xml:"DataWystawieniaFaktury"`
	Przeslano  string `xml:"DataPrzeslaniaDokumentu"`
	Nadano     string `xml:"DataNadaniaNumeruKSeF"`
	Skrot      string `xml:"SkrotDokumentu"`
	Tryb       string `xml:"TrybWysylki"`
}

// sessionReceipt returns the UPO of a session that is processed and has accepted an invoice.
func (so *sessionOperations) sessionReceipt(c *call) (reply, *refusal) {
	so.mu.Lock()
	sess, refused := so.book.ownSession(c.account, c.value(0))
	if refused != nil {
		so.mu.Unlock()
		return reply{}, refused
	}
	if so.status(sess) != 200 {
		so.mu.Unlock()
		return reply{}, &refusal{
			status: http.StatusBadRequest, code: codeNoReceipt, description: "Nie znaleziono UPO dla podanych kryteriów.",
			details: fmt.Sprintf("Sesja %s nie ma UPO.", sess.id),
		}
	}
	so.mu.Unlock() // a session at 200 never changes
	body, err := so.receipts.receipt(sess)
	if err != nil {
		return reply{}, &refusal{
			status: http.StatusInternalServerError, code: 500, description: "Internal Server Error", details: err.Error(),
		}
	}
	return reply{status: http.StatusOK, contentType: xmlType, body: body}, nil
}

// receipt writes the UPO of a finished session. The bytes are the same each time, unless a fault
// changes them.
func (rc *receipts) receipt(sess *session) ([]byte, error) {
	var invoices []*accepted
	for _, o := range sess.invoices {
		if o.accepted != nil {
			invoices = append(invoices, o.accepted)
		}
	}
	return rc.receiptOf(sess, invoices)
}

// receiptOf writes a UPO of some accepted invoices of a session. It needs no lock, because accepted
// invoices and the fields of the session that it reads never change.
func (rc *receipts) receiptOf(sess *session, invoices []*accepted) ([]byte, error) {
	p := potwierdzenie{
		Podmiot: "Ministerstwo Finansów", Sesja: sess.id, Nip: sess.context, Token: sess.id[:9] + "EC" + sess.id[11:],
		Struktura: sess.form.SchemaFile, Formularz: sess.form.SystemCode,
	}
	for _, a := range invoices {
		mode := "Online"
		if a.mode == "offline" {
			mode = "Offline"
		}
		d := dokument{
			Nip: a.NIP, KsefNumer: a.ksefNumber, Numer: a.Number, Wystawiono: a.Issued,
			Przeslano: rc.local(a.sent), Nadano: rc.local(a.at),
			Skrot: base64.StdEncoding.EncodeToString(a.hash[:]), Tryb: mode,
		}
		if rc.alterer.alterReceiptEntry(a, &d) {
			p.Dokumenty = append(p.Dokumenty, d)
		}
	}
	p.Opis.Strona, p.Opis.Stron = 1, 1
	p.Opis.Od, p.Opis.Do, p.Opis.Wszystko = 1, len(p.Dokumenty), len(p.Dokumenty)
	var out bytes.Buffer
	out.WriteString(`<?xml version="1.0" encoding="utf-8"?>` + "\n")
	enc := xml.NewEncoder(&out)
	if err := enc.Encode(p); err != nil {
		return nil, fmt.Errorf("write receipt: %w", err)
	}
	return out.Bytes(), nil
}

// local writes a time as the UPO has it.
func (c *core) local(t time.Time) string {
	return t.In(c.warsaw).Format("2006-01-02T15:04:05.000Z07:00")
}
