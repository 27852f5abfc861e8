package ministry

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/certificates"
	"ksefworker/internal/simulator/login"
)

// Codes that this package itself answers.
const (
	codeUnreadable = 21001
	codeSize       = 21402
	codeHash       = 21403
	codeInput      = 21405
	codePage       = 21418
	codeKey        = 21470
)

// problem is an answer other than success.
type problem struct {
	status int
	errors []problemError // of a 400
	detail string
	// reason and security belong to a 403.
	reason     string
	security   map[string]any
	retryAfter int // seconds; 0 sends no header
}

type problemError struct {
	Code        int      `json:"code"`
	Description string   `json:"description"`
	Details     []string `json:"details,omitempty"`
}

func refuse(code int, description string, details ...string) *problem {
	return &problem{status: http.StatusBadRequest, errors: []problemError{{code, description, details}}}
}

func badInput(format string, args ...any) *problem {
	return refuse(codeInput, "Błąd walidacji danych wejściowych.", fmt.Sprintf(format, args...))
}

func unauthorized() *problem {
	return &problem{status: http.StatusUnauthorized, detail: "Wymagane jest uwierzytelnienie."}
}

func forbidden(reason, detail string, security map[string]any) *problem {
	return &problem{status: http.StatusForbidden, reason: reason, detail: detail, security: security}
}

func missingPermissions(anyOf, present []string) *problem {
	if present == nil {
		present = []string{}
	}
	return forbidden("missing-permissions", "Brak wymaganych uprawnień do wykonania operacji w bieżącym kontekście.",
		map[string]any{"requiredAnyOfPermissions": anyOf, "presentPermissions": present})
}

func gone() *problem {
	return &problem{status: http.StatusGone, detail: "Operacja wygasła i nie jest już dostępna."}
}

func notFound() *problem {
	return &problem{status: http.StatusNotFound, detail: "Nie znaleziono zasobu."}
}

func methodNotAllowed() *problem {
	return &problem{status: http.StatusMethodNotAllowed, detail: "Metoda nie jest dozwolona."}
}

// problemOf turns a refusal by the simulator into the problem that this face answers.
func problemOf(f *simulator.Refusal) *problem {
	if f == nil {
		return nil
	}
	p := &problem{status: f.Status, detail: f.Details, retryAfter: f.RetryAfter}
	switch f.Status {
	case http.StatusBadRequest:
		p = refuse(f.Code, f.Description)
		if f.Details != "" {
			p.errors[0].Details = []string{f.Details}
		}
	case http.StatusUnauthorized:
		return unauthorized()
	case http.StatusForbidden:
		return missingPermissions([]string{login.InvoiceWrite}, nil)
	case http.StatusTooManyRequests:
		p.detail = fmt.Sprintf("Przekroczono limit żądań. Spróbuj ponownie po %d sekundach.", f.RetryAfter)
	}
	return p
}

// problemOfLogin turns an error of the packages login and certificates into the problem that this
// face answers.
func problemOfLogin(err error) *problem {
	var refusal *login.Refusal
	var address *login.Forbidden
	var certificate *certificates.Refusal
	switch {
	case errors.As(err, &refusal):
		return refuse(refusal.Code, refusal.Description, refusal.Details...)
	case errors.As(err, &certificate):
		p := refuse(certificate.Code, certificate.Description)
		if certificate.Details != "" {
			p.errors[0].Details = []string{certificate.Details}
		}
		return p
	case errors.As(err, &address):
		return forbidden("ip-not-allowed", "Adres IP nie jest dozwolony.", map[string]any{"clientIp": address.ClientIP})
	case errors.Is(err, login.ErrKeyUnknown):
		return keyUnknown("")
	case errors.Is(err, login.Gone{}) || errors.Is(err, certificates.ErrGone):
		return gone()
	}
	var unknown *login.Unauthorized
	if errors.As(err, &unknown) {
		return unauthorized()
	}
	return &problem{status: http.StatusInternalServerError, detail: err.Error()}
}

func keyUnknown(id string) *problem {
	return refuse(codeKey, "Przesłany identyfikator klucza jest nieznany lub wskazuje na wycofany klucz.",
		fmt.Sprintf("Klucz o identyfikatorze %s nie jest wspierany.", id))
}

// refusal writes a problem in the form that the client asked for. The statuses 401, 403 and 410
// have one form only. The time in the old form has no offset in the contract's example of 2.7, but
// has one in the example of 2.8. Here it has an offset, except now and then when [Options].Novelty
// is set.
func (m *Ministry) refusal(p *problem, r *http.Request) simulator.Reply {
	header := http.Header{}
	if p.retryAfter > 0 {
		header.Set("Retry-After", strconv.Itoa(p.retryAfter))
	}
	var trace [24]byte
	_, _ = rand.Read(trace[:]) // never fails
	now := time.Now().UTC()
	one := p.status == http.StatusUnauthorized || p.status == http.StatusForbidden || p.status == http.StatusGone
	var body any
	kind := "application/problem+json"
	switch {
	case one || strings.EqualFold(r.Header.Get("X-Error-Format"), "problem-details"):
		body = p.details(r, hex.EncodeToString(trace[:16]), now)
	case p.status == http.StatusTooManyRequests:
		kind = jsonType
		body = map[string]any{"status": map[string]any{"code": 429, "description": "Too Many Requests", "details": []string{p.detail}}}
	default:
		kind = jsonType
		at := now.Format("2006-01-02T15:04:05.0000000Z")
		if m.novel(1) {
			at = now.Format("2006-01-02T15:04:05.0000000")
		}
		body = p.exception(trace, at)
	}
	raw, _ := json.Marshal(body) // cannot fail: it holds only strings, numbers and lists of them
	return simulator.Reply{Status: p.status, ContentType: kind, Header: header, Body: raw}
}

func (p *problem) details(r *http.Request, trace string, now time.Time) any {
	body := map[string]any{
		"title": http.StatusText(p.status), "status": p.status, "instance": r.URL.Path, "detail": p.detail,
		"timestamp": timestamp(now), "traceId": trace,
	}
	if p.status == http.StatusBadRequest {
		body["detail"], body["errors"] = "Żądanie jest nieprawidłowe.", p.errors
	}
	if p.reason != "" {
		body["reasonCode"], body["security"] = p.reason, p.security
	}
	return body
}

// exception returns the problem in the old form of errors.
func (p *problem) exception(trace [24]byte, at string) any {
	type detail struct {
		Code        int      `json:"exceptionCode"`
		Description string   `json:"exceptionDescription"`
		Details     []string `json:"details,omitempty"`
	}
	list := []detail{}
	for _, e := range p.errors {
		list = append(list, detail(e))
	}
	if len(list) == 0 {
		list = append(list, detail{p.status, http.StatusText(p.status), []string{p.detail}})
	}
	return map[string]any{"exception": map[string]any{
		"exceptionDetailList": list, "serviceName": "Undefined", "serviceCtx": "srvSIM",
		"serviceCode": "00-" + hex.EncodeToString(trace[:16]) + "-" + hex.EncodeToString(trace[16:]) + "-00",
		"timestamp":   at,
	}}
}
