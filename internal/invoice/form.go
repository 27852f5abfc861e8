package invoice

import (
	"bytes"
	"strings"
)

const webPageHint = "this looks like a web page, perhaps an error or log-in page saved as an invoice"

// root checks the root element. A document of another kind is not read further, because every field
// would then be reported as missing.
func (r *reader) root() *FieldError {
	if string(r.bytes(r.name)) == "Faktura" && (r.ns == nsFA3 || r.ns == nsFA2) {
		r.formNS = r.ns
		r.seen[nodeFaktura], r.startAt[nodeFaktura] = true, int32(r.tokenAt)
		return nil
	}
	found, uri := string(r.bytes(r.name)), r.uriOf(r.ns)
	hint := "only structured invoices in the form FA(3) can be sent"
	form, unsupported := r.foreignForm(uri), false
	switch {
	case form == "FA (1)":
		hint = "this is FA(1), which KSeF no longer accepts: export it as FA(3)"
	case form != "":
		unsupported = true
		hint = "the form " + form + " is not supported yet: only invoices in the form FA(3) can be sent"
	case uri == "" && found == "Faktura":
		hint = `the root has no namespace: export it with xmlns="` + uriFA3 + `"`
	case strings.EqualFold(found, "html"):
		hint = webPageHint
	}
	if uri != "" {
		found = "{" + uri + "}" + found
	}
	e := r.fault(r.tokenAt, "must be Faktura of FA(3), namespace "+uriFA3, found, hint)
	e.Unsupported = unsupported
	return e
}

// foreignForm returns the name of a KSeF form that this package does not read, or "" for any other
// document. A form with an unknown namespace carries its name near the beginning, in KodFormularza.
func (r *reader) foreignForm(uri string) string {
	switch uri {
	case uriFA1:
		return "FA (1)"
	case uriFARR:
		return "FA_RR (1)"
	case uriUBLInvoice, uriUBLCreditNote:
		return "PEF or PEF_KOR"
	}
	if !strings.HasPrefix(uri, "http://crd.gov.pl/wzor/") {
		return ""
	}
	_, after, found := bytes.Cut(r.data[:min(len(r.data), 4096)], []byte("kodSystemowy="))
	if !found || len(after) == 0 {
		return "of namespace " + shorten(uri)
	}
	if end := bytes.IndexByte(after[1:], after[0]); end > 0 && end <= 32 {
		return string(bytes.ToValidUTF8(after[1:end+1], nil))
	}
	return "of namespace " + shorten(uri)
}

// formAttributes reads the code and the version of the form from KodFormularza, whose attributes
// have no namespace.
func (r *reader) formAttributes() {
	for _, a := range r.attrs {
		if a.prefix.from != a.prefix.to {
			continue
		}
		switch string(r.bytes(a.local)) {
		case "kodSystemowy":
			r.system = r.keepAttribute(&a)
		case "wersjaSchemy":
			r.schema = r.keepAttribute(&a)
		}
	}
}

// kept returns a stored value.
func (r *reader) kept(p span) []byte { return r.values[p.from:p.to] }

// keepAttribute stores a value as XML normalizes it. A line end or tab is a blank, unless it is
// written as a reference. White space is not collapsed, because the XSD compares the exact string.
// Only characters that begin in the first 64 bytes are kept.
func (r *reader) keepAttribute(a *attribute) span {
	from := len(r.values)
	for i, c := range string(r.attributeValue(a)) {
		if i >= 64 {
			break
		}
		r.values = append(r.values, string(c)...)
	}
	return span{from, len(r.values)}
}

// wantedForm returns the form that belongs to the namespace.
func wantedForm(root nsID) Form {
	if root == nsFA2 {
		return FA2()
	}
	return FA3()
}

// otherForm reports whether a form's code is that of a KSeF form other than FA.
func otherForm(system string) bool {
	return strings.HasPrefix(system, "FA_RR") || strings.HasPrefix(system, "PEF")
}

