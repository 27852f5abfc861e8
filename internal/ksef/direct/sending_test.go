package direct

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"reflect"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
)

func TestDo_TokenRefused_AnotherTokenIsTriedOnce(t *testing.T) {
	unauthorized := reply{status: 401, body: `{"title":"Unauthorized","status":401,"detail":"Token wygasł."}`}
	for _, c := range []struct {
		why     string
		answers []reply
		refused []string
		kind    ksef.ErrorKind
	}{
		{"the second token is taken", []reply{unauthorized, ok(`{"status":{"code":200}}`)}, []string{"old"}, ""},
		{"no third token is tried", []reply{unauthorized, unauthorized, ok(`{"status":{"code":200}}`)}, []string{"old", "new"},
			ksef.KindUnauthorized},
		{"a missing permission is not a matter of the token", []reply{{
			status: 403, body: `{"title":"Forbidden","status":403,"detail":"x","reasonCode":"missing-permissions"}`,
		}},
			nil, ksef.KindUnauthorized},
		{"a page of a firewall is not a matter of the token", []reply{{status: 401, body: "<html>"}}, nil, ksef.KindOutage},
	} {
		api, s := serve(t, c.answers...)
		tokens := &issued{tokens: []string{"old", "new", "third"}}
		_, err := api.Sender(tokens, nil).SessionStatus(ctx, session)
		if (err == nil) != (c.kind == "") || err != nil && apiError(t, err).Kind != c.kind {
			t.Errorf("%s: the call returned %v, want the kind %q, or no error if that is empty", c.why, err, c.kind)
		}
		if !reflect.DeepEqual(tokens.refused, c.refused) {
			t.Errorf("%s: the refused tokens are %q, want %q", c.why, tokens.refused, c.refused)
		}
		if n := len(s.requests()); n != max(1, min(2, len(c.refused)+1)) {
			t.Errorf("%s: the call made %d requests and the tokens %q were refused, want one request, or two after a refusal",
				c.why, n, c.refused)
		}
	}
}

// Without a token no request is sent. So it is known that nothing was done, even if the outcome of
// the login is unknown.
func TestDo_NoToken_NothingIsSentAndNothingIsUnknown(t *testing.T) {
	for kind, want := range map[ksef.ErrorKind]ksef.ErrorKind{
		ksef.KindNetwork: ksef.KindNetwork, ksef.KindOutage: ksef.KindOutage, ksef.KindRefused: ksef.KindUnauthorized,
		ksef.KindUnauthorized: ksef.KindUnauthorized, ksef.KindGated: ksef.KindGated, ksef.KindThrottled: ksef.KindThrottled,
		ksef.KindLocal: ksef.KindLocal,
	} {
		api, s := serve(t, ok(`{}`))
		cause := errors.New("why")
		in := &ksef.APIError{Op: "log in", Kind: kind, Status: 400, MaybeDone: true, RetryAfter: time.Minute, Advice: "do this", Err: cause}
		_, err := api.Sender(&issued{tokens: []string{""}, err: in}, nil).SessionStatus(ctx, session)
		e := apiError(t, err)
		if e.Kind != want || e.MaybeDone || e.Status != 0 || e.RetryAfter != time.Minute || e.Advice != "do this" ||
			!errors.Is(err, cause) ||
			e.Group != ksef.GroupSessionMisc {
			t.Errorf("a login that failed with %s gave %+v, want an error that says nothing was sent", kind, *e)
		}
		if e := apiError(t, api.Sender(&issued{
			tokens: []string{""}, err: in,
		}, nil).Ready(ctx)); e.Kind != want || e.MaybeDone || e.Group != ksef.GroupLogin {
			t.Errorf("a login that failed with %s made Ready return %+v, want an error of the login's group that says nothing was sent",
				kind, *e)
		}
		if len(s.requests()) != 0 {
			t.Errorf("after a login that failed with %s a request was sent without a token", kind)
		}
	}
}

func TestSendInvoice_Body_HasTheHashesAndSizesOfBothForms(t *testing.T) {
	c, s := sender(t, reply{status: 202, body: `{"referenceNumber":"` + sent + `"}`})
	key, _ := encryption(t)
	req := ksef.Seal(session, key, []byte("<Faktura/>"))
	req.Offline, req.Corrects = true, make([]byte, 32)
	got, err := c.SendInvoice(ctx, req)
	if err != nil || got.ID != session+"/"+sent {
		t.Fatalf("the invoice's reference is %+v, error %v, want the session and the invoice", got, err)
	}
	sealed := sha256.Sum256(req.Encrypted.EncryptedInvoice)
	want := map[string]any{
		"invoiceHash": b64(req.Encrypted.InvoiceHash), "invoiceSize": 10.0,
		"encryptedInvoiceHash": b64(sealed[:]), "encryptedInvoiceSize": 16.0,
		"encryptedInvoiceContent": b64(req.Encrypted.EncryptedInvoice),
		"offlineMode":             true, "hashOfCorrectedInvoice": b64(make([]byte, 32)),
	}
	if body := s.requests()[0].json(t); !reflect.DeepEqual(body, want) {
		t.Errorf("the body that was sent is %v, want %v", body, want)
	}
}

