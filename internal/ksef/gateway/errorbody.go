package gateway

import (
	"bytes"
	"encoding/json"

	"ksefworker/internal/ksef/lenient"
)

// errorBody is the gateway's own error.
type errorBody struct {
	Code        lenient.Int  `json:"code"`
	Description lenient.Text `json:"description"`
	Details     lenient.Text `json:"details"`
	Reason      lenient.Text `json:"-"` // KSeF's reasonCode, for example "missing-permissions"
	Permissions lenient.Text `json:"-"` // the permissions of which KSeF wants one
}

// parseError searches a body for the gateway's error. isObject reports whether the whole body is
// one JSON object. A framework in front of the gateway may answer {"error":"Not Found"}; that text
// is taken as a description.
func parseError(raw []byte) (body *errorBody, isObject bool) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' {
		return nil, false
	}
	var envelope struct {
		Error json.RawMessage `json:"error"`
	}
	if err := json.Unmarshal(raw, &envelope); err != nil {
		return nil, false
	}
	if body := errorOf(envelope.Error); body != nil {
		return body, true
	}
	var own ksefError
	if json.Unmarshal(raw, &own) != nil {
		return nil, true // fields with those names hold something else: it is neither form
	}
	return own.body(), true
}

// ksefError is KSeF's own error in either of its forms, as a gateway may pass it on: the older one
// (exception), and problem details (API 2.4.0, RFC 9457).
type ksefError struct {
	Exception struct {
		List []struct {
			Code        lenient.Int  `json:"exceptionCode"`
			Description lenient.Text `json:"exceptionDescription"`
			Details     lenient.Text `json:"details"`
		} `json:"exceptionDetailList"`
	} `json:"exception"`
	Title      lenient.Text `json:"title"`
	Detail     lenient.Text `json:"detail"`
	ReasonCode lenient.Text `json:"reasonCode"`
	Security   struct {
		RequiredAnyOf lenient.Text `json:"requiredAnyOfPermissions"`
	} `json:"security"`
	Errors []struct {
		Code        lenient.Int  `json:"code"`
		Description lenient.Text `json:"description"`
		Details     lenient.Text `json:"details"`
	} `json:"errors"`
}

// body returns the first fault that it names; nil when it is neither form.
func (e ksefError) body() *errorBody {
	switch {
	case len(e.Exception.List) > 0:
		first := e.Exception.List[0]
		return &errorBody{Code: first.Code, Description: first.Description, Details: first.Details}
	case len(e.Errors) > 0:
		first := e.Errors[0]
		return &errorBody{Code: first.Code, Description: first.Description, Details: first.Details, Reason: e.ReasonCode}
	case e.Title != "" && (e.Detail != "" || e.ReasonCode != ""):
		return &errorBody{Description: e.Title + ": " + e.Detail, Reason: e.ReasonCode, Permissions: e.Security.RequiredAnyOf}
	}
	return nil
}

// errorOf reads the value of `error`; nil when it says that there is none.
func errorOf(raw json.RawMessage) *errorBody {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0, bytes.Equal(raw, []byte("null")), bytes.Equal(raw, []byte("false")):
		return nil
	}
	body := new(errorBody)
	if raw[0] != '{' || json.Unmarshal(raw, body) != nil {
		text := lenient.Text("")
		_ = text.UnmarshalJSON(raw)
		body = &errorBody{Description: text}
	}
	return body
}
