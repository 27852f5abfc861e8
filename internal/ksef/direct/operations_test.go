package direct

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
)

const (
	session = "20261125-SO-2C3E6C8000-B675CF5D68-07"
	sent    = "20261125-EE-2C3E6C8000-B675CF5D68-08"
	number  = "5265877635-20261125-0100A0000000-8D"
	invoice = `{"ordinalNumber":1,"invoiceNumber":"F/1","ksefNumber":"` + number + `","referenceNumber":"` + sent +
		`","invoiceHash":"aGFzaA==",
		"invoiceFileName":"1.xml","invoicingMode":"Online","invoicingDate":"2026-11-25T12:00:00+00:00","status":{"code":200,"description":"Sukces"}}`
)

// operation is one method of this package and what it must send.
type operation struct {
	call     func(*Client) error
	method   string
	template string // the path as the contract writes it
	target   string // below /v2, with its query
	answer   reply
	group    ksef.Group
	login    bool // the call needs no access token
}

func operations(t *testing.T) map[string]operation {
	t.Helper()
	key, info := encryption(t)
	begun := Begun{ReferenceNumber: "20261125-AU-1-2-3", Token: Token{NewSecret("login-token"), now}}
	hash := make([]byte, 32)
	batch := ksef.OpenBatchRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info, BatchInfo: ksef.BatchInfo{BatchSize: 9, BatchHash: hash,
		BatchParts: []ksef.BatchPart{{Ordinal: 1, PartSize: 16, PartHash: hash}}}}
	const tokens = `"accessToken":{"token":"a","validUntil":"2026-11-25T12:15:00.1234567+00:00"}`
	xml := ok(`<?xml version="1.0"?><Potwierdzenie></Potwierdzenie>`)
	err2 := func(_ any, err error) error { return err }
	return map[string]operation{
		"challenge": {func(c *Client) error { return err2(c.api.Auth().Challenge(ctx)) }, "POST", "/auth/challenge", "/auth/challenge",
			ok(`{"challenge":"c","timestamp":"2025-07-11T12:23:56.0154302+00:00","timestampMs":1752236636015,"clientIp":"127.0.0.1"}`),
			ksef.GroupLogin, true},
		"by signature": {func(c *Client) error { return err2(c.api.Auth().BySignature(ctx, []byte("<a></a>"), false)) }, "POST",
			"/auth/xades-signature",
			"/auth/xades-signature?verifyCertificateChain=false",
			reply{
				status: 202,
				body:   `{"referenceNumber":"r","authenticationToken":{"token":"t","validUntil":"2026-11-25T12:00:00Z"}}`,
			}, ksef.GroupLogin, true},
		"by token": {func(c *Client) error {
			return err2(c.api.Auth().ByToken(ctx, TokenLogin{Challenge: "c", NIP: "1", EncryptedToken: []byte("e")}))
		}, "POST", "/auth/ksef-token", "/auth/ksef-token",
			reply{
				status: 202,
				body:   `{"referenceNumber":"r","authenticationToken":{"token":"t","validUntil":"2026-11-25T12:00:00Z"}}`,
			}, ksef.GroupLogin, true},
		"login status": {func(c *Client) error { return err2(c.api.Auth().Status(ctx, begun)) }, "GET", "/auth/{referenceNumber}",
			"/auth/20261125-AU-1-2-3",
			ok(`{"startDate":"2026-11-25T12:00:00Z","authenticationMethod":"Token","status":{"code":100,"description":"w toku"}}`),
			ksef.GroupLogin, true},
		"redeem": {func(c *Client) error { return err2(c.api.Auth().Redeem(ctx, begun)) }, "POST", "/auth/token/redeem",
			"/auth/token/redeem",
			ok(`{` + tokens + `,"refreshToken":{"token":"r","validUntil":"2026-12-02T12:00:00Z"}}`), ksef.GroupLogin, true},
		"refresh": {func(c *Client) error { return err2(c.api.Auth().Refresh(ctx, begun.Token)) }, "POST", "/auth/token/refresh",
			"/auth/token/refresh",
			ok(`{` + tokens + `}`), ksef.GroupLogin, true},
		"end": {func(c *Client) error { return c.api.Auth().End(ctx, begun.Token) }, "DELETE", "/auth/sessions/current",
			"/auth/sessions/current",
			reply{status: 204}, ksef.GroupLoginSessions, true},
		"public key": {func(c *Client) error { return err2(c.PublicKey(ctx)) }, "GET", "/security/public-key-certificates",
			"/security/public-key-certificates",
			ok(`[{"certificate":"` + b64(certificateDER(t)) +
				`","validFrom":"2026-01-01T00:00:00Z","validTo":"2028-01-01T00:00:00Z","usage":["SymmetricKeyEncryption","New"]}]`),
			ksef.GroupPublicKey, true},
		"open online": {func(c *Client) error {
			return err2(c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info}))
		}, "POST", "/sessions/online", "/sessions/online", reply{
			status: 201, body: `{"referenceNumber":"` + session + `"}`,
		}, ksef.GroupOnlineSession, false},
		"send": {func(c *Client) error { return err2(c.SendInvoice(ctx, ksef.Seal(session, key, []byte("<Faktura/>")))) }, "POST",
			"/sessions/online/{referenceNumber}/invoices", "/sessions/online/" + session + "/invoices",
			reply{status: 202, body: `{"referenceNumber":"` + sent + `"}`}, ksef.GroupInvoiceSend, false},
		"close online": {func(c *Client) error { return c.CloseSession(ctx, session, false) }, "POST",
			"/sessions/online/{referenceNumber}/close",
			"/sessions/online/" + session + "/close", reply{status: 204}, ksef.GroupOnlineSessionClose, false},
		"open batch": {func(c *Client) error { return err2(c.OpenBatch(ctx, batch)) }, "POST", "/sessions/batch", "/sessions/batch",
			reply{status: 201, body: `{"referenceNumber":"` + session +
				`","partUploadRequests":[{"ordinalNumber":1,"method":"PUT","url":"https://store/1?sig=x",
			"headers":{"x-ms-blob-type":"BlockBlob","none":null}}]}`}, ksef.GroupBatchSession, false},
		"close batch": {func(c *Client) error { return c.CloseSession(ctx, session, true) }, "POST",
			"/sessions/batch/{referenceNumber}/close",
			"/sessions/batch/" + session + "/close", reply{status: 204}, ksef.GroupBatchSessionClose, false},
		"session status": {func(c *Client) error { return err2(c.SessionStatus(ctx, session)) }, "GET", "/sessions/{referenceNumber}",
			"/sessions/" + session,
			ok(`{"status":{"code":100,"description":"otwarta"},"dateCreated":"2026-11-25T12:00:00Z"}`), ksef.GroupSessionMisc, false},
		"list": {func(c *Client) error { return err2(c.SessionInvoices(ctx, session)) }, "GET", "/sessions/{referenceNumber}/invoices",
			"/sessions/" + session + "/invoices?pageSize=1000", ok(`{"continuationToken":null,"invoices":[` + invoice + `]}`),
			ksef.GroupSessionInvoiceList, false},
		"list failed": {func(c *Client) error { return err2(c.SessionInvoicePage(ctx, session, "", true)) }, "GET",
			"/sessions/{referenceNumber}/invoices/failed",
			"/sessions/" + session + "/invoices/failed?pageSize=1000", ok(`{"invoices":[]}`), ksef.GroupSessionInvoiceList, false},
		"invoice status": {func(c *Client) error { return err2(c.InvoiceStatus(ctx, session+"/"+sent)) }, "GET",
			"/sessions/{referenceNumber}/invoices/{invoiceReferenceNumber}", "/sessions/" + session + "/invoices/" + sent, ok(invoice),
			ksef.GroupInvoiceStatus, false},
		"sessions": {func(c *Client) error {
			return err2(c.Sessions(ctx, SessionQuery{Batch: true, CreatedFrom: now, PageSize: 10}))
		}, "GET", "/sessions", "/sessions?dateCreatedFrom=2026-11-25T12%3A00%3A00Z&pageSize=10&sessionType=Batch", ok(`{"sessions":[]}`),
			ksef.GroupSessionList, false},
		"upo page": {func(c *Client) error { return err2(c.SessionUPOPage(ctx, session, "u")) }, "GET",
			"/sessions/{referenceNumber}/upo/{upoReferenceNumber}",
			"/sessions/" + session + "/upo/u", xml, ksef.GroupSessionUPO, false},
		"upo by number": {func(c *Client) error { return err2(c.InvoiceUPO(ctx, session, number)) }, "GET",
			"/sessions/{referenceNumber}/invoices/ksef/{ksefNumber}/upo",
			"/sessions/" + session + "/invoices/ksef/" + number + "/upo", xml, ksef.GroupSessionUPO, false},
		"upo by reference": {func(c *Client) error { return err2(c.SentInvoiceUPO(ctx, session+"/"+sent)) }, "GET",
			"/sessions/{referenceNumber}/invoices/{invoiceReferenceNumber}/upo", "/sessions/" + session + "/invoices/" + sent + "/upo", xml,
			ksef.GroupSessionUPO, false},
		"invoice": {func(c *Client) error { return err2(c.Invoice(ctx, number)) }, "GET", "/invoices/ksef/{ksefNumber}", "/invoices/ksef/" +
			number, xml,
			ksef.GroupInvoiceDownload, false},
		"metadata": {func(c *Client) error {
			return err2(c.Metadata(ctx, ksef.MetadataRequest{
				SubjectType: ksef.Subject1, Range: ksef.Between(now.Add(-time.Hour), now), PageSize: 250,
				SortAsc: true,
			}))
		}, "POST", "/invoices/query/metadata", "/invoices/query/metadata?pageOffset=0&pageSize=250&sortOrder=Asc",
			ok(`{"hasMore":false,"isTruncated":false,"invoices":[]}`), ksef.GroupMetadata, false},
		"rate limits": {func(c *Client) error { return err2(c.Account().RateLimits(ctx)) }, "GET", "/rate-limits", "/rate-limits",
			ok(`{"invoiceSend":{"perSecond":10,"perMinute":30,"perHour":-1}}`), ksef.GroupRateLimits, false},
		"context limits": {func(c *Client) error { return err2(c.Account().ContextLimits(ctx)) }, "GET", "/limits/context",
			"/limits/context",
			ok(`{"onlineSession":{"maxInvoices":10000}}`), ksef.GroupContextLimits, false},
		"certificate limits": {func(c *Client) error { return err2(c.Account().CertificateLimits(ctx)) }, "GET", "/certificates/limits",
			"/certificates/limits",
			ok(`{"canRequest":true}`), ksef.GroupCertificates, false},
		"enrollment data": {func(c *Client) error { return err2(c.Account().EnrollmentData(ctx)) }, "GET", "/certificates/enrollments/data",
			"/certificates/enrollments/data", ok(`{"commonName":"F","countryName":"PL"}`), ksef.GroupCertificates, false},
		"enroll": {func(c *Client) error { return err2(c.Account().Enroll(ctx, "worker", Authentication, []byte("csr"))) }, "POST",
			"/certificates/enrollments",
			"/certificates/enrollments", reply{status: 202, body: `{"referenceNumber":"r"}`}, ksef.GroupCertificates, false},
		"enrollment status": {func(c *Client) error { return err2(c.Account().EnrollmentStatus(ctx, "r")) }, "GET",
			"/certificates/enrollments/{referenceNumber}",
			"/certificates/enrollments/r", ok(`{"status":{"code":100,"description":"w toku"}}`), ksef.GroupCertificates, false},
		"retrieve": {func(c *Client) error { return err2(c.Account().RetrieveCertificate(ctx, "0321")) }, "POST", "/certificates/retrieve",
			"/certificates/retrieve",
			ok(`{"certificates":[{"certificate":"` + b64(certificateDER(t)) + `","certificateSerialNumber":"0321"}]}`),
			ksef.GroupCertificates, false},
		"certificates": {func(c *Client) error {
			_, _, err := c.Account().QueryCertificates(ctx, CertificateFilter{Status: "Active"}, 0)
			return err
		}, "POST", "/certificates/query", "/certificates/query?pageOffset=0&pageSize=50", ok(`{"certificates":[],"hasMore":false}`),
			ksef.GroupCertificates, false},
		"create token": {func(c *Client) error { return err2(c.Account().CreateToken(ctx, []string{"InvoiceWrite"}, "worker")) }, "POST",
			"/tokens", "/tokens",
			reply{status: 202, body: `{"referenceNumber":"r","token":"s"}`}, ksef.GroupTokens, false},
		"token status": {func(c *Client) error { return err2(c.Account().TokenStatus(ctx, "r")) }, "GET", "/tokens/{referenceNumber}",
			"/tokens/r",
			ok(`{"referenceNumber":"r","status":"Active"}`), ksef.GroupTokens, false},
		"revoke token": {func(c *Client) error { return c.Account().RevokeToken(ctx, "r") }, "DELETE", "/tokens/{referenceNumber}",
			"/tokens/r",
			reply{status: 204}, ksef.GroupTokens, false},
		"logins": {func(c *Client) error {
			_, _, err := c.Account().LoginSessions(ctx, "")
			return err
		}, "GET", "/auth/sessions", "/auth/sessions?pageSize=100", ok(`{"items":[]}`), ksef.GroupLoginSessions, false},
		"end a login": {func(c *Client) error { return c.Account().EndLoginSession(ctx, "r") }, "DELETE",
			"/auth/sessions/{referenceNumber}", "/auth/sessions/r",
			reply{status: 204}, ksef.GroupLoginSessions, false},
	}
}