func TestSendInvoice_SessionRefuses_IsNoRefusalOfTheInvoice(t *testing.T) {
	key, _ := encryption(t)
	for code, ofSession := range map[int]bool{
		ksef.CodeSessionFull: true, ksef.CodeNoSession: true, ksef.CodeSessionForbids: true, ksef.CodeSessionPaused: true,
		21402: false, 21403: false, 21405: false, ksef.CodeAlreadyCorrected: false,
	} {
		c, _ := sender(t, problem(400, code))
		_, err := c.SendInvoice(ctx, ksef.Seal(session, key, []byte("<Faktura/>")))
		if e := apiError(t, err); e.Kind != ksef.KindRefused || e.MaybeDone || e.Code != code || e.OfSession() != ofSession {
			t.Errorf("a send refused with code %d gave %+v, OfSession %v; want KindRefused, not done, with this code and OfSession %v",
				code, *e, e.OfSession(), ofSession)
		}
	}
}

func TestOpenOnline_Body_NamesFormAndKey(t *testing.T) {
	c, s := sender(t, reply{status: 201, body: `{"referenceNumber":"` + session + `","validUntil":"2026-11-26T00:00:00Z"}`})
	_, info := encryption(t)
	if _, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info}); err != nil {
		t.Fatal(err)
	}
	id, err := ksef.PublicKeyID(&rsaKey().PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]any{
		"formCode": map[string]any{"systemCode": "FA (3)", "schemaVersion": "1-0E", "value": "FA"},
		"encryption": map[string]any{"encryptedSymmetricKey": b64(info.EncryptedKey), "initializationVector": b64(info.InitVector),
			"publicKeyId": b64(id)},
	}
	if body := s.requests()[0].json(t); !reflect.DeepEqual(body, want) {
		t.Errorf("the body that was sent is %v, want %v", body, want)
	}
}

// The key may have been withdrawn since it was fetched. In that case KSeF refuses the key, and not
// what was to be sent.
func TestOpen_StaleKey_IsFetchedAgainOnce(t *testing.T) {
	_, info := encryption(t)
	api, _ := serve(t, problem(400, ksef.CodeStaleKey))
	forgot := 0
	c := api.Sender(&issued{tokens: []string{jwt}}, func() { forgot++ })
	open := func(id byte) *ksef.APIError {
		with := info
		with.PublicKeyID = []byte{id}
		_, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: with})
		return apiError(t, err)
	}
	if e := open(1); e.Kind != ksef.KindOutage || e.MaybeDone || e.Code != ksef.CodeStaleKey || forgot != 1 {
		t.Errorf("the first refusal of a key gave %+v after the key was dropped %d times, want KindOutage and once", *e, forgot)
	}
	if e := open(2); e.Kind != ksef.KindOutage || forgot != 2 {
		t.Errorf("the first refusal of another key gave %+v after keys were dropped %d times, want KindOutage and twice", *e, forgot)
	}
	if e := open(2); e.Kind != ksef.KindRefused || forgot != 3 {
		t.Errorf("the second refusal of that key gave %+v after keys were dropped %d times, want KindRefused and 3 times", *e, forgot)
	}
}

func TestOpenBatch_Parts_AreInTheOrderOfTheRequestWithExactlyTheirHeaders(t *testing.T) {
	c, s := sender(t, reply{status: 201, body: `{"referenceNumber":"` + session + `","partUploadRequests":[
		{"ordinalNumber":2,"method":"PUT","url":"https://store/2?sig=b","headers":{"x-ms-blob-type":"BlockBlob","a":"1","nichts":null}},
		{"ordinalNumber":1,"method":"PUT","url":"https://store/1?sig=a","headers":{}}]}`})
	_, info := encryption(t)
	hash := make([]byte, 32)
	out, err := c.OpenBatch(ctx, ksef.OpenBatchRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info, Offline: true,
		BatchInfo: ksef.BatchInfo{
			Compression: ksef.CompressionTarGz, BatchSize: 9, BatchHash: hash,
			BatchParts: []ksef.BatchPart{{Ordinal: 1, PartSize: 16, PartHash: hash}, {Ordinal: 2, PartSize: 32, PartHash: hash}}}})
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != session || len(out.PartUploads) != 2 || out.PartUploads[0].URL != "https://store/1?sig=a" ||
		!reflect.DeepEqual(out.PartUploads[1].Headers, []ksef.Header{{
			Name: "a", Value: "1",
		}, {Name: "x-ms-blob-type", Value: "BlockBlob"}}) {
		t.Errorf("the opened session is %#v, want its parts by number, each with its headers only", out)
	}
	file := s.requests()[0].json(t)["batchFile"].(map[string]any)
	parts, _ := json.Marshal(file["fileParts"])
	if file["compressionType"] != "TarGz" || file["fileSize"] != 9.0 ||
		string(parts) != `[{"fileHash":"`+b64(hash)+`","fileSize":16,"ordinalNumber":1},{"fileHash":"`+b64(hash)+
			`","fileSize":32,"ordinalNumber":2}]` {
		t.Errorf("the open declared %v, want both parts with size and hash", file)
	}
}

