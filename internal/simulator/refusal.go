package simulator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

// refusal is an answer other than success. Codes with five digits are those of the Ministry's API.
// The gateway does not publish its own list, so it is assumed to pass them on.
type refusal struct {
	status      int
	code        int
	description string
	details     string
	retryAfter  int // seconds; 0 sends no header
}

const (
	codeTooMany       = 21155
	codePartSize      = 21157
	codePartCount     = 21161
	codeNoInvoice     = 21164
	codeNotYet        = 21165
	codeCorrected     = 21166
	codeNotCorrected  = 21167
	codeNoSession     = 21173
	codeNoQuery       = 21175
	codeNoReceipt     = 21178
	codeSessionStatus = 21180
	codeTimedOut      = 21208
	codePaused        = 21184
	codeInput         = 21405
)

// describeCode returns KSeF's text for a code with which a fault refuses a request.
func describeCode(code int) string {
	switch code {
	case codeTooMany:
		return "Przekroczono dozwoloną liczbę faktur w sesji."
	case codeNoInvoice:
		return "Faktura o podanym identyfikatorze nie istnieje."
	case codeNotYet:
		return "Faktura o podanym numerze KSeF nie jest jeszcze dostępna."
	case codeNoSession:
		return "Brak sesji o wskazanym numerze referencyjnym."
	case codeNoReceipt:
		return "Nie znaleziono UPO dla podanych kryteriów."
	case codeSessionStatus:
		return "Status sesji nie pozwala na wykonanie operacji."
	case codePaused:
		return "Sesja tymczasowo niedostępna."
	case codeInput:
		return "Błąd walidacji danych wejściowych."
	}
	return "Nieznany błąd"
}

func badInput(format string, args ...any) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: codeInput, description: "Błąd walidacji danych wejściowych.",
		details: fmt.Sprintf(format, args...),
	}
}

func noInvoice(details string) *refusal {
	return &refusal{
		status: http.StatusBadRequest, code: codeNoInvoice, description: "Faktura o podanym identyfikatorze nie istnieje.",
		details: details,
	}
}

func noSession(id string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeNoSession, description: "Brak sesji o wskazanym numerze referencyjnym.",
		details: fmt.Sprintf("Sesja o numerze referencyjnym %s nie została znaleziona.", id)}
}

func wrongStatus(status int, what string) *refusal {
	return &refusal{status: http.StatusBadRequest, code: codeSessionStatus, description: "Status sesji nie pozwala na wykonanie operacji.",
		details: fmt.Sprintf("Status sesji %d uniemożliwia %s.", status, what)}
}

// tryAgain returns the answer of the box, or of a query, whose result is not ready. Code 100 comes
// in a 200 that has an error object, and the later code 150 comes in a 400. The contract allows
// both, so a client must understand both.
func tryAgain(code int) *refusal {
	if code == 100 {
		return &refusal{status: http.StatusOK, code: 100, description: "Przyjęto do przetwarzania"}
	}
	return &refusal{status: http.StatusBadRequest, code: 150, description: "Trwa przetwarzanie"}
}

func (f *refusal) reply() reply {
	type fault struct {
		Code        int     `json:"code"`
		Description string  `json:"description"`
		Details     *string `json:"details"`
	}
	body := struct {
		Error fault `json:"error"`
	}{fault{Code: f.code, Description: f.description}}
	if f.details != "" {
		body.Error.Details = &f.details
	}
	raw, _ := json.Marshal(body) // cannot fail: the body holds only strings and numbers
	r := reply{status: f.status, contentType: jsonType, body: raw, header: http.Header{}}
	if f.retryAfter > 0 {
		r.header.Set("Retry-After", strconv.Itoa(f.retryAfter))
	}
	if f.status == http.StatusUnauthorized {
		r.header.Set("WWW-Authenticate", `Basic realm="ksefapi"`)
	}
	return r
}
