package invoice

// Header is what the worker needs to know of an invoice. Texts are decoded (references, CDATA) and their white space is collapsed as the XSD's
// token type does. It does not alias the document. Do not compare Headers with == or cmp.Diff: compare Hash, which decides everything else.
type Header struct {
	// SellerNIP is Podmiot1's NIP: ten digits; the check digit is Check's business.
	SellerNIP string
	// SellerName is Podmiot1's Nazwa, cut to 512 characters; for listings, may be empty.
	SellerName string
	// Kind is RodzajFaktury: VAT, KOR, ZAL, ROZ, UPR, KOR_ZAL or KOR_ROZ. Parse asks only that it is there, 256 characters at most: the list is KSeF's to judge.
	Kind string
	// IssueDate is P_1, "2006-01-02".
	IssueDate string
	// Number is P_2, 1 to 256 characters.
	Number string
	// AuthorisedNIP is the NIP of PodmiotUpowazniony, such as a tax representative; empty on nearly
	// every invoice.
	AuthorisedNIP string
	// SelfBilling says that P_17 is 1: the buyer issued the invoice in the seller's name, and it
	// alone may hand it in.
	SelfBilling bool
	// Form is the declared form, which agrees with the namespace.
	Form Form
	// Attachment says that element Zalacznik is present: such an invoice may be larger and MUST travel in a batch session.
	Attachment bool
	// BuyerName and BuyerNIP are Podmiot2's; for listings, may be empty (a buyer abroad has no NIP). The name is cut to 512 characters.
	BuyerName, BuyerNIP string
	// Gross is P_15 as written, Currency KodWaluty; for listings, may be empty, cut to 64 characters.
	Gross, Currency string
	// Size is the length in bytes and Hash the SHA-256 of exactly the bytes that Parse was given.
	Size int64
	Hash [32]byte
	// Discouraged tells the first discouraged Unicode character and its place, where such are
	// taken; nil when there is none.
	Discouraged *FieldError

	at      places
	parties *partyFault
}

// places are where Check's fields stand, kept because Check does not see the document again.
type places struct {
	form, seller, issueDate position
}

// partyFault is a NIP of somebody other than the seller with a wrong check digit, or an internal
// identifier that begins with one; a list, because an invoice can have a hundred of Podmiot3. A
// sound invoice has none and pays nothing.
type partyFault struct {
	field, nip string
	at         position
	next       *partyFault
}

// Form names the form of a document as its KodFormularza and WariantFormularza do: {"FA (3)", "1-0E", "3"}.
type Form struct {
	SystemCode, SchemaVersion, Variant string
}

// FA3 and FA2 return the forms this package reads. FA(2) is taken by the test environment only (gateway, 2026).
func FA3() Form { return Form{SystemCode: "FA (3)", SchemaVersion: "1-0E", Variant: "3"} }

// FA2 is the form before FA3.
func FA2() Form { return Form{SystemCode: "FA (2)", SchemaVersion: "1-0E", Variant: "2"} }

// Version returns the gateway's invoiceVersion: "v3" for FA(3), "v2" for FA(2), "" for anything else.
func (f Form) Version() string {
	switch f {
	case FA3():
		return "v3"
	case FA2():
		return "v2"
	default:
		return ""
	}
}

// String returns the system code, "FA (3)".
func (f Form) String() string { return f.SystemCode }
