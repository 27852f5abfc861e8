package invoice

// Header is what the worker needs to know of an invoice. In its texts, references and CDATA are
// decoded and white space is collapsed as the XSD's token type does it. A Header does not alias the
// document. Do not compare Headers with == or cmp.Diff. Compare Hash, which determines everything
// else.
type Header struct {
	// SellerNIP is Podmiot1's NIP, ten digits. Parse does not check the check digit; Check does.
	SellerNIP string
	// SellerName is Podmiot1's Nazwa, cut to 512 characters. It is for listings and may be empty.
	SellerName string
	// Kind is RodzajFaktury: VAT, KOR, ZAL, ROZ, UPR, KOR_ZAL or KOR_ROZ. Parse requires only that
	// it is present and has at most 256 characters. Check compares it with the list, as KSeF does,
	// when CheckOptions.Schema is set.
	Kind string
	// IssueDate is P_1, "2006-01-02".
	IssueDate string
	// Number is P_2, 1 to 256 characters.
	Number string
	// AuthorisedNIP is the NIP of PodmiotUpowazniony, such as a tax representative; empty on nearly
	// every invoice.
	AuthorisedNIP string
	// SelfBilling says that P_17 is 1: the buyer issued the invoice in the seller's name, and only
	// the buyer may submit it.
	SelfBilling bool
	// Form is the declared form, which agrees with the namespace.
	Form Form
	// Attachment says that the element Zalacznik is present. Such an invoice may be larger and MUST
	// travel in a batch session.
	Attachment bool
	// BuyerName and BuyerNIP are Podmiot2's. They are for listings and may be empty, for example
	// because a buyer abroad has no NIP. The name is cut to 512 characters.
	BuyerName, BuyerNIP string
	// Gross is P_15 as written and Currency is KodWaluty. They are for listings, may be empty and
	// are cut to 64 characters.
	Gross, Currency string
	// Size is the length in bytes and Hash the SHA-256 of the exact bytes given to Parse.
	Size int64
	Hash [32]byte
	// Discouraged is the first discouraged Unicode character with its position, if [ParseOptions]
	// accept such characters. It is nil when there is none.
	Discouraged *FieldError

	at      places
	parties *partyFault
	schema  []*FieldError // breaches of the XSD that are not reported otherwise
}

// places are the positions of the fields that Check reports. They are kept because Check does not
// see the document.
type places struct {
	form, seller, issueDate position
}

// partyFault is a fault of a party other than the seller. It is a NIP that is not valid (see
// [ValidNIP]), or an internal identifier that does not begin with a valid NIP. The faults are a
// linked list because an invoice can have a hundred Podmiot3. A correct invoice has no such fault
// and pays nothing.
type partyFault struct {
	field, nip string
	at         position
	next       *partyFault
}

// Form identifies the form of a document as its KodFormularza and WariantFormularza do: {"FA (3)",
// "1-0E", "3"}.
type Form struct {
	SystemCode, SchemaVersion, Variant string
}

// FA3 returns the form FA(3), which every environment accepts.
func FA3() Form { return Form{SystemCode: "FA (3)", SchemaVersion: "1-0E", Variant: "3"} }

// FA2 returns the form FA(2), the one before FA(3). Only the test environment accepts it (gateway,
// 2026).
func FA2() Form { return Form{SystemCode: "FA (2)", SchemaVersion: "1-0E", Variant: "2"} }

// Version returns the value for the field invoiceVersion of the gateway (ksefapi.pl): "v3" for
// FA(3), "v2" for FA(2), and "" for any other form.
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
