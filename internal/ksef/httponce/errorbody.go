package httponce

import (
	"bytes"
	"encoding/json"

	"ksefworker/internal/ksef/lenient"
)

// ErrorBody is an error in the other side's own words. The zero value says nothing.
type ErrorBody struct {
	Code        lenient.Int  `json:"code"`
	Description lenient.Text `json:"description"`
	Details     lenient.Text `json:"details"`
	Reason      lenient.Text `json:"-"` // KSeF's reasonCode, for example "missing-permissions"
	Permissions lenient.Text `json:"-"` // KSeF requires one of these permissions
	Trace       lenient.Text `json:"-"` // the id under which KSeF has the request in its logs
}

// ParseKSeF searches a body for KSeF's own error, in any of its forms. isObject reports whether the
// whole body is one JSON object.
func ParseKSeF(raw []byte) (body *ErrorBody, isObject bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) {
		return nil, false
	}
	var own ksefError
	if json.Unmarshal(raw, &own) != nil {
		return nil, true // none of the forms: fields with those names hold something else
	}
	return own.body(), true
}

// ksefError is KSeF's own error, which a gateway may pass on. It has two forms: the older one
// (exception), and problem details (API 2.4.0, RFC 9457). A 429 may have a third form (see
// throttled).
type ksefError struct {
	Exception struct {
		ServiceCode lenient.Text `json:"serviceCode"`
		List        []struct {
			Code        lenient.Int  `json:"exceptionCode"`
			Description lenient.Text `json:"exceptionDescription"`
			Details     lenient.Text `json:"details"`
		} `json:"exceptionDetailList"`
	} `json:"exception"`
	Title      lenient.Text `json:"title"`
	Detail     lenient.Text `json:"detail"`
	ReasonCode lenient.Text `json:"reasonCode"`
	TraceID    lenient.Text `json:"traceId"`
	Security   struct {
		RequiredAnyOf lenient.Text `json:"requiredAnyOfPermissions"`
	} `json:"security"`
	Status throttled `json:"status"`
	Errors []struct {
		Code        lenient.Int  `json:"code"`
		Description lenient.Text `json:"description"`
		Details     lenient.Text `json:"details"`
	} `json:"errors"`
}

// body returns the first fault that the error names; nil when the error has none of the forms.
func (e ksefError) body() *ErrorBody {
	switch {
	case len(e.Exception.List) > 0:
		first := e.Exception.List[0]
		return &ErrorBody{Code: first.Code, Description: first.Description, Details: first.Details, Trace: e.Exception.ServiceCode}
	case len(e.Errors) > 0:
		first := e.Errors[0]
		return &ErrorBody{Code: first.Code, Description: first.Description, Details: first.Details, Reason: e.ReasonCode, Trace: e.TraceID}
	case e.Title != "" && (e.Detail != "" || e.ReasonCode != "" || e.TraceID != ""):
		return &ErrorBody{Description: e.Title + ": " + e.Detail, Reason: e.ReasonCode, Permissions: e.Security.RequiredAnyOf,
			Trace: e.TraceID}
	case e.Status.Code >= 400:
		return &ErrorBody{Description: e.Status.Description, Details: e.Status.Details}
	}
	return nil
}

// throttled is the status in the third form, {"status":{"code":429,…}}. In problem details status
// is a number, which repeats the HTTP status.
type throttled struct {
	Code        lenient.Int  `json:"code"`
	Description lenient.Text `json:"description"`
	Details     lenient.Text `json:"details"`
}

func (t *throttled) UnmarshalJSON(raw []byte) error {
	type plain throttled
	var own plain
	if json.Unmarshal(raw, &own) == nil {
		*t = throttled(own)
	}
	return nil
}
