package ledger

import (
	"encoding/base64"
	"errors"
	"strings"
)

// Short texts of entries are encrypted whenever documents are encrypted. The reason that KSeF gives
// for a rejection quotes the invoice, for example an amount or a name. The name of a file often
// contains the buyer's name. Numbers (P_2) and kinds stay in plain text, because they make up the
// identity of an invoice. Redis also needs them to check uniqueness in a package.

// sealedText is the prefix of an encrypted text, which follows in Base64.
const sealedText = "sealed:"

// Each kind of text has its own additional data. So a text cannot be opened in place of another
// text, or of the document, of the same invoice.
func reasonText(id string) string     { return id + "|reason" } // of an invoice or a package
func fileText(id string) string       { return id + "|file" }
func noteText(id string) string       { return id + "|note" } // of a refusal
func holdText(tenant string) string   { return tenant + "|hold" }
func tenantText(tenant string) string { return tenant + "|tenant" }
func (st *store) sealsTexts() bool    { return st.texts != nil && len(st.texts.keys) > 0 }
func (st *store) rotatesTexts() bool  { return st.texts != nil && len(st.texts.keys) > 1 }
func isSealedText(stored string) bool { return strings.HasPrefix(stored, sealedText) }

// sealText encrypts a text when there is a key. aad is the additional data.
func (st *store) sealText(aad, text string) (string, error) {
	if text == "" || !st.sealsTexts() {
		return text, nil
	}
	sealed, err := st.texts.Seal(aad, []byte(text))
	if err != nil {
		return "", err
	}
	return sealedText + base64.StdEncoding.EncodeToString(sealed), nil
}

// openText returns a text as it was written. It returns false if the text is encrypted and this
// process cannot open it.
func (st *store) openText(aad, stored string) (string, bool) {
	packed, sealed := strings.CutPrefix(stored, sealedText)
	if !sealed {
		return stored, true
	}
	raw, err := base64.StdEncoding.DecodeString(packed)
	if err != nil {
		return stored, true // a person's plain text that starts with the same word
	}
	text, err := openSealed(st, aad, raw)
	return string(text), err == nil
}

// openReason returns a reason as it was written. If this process cannot open it, the text says so.
func openReason(st *store, id, stored string) string {
	text, ok := st.openText(reasonText(id), stored)
	if !ok {
		return "(" + encryptedHere + ")"
	}
	return text
}

// openTexts opens the texts of an entry. A text that this process cannot open is replaced by one
// that says so; Said becomes empty.
func openTexts(st *store, id string, inv *Invoice) {
	if isSealedText(inv.Reason) {
		inv.Reason = openReason(st, id, inv.Reason)
	}
	if isSealedText(inv.Said) {
		inv.Said = openSaid(st, id, inv.Said)
	}
	if isSealedText(inv.File) {
		file, ok := st.openText(fileText(id), inv.File)
		if inv.File = file; !ok {
			inv.File = encryptedFile
		}
	}
	if isSealedText(inv.Ref) {
		ref, ok := st.openText(refText(id), inv.Ref)
		if inv.Ref = ref; !ok {
			inv.Ref = encryptedRef
		}
	}
}

// These texts are shown in place of one that this process cannot read.
const (
	encryptedHere = "the reason is encrypted, and this process does not have the key: storage.key_file"
	encryptedFile = "(the file name is encrypted, and this process does not have the key: storage.key_file)"
)

func openSealed(st *store, aad string, sealed []byte) ([]byte, error) {
	if st.texts == nil {
		return nil, errors.New(encryptedHere)
	}
	return st.texts.Open(aad, sealed)
}
