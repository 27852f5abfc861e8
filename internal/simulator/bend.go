package simulator

import (
	"encoding/json"
	"regexp"
	"strings"
	"time"
)

// entryKinds bend what is told of an invoice.
func entryKinds() []string {
	return []string{ListOmit, Unnamed, NumberRewritten, KsefNumberSplit, Undecodable, ReceiptOmit}
}

// identify names an entry to the faults, the same in the list, in the receipt and in the register.
func (o *outcome) identify() any {
	if o.accepted != nil {
		return o.accepted
	}
	return o
}

// where describes an entry of an answer to the faults.
func (sess *session) where(on, nip, number string) occasion {
	return occasion{on: on, account: sess.account, nip: nip, lane: sess.lane, number: number}
}

// bent is the answer about one invoice as the faults want it; there is false when it is to be left out. What is not
// decided yet is told as it is.
func (s *Simulator) bent(on string, sess *session, o *outcome, i invoiceInfo) (answer any, there bool) {
	if i.Status.Code < 200 || !s.faults.some(entryKinds()...) {
		return i, true
	}
	nip := o.nip
	if nip == "" {
		nip = sess.context
	}
	kinds := []string{Unnamed, NumberRewritten, KsefNumberSplit, Undecodable}
	if on == opInvoices {
		kinds = append(kinds, ListOmit)
	}
	would := func(f Fault) bool { return f.wouldBend(i) }
	faults := s.faults.bends(o.identify(), sess.where(on, nip, o.number), would, kinds...)
	var odd []string
	for _, f := range faults {
		switch f.Kind {
		case ListOmit:
			return nil, false
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
	if len(odd) == 0 {
		return i, true
	}
	return spoil(i, odd), true
}

// bentMetadata is the register's line about an invoice; there is false when it is to be left out.
func (s *Simulator) bentMetadata(a *accepted) (m invoiceMetadata, there bool) {
	m = a.metadata()
	return m, s.bentNames(opMetadata, ListOmit, a, &m.Number, &m.KsefNumber)
}

// bentDocument changes the receipt's entry of an invoice; false leaves it out.
func (s *Simulator) bentDocument(a *accepted, d *dokument) (there bool) {
	return s.bentNames(opUPO, ReceiptOmit, a, &d.Numer, &d.KsefNumer)
}

func (s *Simulator) bentNames(on, omit string, a *accepted, number, ksefNumber *string) (there bool) {
	would := func(f Fault) bool { return f.wouldBend(invoiceInfo{Number: *number, KsefNumber: *ksefNumber}) }
	for _, f := range s.faults.bends(a, a.session.where(on, a.NIP, a.Number), would, omit, NumberRewritten, KsefNumberSplit) {
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

// wouldBend tells whether the entry has what the fault bends.
func (f Fault) wouldBend(i invoiceInfo) bool {
	switch f.Kind {
	case Unnamed:
		return i.Number != ""
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

// numeric is a number that JSON writes as it is.
var numeric = regexp.MustCompile(`^[1-9][0-9]{0,17}$`)

// rewritten is the number in another manner. Runs of white space, and no-break spaces, are one blank in it already:
// that is how numbers are kept here, and how they are answered without any fault.
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

// split writes a KSeF number as KSeF 1.x did: the twelve digits of its third group as six and six.
func split(number string) string {
	if len(number) != 35 {
		return number
	}
	const half = len("9999999999-YYYYMMDD-FFFFFF")
	return number[:half] + "-" + number[half:]
}

// spoil writes fields in forms that the contract does not have.
func spoil(i invoiceInfo, as []string) any {
	entry := map[string]any{}
	raw, err := json.Marshal(i)
	if err == nil {
		err = json.Unmarshal(raw, &entry)
	}
	if err != nil {
		return i // cannot be: it is written from a struct of strings and numbers
	}
	status := entry["status"].(map[string]any)
	for _, manner := range as {
		switch manner {
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
		case LoneExtension:
			lone := any(struct{}{})
			if len(i.Status.Extensions) > 0 {
				lone = i.Status.Extensions[0]
			}
			status["extensions"] = lone
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

// oddDate is the same instant with an offset as ISO 8601's basic format has it.
func oddDate(date string) string {
	at, err := time.Parse(time.RFC3339, date)
	if err != nil {
		return date
	}
	return at.In(time.FixedZone("", 3600)).Format("2006-01-02T15:04:05.000-0700")
}

// text writes a JSON value as the string of it.
func text(v any) string {
	raw, _ := json.Marshal(v) // it came from JSON
	return string(raw)
}
