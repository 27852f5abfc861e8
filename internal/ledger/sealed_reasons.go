package ledger

import (
	"encoding/base64"
	"errors"
	"strings"
)

// The reason that KSeF gives for a rejection quotes the invoice: an amount, a name. So the reasons
// of invoices are encrypted wherever documents are.

// sealedText is the prefix of an encrypted reason, which follows in Base64.
const sealedText = "sealed:"

// textID is the additional data of a sealed reason. It keeps the reason from being taken for the
// document of the same invoice.
func textID(id string) string { return id + "|reason" }

func (l *Ledger) sealReason(id, text string) (string, error) {
	if text == "" || !l.sealsReasons() {
		return text, nil
	}
	sealed, err := l.reasons.Seal(textID(id), []byte(text))
	if err != nil {
		return "", err
	}
	return sealedText + base64.StdEncoding.EncodeToString(sealed), nil
}

// openReason returns a reason as it was written. If this process cannot open it, the text says so.
func (l *Ledger) openReason(id, stored string) string {
	packed, sealed := strings.CutPrefix(stored, sealedText)
	if !sealed {
		return stored
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return stored // a person's text that starts with the same word
	}
	text, err := l.openSealed(textID(id), raw)
	if err != nil {
		return "(" + encryptedHere + ")"
	}
	return string(text)
}

// encryptedHere is shown in place of a reason that this process cannot read.
const encryptedHere = "the reason is encrypted, and this process does not have the key: storage.key_file"

func (l *Ledger) sealsReasons() bool { return l.reasons != nil && len(l.reasons.keys) > 0 }

func (l *Ledger) openSealed(id string, sealed []byte) ([]byte, error) {
	if l.reasons == nil {
		return nil, errors.New(encryptedHere)
	}
	return l.reasons.Open(id, sealed)
}
