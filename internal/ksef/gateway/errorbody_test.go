package gateway_test

import (
	"testing"

	"ksefworker/internal/ksef"
)

// A gateway may pass on KSeF's own errors. Their code and text must not be lost.
func TestErrors_KSeFsOwnForms_CodeAndTextAreRead(t *testing.T) {
	for _, c := range []struct {
		why, body string
		status    int
		want      ksef.APIError
	}{
		{
			"the older form",
			`{"exception":{"exceptionDetailList":[{"exceptionCode":21405,"exceptionDescription":"Błąd walidacji",
				"details":["a","b"]}],"timestamp":"2025-10-11T12:23:56.0154302"}}`,
			400, ksef.APIError{Code: 21405, Kind: ksef.KindRefused, Description: "Błąd walidacji", Details: "a; b"},
		},
		{
			"problem details with errors",
			`{"title":"Bad Request","status":400,"errors":[{"code":21173,"description":"Brak sesji","details":["x"]}],"traceId":"t"}`,
			400, ksef.APIError{Code: 21173, Kind: ksef.KindRefused, Description: "Brak sesji", Details: "x"},
		},
		{
			"problem details of a missing permission",
			`{"title":"Forbidden","status":403,"detail":"Brak uprawnień","reasonCode":"missing-permissions"}`,
			403, ksef.APIError{Kind: ksef.KindUnauthorized, Description: "Forbidden: Brak uprawnień", Reason: "missing-permissions"},
		},
		{
			"problem details that name the permission",
			`{"title":"Forbidden","status":403,"detail":"Brak uprawnień","reasonCode":"missing-permissions",
				"security":{"requiredAnyOfPermissions":["InvoiceWrite","PefInvoiceWrite"],"presentPermissions":["InvoiceRead"]}}`,
			403, ksef.APIError{Kind: ksef.KindUnauthorized, Description: "Forbidden: Brak uprawnień", Reason: "missing-permissions",
				Permissions: "InvoiceWrite, PefInvoiceWrite"},
		},
		{
			"the older form inside a 200",
			`{"exception":{"exceptionDetailList":[{"exceptionCode":21405,"exceptionDescription":"Błąd"}]}}`,
			200, ksef.APIError{Code: 21405, Kind: ksef.KindRefused, Description: "Błąd"},
		},
	} {
		t.Run(c.why, func(t *testing.T) {
			client, _ := serve(t, answers(c.status, "application/problem+json", c.body))
			e := apiError(t, client.CloseSession(soon(t), "s", true))
			got := ksef.APIError{
				Code: e.Code, Kind: e.Kind, Description: e.Description, Details: e.Details, Reason: e.Reason,
				Permissions: e.Permissions, MaybeDone: e.MaybeDone,
			}
			if got != c.want {
				t.Errorf("the error is %+v, want %+v", got, c.want)
			}
		})
	}
}
