package gateway_test

import (
	"testing"

	"ksefworker/internal/ksef"
)

// A gateway may pass KSeF's own errors on. Their code and words must not be lost.
func TestJudge_KSeFsOwnErrorForms_CodeAndWordsAreRead(t *testing.T) {
	for _, c := range []struct {
		why, body            string
		status, code         int
		kind                 ksef.ErrorKind
		description, details string
		reason               string
	}{
		{"the older form", `{"exception":{"exceptionDetailList":[{"exceptionCode":21405,"exceptionDescription":"Błąd walidacji","details":["a","b"]}],"timestamp":"2025-10-11T12:23:56.0154302"}}`,
			400, 21405, ksef.KindRefused, "Błąd walidacji", "a; b", ""},
		{"problem details with errors", `{"title":"Bad Request","status":400,"errors":[{"code":21173,"description":"Brak sesji","details":["x"]}],"traceId":"t"}`,
			400, 21173, ksef.KindRefused, "Brak sesji", "x", ""},
		{"problem details of a missing permission", `{"title":"Forbidden","status":403,"detail":"Brak uprawnień","reasonCode":"missing-permissions"}`,
			403, 0, ksef.KindUnauthorized, "Forbidden: Brak uprawnień", "", "missing-permissions"},
		{"the older form inside a 200", `{"exception":{"exceptionDetailList":[{"exceptionCode":21405,"exceptionDescription":"Błąd"}]}}`, 200, 21405, ksef.KindRefused, "Błąd", "", ""},
	} {
		t.Run(c.why, func(t *testing.T) {
			client, _ := serve(t, answers(c.status, "application/problem+json", c.body))
			e := apiError(t, client.CloseSession(soon(t), "s", true))
			if e.Kind != c.kind || e.Code != c.code || e.Description != c.description || e.Details != c.details || e.Reason != c.reason || e.MaybeDone {
				t.Errorf("got %+v", *e)
			}
		})
	}
}
