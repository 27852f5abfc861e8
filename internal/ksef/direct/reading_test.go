package direct

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"ksefworker/internal/ksef"
)

func page(next string, refs ...string) reply {
	var entries []string
	for i, r := range refs {
		entries = append(entries, fmt.Sprintf(`{"ordinalNumber":%d,"referenceNumber":%q,"invoiceHash":"h-%s","status":{"code":200}}`, i+1,
			r, r))
	}
	token := "null"
	if next != "" {
		token = `"` + next + `"`
	}
	return ok(`{"continuationToken":` + token + `,"invoices":[` + strings.Join(entries, ",") + `]}`)
}

func TestSessionInvoices_Pages_AreFollowedToTheEnd(t *testing.T) {
	c, s := sender(t, page("t1", "a", "b"), page("t2", "c"), page("", "d"))
	got, err := c.SessionInvoices(ctx, session)
	if err != nil || len(got) != 4 || got[3].Hash != "h-d" {
		t.Fatalf("the list is %+v, error %v, want the four invoices of all pages", got, err)
	}
	var tokens []string
	for _, r := range s.requests() {
		tokens = append(tokens, r.header.Get("x-continuation-token"))
	}
	if want := []string{"", "t1", "t2"}; !reflect.DeepEqual(tokens, want) {
		t.Errorf("the requests named the pages %q, want the first, t1 and t2", tokens)
	}
}

func TestSessionInvoices_Interrupted_ContinuesAtThatPageAndNeverReturnsAPart(t *testing.T) {
	limit := reply{
		status: 429, body: `{"title":"Too Many Requests","status":429,"detail":"x"}`,
		header: map[string]string{"Retry-After": "60"},
	}
	c, s := sender(t, page("t1", "a"), limit, page("t2", "b"), problem(500, 1), page("", "c"))
	for range 2 {
		if got, err := c.SessionInvoices(ctx, session); err == nil || got != nil {
			t.Fatalf("a list whose page failed gave %v, error %v, want only an error", got, err)
		}
	}
	got, err := c.SessionInvoices(ctx, session)
	if err != nil || len(got) != 3 || got[0].Hash != "h-a" || got[2].Hash != "h-c" {
		t.Fatalf("the list is %+v, error %v, want the three invoices of all pages", got, err)
	}
	if n := len(s.requests()); n != 5 {
		t.Errorf("the three calls made %d requests, want 5: a page that was read is not asked for again", n)
	}
	if len(c.lists.kept) != 0 {
		t.Error("a list that was read to its end is kept, want it dropped")
	}
}

func TestSessionInvoices_PlaceIsGone_BeginsAgain(t *testing.T) {
	c, s := sender(t, page("t1", "a"), problem(400, ksef.CodePageToken), page("t3", "a"), page("", "b"))
	got, err := c.SessionInvoices(ctx, session)
	if err != nil || len(got) != 2 {
		t.Fatalf("the list is %+v, error %v, want both invoices after a second beginning", got, err)
	}
	if r := s.requests()[2]; r.header.Get("x-continuation-token") != "" {
		t.Error("the next request names a page, want the list from its beginning")
	}
}

func TestSessionInvoices_PagesThatDoNotFit_AreUnreadable(t *testing.T) {
	for why, answers := range map[string][]reply{
		"the same page for ever": {page("t1", "a"), page("t1", "b")},
		"pages in a circle":      {page("t1", "a"), page("t2", "b"), page("t1", "c")},
		"an invoice twice":       {page("t1", "a"), page("", "a")},
		"empty for ever":         {page("t1"), page("t2")},
		"no list":                {ok(`{"continuationToken":null}`)},
	} {
		c, _ := sender(t, answers...)
		if e := apiError(t, second(c.SessionInvoices(ctx, session))); e.Kind != ksef.KindUnreadable {
			t.Errorf("pages with %s gave %v, want KindUnreadable", why, e)
		}
	}
}

