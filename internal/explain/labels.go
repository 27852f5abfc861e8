package explain

// label is one of a fixed set of texts, in both languages.
type label struct{ pl, en string }

func (l label) in(lang Language) string {
	if lang == Polish {
		return l.pl
	}
	return l.en
}

var faultLabels = map[Fault]label{
	ByDocument: {"dokument, czyli program lub osoba, która go wystawiła", "the document, and so whoever made it"},
	ByAccount:  {"podatnik: klucz, certyfikat lub uprawnienia w KSeF", "the taxpayer's key, certificate or permissions in KSeF"},
	BySetup:    {"ta instalacja: konfiguracja, serwer lub obsługa", "this installation: its configuration, machines or people"},
	ByProgram:  {"ten program", "this program"},
	ByGateway:  {"bramka lub łącze", "the gateway, or the network"},
	ByKSeF:     {"KSeF", "KSeF"},
	ByNobody:   {"nie ma błędu, to zwykły etap", "nobody's: it is a usual step"},
	ByUnknown:  {"nie wiadomo, trzeba to sprawdzić", "not known: it has to be looked up"},
}

var retryLabels = map[Retry]label{
	RetryNone:      {"nie ma czego ponawiać", "nothing has failed"},
	RetryAutomatic: {"program ponawia sam", "the program does so by itself"},
	RetryWhenFixed: {"tak, po usunięciu przyczyny", "yes, when the cause is gone"},
	RetryCorrected: {"tylko poprawiony dokument", "only a corrected document"},
	RetryLookFirst: {"dopiero po sprawdzeniu, że KSeF jej nie ma", "only when it is known that KSeF does not have it"},
	RetryNever:     {"nie", "no"},
}

var spaceLabels = map[Space]label{
	Invoice:   {"status faktury w KSeF", "status of an invoice in KSeF"},
	Online:    {"status sesji interaktywnej", "status of an online session"},
	Batch:     {"status sesji wsadowej", "status of a batch session"},
	Login:     {"status uwierzytelniania", "status of a login"},
	API:       {"kod błędu API KSeF", "error code of KSeF's API"},
	Forbidden: {"przyczyna odmowy (403)", "reason of an answer 403"},
	HTTP:      {"status HTTP", "HTTP status"},
	Gateway:   {"kod bramki ksefapi.pl", "code of the gateway ksefapi.pl"},
	Failure:   {"rodzaj błędu żądania", "kind of failure of a request"},
	State:     {"stan faktury", "state of an invoice"},
	Wait:      {"na co czeka faktura", "what an invoice waits for"},
	Refused:   {"przyczyna nieprzyjęcia dokumentu", "why a document is not taken in"},
	Parked:    {"przyczyna zatrzymania faktury", "why an invoice is parked"},
	Receipt:   {"przyczyna braku UPO", "why a UPO is missing or odd"},
}

// Label returns the side in words, as the end of "whose fault: …".
func (f Fault) Label(l Language) string { return faultLabels[f].in(l) }

// Label returns the answer in words, as the end of "can it be retried: …".
func (r Retry) Label(l Language) string { return retryLabels[r].in(l) }

// Label returns what kind of codes these are.
func (s Space) Label(l Language) string { return spaceLabels[s].in(l) }

// Headings are the words before the parts of an explanation.
type Headings struct{ Kind, Means, Fault, Do, Retry string }

// HeadingsIn returns the headings in a language.
func HeadingsIn(l Language) Headings {
	if l == Polish {
		return Headings{Kind: "Rodzaj", Means: "Znaczenie", Fault: "Po czyjej stronie", Do: "Co zrobić", Retry: "Czy można ponowić"}
	}
	return Headings{Kind: "Kind", Means: "Means", Fault: "Whose fault", Do: "What to do", Retry: "Can it be retried"}
}
