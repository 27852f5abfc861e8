package ksef

import (
	"bytes"
	"encoding/json"
	"math"
	"strconv"
	"strings"
)

// errorBody is the gateway's own "no".
type errorBody struct {
	Code        looseInt  `json:"code"`
	Description looseText `json:"description"`
	Details     looseText `json:"details"`
	Reason      looseText `json:"-"` // KSeF's reasonCode, "missing-permissions" for one
}

// parseError looks into a body for the gateway's error. isObject tells whether the whole of it is one JSON object. A framework in front of the
// gateway may say {"error":"Not Found"}; that is taken as a description.
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
		return nil, true // fields of those names with other things in them: it is neither form
	}
	return own.body(), true
}

// ksefError is KSeF's own "no" in either of its forms, as a gateway may pass it on: the older one
// (exception), and problem details (API 2.4.0, RFC 9457).
type ksefError struct {
	Exception struct {
		List []struct {
			Code        looseInt  `json:"exceptionCode"`
			Description looseText `json:"exceptionDescription"`
			Details     looseText `json:"details"`
		} `json:"exceptionDetailList"`
	} `json:"exception"`
	Title      looseText `json:"title"`
	Detail     looseText `json:"detail"`
	ReasonCode looseText `json:"reasonCode"`
	Errors     []struct {
		Code        looseInt  `json:"code"`
		Description looseText `json:"description"`
		Details     looseText `json:"details"`
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
		return &errorBody{Description: e.Title + ": " + e.Detail, Reason: e.ReasonCode}
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
		text := looseText("")
		_ = text.UnmarshalJSON(raw)
		body = &errorBody{Description: text}
	}
	return body
}

// looseText takes a string, a list of strings (joined with "; "), null (""), or keeps what else it finds as JSON: one odd text must not make a
// list of 10,000 answers unreadable.
type looseText string

func (t *looseText) UnmarshalJSON(raw []byte) error {
	var s string
	var list []string
	switch {
	case bytes.Equal(raw, []byte("null")):
		*t = ""
	case json.Unmarshal(raw, &s) == nil:
		*t = looseText(s)
	case json.Unmarshal(raw, &list) == nil:
		*t = looseText(strings.Join(list, "; "))
	default:
		*t = looseText(raw)
	}
	return nil
}

// looseInt takes a number, also one written 200.0, or a string of digits. Anything else is 0, "not
// given".
type looseInt int

func (n *looseInt) UnmarshalJSON(raw []byte) error {
	text := strings.TrimSpace(strings.Trim(string(raw), `"`))
	v, err := strconv.Atoi(text)
	if err != nil {
		v = 0
		if f, err := strconv.ParseFloat(text, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < math.MaxInt32 {
			v = int(f)
		}
	}
	*n = looseInt(v)
	return nil
}

func mediaTypeIs(contentType, want string) bool {
	kind, _, _ := strings.Cut(contentType, ";")
	return strings.EqualFold(strings.TrimSpace(kind), want)
}
