package ledger

import (
	"encoding/base64"
	"errors"
	"strings"
)

// KSeF's words about an invoice quote what is wrong in it: an amount, a name. Where documents are
// encrypted the reason of an invoice is, too.

// sealedText stands before a reason that is encrypted, in Base64.
const sealedText = "sealed:"

// textID keeps a sealed reason from being taken for the document of the same invoice.
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

// openReason gives a reason as it was written; one that cannot be opened here says so.
func (l *Ledger) openReason(id, stored string) string {
	packed, sealed := strings.CutPrefix(stored, sealedText)
	if !sealed {
		return stored
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return stored // words of a person that begin alike
	}
	text, err := l.openSealed(textID(id), raw)
	if err != nil {
		return "(" + encryptedHere + ")"
	}
	return string(text)
}

// encryptedHere is told in place of a reason that cannot be read.
const encryptedHere = "the reason is encrypted, and this process has not got the key: storage.key_file"

func (l *Ledger) sealsReasons() bool { return l.reasons != nil && len(l.reasons.keys) > 0 }

func (l *Ledger) openSealed(id string, sealed []byte) ([]byte, error) {
	if l.reasons == nil {
		return nil, errors.New(encryptedHere)
	}
	return l.reasons.Open(id, sealed)
}
