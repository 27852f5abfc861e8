package ksef

import (
	"encoding/json"
	"errors"
	"maps"
	"slices"

	"ksefworker/internal/ksef/lenient"
)

// StatusInfo is where an invoice or a session stands.
type StatusInfo struct {
	// Code: below 200 still running, 200 done, above an error. See codes.go.
	Code int
	// Description and Details are KSeF's own texts. Details may quote a field of the invoice. "" when absent.
	Description, Details string
	// Extensions carry what a code needs besides; see InvoiceInfo.Original.
	Extensions []Extension
}

// Extension is one named value of a status.
type Extension struct {
	Key, Value string
}

// UnmarshalJSON takes everything but the code loosely: lists of strings are joined with "; ", other
// values are kept as their JSON, and extensions may be a list of pairs or an object. A code that
// cannot be read is 0, which [StatusInfo.Check] refuses.
func (s *StatusInfo) UnmarshalJSON(raw []byte) error {
	var wire struct {
		Code        lenient.Int     `json:"code"`
		Description lenient.Text    `json:"description"`
		Details     lenient.Text    `json:"details"`
		Extensions  looseExtensions `json:"extensions"`
	}
	*s = StatusInfo{}
	if err := json.Unmarshal(raw, &wire); err != nil {
		return nil // not an object: there is no code in it
	}
	*s = StatusInfo{Code: int(wire.Code), Description: string(wire.Description), Details: string(wire.Details), Extensions: wire.Extensions}
	return nil
}

// looseExtensions reads [{"key":…,"value":…}] and {"…":…}; of anything else it takes nothing.
type looseExtensions []Extension

func (e *looseExtensions) UnmarshalJSON(raw []byte) error {
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

// Processing: not decided yet.
func (s StatusInfo) Processing() bool { return s.Code > 0 && s.Code < 200 }

// Done: accepted, or for a session processed.
func (s StatusInfo) Done() bool { return s.Code == 200 }

// Failed: an error, final for this session. Codes that nobody has published are among them.
func (s StatusInfo) Failed() bool { return s.Code > 200 }

// Anew: failed, but for a reason that lies with KSeF; the work is to be sent anew (codes 500 and 550).
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

// Check refuses the zero status: an absent code would otherwise pass for "not failed".
func (s StatusInfo) Check() error {
	if s.Code <= 0 {
		return errors.New("answer has no status code")
	}
	return nil
}