func TestClose_SecondTime_IsSuccess(t *testing.T) {
	c, _ := sender(t, problem(400, ksef.CodeSessionForbids))
	if err := c.CloseSession(ctx, session, true); err != nil {
		t.Errorf("the second close of a session returned %v, want no error", err)
	}
	c, _ = sender(t, problem(400, ksef.CodePartMissing))
	if e := apiError(t, c.CloseSession(ctx, session, true)); e.Kind != ksef.KindRefused || e.Code != ksef.CodePartMissing {
		t.Errorf("close with a missing part gave %+v, want KindRefused with code %d", *e, ksef.CodePartMissing)
	}
	c, _ = sender(t, problem(500, 500))
	if e := apiError(t, c.CloseSession(ctx, session, true)); e.Kind != ksef.KindOutage || !e.MaybeDone {
		t.Errorf("close answered with HTTP 500 gave %+v, want an outage that may be done", *e)
	}
}

func TestErrors_BothForms_TellCodeTextAndTrace(t *testing.T) {
	for _, c := range []struct {
		why   string
		reply reply
		want  ksef.APIError
	}{
		{"problem details", problem(400, 21405), ksef.APIError{
			Kind: ksef.KindRefused, Code: 21405, Description: "Opis", Details: "szczegół", Trace: "673843e0",
		}},
		{"the older form, its time without an offset",
			reply{status: 400, body: `{"exception":{"exceptionDetailList":[{"exceptionCode":21173,"exceptionDescription":"Brak",
			"details":["a","b"]}],"serviceCode":"00-c02cc374-eee7-00","timestamp":"2025-10-11T12:23:56.0154302"}}`},
			ksef.APIError{Kind: ksef.KindRefused, Code: 21173, Description: "Brak", Details: "a; b", Trace: "00-c02cc374-eee7-00"}},
		{"too many requests, the older form", reply{status: 429,
			body:   `{"status":{"code":429,"description":"Too Many Requests","details":["Limit"]}}`,
			header: map[string]string{"Retry-After": "2680"}}, ksef.APIError{
			Kind: ksef.KindThrottled, Description: "Too Many Requests", Details: "Limit",
			RetryAfter: 2680 * time.Second,
		}},
		{"too many requests, problem details", reply{
			status: 429, body: `{"title":"Too Many Requests","status":429,"detail":"Limit","traceId":"t"}`,
		},
			ksef.APIError{Kind: ksef.KindThrottled, Description: "Too Many Requests: Limit", Trace: "t"}},
		{"a permission is missing", reply{status: 403,
			body: `{"title":"Forbidden","status":403,"detail":"Brak","reasonCode":"missing-permissions",
			"security":{"requiredAnyOfPermissions":["InvoiceWrite"],"presentPermissions":[]},"traceId":"t"}`},
			ksef.APIError{
				Kind: ksef.KindUnauthorized, Description: "Forbidden: Brak", Reason: "missing-permissions",
				Permissions: "InvoiceWrite", Trace: "t",
			}},
		{"gone", reply{status: 410, body: `{"title":"Gone","status":410,"detail":"Nie ma","traceId":"t"}`},
			ksef.APIError{Kind: ksef.KindRefused, Description: "Gone: Nie ma", Trace: "t"}},
	} {
		cl, _ := sender(t, c.reply)
		_, err := cl.InvoiceStatus(ctx, session+"/"+sent)
		e := apiError(t, err)
		c.want.Op, c.want.Group, c.want.Status = "ask invoice status", ksef.GroupInvoiceStatus, c.reply.status
		if !reflect.DeepEqual(*e, c.want) {
			t.Errorf("%s: the error is %+v, want %+v", c.why, *e, c.want)
		}
		if e.Trace != "" && !strings.Contains(e.Error(), e.Trace) {
			t.Errorf("%s: the error's text has no trace number: %v", c.why, e)
		}
	}
}

func TestWarnings_OfKSeF_AreHandedOn(t *testing.T) {
	var got []string
	api, _ := serve(t, reply{
		status: 200, body: `{"status":{"code":200}}`,
		header: map[string]string{"X-System-Warning": "[sig-001]: podpis <a>b</a>"},
	})
	other, err := New(Options{BaseURL: api.Base().String(), Warn: func(_ context.Context, op, w string) { got = append(got, op+": "+w) }})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(other.CloseIdleConnections)
	if _, err := other.Sender(&issued{tokens: []string{jwt}}, nil).SessionStatus(ctx, session); err != nil {
		t.Fatal(err)
	}
	if want := []string{"ask session status: [sig-001]: podpis [markup]"}; !reflect.DeepEqual(got, want) {
		t.Errorf("the warnings handed on are %q, want KSeF's one without markup", got)
	}
}
