package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"unicode/utf8"

	"ksefworker/internal/intake"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// refusedResult returns the result of a refused document. It has what could be read of the
// document, the tenant for which the refusal is recorded, and the reason.
func refusedResult(a intake.Admission, tenant string) results.Result {
	inv := a.Invoice
	r := results.Result{
		ID: a.Refusal, File: a.File, Ref: a.Ref, NIP: inv.NIP, Number: inv.Number, Kind: inv.Kind, IssueDate: inv.IssueDate, Hash: inv.Hash,
		Tenant: tenant, State: results.Refused, Reason: intake.OneLine(a.Err) + heldText(&a),
	}
	r.Recorded(a.RefusedAt)
	return r
}

func (p *program) resultOf(inv ledger.Invoice) results.Result {
	return results.Of(inv, string(p.cfg.Environment))
}

// printJSON prints one object on one line. It also escapes the characters that control a terminal
// and that the JSON package leaves as they are: C1 controls, DEL, marks of direction. A JSON parser
// reads the same text.
func printJSON(s *screen, v any) error {
	if s.json == nil {
		s.json = json.NewEncoder(&s.line)
		s.json.SetEscapeHTML(false) // links have & in them
	}
	s.line.Reset()
	if err := s.json.Encode(v); err != nil {
		return fmt.Errorf("write JSON: %w", err)
	}
	line := bytes.TrimSuffix(s.line.Bytes(), []byte("\n"))
	if !harmless(line) && bytes.ContainsFunc(line, isControl) {
		var safe bytes.Buffer
		for _, r := range string(line) {
			if isControl(r) && r < utf8.MaxRune {
				fmt.Fprintf(&safe, `\u%04x`, r)
			} else {
				safe.WriteRune(r)
			}
		}
		line = safe.Bytes()
	}
	_, _ = s.w.Write(line) // bufio keeps the error for flush
	_ = s.w.WriteByte('\n')
	return nil
}

// outcome returns the outcome of an invoice in a few words: its KSeF number, or code and reason. An
// invoice with a number and a reason still lacks something, such as its receipt.
func outcome(r results.Result) string {
	if r.KsefNumber != "" && r.Reason != "" {
		return r.KsefNumber + ": " + r.Reason
	}
	if r.KsefNumber != "" {
		return r.KsefNumber
	}
	if r.Code != 0 {
		return fmt.Sprintf("%d %s", r.Code, r.Reason)
	}
	return r.Reason
}
