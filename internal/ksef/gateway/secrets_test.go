package gateway_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
)

const (
	signaturePart = "SiGnAtUrE"
	queryPart     = "QuErYsEcReT"
	invoiceText   = "<Faktura><P_2>FV/TAJNA/1</P_2><Nazwa>Sekretna sp. z o.o.</Nazwa></Faktura>"
)

// secretsOf lists what must never be shown, in the forms in which it could appear.
func secretsOf(key ksef.SessionKey) []string {
	i := must(key.Info(&rsaKey().PublicKey))
	aesKey, _ := rsaOpen(i)
	return []string{
		secret, b64([]byte(keyID + ":" + secret)), b64([]byte(keyID + ":" + secret))[:24], signaturePart, queryPart,
		"FV/TAJNA/1", "Sekretna", b64([]byte(invoiceText)), b64([]byte(invoiceText))[:40],
		string(aesKey), b64(aesKey), hex.EncodeToString(aesKey), b64(key.Encrypt([]byte(invoiceText)))[:40],
	}
}

// noSecret walks an error's whole chain and prints each link in every form.
func noSecret(t *testing.T, err error, secrets []string) {
	t.Helper()
	seen := 0
	var walk func(error)
	walk = func(err error) {
		if err == nil || seen > 100 {
			return
		}
		seen++
		texts := []string{
			err.Error(), fmt.Sprintf("%v", err), fmt.Sprintf("%+v", err), fmt.Sprintf("%#v", err),
			fmt.Sprintf("%s", err), fmt.Sprintf("%q", err),
		}
		if raw, e := json.Marshal(err); e == nil {
			texts = append(texts, string(raw))
		}
		if raw, e := json.Marshal(struct{ E error }{err}); e == nil {
			texts = append(texts, string(raw))
		}
		for _, text := range texts {
			for _, s := range secrets {
				if strings.Contains(text, s) {
					t.Errorf("the error of type %T shows the secret %q in %q", err, s, text)
				}
			}
		}
		switch u := err.(type) {
		case interface{ Unwrap() error }:
			walk(u.Unwrap())
		case interface{ Unwrap() []error }:
			for _, e := range u.Unwrap() {
				walk(e)
			}
		}
	}
	walk(err)
	if e := (*ksef.APIError)(nil); errors.As(err, &e) {
		for _, s := range []string{secret, b64([]byte(keyID + ":" + secret)), signaturePart, queryPart} {
			if strings.Contains(e.Description+e.Details, s) {
				t.Errorf("the error keeps the secret %q in Description or Details", s)
			}
		}
	}
}

// callAll calls operations that carry an invoice, a key or a signature, and returns the errors.
func callAll(ctx context.Context, c *gateway.Client, key ksef.SessionKey, store string) map[string]error {
	sent, err1 := c.SendInvoice(ctx, ksef.Seal("s", key, []byte(invoiceText)))
	_, err2 := c.Validate(ctx, []byte(invoiceText))
	_, err3 := c.Generate(ctx, json.RawMessage(`{"p_2":"FV/TAJNA/1","nazwa":"Sekretna"}`))
	_, err4 := c.Visualize(
		ctx,
		gateway.VisualizeRequest{InvoiceData: []byte(invoiceText), OutputFormat: gateway.PDF, OutputLanguage: gateway.Polish},
	)
	_, err5 := c.Invoice(ctx, "5265877635-20250826-0100001AF629-AF")
	_, err6 := c.SessionInvoices(ctx, "s")
	_, err7 := c.OpenBatch(ctx, batchRequest(1))
	_ = sent
	_, err8 := c.PublicKey(ctx)
	_, err9 := c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: sealed})
	part := ksef.PartUpload{
		Ordinal: 1, Method: "PUT", URL: store + "/p?code=" + queryPart + "&sig=" + signaturePart,
		Headers: []ksef.Header{{Name: "X-Sig", Value: signaturePart}},
	}
	return map[string]error{
		"send": err1, "validate": err2, "generate": err3, "visualize": err4, "get": err5, "list": err6,
		"open batch": err7, "key": err8, "open online": err9,
		"part":       c.UploadPart(ctx, part, opener([]byte(invoiceText)), int64(len(invoiceText))),
		"a bad part": c.UploadPart(ctx, ksef.PartUpload{Method: "PUT", URL: "ht tp://x/?sig=" + signaturePart}, opener(plain), 1),
		"a bad header": c.UploadPart(
			ctx,
			ksef.PartUpload{Method: "PUT", URL: store, Headers: []ksef.Header{{Name: "X", Value: signaturePart + "\n"}}},
			opener(plain), 1,
		),
		"box": c.BoxUploadInvoice(ctx, gateway.BoxInvoiceRequest{UploadID: "u", InvoiceData: []byte(invoiceText)}),
	}
}

// echo answers with the request's Authorization header and body, and with the secrets.
func echo(status int, kind, before, after string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		told := r.Header.Get("Authorization") + " " + secret +
			" https://store.test/p?code=" + queryPart + "#x sig=" + signaturePart + "&x " +
			b64([]byte(invoiceText)) + " " + invoiceText + string(body)
		quoted, _ := json.Marshal(told)
		w.Header().Set("Content-Type", kind)
		w.WriteHeader(status)
		_, _ = io.WriteString(w, before+string(quoted)+after)
	})
}

