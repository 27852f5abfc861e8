package page

// polishDeliveries are the texts about receivers of results.
var polishDeliveries = map[string]string{
	"Deliveries": "Powiadomienia",
	"The receivers of invoice results, and the results that they have not taken.": "Odbiorcy, którym program przekazuje wyniki faktur, " +
		"oraz wyniki, których nie odebrali.",
	"Receiver":    "Odbiorca",
	"To be told":  "Do przekazania",
	"Tried again": "Ponawiane",
	"Given up":    "Niedostarczone",
	"Last answer": "Ostatnia odpowiedź",
	"since":       "od",
	"Nobody is told: the configuration has no receiver of these results.": "Konfiguracja nie ma odbiorcy tych wyników.",
	"The receiver is called again within seconds.":                        "Program połączy się z odbiorcą w ciągu kilku sekund.",
	"Results that are sent again: %s.":                                    "Wyniki przekazywane ponownie: %s.",
	"Taken":                                                               "Odebrane",
	"Missed":                                                              "Pominięte",
	"It answered that it wants no more results (410). It gets none until somebody resumes the calls.": "Odbiorca " +
		"odpowiedział, że nie chce już wyników (410). Nie dostanie ich, dopóki ktoś nie wznowi połączeń.",
	"Results wait and are not lost. The program calls the receiver again by itself.": "Wyniki czekają i nie przepadną. " +
		"Program ponawia próby sam.",
	"Results wait until a person has restored or deleted the key.":    "Wyniki czekają, aż ktoś odtworzy lub usunie ten klucz.",
	"Another program has overwritten what is known of this receiver.": "Inny program nadpisał zapis stanu tego odbiorcy.",
	"Missed results left the outbox before this receiver was told. Its program can read them in the lists of results: enqueue " +
		"results --since T, and for refused documents enqueue results --since T --state refused.": "Pominięte wyniki usunięto z " +
		"kolejki, zanim odbiorca mógł je otrzymać. Jego program może je odczytać z list wyników: enqueue results --since T, a " +
		"odrzucone dokumenty: enqueue results --since T --state refused.",
	"Not taken in three days. Send them again when the receiver is in order.": "Odbiorca nie przyjął ich przez trzy dni. " +
		"Przekaż je ponownie, gdy będzie działał.",
	"Pick":                                  "Zaznacz",
	"Pick %s":                               "Zaznacz %s",
	"Final since":                           "Wynik z",
	"Attempts":                              "Liczba prób",
	"There are more; these are the newest.": "Jest ich więcej. Pokazano najnowsze.",
	"Send the picked results again":         "Przekaż zaznaczone ponownie",
	"Send all of them again":                "Przekaż wszystkie ponownie",
	"First try":                             "Pierwsza próba",
	"Next try":                              "Następna próba",
	"later results behind it: %d":           "późniejsze wyniki tej faktury: %d",
	"There are more; these are tried next.": "Jest ich więcej. Pokazano najbliższe próby.",
	"There are more; these are sent next.":  "Jest ich więcej. Pokazano najbliższe.",
	"What is told":                          "Przekazywany stan",
	"Call it now":                           "Połącz teraz",
	"Does not wait for the next try. Also resumes a receiver that wanted no more results.": "Bez czekania na następną próbę, także " +
		"wtedy, gdy odbiorca odmówił przyjmowania wyników.",
	"Send everything again since a day": "Przekaż ponownie wszystko od wybranego dnia",
	"Since the day":                     "Od dnia",
	"Each result has the same id and revision as before, so the receiving program recognises repeats.": "Każdy wynik ma ten sam " +
		"identyfikator i numer zmiany co wcześniej, więc program odbiorcy rozpozna powtórzenia.",
	"Send again": "Przekaż ponownie",
	"Choose the day from which everything is sent again.": "Wybierz dzień, od którego wyniki mają być przekazane ponownie.",
	"None of these results is given up any more. They were sent again, or they are still tried.": "Te wyniki nie są już " +
		"niedostarczone: przekazano je ponownie albo próby wciąż trwają.",
	"A worker is busy with this receiver. Try again in a minute.": "Program właśnie obsługuje tego odbiorcę. Spróbuj za minutę.",
	"webhook":                                "webhook (HTTP)",
	"Redis stream":                           "strumień Redis",
	"folder of files":                        "folder plików",
	"PostgreSQL database":                    "baza danych PostgreSQL",
	"Tenants whose results it does not take": "Podatnicy, których wyników odbiorca nie odbiera",
	"too many results are retried":           "zbyt wiele ponawianych",
	"its name belongs to another NIP":        "jego nazwa należy do innego NIP",
	"its refused documents cannot be read":   "nie można odczytać odrzuconych dokumentów",
	"waits for its turn":                     "czeka na swoją kolej",
	"takes nothing":                          "nie odbiera",
	"wants nothing any more":                 "odmawia przyjmowania",
	"in order":                               "działa",
	"Results sent again":                     "Ponowne przekazanie wyników",
	"Receiver called again":                  "Ponowne połączenie z odbiorcą",
}