// Each page uses up one request of the limit that all sessions of the tenant share. So a list that
// seems to have no end is given up.
func TestSessionInvoices_PagesWithoutAnEnd_AreGivenUpSoon(t *testing.T) {
	var answers []reply
	for i := range 100 {
		answers = append(answers, page(fmt.Sprint("t", i), fmt.Sprint("r", i)))
	}
	c, s := sender(t, answers...)
	if e := apiError(t, second(c.SessionInvoices(ctx, session))); e.Kind != ksef.KindUnreadable {
		t.Errorf("a list without an end gave %v, want KindUnreadable", e)
	}
	if n := len(s.requests()); n > fewPages+2 {
		t.Errorf("a list of one invoice a page took %d requests, want at most %d", n, fewPages+2)
	}
	if len(c.lists.kept) != 0 {
		t.Error("the list without an end is kept, so the next call would go on with it")
	}
}

// If an unreadable count were taken for 0, the caller might conclude that KSeF has no invoices.
func TestSessionStatus_OddCount_IsNotCounted(t *testing.T) {
	for count, want := range map[string]ksef.SessionInfo{
		`0`: {Counted: true}, `"3"`: {Counted: true, InvoiceCount: 3}, `3.0`: {Counted: true, InvoiceCount: 3},
		`null`: {}, `"many"`: {}, `{"n":3}`: {}, `-1`: {}, `1e99`: {}, `99999999999999999999`: {}, `true`: {}, `[]`: {},
	} {
		c, _ := sender(t, ok(`{"status":{"code":200},"invoiceCount":`+count+`}`))
		got, err := c.SessionStatus(ctx, session)
		if err != nil || got.Counted != want.Counted || got.InvoiceCount != want.InvoiceCount {
			t.Errorf("the count %s is read as %d (counted: %v), error %v, want %d (counted: %v)",
				count, got.InvoiceCount, got.Counted, err, want.InvoiceCount, want.Counted)
		}
	}
}

func second[T any](_ T, err error) error { return err }

func TestSessionInvoices_OddEntries_HarmNoOther(t *testing.T) {
	c, _ := sender(t, ok(`{"invoices":["x",{"referenceNumber":"a"},{"ordinalNumber":"3","invoiceNumber":7,"invoiceHash":{"a":1},"invoicingMode":"Offline",
		"status":{"code":440,"description":"Duplikat","extensions":{"originalKsefNumber":"n","originalSessionReferenceNumber":"s"}}}]}`))
	got, err := c.SessionInvoices(ctx, session)
	if err != nil || len(got) != 3 || got[0].Unreadable == "" || got[1].Unreadable == "" || got[2].Unreadable != "" {
		t.Fatalf("the list is %+v, error %v, want the first two entries unreadable and the third read", got, err)
	}
	third := got[2]
	if n, s, ok := third.Original(); !ok || n != "n" || s != "s" || third.Ordinal != 3 || third.InvoiceNumber != "7" || third.Hash != "" ||
		third.InvoicingMode != ksef.ModeOffline {
		t.Errorf("the third entry is %+v, want all its readable fields", third)
	}
}

func TestDocuments_HashOfKSeFDiffers_AreRefused(t *testing.T) {
	c, _ := sender(t, reply{
		status: 200, body: receiptXML,
		header: map[string]string{"x-ms-meta-hash": b64(make([]byte, 32)), "Content-Type": "application/xml"},
	})
	if e := apiError(t, second(c.Invoice(ctx, number))); e.Kind != ksef.KindOutage {
		t.Errorf("a document with another hash than KSeF's header gave %v, want KindOutage", e)
	}
}