func TestOperations_Each_SendsWhatTheContractSaysAndTakesItsAnswer(t *testing.T) {
	for name, op := range operations(t) {
		t.Run(name, func(t *testing.T) {
			c, s := sender(t, op.answer)
			if err := op.call(c); err != nil {
				t.Fatal(err)
			}
			reqs := s.requests()
			if len(reqs) != 1 {
				t.Fatalf("the call made %d requests, want 1", len(reqs))
			}
			r := reqs[0]
			if r.method != op.method || r.target != "/v2"+op.target {
				t.Errorf("sent %s %s, want %s %s", r.method, r.target, op.method, op.target)
			}
			if r.header.Get("X-Error-Format") != "problem-details" || !strings.HasPrefix(r.header.Get("User-Agent"), "erp/2.1 ") {
				t.Errorf("the request has the headers %v, want problem-details and the product as User-Agent", r.header)
			}
			if got := r.header.Get("Authorization"); op.login == (got == "Bearer "+jwt) {
				t.Errorf("the header Authorization is %q, want the access token in it: %v", got, !op.login)
			}
		})
	}
}

// The method and the path of each call are in the contract.
func TestOperations_Paths_AreTheContractsOwn(t *testing.T) {
	c := readContract(t)
	for name, op := range operations(t) {
		if _, ok := c.Paths[op.template][strings.ToLower(op.method)]; !ok {
			t.Errorf("%s: the contract has no operation %s %s", name, op.method, op.template)
		}
		path, _, _ := strings.Cut(op.target, "?")
		want, got := strings.Split(op.template, "/"), strings.Split(path, "/")
		same := slices.EqualFunc(want, got, func(w, g string) bool { return w == g || strings.HasPrefix(w, "{") })
		if !same {
			t.Errorf("%s: the request went to %s, which does not fit the contract's path %s", name, path, op.template)
		}
	}
}