// checkForm compares the declared form with the namespace. When they disagree, it is unknown which
// schema the sender meant.
func (r *reader) checkForm() {
	want := wantedForm(r.formNS)
	at := int(r.startAt[nodeKodFormularza])
	switch system := string(r.kept(r.system)); {
	case !r.seen[nodeKodFormularza]:
		r.missing(nodeKodFormularza, nodeNaglowek)
	case r.formNS == nsFA2 && system != want.SystemCode:
		// A hint to make it a valid FA(2) would not help, because KSeF no longer accepts that form.
		r.report(int(r.startAt[nodeFaktura]), FieldError{Field: "Faktura",
			Rule: "must have the namespace of FA(3), " + uriFA3, Value: uriFA2,
			Hint: "this is the namespace of FA(2), which KSeF no longer accepts: export the invoice in the form FA(3)"})
		return // a hint about the variant of FA(2) would not help either
	case otherForm(system):
		r.report(at, FieldError{Field: "KodFormularza", Rule: "is the form " + string(r.kept(r.system)) + ", which is not supported yet",
			Value: string(r.kept(r.system)),
			Hint:  "FA(3) is supported"})
	case string(r.kept(r.system)) != want.SystemCode:
		r.report(at, FieldError{Field: "KodFormularza",
			Rule: `must have kodSystemowy="` + want.SystemCode + `", the form of its namespace`, Value: string(r.kept(r.system))})
	case string(r.kept(r.schema)) != want.SchemaVersion:
		r.report(at, FieldError{Field: "KodFormularza",
			Rule: `must have wersjaSchemy="` + want.SchemaVersion + `"`, Value: string(r.kept(r.schema))})
	}
	switch v := r.kept(r.found[nodeWariant]); {
	case len(v) == 0:
		r.missing(nodeWariant, nodeNaglowek)
	case whole(string(v)) != want.Variant:
		r.report(int(r.startAt[nodeWariant]), FieldError{Field: "WariantFormularza",
			Rule: "must be " + want.Variant + ", the variant of its namespace", Value: string(v)})
	}
}

// require reports missing fields that an invoice needs to be identified.
func (r *reader) require() {
	r.checkForm()
	for _, field := range [...]struct{ n, parent node }{
		{nodeSellerNIP, nodeSeller}, {nodeIssueDate, nodeFa}, {nodeNumber, nodeFa}, {nodeKind, nodeFa},
	} {
		if v := r.found[field.n]; v.from == v.to {
			r.missing(field.n, field.parent)
		}
	}
}

// missing reports a field that is absent or empty. The position of the fault is that of the field's
// own tag, or else of the tag of the element that should contain the field.
func (r *reader) missing(n, parent node) {
	rule := "must be given"
	at := parent
	switch {
	case r.seen[n]:
		rule, at = "must not be empty", n
	case !r.seen[parent]:
		at = nodeFaktura
	}
	for _, f := range r.faults {
		if f.Field == n.field() {
			return // a worse fault of this field is already reported
		}
	}
	r.report(int(r.startAt[at]), FieldError{Field: n.field(), Rule: rule, Hint: "expected at " + n.fullPath()})
}

func (n node) fullPath() string {
	switch n {
	case nodeSellerNIP:
		return "Faktura/Podmiot1/DaneIdentyfikacyjne/NIP"
	case nodeKodFormularza, nodeWariant:
		return "Faktura/Naglowek/" + n.field()
	default:
		return "Faktura/Fa/" + n.field()
	}
}

// report adds a fault of a field, and reading continues. The number of faults is bounded because a
// hostile document could have a million.
func (r *reader) report(at int, e FieldError) {
	if len(r.faults) >= maxFaults {
		return
	}
	r.faults = append(r.faults, r.mark.locate(r.data, at).apply(e.bound()))
}

const maxFaults = 20

func (r *reader) reportValue(n node, rule string, value []byte, hint string) {
	value = value[:min(len(value), 4*maxValueRunes+4)]
	r.report(int(r.startAt[n]), FieldError{Field: n.field(), Rule: rule, Value: string(value), Hint: hint})
}

// fill copies all values into one string and sets the fields of the header to parts of it.
func (r *reader) fill(h *Header) {
	all := string(r.values)
	text := func(n node) string { return all[r.found[n].from:r.found[n].to] }
	h.SellerNIP, h.SellerName = text(nodeSellerNIP), text(nodeSellerName)
	h.BuyerNIP, h.BuyerName = text(nodeBuyerNIP), text(nodeBuyerName)
	h.Kind, h.IssueDate, h.Number = text(nodeKind), text(nodeIssueDate), text(nodeNumber)
	h.Gross, h.Currency = text(nodeGross), text(nodeCurrency)
	h.Form = Form{
		SystemCode:    all[r.system.from:r.system.to],
		SchemaVersion: all[r.schema.from:r.schema.to],
		Variant:       whole(text(nodeWariant)),
	}
	h.Attachment = r.seen[nodeZalacznik]
	h.AuthorisedNIP, h.SelfBilling = text(nodeAuthorisedNIP), whole(text(nodeSelfBilling)) == "1"
	h.Discouraged = r.discouraged
	h.at, h.parties = r.places, r.parties
}

// whole returns a positive whole number as usually written. The schema compares such a field as a
// number, so a document may also have a plus sign and zeros before the number.
func whole(text string) string { return strings.TrimLeft(strings.TrimPrefix(text, "+"), "0") }
