package page

// polishItems are the texts about what was seen, files, what was not done, the history of an
// invoice, and the audit log.
var polishItems = map[string]string{
	// What was seen, files.
	"Seen by":                             "Zapoznał(a) się",
	"Seen at":                             "Data zapoznania się",
	"Which":                               "Które",
	"all of them":                         "wszystkie",
	"not seen yet":                        "jeszcze niesprawdzone",
	"Mark as seen":                        "Oznacz jako sprawdzone",
	"Mark as not seen":                    "Cofnij oznaczenie",
	"Marked as seen":                      "Oznaczenie jako sprawdzone",
	"Marked as not seen":                  "Cofnięcie oznaczenia",
	"It is marked as seen.":               "Fakturę oznaczono jako sprawdzoną.",
	"It is marked as not seen.":           "Oznaczenie cofnięto.",
	"Tell the others that you know of it": "Daj znać innym, że znasz tę sprawę",
	"It stays open. The mark goes when the invoice changes.": "Sprawa pozostaje otwarta. Oznaczenie znika, gdy stan " +
		"faktury się zmieni.",
	"Export as XLSX":           "Eksportuj do XLSX",
	"Invoices exported":        "Eksport listy faktur",
	"Invoice to read or print": "Faktura do odczytu i druku",
	"Invoice (PDF)":            "Faktura (PDF)",
	"Record of the program":    "Zapis programu",
	"Nobody makes PDFs for this tenant. Use the invoice to read or print.": "Dla tego podatnika nie powstaje PDF. " +
		"Skorzystaj z faktury do odczytu i druku.",
	"The gateway makes no PDF of this invoice: %s":                       "Bramka nie sporządziła PDF tej faktury: %s",
	"The gateway could not be asked for the PDF. Try again in a moment.": "Nie udało się pobrać PDF z bramki. Spróbuj za chwilę.",
	"This document cannot be shown as an invoice. Take its XML.": "Tego dokumentu nie można pokazać w postaci faktury. " +
		"Pobierz plik XML.",

	// Why something was not done, and where something was done.
	"an error; see the log": "błąd, szczegóły są w dzienniku programu",
	"this page":             "ta strona",
	"the command line":      "wiersz poleceń",

	// The history of an invoice.
	"KSeF refused the tenant's permissions (410)":   "KSeF odmówił z powodu braku uprawnień podatnika (410)",
	"The session failed as a whole":                 "Sesja zakończyła się błędem w całości",
	"The package was given up before it was closed": "Paczkę porzucono przed zamknięciem sesji",
	"Accepted by KSeF earlier; found again":         "Przyjęto w KSeF wcześniej, odnaleziono ponownie",
	"Replaced by":                                   "Zastąpiona przez",
	"Number of the invoice that KSeF has":           "Numer faktury, którą ma KSeF",
	"Reference of KSeF":                             "Numer referencyjny w KSeF",
	"Session before it was retried":                 "Sesja przed ponowieniem",
	"How often KSeF asked for it again":             "Ile razy KSeF poprosił o ponowne przesłanie",
	"Mode of KSeF":                                  "Tryb wystawienia według KSeF",
	"Its requests in log and traces":                "Żądania tej faktury w dzienniku i śladach",
	"The package's requests":                        "Żądania paczki",

	// The audit log.
	"Who":                   "Kto",
	"Through":               "Źródło",
	"About":                 "Czego dotyczy",
	"Logged in":             "Zalogowanie",
	"Logged out":            "Wylogowanie",
	"Login refused":         "Nieudane logowanie",
	"Retried":               "Ponowienie wysyłki",
	"Dismissed by a person": "Zakończenie bez wysyłki",
	"Tenant paused":         "Wstrzymanie podatnika",
	"Tenant drained":        "Zamknięcie przyjmowania faktur podatnika",
	"Sending resumed":       "Wznowienie wysyłki",
	"Open items exported":   "Eksport spraw do wyjaśnienia",
	"%s: not done (%s)":     "%s: nie wykonano (%s)",
	"Nothing was done: it cannot be recorded, because another program wrote the key %s.": "Nic nie wykonano: " +
		"nie można tego zapisać w dzienniku, bo klucz %s zapisał inny program. Zgłoś to opiekunowi programu.",
}