func TestMetadata_OneQuery_FindsAnInvoiceByItsNumberAndTellsItsHash(t *testing.T) {
	c, s := sender(t, ok(`{"hasMore":false,"isTruncated":true,"invoices":[{"ksefNumber":"`+number+
		`","invoiceNumber":"F/1","invoiceHash":"aGFzaA==",
		"seller":{"nip":"5265877635","name":"S"},"buyer":"odd","vatAmount":23.10,"invoiceType":"KorZal","permanentStorageDate":"2026-11-25T12:00:00.1234567+00:00"}]}`))
	got, err := c.Metadata(ctx, ksef.MetadataRequest{
		SubjectType: ksef.Subject1, Range: ksef.Between(now, now), PageSize: 1, InvoiceNumber: "F/1",
	})
	if err != nil || len(got.Invoices) != 1 || got.IsTruncated || got.HasMore {
		t.Fatalf("the query gave %+v, error %v, want one invoice and no further page", got, err)
	}
	m := got.Invoices[0]
	if m.Hash != "aGFzaA==" || m.Seller.Identifier != "5265877635" || m.InvoiceType != "KorZal" || m.VATAmount != "23.10" ||
		m.PermanentStorageDate.IsZero() {
		t.Errorf("the invoice is %+v, want all its readable fields", m)
	}
	body := s.requests()[0].json(t)
	if body["invoiceNumber"] != "F/1" || body["dateRange"].(map[string]any)["dateType"] != "PermanentStorage" {
		t.Errorf("the query was %v, want the invoice number and the date of permanent storage", body)
	}
}

func TestRateLimits_UnknownAndUnreadableGroups_OnlyTheUnreadableAreLeftOut(t *testing.T) {
	c, _ := sender(t, ok(`{"invoiceSend":{"perSecond":10,"perMinute":30,"perHour":-1},"neu":{"perSecond":1,"perMinute":1,"perHour":1},"odd":{"perSecond":"x"},"text":"y"}`))
	got, err := c.Account().RateLimits(ctx)
	if err != nil || len(got) != 2 || got["invoiceSend"].PerHour != -1 || got["neu"].PerSecond != 1 {
		t.Errorf("the limits are %v, error %v, want the readable ones only", got, err)
	}
}

func TestChooseKey_Several_ReturnsTheNewestValidOne(t *testing.T) {
	key := func(from, to int, usage Usage) PublicKey {
		return PublicKey{ID: []byte{byte(from)}, ValidFrom: now.AddDate(0, 0, from), ValidTo: now.AddDate(0, 0, to), Usage: []Usage{usage}}
	}
	keys := []PublicKey{key(-9, 9, usageSession), key(-3, 9, usageSession), key(-1, 9, UsageToken), key(1, 9, usageSession),
		key(-2, -1, usageSession)}
	if got, err := ChooseKey(keys, usageSession, now); err != nil || int8(got.ID[0]) != -3 {
		t.Errorf("the chosen key is %v, error %v, want the newest one valid now", got, err)
	}
	if _, err := ChooseKey(keys[2:], usageSession, now); err == nil || !strings.Contains(err.Error(), "SymmetricKeyEncryption") {
		t.Errorf("without a valid key for sessions the error is %v, want one that names SymmetricKeyEncryption", err)
	}
}

func TestInvoiceStatus_ReferenceOfAnotherTransport_IsALocalFault(t *testing.T) {
	c, s := sender(t, ok(`{}`))
	for _, id := range []string{"", "abc", "/", "a/"} {
		if e := apiError(t, second(c.InvoiceStatus(ctx, id))); e.Kind != ksef.KindLocal {
			t.Errorf("for the reference %q the error is %v, want KindLocal", id, e)
		}
	}
	if len(s.requests()) != 0 {
		t.Error("a request was sent though the reference is not one of this transport")
	}
}

