package ministry

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

// hashHeader holds the SHA-256 of a document, in Base64.
const hashHeader = "x-ms-meta-hash"

// xmlReply answers with a document and its hash.
func xmlReply(body []byte) simulator.Reply {
	sum := sha256.Sum256(body)
	header := http.Header{}
	header.Set(hashHeader, base64Of(sum[:]))
	return simulator.Reply{Status: http.StatusOK, ContentType: xmlType, Header: header, Body: body}
}

func receiptReply(body []byte, refused *simulator.Refusal) (simulator.Reply, *problem) {
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	return xmlReply(body), nil
}

func (m receiptOps) receiptOfSession(c *call) (simulator.Reply, *problem) {
	session, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if _, p := c.reference(1); p != nil {
		return simulator.Reply{}, p
	}
	s, refused := m.face.Sessions().One(c.account, session)
	if refused != nil {
		return simulator.Reply{}, problemOf(refused)
	}
	if s.Receipt == "" || s.Receipt != c.value(1) {
		return simulator.Reply{}, refuse(21178, "Nie znaleziono UPO dla podanych kryteriów.",
			"UPO o numerze referencyjnym "+c.value(1)+" dla sesji "+session+" nie zostało znalezione.")
	}
	return receiptReply(m.face.Invoices().Receipt(c.account, session))
}

func (m receiptOps) receiptByNumber(c *call) (simulator.Reply, *problem) {
	session, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	return receiptReply(m.face.Invoices().ReceiptOf(c.account, session,
		func(v simulator.Invoice) bool { return v.KsefNumber == c.value(1) }))
}

func (m receiptOps) receiptByReference(c *call) (simulator.Reply, *problem) {
	session, reference, p := c.references()
	if p != nil {
		return simulator.Reply{}, p
	}
	return receiptReply(m.face.Invoices().ReceiptOf(c.account, session, func(v simulator.Invoice) bool { return v.Reference == reference }))
}

func (m receiptOps) document(c *call) (simulator.Reply, *problem) {
	return receiptReply(m.face.Invoices().Document(c.account, c.value(0)))
}

// address makes a pre-signed address. Anybody who has the address may download from it until it
// expires.
func (m *Ministry) address(r *http.Request, path string) (address string, until time.Time) {
	now := m.face.Now()
	until = now.Add(m.opts.ReceiptLife).Truncate(time.Second)
	q := url.Values{
		"sv": {"2025-01-05"}, "st": {now.UTC().Format(time.RFC3339)}, "se": {until.UTC().Format(time.RFC3339)}, "sr": {"b"}, "sp": {"r"},
	}
	q.Set("sig", m.signature(path, q))
	return m.base(r) + path + "?" + q.Encode(), until
}

func (m *Ministry) signature(path string, q url.Values) string {
	mac := hmac.New(sha256.New, m.secret)
	_, _ = io.WriteString(mac, "address\n"+path+"\n"+q.Get("st")+"\n"+q.Get("se")+"\n"+q.Get("sp")) // writing to a hash does not fail
	return base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// download answers a request to a pre-signed address. The limits do not count such a request. An
// Authorization header is refused, because the store must not see the token.
func (m receiptOps) download(w http.ResponseWriter, r *http.Request) int {
	q := r.URL.Query()
	until, err := time.Parse(time.RFC3339, q.Get("se"))
	segments := strings.Split(strings.TrimPrefix(r.URL.Path, "/"), "/")
	switch {
	case r.Method != http.MethodGet:
		return write(w, stored(http.StatusMethodNotAllowed, "UnsupportedHttpVerb"))
	case r.Header.Get("Authorization") != "":
		return write(w, stored(http.StatusBadRequest, "InvalidAuthenticationInfo"))
	case err != nil || len(segments) != 5 || !hmac.Equal([]byte(q.Get("sig")), []byte(m.signature(r.URL.Path, q))):
		return write(w, stored(http.StatusForbidden, "AuthenticationFailed"))
	case !m.face.Now().Before(until):
		return write(w, stored(http.StatusForbidden, "AuthenticationFailed"))
	}
	session := strings.ToUpper(segments[2])
	account := simulator.Account{ID: m.face.Sessions().AccountOf(session)}
	account.NIP = strings.TrimPrefix(account.ID, AccountPrefix)
	return m.face.Perform(w, simulator.Request{
		HTTP: r, Operation: simulator.OpDownload, Account: account.ID, NIP: account.NIP, Session: session,
		Act: func() simulator.Reply {
			var body []byte
			var refused *simulator.Refusal
			if segments[3] == "session-upo" {
				body, refused = m.face.Invoices().Receipt(account, session)
			} else {
				reference := strings.ToUpper(strings.TrimSuffix(segments[4], ".xml"))
				body, refused = m.face.Invoices().ReceiptOf(account, session,
					func(v simulator.Invoice) bool { return v.Reference == reference })
			}
			if refused != nil {
				return stored(http.StatusNotFound, "BlobNotFound")
			}
			return xmlReply(body)
		},
		Refuse: func(f simulator.Refusal) simulator.Reply { return stored(f.Status, "ServerBusy") },
	})
}

// stored returns an error of the store behind pre-signed addresses.
func stored(status int, code string) simulator.Reply {
	body := `<?xml version="1.0" encoding="utf-8"?>` + "\n" +
		"<Error><Code>" + code + "</Code><Message>" + http.StatusText(status) + "</Message></Error>"
	return simulator.Reply{Status: status, ContentType: xmlType, Body: []byte(body)}
}
