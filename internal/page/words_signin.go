package page

// polishSignIn are the texts about the login at a provider.
var polishSignIn = map[string]string{
	"Log in with %s": "Zaloguj się przez: %s",
	"or":             "lub",
	"%s can't be reached now. Try again in a moment.": "Usługa logowania %s jest teraz niedostępna. Spróbuj ponownie za chwilę.",
	"%s did not log you in. Try again, or ask your administrator.": "Logowanie przez usługę %s nie powiodło się. " +
		"Spróbuj ponownie lub zwróć się do administratora.",
	"This login was begun in another window or at another address, took too long, or has ended already. Begin again.": "To logowanie " +
		"rozpoczęto w innym oknie lub pod innym adresem, trwało zbyt długo albo już się zakończyło. Zacznij od nowa.",
	"What %s answered could not be verified, so nobody was logged in. Tell your administrator: the log says why.": "Nie udało się " +
		"zweryfikować odpowiedzi usługi %s, dlatego nikogo nie zalogowano. Powiadom administratora: przyczynę podano w dzienniku programu.",
	"The connection to %s is set up wrongly. Tell your administrator: the log says why.": "Połączenie z usługą %s jest źle " +
		"skonfigurowane. Powiadom administratora: przyczynę podano w dzienniku programu.",
	"%s knows you, but you are in no group that may use this page. Ask your administrator.": "Konto w usłudze %s jest prawidłowe, ale " +
		"nie należy do żadnej grupy, która ma dostęp do tej strony. Zwróć się do administratora.",
	"Your name at %s is already the name of a user of this page, so you can't log in with it. Ask your administrator.": "Nazwa użytkownika " +
		"w usłudze %s należy już do innego użytkownika tej strony, dlatego nie można się nią zalogować. Zwróć się do administratora.",
	"Log out at %s, to log in there as somebody else": "Wyloguj się z usługi %s, aby zalogować się tam na inne konto",
	"Your browser reaches this page without encryption, so it would not keep the login. Use the address that begins with https.": "Ta " +
		"strona została otwarta przez połączenie nieszyfrowane, więc przeglądarka nie zachowałaby logowania. Użyj adresu, który zaczyna " +
		"się od https.",
	"You are logged out":               "Wylogowano",
	"You are logged out of this page.": "Wylogowano z tej strony.",
	"You may still be logged in at %s: then nobody needs a password to log in here again from this browser.": "Sesja w usłudze %s może być " +
		"nadal aktywna: wtedy z tej przeglądarki można zalogować się tu ponownie bez hasła.",
	"Log out at %s, too": "Wyloguj się także z usługi %s",
}
