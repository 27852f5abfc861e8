package invoice

import (
	"strconv"
	"strings"
	"time"
)

// CheckOptions are the settings Check judges by. The zero value is what the test environment takes.
type CheckOptions struct {
	// MaxBytes is the largest invoice without attachment; 0 means KSeF's 1,000,000.
	MaxBytes int64
	// MaxBytesWithAttachment is the largest invoice with attachment; 0 means KSeF's 3,000,000,
	// which is also Parse's own bound unless its options say otherwise.
	MaxBytesWithAttachment int64
	// AllowFA2 lets FA(2) pass beside FA(3).
	AllowFA2 bool
	// CheckNIPs applies the check digit to every NIP: Podmiot1, Podmiot2, Podmiot3,
	// PodmiotUpowazniony, and the one that an IDWew begins with. KSeF does so in production only:
	// the test environment takes invented numbers.
	CheckNIPs bool
}

const (
	sellerField  = "Podmiot1/NIP"
	ruleNIPShape = "must be a NIP of ten digits"
	ruleNIPDigit = "must have a right check digit"
	ruleDate     = "must be a date of the calendar, YYYY-MM-DD"
)

// Check judges a parsed header by the clock and by settings: the form is one that is taken, the size, the check digits of NIPs, and P_1 not later than the
// day of now in Warsaw. It returns a FieldError, or several joined, or nil. A header that Parse refused is not made good by passing here.
func Check(h Header, now time.Time, opt CheckOptions) error {
	var faults []*FieldError
	add := func(at position, e FieldError) {
		e.Value = shorten(e.Value)
		faults = append(faults, at.apply(&e))
	}

	if limit, what := opt.limit(h.Attachment); h.Size > limit {
		add(position{}, FieldError{Field: DocumentField,
			Rule:  "must be at most " + strconv.FormatInt(limit, 10) + " bytes " + what,
			Value: strconv.FormatInt(h.Size, 10) + " bytes",
			Hint:  "split the invoice; only one with an attachment (Zalacznik) may be larger; " + raisedHint})
	}
	if v := h.Form.Version(); v != "v3" && (v != "v2" || !opt.AllowFA2) {
		taken := "must be FA (3)"
		if opt.AllowFA2 {
			taken = "must be FA (3) or FA (2)"
		}
		add(h.at.form, FieldError{Field: "KodFormularza", Rule: taken, Value: h.Form.SystemCode,
			Hint: "export the invoice in the form FA(3), version 1-0E: KSeF takes FA(2) no more"})
	}
	switch {
	case !nipShape(h.SellerNIP):
		add(h.at.seller, FieldError{Field: sellerField, Rule: ruleNIPShape, Value: h.SellerNIP, Hint: "digits only, without PL, spaces or hyphens"})
	case opt.CheckNIPs && !ValidNIP(h.SellerNIP):
		add(h.at.seller, FieldError{Field: sellerField, Rule: ruleNIPDigit, Value: h.SellerNIP, Hint: "look for a mistyped digit"})
	}
	if today := Today(now); h.IssueDate > today {
		add(h.at.issueDate, FieldError{Field: "P_1", Rule: "must not be later than today (" + today + " Europe/Warsaw)", Value: h.IssueDate,
			Hint: "KSeF refuses an invoice from the future: send it on its day"})
	}
	if opt.CheckNIPs {
		for p := h.parties; p != nil; p = p.next {
			e := FieldError{Field: p.field, Rule: ruleNIPDigit, Value: p.nip, Hint: "look for a mistyped digit"}
			nip, suffix, _ := strings.Cut(p.nip, "-")
			switch internal := p.field == nodeThirdInternal.field(); {
			case internal && (!nipShape(nip) || !fiveDigits(suffix)):
				e.Rule, e.Hint = "must be a NIP, a hyphen and five digits", "an internal identifier begins with the NIP of the one who gave it"
			case internal:
				e.Rule = "must begin with a NIP that has a right check digit"
			case !nipShape(p.nip):
				e.Rule, e.Hint = ruleNIPShape, "a party without a Polish NIP is named by NrVatUE, NrID or BrakID"
			}
			add(p.at, e)
		}
	}
	return joinFaults(faults)
}

func (o CheckOptions) limit(attachment bool) (int64, string) {
	if attachment {
		if o.MaxBytesWithAttachment > 0 {
			return o.MaxBytesWithAttachment, "with an attachment"
		}
		return MaxSize, "with an attachment"
	}
	if o.MaxBytes > 0 {
		return o.MaxBytes, "without an attachment"
	}
	return MaxSizeWithoutAttachment, "without an attachment"
}

func fiveDigits(s string) bool { return len(s) == 5 && strings.Trim(s, "0123456789") == "" }
