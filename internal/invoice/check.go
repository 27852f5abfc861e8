package invoice

import (
	"strconv"
	"strings"
	"time"
)

// CheckOptions are the settings of Check. The zero value has the rules of the test environment, but
// it refuses FA(2) and does not check the schema.
type CheckOptions struct {
	// MaxBytes is the maximum size of an invoice without attachment; 0 means KSeF's 1,000,000.
	MaxBytes int64
	// MaxBytesWithAttachment is the maximum size of an invoice with attachment. 0 means KSeF's
	// 3,000,000, which is also the default limit of Parse.
	MaxBytesWithAttachment int64
	// AllowFA2 accepts FA(2) as well as FA(3).
	AllowFA2 bool
	// CheckNIPs checks the check digit of every NIP: Podmiot1, Podmiot2, Podmiot3,
	// PodmiotUpowazniony, and the NIP at the beginning of an IDWew. KSeF does so in production and
	// demo; the test environment accepts invented numbers.
	CheckNIPs bool
	// Schema makes Check report every breach of the form's XSD that Parse has found. The programs
	// always set it. Without it, Check accepts what only the schema forbids. Tests leave it unset
	// to let through an invoice that KSeF rejects.
	Schema bool
}

const (
	sellerField = "Podmiot1/NIP"
	ruleDate    = "must be a valid date, YYYY-MM-DD"
)

// Check applies to a parsed header the rules that need a clock or settings. The form must be
// allowed, the size within its limit, and P_1 not later than the date of now in Warsaw. With
// opt.CheckNIPs, the check digits of NIPs must be correct. With opt.Schema and an allowed form,
// Check also returns the breaches of the schema that Parse has found. It returns a *FieldError, or
// several joined, or nil. Check does not repeat the rules of Parse. A header that came with an
// error stays invalid even when Check returns nil.
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
	v := h.Form.Version()
	taken := v == "v3" || v == "v2" && opt.AllowFA2
	if !taken {
		allowed := "must be FA (3)"
		if opt.AllowFA2 {
			allowed = "must be FA (3) or FA (2)"
		}
		add(h.at.form, FieldError{Field: "KodFormularza", Rule: allowed, Value: h.Form.SystemCode,
			Hint: "export the invoice in the form FA(3), version 1-0E: KSeF no longer accepts FA(2)"})
	}
	switch {
	case !nipShape(h.SellerNIP):
		rule, hint := nipRule(h.SellerNIP, mistypedHint)
		add(h.at.seller, FieldError{Field: sellerField, Rule: rule, Value: h.SellerNIP, Hint: hint})
	case opt.CheckNIPs && !ValidNIP(h.SellerNIP):
		add(h.at.seller, FieldError{Field: sellerField, Rule: ruleNIPDigit, Value: h.SellerNIP, Hint: mistypedHint})
	}
	if today := Today(now); h.IssueDate > today {
		add(h.at.issueDate, FieldError{Field: "P_1", Rule: "must not be later than today (" + today + " Europe/Warsaw)",
			Value: h.IssueDate, Hint: "KSeF refuses an invoice with a future date: send it on that date"})
	}
	if opt.CheckNIPs {
		for p := h.parties; p != nil; p = p.next {
			e := FieldError{Field: p.field, Rule: ruleNIPDigit, Value: p.nip, Hint: mistypedHint}
			nip, suffix, _ := strings.Cut(p.nip, "-")
			switch internal := p.field == nodeThirdInternal.field(); {
			case internal && (!nipShape(nip) || !fiveDigits(suffix)):
				e.Rule = "must be a NIP, a hyphen and five digits"
				e.Hint = "an internal identifier begins with the NIP of the taxpayer that assigned it"
			case internal:
				e.Rule = "must begin with a NIP that has a correct check digit"
			case !nipShape(p.nip):
				e.Rule, e.Hint = nipRule(p.nip, foreignHint)
			}
			add(p.at, e)
		}
	}
	if taken && opt.Schema {
		faults = withSchema(faults, h.schema)
	}
	return joinFaults(faults)
}

// withSchema adds the breaches of the schema. It leaves out a breach at the offset of a fault,
// because the fault describes the same mistake better.
func withSchema(faults, breaches []*FieldError) []*FieldError {
next:
	for _, b := range breaches {
		for _, f := range faults {
			if f.Line > 0 && f.Offset == b.Offset {
				continue next
			}
		}
		faults = append(faults, b)
	}
	return faults
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
	return maxSizeWithoutAttachment, "without an attachment"
}

func fiveDigits(s string) bool { return len(s) == 5 && strings.Trim(s, "0123456789") == "" }