func TestErrors_OtherSideEchoesSecrets_ShowNone(t *testing.T) {
	key := sessionKey(t)
	secrets := secretsOf(key)
	for why, h := range map[string]http.Handler{
		"description of a 400": echo(400, "application/json", `{"error":{"code":1,"description":`, `}}`),
		"details of a 400":     echo(400, "application/json", `{"error":{"code":1,"description":"x","details":`, `}}`),
		"description in a 200": echo(200, "application/json", `{"error":{"code":1,"description":`, `}}`),
		"an error as text":     echo(500, "application/json", `{"error":`, `}`),
		"HTML of a 502":        echo(502, "text/html", `<html>`, `</html>`),
		"a garbled 200":        echo(200, "application/json", `{"id":`, ``),
		"wrong types in a 200": echo(
			200, "application/json", `{"id":1,"valid":`, `,"invoices":"x","partUploads":[{"ordinal":"x"}]}`,
		),
		"an odd algorithm":      echo(200, "application/json", `{"algorithm":`, `}`),
		"a time that is a text": echo(200, "application/json", `{"created":`, `}`),
		"broken XML in a 200":   echo(200, "text/xml", `<Faktura><`+"FV/TAJNA/1 "+signaturePart, ``),
		"a strange media type":  echo(200, secret+"/"+signaturePart, `x`, ``),
		"the store's XML": echo(
			403, "application/xml", `<Error><Code>AuthenticationFailed</Code><Detail>`, `</Detail></Error>`,
		),
		"a redirect with a signature": http.RedirectHandler("/x?sig="+signaturePart, http.StatusFound),
	} {
		t.Run(why, func(t *testing.T) {
			c, srv := serve(t, h)
			for op, err := range callAll(soon(t), c, key, srv.URL) {
				if err == nil {
					t.Errorf("the call %s returned no error", op)
				}
				noSecret(t, err, secrets)
			}
		})
	}
}

func TestErrors_NetworkFails_ShowNoSecret(t *testing.T) {
	key := sessionKey(t)
	secrets := secretsOf(key)
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	// wrapping wraps its errors as http.Client does. The text of the inner error quotes the URL and
	// the credentials.
	wrapping := roundTrip(func(r *http.Request) (*http.Response, error) {
		deep := fmt.Errorf("proxy said no to %s with %s: %w", r.URL, r.Header.Get("Authorization"), io.ErrUnexpectedEOF)
		return nil, fmt.Errorf("round trip: %w", &url.Error{Op: "Put", URL: r.URL.String(), Err: deep})
	})
	outer := roundTrip(func(r *http.Request) (*http.Response, error) {
		return nil, &url.Error{Op: "Put", URL: r.URL.String(), Err: context.DeadlineExceeded}
	})
	for why, c := range map[string]*gateway.Client{
		"nobody listens":           dial(t, gone.URL),
		"hangs up":                 dial(t, raw(t, "", hangUp)),
		"answers garbage":          dial(t, raw(t, "sig="+signaturePart+" "+invoiceText+"\r\n\r\n", hangUp)),
		"answers a garbled header": dial(t, raw(t, "HTTP/1.1 200 OK\r\n"+invoiceText+"\r\n\r\n", hangUp)),
		"is silent":                dial(t, raw(t, "", wait), func(o *gateway.Options) { o.Timeout = 30 * time.Millisecond }),
		"errors that quote URLs":   dial(t, gone.URL, func(o *gateway.Options) { o.Transport = wrapping }),
		"errors wrapped in a URL":  dial(t, gone.URL, func(o *gateway.Options) { o.Transport = outer }),
		"the key has a line feed": dial(t, gone.URL, func(o *gateway.Options) {
			o.Key = func() (string, error) { return secret + "\n", nil }
		}),
	} {
		t.Run(why, func(t *testing.T) {
			for op, err := range callAll(soon(t), c, key, "http://127.0.0.1:1") {
				if err == nil {
					t.Errorf("the call %s returned no error", op)
				}
				noSecret(t, err, secrets)
				e := apiError(t, err)
				if strings.HasPrefix(why, "errors") && e.Kind == ksef.KindNetwork {
					if !e.MaybeDone {
						t.Errorf("the transport did not say whether %s was sent, so the error must say that it may be done", op)
					}
					if !errors.Is(err, io.ErrUnexpectedEOF) && !errors.Is(err, context.DeadlineExceeded) {
						t.Errorf("the error of %s does not keep its cause: %v", op, err)
					}
				}
			}
		})
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestClient_Printed_ShowsNoKey(t *testing.T) {
	c := dial(t, gateway.TestURL)
	if text := fmt.Sprintf("%v %+v %s", c, c, c); strings.Contains(text, secret) || !strings.Contains(text, keyID) {
		t.Errorf("the printed client is %q, want its key id and not its key", text)
	}
}

func TestAPIError_LongText_IsOneShortLine(t *testing.T) {
	long := strings.Repeat("długi opis ", 1000)
	c, _ := serve(t, answers(400, "application/json", `{"error":{"code":7,"description":"a\nb\u0000 `+long+`"}}`))
	err := c.CloseSession(soon(t), "s", false)
	text := err.Error()
	if !strings.HasPrefix(
		text, "close online session: refused, HTTP 400, code 7: a b",
	) || strings.ContainsAny(text, "\n\x00") || len(text) > 600 {
		t.Errorf("the error text has %d bytes, want one line of 600 or fewer: %q", len(text), text)
	}
	if e := apiError(t, err); len(e.Description) > 5000 {
		t.Errorf("the error keeps %d bytes of KSeF's description, want 5000 or fewer", len(e.Description))
	}
}
