package explain

// Space is a kind of codes. The same number means different things in different spaces: 415 of an
// invoice is about attachments, 415 of a session about its key.
type Space string

// The spaces, in the order in which they are listed.
const (
	Invoice   Space = "invoice"   // status of an invoice in KSeF
	Online    Space = "online"    // status of an online session
	Batch     Space = "batch"     // status of a batch session
	Login     Space = "login"     // status of a login at the Ministry's API
	API       Space = "api"       // error codes of the Ministry's API, in an answer 400
	Forbidden Space = "forbidden" // reasonCode of an answer 403
	HTTP      Space = "http"      // HTTP statuses
	Gateway   Space = "gateway"   // error.code of the gateway at ksefapi.pl
	Failure   Space = "error"     // kinds of failure of a request, as internal/ksef names them
	State     Space = "state"     // states of an invoice, or of a refused document
	Wait      Space = "wait"      // what an invoice waits for
	Refused   Space = "refused"   // why a document is not taken in
	Parked    Space = "parked"    // why an invoice waits for a person
	Receipt   Space = "receipt"   // why the receipt (UPO) of an accepted invoice is late or odd
)

// Spaces lists every space.
func Spaces() []Space {
	return []Space{Invoice, Online, Batch, Login, API, Forbidden, HTTP, Gateway, Failure, State, Wait, Refused, Parked, Receipt}
}

// Fault says on whose side the cause is.
type Fault string

// The sides.
const (
	ByDocument Fault = "document" // the document, and so whoever made it
	ByAccount  Fault = "account"  // the taxpayer's key, certificate or permissions
	BySetup    Fault = "setup"    // configuration, machines or people of this installation
	ByProgram  Fault = "program"  // this program
	ByGateway  Fault = "gateway"  // the gateway, or the network before it
	ByKSeF     Fault = "ksef"
	ByNobody   Fault = "nobody" // a usual step
	ByUnknown  Fault = "unknown"
)

// Retry says whether the work can be tried again.
type Retry string

// The answers.
const (
	RetryNone      Retry = "none"       // nothing has failed
	RetryAutomatic Retry = "automatic"  // the program tries again by itself
	RetryWhenFixed Retry = "when_fixed" // yes, when the cause is gone
	RetryCorrected Retry = "corrected"  // only a corrected document
	RetryLookFirst Retry = "look_first" // only when it is certain that KSeF does not have the invoice
	RetryNever     Retry = "never"
)

// Words are the words about one code in one language. None of them is empty.
type Words struct {
	Name  string `yaml:"name" json:"name"` // a few words; in Polish, KSeF's description of its code
	Means string `yaml:"means" json:"means"`
	Do    string `yaml:"do" json:"do"`
}

// Entry is what the table says about one code.
type Entry struct {
	Space Space  `yaml:"-" json:"space"`
	Code  string `yaml:"code" json:"code"` // a number, or a name in lower case
	Fault Fault  `yaml:"fault" json:"fault"`
	Retry Retry  `yaml:"retry" json:"retry"`
	// Match are the forms of the text that has this meaning, for texts that carry no code. A star
	// stands for any text.
	Match []string `yaml:"match" json:"-"`
	PL    Words    `yaml:"pl" json:"pl"`
	EN    Words    `yaml:"en" json:"en"`
}

// In returns the words in a language: Polish or, for every other value, English.
func (e Entry) In(l Language) Words {
	if l == Polish {
		return e.PL
	}
	return e.EN
}

// Name is the unambiguous name of the code, such as "batch/415".
func (e Entry) Name() string { return string(e.Space) + "/" + e.Code }
