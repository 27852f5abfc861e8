package gateway

import (
	"bytes"
	"encoding/json"

	"ksefworker/internal/ksef/httponce"
	"ksefworker/internal/ksef/lenient"
)

// parseError searches a body for the gateway's error. isObject reports whether the whole body is
// one JSON object. A framework in front of the gateway may answer {"error":"Not Found"}. parseError
// takes such a text as the description of the error.
func parseError(raw []byte) (body *httponce.ErrorBody, isObject bool) {
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
	return httponce.ParseKSeF(raw) // the gateway may pass on KSeF's own errors
}

// errorOf reads the value of `error`. It returns nil when the value says that there is no error.
func errorOf(raw json.RawMessage) *httponce.ErrorBody {
	raw = bytes.TrimSpace(raw)
	switch {
	case len(raw) == 0, bytes.Equal(raw, []byte("null")), bytes.Equal(raw, []byte("false")):
		return nil
	}
	body := new(httponce.ErrorBody)
	if raw[0] != '{' || json.Unmarshal(raw, body) != nil {
		text := lenient.Text("")
		_ = text.UnmarshalJSON(raw)
		body = &httponce.ErrorBody{Description: text}
	}
	return body
}
