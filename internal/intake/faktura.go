package intake

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
)

// Generator makes the XML of an invoice that is JSON (faktura). The names in the JSON are those of
// the elements of the schema. The error is a [*Problem] when no XML can be made of the JSON, and an
// [*UnsureError] when this could not be tried.
type Generator interface {
	Generate(ctx context.Context, tenant string, faktura []byte) ([]byte, error)
}

// FromFaktura makes a document of an invoice that is JSON. tenant is the name of the tenant that
// will send it; "" means the one that [FakturaSender] finds. When g is nil, the invoice is refused.
// limit is the maximum size of the JSON, in bytes.
func FromFaktura(ctx context.Context, g Generator, accounts []Account, tenant string, faktura []byte, limit int64) ([]byte, error) {
	if g == nil {
		return nil, &Problem{What: "is an invoice as JSON, and this program is not set up to make XML of such invoices", Hint: sendXML}
	}
	if size := int64(len(faktura)); size > limit {
		return nil, invoice.TooLarge(size, limit)
	}
	f, err := readFaktura(faktura)
	if err != nil {
		return nil, err
	}
	if err := CheckJSON(faktura); err != nil {
		return nil, err
	}
	if err := checkScalars(faktura); err != nil {
		return nil, err
	}
	if tenant == "" {
		if tenant, err = f.sender(accounts); err != nil {
			return nil, err
		}
	}
	return g.Generate(ctx, tenant, faktura)
}

const oneInvoice = "an invoice as JSON is one object with Naglowek, Podmiot1, Podmiot2 and Fa"

// jsonElsewhere is the hint for an invoice as JSON that was handed in where only XML is taken.
const jsonElsewhere = "hand in an invoice as JSON over HTTP, as faktura, or as a .json file in a watched folder"

const sendXML = "hand in the FA(3) document as XML"

// NoGeneration returns the refusal of an invoice that is JSON and whose tenant does not send
// through the gateway.
func NoGeneration(tenant string) error {
	return &Problem{What: fmt.Sprintf("is an invoice as JSON, and tenant %s sends to KSeF itself, where nothing makes XML of it", tenant),
		Hint: sendXML}
}

// NotGenerated returns the refusal of an invoice that is JSON and of which the gateway makes no
// document.
func NotGenerated(why string) error {
	return &Problem{What: "is an invoice as JSON, and the gateway makes no XML of it: " + why,
		Hint: "its names are those of the elements of FA(3), in the order of the schema"}
}

// GenerationFailed returns the error for an invoice as JSON when the gateway could not be asked to
// make XML of it.
func GenerationFailed(err error) error {
	return &UnsureError{What: "it is JSON, and the gateway could not be asked to make XML of it", Err: err}
}

// GenerationLimited returns the error for an invoice as JSON when the gateway was not asked,
// because the tenant's limit of such requests is used up. after is how long it takes until one more
// request fits.
func GenerationLimited(after time.Duration, err error) error {
	return &UnsureError{After: after, Err: err,
		What: "it is JSON, and its tenant's limit of requests that make XML (other:generate) is used up"}
}

// faktura is the part of an invoice as JSON that says who sends it.
type faktura struct {
	Podmiot1, Podmiot2 struct {
		DaneIdentyfikacyjne struct {
			NIP json.RawMessage `json:"NIP"`
		} `json:"DaneIdentyfikacyjne"`
	}
	Fa struct {
		Adnotacje struct {
			SelfBilling json.RawMessage `json:"P_17"`
		} `json:"Adnotacje"`
	} `json:"Fa"`
}

// FakturaSender returns the tenant that will send an invoice that is JSON. This is the named one,
// or else the one of accounts that has the NIP of the issuer, or else the only account.
// FakturaSender returns "" when the tenant cannot be told.
func FakturaSender(accounts []Account, named string, raw []byte) string {
	if named != "" {
		return named
	}
	f, err := readFaktura(raw)
	if err != nil {
		return ""
	}
	name, _ := f.sender(accounts) // FromFaktura reports the error
	return name
}

func readFaktura(raw []byte) (f faktura, err error) {
	raw = bytes.TrimSpace(raw)
	if len(raw) == 0 || raw[0] != '{' || !json.Valid(raw) {
		p := &Problem{What: "is neither XML nor one JSON object", Hint: oneInvoice}
		if bytes.IndexByte(raw, 0) >= 0 {
			p.Hint = "write the JSON in UTF-8; PowerShell writes UTF-16 unless it is told otherwise (-Encoding utf8)"
		}
		return f, p
	}
	if err := json.Unmarshal(raw, &f); err != nil {
		return f, NotGenerated("Podmiot1, Podmiot2 and Fa must be objects")
	}
	return f, checkNames(raw)
}

// checkNames refuses a JSON object that has none of an invoice's names. For an object with an
// invoice inside it, the error says what to send instead. Without this check, the answer would be
// that the tenant is not known.
func checkNames(raw []byte) error {
	var all map[string]json.RawMessage
	if json.Unmarshal(raw, &all) != nil {
		return nil // cannot happen: the caller has decoded it
	}
	there := map[string]bool{}
	for name := range all {
		there[folded(name)] = true
	}
	has := func(name string) bool { return there[folded(name)] }
	if has("naglowek") || has("podmiot1") || has("podmiot2") || has("fa") {
		return nil
	}
	names := slices.Sorted(maps.Keys(all))
	switch {
	case has("faktura") && len(all) > 1:
		names = slices.DeleteFunc(names, func(name string) bool { return strings.EqualFold(name, "faktura") })
		return &Problem{What: fmt.Sprintf("is JSON with %s beside faktura", shortList(names)),
			Hint: "a file has the invoice alone; .ksef.yaml in its folder says tenant, lane, offline, deadline and ref"}
	case has("faktura"), has("invoices"):
		return &Problem{What: fmt.Sprintf("is JSON with %s around the invoice", shortList(names)), Hint: oneInvoice}
	case len(all) == 0:
		return &Problem{What: "is a JSON object with nothing in it", Hint: oneInvoice}
	}
	return &Problem{What: fmt.Sprintf("is JSON, and no invoice: it has %s, and neither Podmiot1 nor Fa", shortList(names)),
		Hint: oneInvoice}
}

// shortList lists the first few names. It bounds the text, because the names come from outside.
func shortList(names []string) string {
	const most = 3
	if len(names) > most {
		names = append(names[:most:most], "…")
	}
	return invoice.Shorten(strings.Join(names, ", "), 100)
}

func (f *faktura) sender(accounts []Account) (string, error) {
	nip := text(f.Podmiot1.DaneIdentyfikacyjne.NIP)
	if text(f.Fa.Adnotacje.SelfBilling) == "1" {
		nip = text(f.Podmiot2.DaneIdentyfikacyjne.NIP)
	}
	var found []Account
	for _, a := range accounts {
		if nip != "" && a.NIP == nip {
			found = append(found, a)
		}
	}
	switch {
	case len(found) == 1:
		return found[0].Name, nil
	case len(accounts) == 1:
		return accounts[0].Name, nil
	}
	return "", &RefusedError{Rule: "it is an invoice as JSON, and its Podmiot1 (or Podmiot2, if P_17 is 1) does not show which tenant sends it",
		Hint: "name the tenant", Remedy: ledger.RemedyNameTenant}
}

// text returns a JSON string or number as text.
func text(raw json.RawMessage) string { return string(bytes.Trim(raw, `"`)) }
