package page

import "maps"

// polish maps each English text of the page to its Polish text. A test finds those that are
// missing.
var polish = joined(polishPages, polishDays, polishItems, polishDeliveries, polishSignIn)

func joined(all ...map[string]string) map[string]string {
	out := map[string]string{}
	for _, texts := range all {
		maps.Copy(out, texts)
	}
	return out
}

// polishPages are the texts of most pages.
var polishPages = map[string]string{
	// Everywhere.
	"Skip to content":      "Przejdź do treści",
	"Parts of the page":    "Części strony",
	"Overview":             "Przegląd",
	"Invoices":             "Faktury",
	"Open items":           "Do wyjaśnienia",
	"Days":                 "Dni",
	"Audit log":            "Dziennik działań",
	"Tasks":                "Zadania",
	"Log in":               "Zaloguj się",
	"Log out":              "Wyloguj się",
	"As of":                "Stan na",
	"Polish time":          "czas polski",
	"To the overview":      "Do przeglądu",
	"Older ones":           "Starsze",
	"None.":                "Brak.",
	"all":                  "wszyscy",
	"any":                  "dowolny",
	"Tenant":               "Podatnik",
	"State":                "Stan",
	"Since":                "Od",
	"When":                 "Kiedy",
	"What to do":           "Co zrobić",
	"Reason":               "Przyczyna",
	"Details":              "Szczegóły",
	"Details of %s":        "Szczegóły faktury %s",
	"next try":             "następna próba",
	"overdue by %s":        "po terminie o %s",
	"in %s":                "za %s",
	"Retry":                "Ponów wysyłkę",
	"Dismiss":              "Zakończ bez wysyłki",
	"Accepted":             "Przyjęte",
	"Rejected":             "Odrzucone",
	"Parked":               "Zatrzymane",
	"From":                 "Od dnia",
	"To":                   "Do dnia",
	"Done. Documents: %s.": "Wykonano. Liczba dokumentów: %s.",
	"This did not work":    "Nie udało się",
	"belongs to NIP %s":    "należy do NIP %s",
	"The name %s belongs to NIP %s in the ledger, and to NIP %s in the configuration of this worker. This worker " +
		"sends nothing under this name, shows nothing of it to users of this tenant, and tells receivers nothing of it. Correct " +
		"the NIP, or give this tenant a name that no other taxpayer has had, and restart the worker.": "Nazwa %s " +
		"należy w rejestrze do NIP %s, a w konfiguracji tego procesu do NIP %s. Ten proces nie wysyła niczego pod tą nazwą, nie pokazuje " +
		"tego użytkownikom tego podatnika i nie przekazuje odbiorcom. Popraw NIP albo nadaj podatnikowi nazwę, której nie miał żaden inny, i uruchom proces ponownie.",
	"Nothing of tenant %s can be shown here now, because the configuration does not fit the ledger. Ask your administrator: the log " +
		"says what to do.": "Nie można teraz pokazać niczego dla podatnika %s, bo konfiguracja nie zgadza się z rejestrem. " +
		"Zwróć się do administratora: w logu jest napisane, co zrobić.",
	"Back to the open items": "Wróć do spraw do wyjaśnienia",

	// The login.
	"Name":                       "Nazwa użytkownika",
	"Password":                   "Hasło",
	"Name or password is wrong.": "Nazwa użytkownika lub hasło są nieprawidłowe.",
	"Too many wrong logins. Seconds to wait: %d.": "Zbyt wiele nieudanych prób logowania. Odczekaj %d s.",
	"Your login has ended. Log in and do it again; nothing was changed.": "Sesja logowania wygasła. Zaloguj się i powtórz czynność. " +
		"Niczego nie zmieniono.",

	// The overview and a tenant.
	"Waiting":                           "Oczekujące",
	"On the way":                        "W drodze do KSeF",
	"Accepted today":                    "Przyjęte dzisiaj",
	"At risk":                           "Zagrożone",
	"At risk of missing their deadline": "Zagrożone przekroczeniem terminu",
	"Nearest deadline":                  "Najbliższy termin",
	"Workers alive":                     "Działające procesy",
	"Tenants":                           "Podatnicy",
	"Name or NIP of a tenant":           "Nazwa lub NIP podatnika",
	"Find":                              "Znajdź",
	"Why it waits":                      "Na co czekają faktury",
	"no tenant":                         "bez podatnika",
	"not configured":                    "nie ma go w konfiguracji",
	"paused by the configuration":       "wstrzymany w konfiguracji",
	"paused":                            "wstrzymany",
	"draining":                          "nie przyjmuje nowych faktur",
	"others: %d (find them by name).":   "Pozostałych: %d. Znajdź ich po nazwie.",
	"Figures":                           "Wykresy",
	"Sessions on their way":             "Sesje w toku",
	"Stage":                             "Etap",
	"Session or package":                "Sesja lub paczka",
	"being built":                       "paczka w przygotowaniu",
	"being uploaded":                    "przesyłana do KSeF",
	"uploaded":                          "przesłana",
	"being closed":                      "zamykana",
	"KSeF is processing it":             "przetwarzana przez KSeF",
	"every outcome is read":             "odczytano wszystkie wyniki",
	"done, UPO archived":                "zakończona, UPO w archiwum",
	"given up before it was closed":     "porzucona przed zamknięciem sesji",
	"refused as a whole":                "odrzucona w całości",
	"All its invoices":                  "Wszystkie faktury tego podatnika",
	"Why its invoices wait":             "Na co czekają jego faktury",
	"the oldest since":                  "najdłużej czekająca od",
	"None of them waits.":               "Żadna faktura nie czeka.",
	"open: invoices are sent in it one by one": "otwarta: faktury są w niej wysyłane pojedynczo",
	"This tenant takes in no new invoices; those already taken in are sent. Decided by": "Nowe faktury tego podatnika nie są " +
		"przyjmowane. Przyjęte wcześniej są wysyłane. Decyzję podjął:",
	"This tenant is paused: nothing new is sent. Decided by": "Wysyłkę faktur tego podatnika wstrzymano. Decyzję podjął:",
	"The configuration has paused this tenant.":              "Wysyłkę faktur tego podatnika wstrzymano w konfiguracji.",
	"Limits of requests to KSeF":                             "Limity żądań do KSeF",
	"What":                                                   "Czynność",
	"In":                                                     "W ciągu",
	"Used":                                                   "Wykorzystano",
	"Left":                                                   "Pozostało",
	"Share":                                                  "Udział",
	"Limit with the least left":                              "Limit najbliższy wyczerpania",
	"%s: %d left of %d in %s":                                "%s: pozostało %d z %d w ciągu %s",
	"a minute":                                               "minuty",
	"an hour":                                                "godziny",
	"KSeF ordered a pause of %s":                             "KSeF nakazał przerwę: %s",
	"Batch sessions opened":                                  "Otwarcie sesji wsadowej",
	"Online sessions opened":                                 "Otwarcie sesji interaktywnej",
	"Invoices sent one by one":                               "Wysłanie faktury w sesji interaktywnej",
	"Questions about an invoice":                             "Pobranie statusu faktury z sesji",
	"Lists of a session's invoices":                          "Pobranie listy faktur sesji",
	"Questions about a session":                              "Pozostałe żądania dotyczące sesji",

	// Why a group of a tenant's requests is frozen.
	"KSeF refuses everything (410), the next try is in %s": "KSeF odrzuca wszystko (410), następna próba za %s",

	// Charts.
	"Decided in the last 24 hours":                 "Wyniki z ostatnich 24 godzin",
	"Decided in the last 30 days":                  "Wyniki z ostatnich 30 dni",
	"Time to the KSeF number in the last 24 hours": "Czas do nadania numeru KSeF, ostatnie 24 godziny",
	"Time to the KSeF number in the last 30 days":  "Czas do nadania numeru KSeF, ostatnie 30 dni",
	"half within":           "połowa w ciągu",
	"95% within":            "95% w ciągu",
	"Nothing in this time.": "Brak danych z tego okresu.",
	"The same as a table":   "Pokaż jako tabelę",

	// Invoices.
	"Number or part of it, KSeF number, ref, seller's NIP": "Numer lub jego część, numer KSeF, identyfikator z Twojego programu (ref), " +
		"NIP sprzedawcy",
	"Days by":              "Dni według",
	"the issue date (P_1)": "daty wystawienia (P_1)",
	"the last change":      "ostatniej zmiany",
	"Last change":          "Ostatnia zmiana",
	"Search":               "Szukaj",
	"Buyer's NIP":          "NIP nabywcy",
	"A search by buyer reads the documents, so it takes longer. Days or a tenant make it faster.": "NIP nabywcy program odczytuje z " +
		"dokumentów, dlatego takie wyszukiwanie trwa dłużej. Przyspieszy je wybór dni lub podatnika.",
	"Invoices whose document is not kept any more, so their buyer is not known: %s.": "Faktury, których dokument nie jest już " +
		"przechowywany, więc nie wiadomo, kto jest nabywcą: %s.",
	"A NIP has ten digits. Go back and correct the buyer's.": "NIP składa się z dziesięciu cyfr. Wróć i popraw NIP nabywcy.",
	"Other lists are being exported. Try again in a moment.": "Trwa eksport innych list. Spróbuj za chwilę.",
	"Documents that were not taken in":                       "Dokumenty nieprzyjęte do wysyłki",
	"Invoices whose entries can't be read":                   "Faktury, których wpisów nie można odczytać",
	"Found":                                                  "Wyniki wyszukiwania",
	"Number (P_2)":                                           "Numer (P_2)",
	"KSeF number":                                            "Numer KSeF",
	"Issue date":                                             "Data wystawienia",
	"Waits for":                                              "Na co czeka",
	"Nothing among the newest invoices.":                     "Nie znaleziono wśród najnowszych faktur.",
	"Nothing was found.":                                     "Niczego nie znaleziono.",
	"Searched back to %s.":                                   "Przeszukano faktury zmienione od %s.",

	"This is not all": "To nie wszystko",
	"A part of the ledger can't be read, so something may be missing here. Tell whoever looks after the program " +
		"(KsefUnreadableEntries).": "Części rejestru bieżącego nie można odczytać, więc czegoś może tu brakować. Powiadom osobę, która " +
		"opiekuje się programem (KsefUnreadableEntries).",
	"This list would not be whole: %s can't be read. Tell whoever looks after the program.": "Ta lista nie byłaby pełna: nie można " +
		"odczytać %s. Powiadom osobę, która opiekuje się programem.",

	// One invoice.
	"The invoice is queued again.":               "Faktura wróciła do kolejki.",
	"The invoice is ended and will not be sent.": "Sprawę zakończono. Faktura nie zostanie wysłana.",
	"The ledger has forgotten this invoice. What is shown comes from the archive.": "Tej faktury nie ma już w rejestrze " +
		"bieżącym. Dane pochodzą z archiwum.",
	"The ledger's entry of this invoice is damaged. What is shown comes from the archive. Tell whoever looks after the program " +
		"(KsefUnreadableEntries).": "Wpis tej faktury w rejestrze bieżącym jest uszkodzony. Dane pochodzą z archiwum. Powiadom osobę, która " +
		"opiekuje się programem (KsefUnreadableEntries).",
	"Documents that were not taken in may be missing here, because not all of them can be read. Tell whoever looks after the " +
		"program (KsefUnreadableEntries).": "Na liście może brakować nieprzyjętych dokumentów, bo nie wszystkie da się odczytać. " +
		"Powiadom osobę, która opiekuje się programem (KsefUnreadableEntries).",
	"The report would lack documents that were not taken in. Tell whoever looks after the program (KsefUnreadableEntries).": "" +
		"W raporcie brakowałoby nieprzyjętych dokumentów. Powiadom osobę, która opiekuje się programem (KsefUnreadableEntries).",
	"The invoice is here, but its entry is damaged or of a newer version. Tell whoever looks after the program: " +
		"KsefUnreadableEntries.": "Faktura jest w rejestrze bieżącym, ale jej wpis jest uszkodzony albo zapisała go nowsza wersja programu. " +
		"Powiadom osobę, która opiekuje się programem: KsefUnreadableEntries.",
	"Seller's NIP":        "NIP sprzedawcy",
	"Kind":                "Rodzaj",
	"Deadline":            "Termin przesłania do KSeF",
	"Ref of your program": "Identyfikator z Twojego programu (ref)",
	"File":                "Plik",
	"KSeF's words":        "Odpowiedź KSeF",
	"What this means":     "Co to znaczy",
	"On whose side":       "Po czyjej stronie jest przyczyna",
	"Can it be retried":   "Czy można ponowić",
	"It waits for":        "Faktura czeka",
	"There is a later document with this number":     "Przekazano już późniejszy dokument o tym numerze",
	"When KSeF accepts it, this one ends by itself.": "Gdy KSeF go przyjmie, ta sprawa zakończy się sama.",
	"Documents":                 "Dokumenty",
	"Invoice (XML)":             "Faktura (XML)",
	"Verification page of KSeF": "Sprawdzenie faktury na stronie KSeF",
	"QR code KOD I: %s":         "Kod QR (KOD I): %s",
	"QR code (KOD I)":           "Kod QR (KOD I)",
	"What you can do":           "Co możesz zrobić",
	"Send it again":             "Wyślij ponownie",
	"Do this when the reason is gone. The same document is sent; a corrected one is handed in like a new one.": "Gdy przyczyna ustała. " +
		"Zostanie wysłany " +
		"ten sam dokument. Poprawiony dokument trzeba przekazać na nowo.",
	"End it without sending": "Zakończ sprawę bez wysyłki",
	"Why":                    "Powód",
	"History":                "Historia",
	"For the one who looks after the program": "Dane dla opiekuna programu",
	"Package":                     "Paczka",
	"Session":                     "Sesja",
	"Sessions it was sent in":     "Liczba sesji, w których była wysyłana",
	"Dismissal taken back":        "Cofnięto zakończenie",
	"Handed in":                   "Przekazano do wysyłki",
	"Put into a package":          "Umieszczono w paczce faktur",
	"Session opened in KSeF":      "Otwarto sesję w KSeF",
	"Session closed":              "Zamknięto sesję",
	"Outcome of the session read": "Odczytano wynik sesji",
	"Accepted by KSeF":            "Przyjęto w KSeF",
	"Last change: %s":             "Ostatnia zmiana stanu: %s",
	"The document of this invoice is not kept any more.": "Dokument tej faktury nie jest już przechowywany.",
	"This invoice has no UPO yet.":                       "Ta faktura nie ma jeszcze UPO.",
	"This should be in the archive, but its copy there is missing or damaged. An operator has to look into it: enqueue find names what is wrong.": "" +
		"Powinno to być w archiwum, ale kopii brakuje lub jest uszkodzona. Musi to sprawdzić operator: enqueue find nazwie przyczynę.",

	// Open items.
	"Documents that need a person: not taken in, rejected by KSeF, or stopped because the program can't decide.": "Dokumenty, które " +
		"wymagają decyzji: nieprzyjęte do wysyłki, odrzucone przez KSeF oraz zatrzymane, gdy program nie może rozstrzygnąć sam.",
	"Show":                 "Pokaż",
	"Export as CSV":        "Eksportuj do CSV",
	"Rejected and stopped": "Odrzucone i zatrzymane",
	"Not taken in":         "Nieprzyjęte do wysyłki",
	"Shown back to %s.":    "Pokazano zmienione od %s.",
	"others: %d (pick a tenant, or export them).":              "Pozostałych: %d. Wybierz podatnika albo wyeksportuj listę.",
	"With those that are picked":                               "Zaznaczone dokumenty",
	"Why they are not to be sent":                              "Dlaczego nie mają być wysłane",
	"Documents for which it was done: %s. Not done for these:": "Wykonano: %s. Nie wykonano dla tych dokumentów:",
	"KSeF's words or reason":                                   "Odpowiedź KSeF lub przyczyna",
	"What it means":                                            "Co to znaczy",
	"Code":                                                     "Kod",
	"The reason is missing. It is kept on record, so go back and write why the document is not to be sent.": "Podaj powód zakończenia bez wysyłki. Powód " +
		"zostanie zapisany. Wróć i wpisz go.",
	"The reason is too long: at most %d characters.":      "Powód jest za długi. Może mieć najwyżej %d znaków.",
	"Nothing was picked. Go back and pick the documents.": "Niczego nie zaznaczono. Wróć i zaznacz dokumenty.",
	"The document of this invoice is not kept any more. Hand the document in again, then retry the invoice.": "Jej dokument nie jest już przechowywany. Przekaż go " +
		"ponownie, a potem ponów wysyłkę.",
	"The archive says that KSeF has this invoice. A queued invoice becomes accepted again by itself; retry any other.": "Z " +
		"archiwum wynika, że KSeF ma tę fakturę. Faktura w kolejce sama znów będzie przyjęta; inną ponów.",
	"The archive does not say whether KSeF has this invoice. Nothing was done; try again later.": "Archiwum nie mówi, " +
		"czy KSeF ma tę fakturę. Nic nie zmieniono; spróbuj później.",
	"Another document with the same number or ref is on its way or accepted.": "Inny dokument o tym samym numerze lub identyfikatorze " +
		"jest w drodze albo został przyjęty.",
	"This document has ended already.":              "Ta sprawa jest już zakończona.",
	"This can't be done in its present state.":      "W obecnym stanie nie można tego zrobić.",
	"Its state has just changed. Look at it again.": "Stan właśnie się zmienił. Sprawdź go ponownie.",
	"It was never taken in, so there is nothing to send. Correct the document and hand it in again.": "Tego dokumentu nie przyjęto do " +
		"wysyłki, więc nie ma czego ponawiać. Popraw go i przekaż ponownie.",

	// What goes wrong.
	"This can't be shown now. Redis or the archive does not answer. Try again in a moment.": "Nie można teraz pokazać tej strony: Redis " +
		"lub archiwum nie odpowiada. Spróbuj za chwilę.",
	"This can't be shown now: %s.":                  "Nie można teraz pokazać tej strony: %s.",
	"There is nothing here, or you may not see it.": "Nic tu nie ma albo nie masz dostępu.",
	"You may look, but not act. Ask an operator.":   "Możesz przeglądać, ale nie możesz wykonywać działań. Zwróć się do operatora.",
	"This address has a value that can't be used. Begin again at Invoices.": "Adres zawiera nieprawidłową wartość. Zacznij od nowa w " +
		"części Faktury.",
	"Another user's search of the archive is running. Try again in a moment.": "Trwa wyszukiwanie w archiwum dla innej osoby. " +
		"Spróbuj za chwilę.",
}
