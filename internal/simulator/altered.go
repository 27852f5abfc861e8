package simulator

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// entryKinds returns the kinds of faults that change an answer about one invoice.
func entryKinds() []string {
	return []string{ListOmit, Unnamed, NumberRewritten, KsefNumberSplit, Undecodable, ReceiptOmit}
}

// identify returns the key by which the faults know an entry. An invoice has the same key in the
// list, in the receipt and in the register.
func (o *outcome) identify() any {
	if o.accepted != nil {
		return o.accepted
	}
	return o
}

// answerEvent returns the event of an entry in an answer, for the faults to match. The parameter on
// names the operation that is answered.
func (sess *session) answerEvent(on, nip, number string) event {
	return event{on: on, account: sess.account, nip: nip, lane: sess.lane, number: number}
}

// altered returns the answer about one invoice as the faults change it. It reports false when the
// faults leave the invoice out. While an invoice is undecided, the answer about it is never
// changed.
func (al *alterer) altered(on string, sess *session, o *outcome, i invoiceInfo) (answer any, there bool) {
	i, odd, there := al.alter(on, sess, o, i)
	if len(odd) > 0 && there {
		return malformed(i, odd), true
	}
	return i, there
}

// alter changes the answer about one invoice as the faults order. The result odd lists the forms
// outside the contract that [malformed] has to write. The result there is false when the faults
// leave the invoice out.
func (al *alterer) alter(on string, sess *session, o *outcome, i invoiceInfo) (altered invoiceInfo, odd []string, there bool) {
	if i.Status.Code < 200 || !al.faults.everArmed(entryKinds()...) {
		return i, nil, true
	}
	nip := o.nip
	if nip == "" {
		nip = sess.context
	}
	kinds := []string{Unnamed, NumberRewritten, KsefNumberSplit, Undecodable}
	if on == opInvoices {
		kinds = append(kinds, ListOmit)
	}
	canChange := func(f Fault) bool { return f.canChange(i) }
	faults := al.faults.alterations(o.identify(), sess.answerEvent(on, nip, o.number), canChange, kinds...)
	for _, f := range faults {
		switch f.Kind {
		case ListOmit:
			return i, nil, false
		case Unnamed:
			i.Number = ""
		case NumberRewritten:
			i.Number = rewritten(i.Number, f.As)
		case KsefNumberSplit:
			i.KsefNumber = split(i.KsefNumber)
		case Undecodable:
			odd = append(odd, f.As)
		}
	}
	return i, odd, true
}

// alteredMetadata returns the register's entry of an invoice as the faults change it. It reports
// false when the faults leave the entry out.
func (al *alterer) alteredMetadata(a *accepted) (m invoiceMetadata, there bool) {
	m = a.metadata()
	return m, al.alterNumbers(opMetadata, ListOmit, a, &m.Number, &m.KsefNumber)
}

// alterReceiptEntry changes the receipt's entry of an invoice. It reports false when the faults
// leave the entry out.
func (al *alterer) alterReceiptEntry(a *accepted, d *dokument) (there bool) {
	return al.alterNumbers(opUPO, ReceiptOmit, a, &d.Numer, &d.KsefNumer)
}

// alterNumbers applies the faults that change the two numbers of an accepted invoice. It reports
// false when the fault of kind omit leaves the invoice out.
func (al *alterer) alterNumbers(on, omit string, a *accepted, number, ksefNumber *string) (there bool) {
	canChange := func(f Fault) bool { return f.canChange(invoiceInfo{Number: *number, KsefNumber: *ksefNumber}) }
	where := a.session.answerEvent(on, a.NIP, a.Number)
	for _, f := range al.faults.alterations(a, where, canChange, omit, NumberRewritten, KsefNumberSplit) {
		switch f.Kind {
		case omit:
			return false
		case NumberRewritten:
			*number = rewritten(*number, f.As)
		case KsefNumberSplit:
			*ksefNumber = split(*ksefNumber)
		}
	}
	return true
}

// canChange reports whether the entry has what the fault changes.
func (f Fault) canChange(i invoiceInfo) bool {
	switch f.Kind {
	case ListOmit:
		return f.Code == 0 || i.Status.Code == f.Code
	case Unnamed:
		return i.Number != "" && (f.Code == 0 || i.Status.Code == f.Code)
	case NumberRewritten:
		return rewritten(i.Number, f.As) != i.Number
	case KsefNumberSplit:
		return split(i.KsefNumber) != i.KsefNumber
	case Undecodable:
		switch f.As {
		case OddDate:
			return i.Acquisition != ""
		case NumericNumber:
			return numeric.MatchString(i.Number)
		case TextOrdinal:
			return i.Ordinal != 0
		}
	}
	return true
}

// numeric matches an invoice number that can be written as a JSON number without a change.
var numeric = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// rewritten returns the number with other white space. The simulator keeps a number with one blank
// for each run of white space, and answers with that form when there is no fault.
func rewritten(number, as string) string {
	switch {
	case number == "":
	case as == Doubled:
		return strings.ReplaceAll(number, " ", "  ")
	case as == NoBreak:
		return strings.ReplaceAll(number, " ", "\u00a0")
	case as == Tabbed:
		return strings.ReplaceAll(number, " ", "\t")
	case as == TrailBlank:
		return number + " "
	}
	return number
}

// split writes a KSeF number as KSeF 1.x did, with the third group of twelve digits as two groups
// of six.
func split(number string) string {
	if len(number) != 35 {
		return number
	}
	const half = len("9999999999-YYYYMMDD-FFFFFF")
	return number[:half] + "-" + number[half:]
}

// malformed writes some fields of an entry in forms that the contract does not allow.
func malformed(i invoiceInfo, as []string) any {
	entry := map[string]any{}
	raw, err := json.Marshal(i)
	if err == nil {
		err = json.Unmarshal(raw, &entry)
	}
	if err != nil {
		return i // impossible: the struct holds only strings and numbers
	}
	status := entry["status"].(map[string]any)
	for _, form := range as {
		switch form {
		case OddDate:
			for _, field := range []string{"acquisitionDate", "permanentStorageDate"} {
				if at, is := entry[field].(string); is {
					entry[field] = oddDate(at)
				}
			}
		case NumericNumber:
			entry["invoiceNumber"] = json.Number(i.Number)
		case TextOrdinal:
			entry["ordinal"] = text(entry["ordinal"])
		case TextCode:
			status["code"] = text(status["code"])
		case SingleExtension:
			single := any(struct{}{})
			if len(i.Status.Extensions) > 0 {
				single = i.Status.Extensions[0]
			}
			status["extensions"] = single
		case MappedExtension:
			m := map[string]string{}
			for _, e := range i.Status.Extensions {
				m[e.Key] = e.Value
			}
			status["extensions"] = m
		}
	}
	return entry
}

// oddDate writes the same instant with an offset in the basic format of ISO 8601, without a colon.
func oddDate(date string) string {
	at, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return date
	}
	return at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000-0700")
}

// text writes a JSON value as a string.
func text(v any) string {
	raw, _ := json.Marshal(v) // cannot fail: the value was read from JSON
	return string(raw)
}