// The Ministry's published samples of answers are not part of this repository, so this test runs
// only where KSEF_MF_SAMPLES names their folder.
func TestSamples_OfTheMinistry_AreRead(t *testing.T) {
	folder := os.Getenv("KSEF_MF_SAMPLES")
	if folder == "" {
		t.Skip("KSEF_MF_SAMPLES names no folder with the Ministry's sample answers")
	}
	read := func(name string) reply {
		raw, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil {
			t.Fatal(err)
		}
		return ok(string(raw))
	}
	auth := func(c *Client) Auth { return c.api.Auth() }
	for name, call := range map[string]func(*Client) error{
		"post.auth.challenge.200.json": func(c *Client) error { return second(auth(c).Challenge(ctx)) },
		"post.auth.xades-signature.202.json": func(c *Client) error {
			return second(auth(c).BySignature(ctx, []byte("x"),
				true))
		},
		"post.auth.token.redeem.200.json": func(c *Client) error {
			return second(auth(c).Redeem(ctx,
				Begun{Token: Token{Token: NewSecret("t")}}))
		},
		"post.auth.token.refresh.200.json": func(c *Client) error {
			return second(auth(c).Refresh(ctx,
				Token{Token: NewSecret("t")}))
		},
		"get.sessions.referenceNumber.200.json": func(c *Client) error { return second(c.SessionStatus(ctx, session)) },
		"get.sessions.referenceNumber.invoices.200.json": func(c *Client) error {
			return second(c.SessionInvoicePage(ctx, session, "",
				false))
		},
		"get.sessions.200.json":                      func(c *Client) error { return second(c.Sessions(ctx, SessionQuery{})) },
		"get.rate-limits.200.json":                   func(c *Client) error { return second(c.Account().RateLimits(ctx)) },
		"2.8.get.rate-limits.200.json":               func(c *Client) error { return second(c.Account().RateLimits(ctx)) },
		"get.limits.context.200.json":                func(c *Client) error { return second(c.Account().ContextLimits(ctx)) },
		"get.certificates.enrollments.data.200.json": func(c *Client) error { return second(c.Account().EnrollmentData(ctx)) },
		"post.certificates.enrollments.202.json": func(c *Client) error {
			return second(c.Account().Enroll(ctx, "worker",
				Authentication, []byte("x")))
		},
		"get.certificates.enrollments.referenceNumber.200.json": func(c *Client) error {
			return second(c.Account().EnrollmentStatus(ctx, "r"))
		},
		"post.invoices.query.metadata.200.json": func(c *Client) error {
			return second(c.Metadata(ctx, ksef.MetadataRequest{SubjectType: ksef.Subject1, Range: ksef.Between(now, now), PageSize: 10}))
		},
	} {
		c, _ := sender(t, read(name))
		if err := call(c); err != nil {
			t.Errorf("cannot read the Ministry's sample %s: %v", name, err)
		}
	}
	c, _ := sender(t, read("get.sessions.referenceNumber.invoices.200.json"))
	p, err := c.SessionInvoicePage(ctx, session, "", false)
	if err != nil || len(p.Invoices) == 0 || p.Invoices[0].Hash == "" || p.Invoices[0].Unreadable != "" {
		t.Errorf("the sample list of invoices is read as %+v, error %v, want entries with their hashes", p, err)
	}
	for name, code := range map[string]int{"2.8.error.21184.problem.json": 21184, "2.8.error.21184.exception.json": 21184} {
		r := read(name)
		r.status = 400
		c, _ := sender(t, r)
		if e := apiError(t, second(c.SessionStatus(ctx, session))); e.Code != code || e.Trace == "" {
			t.Errorf("the sample error %s is read as %+v, want its code and a trace", name, *e)
		}
	}
}

// No error, and no value that is printed, has a token in it, whatever KSeF or a proxy echoes.
func TestSecrets_AreInNoErrorAndInNoPrintedValue(t *testing.T) {
	echo := `{"title":"x","status":400,"detail":"Bearer ` + jwt + `","errors":[{"code":1,"description":"` + jwt +
		`","details":["https://store/1?sig=geheim"]}]}`
	for _, status := range []int{400, 401, 403, 429, 500} {
		c, _ := sender(t, reply{status: status, body: echo})
		err := second(c.SessionStatus(ctx, session))
		e := apiError(t, err)
		told := fmt.Sprintf("%v %+v %#v %s %s", err, *e, e, e.Words(), e.Details)
		if strings.Contains(told, jwt) || strings.Contains(told, "geheim") {
			t.Errorf("a secret shows in the error for HTTP %d: %s", status, told)
		}
	}
	secret := NewSecret(jwt)
	holder := struct {
		S Secret
		T Token
		C CreatedToken
	}{secret, Token{Token: secret}, CreatedToken{Token: secret}}
	if told := fmt.Sprintf("%v %+v %#v %s %q %x", holder, holder, holder, secret, secret, secret); strings.Contains(told, "access-token") {
		t.Errorf("a secret that is printed shows itself: %s", told)
	}
	if raw, err := secret.MarshalText(); err != nil || strings.Contains(string(raw), jwt) {
		t.Error("the secret is marshalled as it is")
	}
}