// A firewall in front of KSeF may answer anything. No such answer may pass for a success, and none
// may stop the program.
func TestOperations_AnswerOfAFirewall_IsAnOutageAndNothingIsProven(t *testing.T) {
	page := `<!DOCTYPE html><html><body>Request Rejected</body></html>`
	for name, op := range operations(t) {
		for _, status := range []int{200, 201, 202, 204, 400, 403, 404, 500, 503} {
			if op.answer.status == 204 && status == 204 {
				continue // without a body, the firewall's 204 looks like KSeF's
			}
			c, _ := sender(t, reply{status: status, body: page, header: map[string]string{"Content-Type": "text/html"}})
			err := op.call(c)
			if err == nil {
				t.Fatalf("%s: a firewall's page with HTTP %d passes for a success", name, status)
			}
			if e := apiError(t, err); e.Kind != ksef.KindOutage || !e.MaybeDone || e.Group != op.group {
				t.Errorf("%s: a firewall's page with HTTP %d gave kind %s, MaybeDone %v, group %q: %v; want kind %s, MaybeDone true, group %q",
					name, status, e.Kind, e.MaybeDone, e.Group, e, ksef.KindOutage, op.group)
			}
		}
	}
}

func TestOperations_EmptyObject_IsAnError(t *testing.T) {
	lenient := []string{"context limits", "certificate limits"} // in their answers, a missing bound means no bound
	for name, op := range operations(t) {
		if op.answer.status == 204 || slices.Contains(lenient, name) {
			continue
		}
		c, _ := sender(t, ok(`{}`))
		if err := op.call(c); err == nil {
			t.Errorf("%s: the call accepts the answer {}, want an error", name)
		}
	}
}

func TestOperations_UnknownFields_ArePassedOver(t *testing.T) {
	for name, op := range operations(t) {
		if !strings.HasPrefix(op.answer.body, "{") {
			continue
		}
		more := op.answer
		more.body = `{"nowe":{"pole":[1,{"a":null}]},"title":"x","detail":"y",` + op.answer.body[1:]
		c, _ := sender(t, more)
		if err := op.call(c); err != nil {
			t.Errorf("%s: an answer with fields unknown to the client is refused: %v", name, err)
		}
	}
}

func Example() {
	api, err := New(Options{BaseURL: TestURL, App: "erp/2.1"})
	fmt.Println(api, err)
	_, err = New(Options{BaseURL: "ksef.mf.gov.pl", App: "a\n"})
	fmt.Println(err)
	// Output:
	// KSeF at https://api-test.ksef.mf.gov.pl/v2 <nil>
	// KSeF options: BaseURL: must be an absolute http or https URL
	// KSeF options: App: has control characters
}
