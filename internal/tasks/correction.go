package tasks

import (
	"encoding/base64"
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ledger"
)

// correcting turns r into the request for a technical correction if inv is a technical correction.
// KSeF takes technical corrections only one by one, declared as offline, with the hash of the
// rejected document.
func correcting(r *ksef.SendRequest, inv *ledger.Invoice) error {
	if inv.Corrects == "" {
		return nil
	}
	hash, err := base64.StdEncoding.DecodeString(inv.Corrects)
	if err != nil {
		return fmt.Errorf("read the hash of the invoice that %s corrects: %w", inv.ID, err)
	}
	r.Offline, r.Corrects = true, hash
	return nil
}

// notCorrectable reports whether KSeF refused a technical correction for a reason that holds in a
// new session too. Either the rejected invoice can have no correction, or it has one already, or
// the request is invalid.
func notCorrectable(inv *ledger.Invoice, api *ksef.APIError) bool {
	return inv.Corrects != "" && (api.Code == ksef.CodeAlreadyCorrected || api.Code == ksef.CodeNotCorrectable ||
		api.Code == ksef.CodeInvalidRequest)
}

// errInPackage says why a technical correction is not put into a package.
var errInPackage = errors.New("a technical correction cannot go in a package: dismiss it")
