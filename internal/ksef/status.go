package ksef

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"ksefworker/internal/ksef/lenient"
)

// StatusInfo is the state of an invoice or a session, as KSeF reports it.
type StatusInfo struct {
	// Code is below 200 while KSeF still works, 200 when it is done, and above 200 for an error.
	// See codes.go.
	Code int
	// Description and Details are KSeF's own texts, "" when absent. Details may quote a field of
	// the invoice.
	Description, Details string
	// Extensions carry values that belong to a code; see [InvoiceInfo.Original].
	Extensions []Extension
}

// Extension is one named value of a status.
type Extension struct {
	Key, Value string
}

// UnmarshalJSON never fails. It joins lists of strings with "; " and keeps other values as their
// JSON. Extensions may be a list of pairs or an object. An unreadable code is 0, which
// [StatusInfo.Check] refuses.
func (s *StatusInfo) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Code        lenient.Int       `json:"code"`
		Description lenient.Text      `json:"description"`
		Details     lenient.Text      `json:"details"`
		Extensions  lenientExtensions `json:"extensions"`
	}
	*s = StatusInfo{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil // not an object, so it has no code
	}
	*s = StatusInfo{
		Code:        int(wire.Code),
		Description: string(wire.Description),
		Details:     string(wire.Details),
		Extensions:  wire.Extensions,
	}
	return nil
}

// lenientExtensions reads [{"key":…,"value":…}] and {"…":…}. Anything else is not an extension.
type lenientExtensions []Extension

func (e *lenientExtensions) UnmarshalJSON(raw []byte) error {
	*e = nil
	var pairs []json.RawMessage
	if json.Unmarshal(raw, &pairs) == nil {
		for _, p := range pairs {
			var pair struct {
				Key   lenient.Text `json:"key"`
				Value lenient.Text `json:"value"`
			}
			if json.Unmarshal(p, &pair) == nil && pair.Key != "" {
				*e = append(*e, Extension{Key: string(pair.Key), Value: string(pair.Value)})
			}
		}
		return nil
	}
	var object map[string]lenient.Text
	if json.Unmarshal(raw, &object) == nil {
		for _, key := range slices.Sorted(maps.Keys(object)) {
			*e = append(*e, Extension{Key: key, Value: string(object[key])})
		}
	}
	return nil
}

// Processing reports whether KSeF has not decided yet.
func (s StatusInfo) Processing() bool { return s.Code > 0 && s.Code < 200 }

// Done reports whether an invoice is accepted, or a session processed.
func (s StatusInfo) Done() bool { return s.Code == 200 }

// Failed reports whether the status is an error, which is final for this session. Codes above 200
// that KSeF has not published count as errors, too.
func (s StatusInfo) Failed() bool { return s.Code > 200 }

// SendAgain reports whether the reason of a failure lies with KSeF (codes 500 and 550). In that
// case, what was sent must be sent again.
func (s StatusInfo) SendAgain() bool {
	return s.Code == InvoiceUnknownError || s.Code == InvoiceCancelledBySystem
}

// Extension returns the named value, "" when there is none.
func (s StatusInfo) Extension(key string) string {
	for _, e := range s.Extensions {
		if e.Key == key {
			return e.Value
		}
	}
	return ""
}

// Check refuses a status without a code. Such a status is neither processing nor done nor failed,
// so a caller that only asks Failed would take it for a success.
func (s StatusInfo) Check() error {
	if s.Code <= 0 {
		return errors.New("answer has no status code")
	}
	return nil
}
