package sample

// company is a party of an invoice.
type company struct{ name, street, town, mail string }

// Some names contain an ampersand or quotes on purpose, because XML needs references for these.
var sellers = [...]company{
	{"Hurtownia Żeglarska „Szkwał” Sp. z o.o.", "ul. Portowa 14A", "81-350 Gdynia", "faktury@szkwal.example"},
	{"Zakład Stolarski Wiśniewski & Córki S.J.", "ul. Dębowa 7", "62-510 Konin", "biuro@wisniewski-corki.example"},
	{"Piekarnia Złoty Kłos Grażyna Błaszczyk", "Rynek 3/2", "38-400 Krosno", "rozliczenia@zlotyklos.example"},
	{"Łódzkie Przędzalnie Spółka Akcyjna", "ul. Tkacka 112", "90-156 Łódź", "ksiegowosc@przedzalnie.example"},
}

var buyers = [...]company{
	{"Przedsiębiorstwo Handlowe Jaźwiec Sp. z o.o.", "ul. Świętego Wojciecha 21 lok. 8", "61-749 Poznań", "zakupy@jazwiec.example"},
	{"Gospodarstwo Ogrodnicze Pąk Róży Łucja Ćwiek", "Zażółcie 4", "05-600 Grójec", "sekretariat@pakrozy.example"},
	{"Instytut Badań Źródeł Karpackich", "ul. Źródlana 9", "34-500 Zakopane", "kancelaria@zrodla.example"},
	{"\"Mróz i Syn\" Chłodnie Składowe Sp.k.", "al. Przemysłowa 55", "20-270 Lublin", "mroz@chlodnie.example"},
	{"Fundacja Książka dla Każdego", "ul. Mikołaja Reja 18", "50-354 Wrocław", "fundacja@ksiazka.example"},
	{"Biuro Rachunkowe Śmiałek <Saldo>", "ul. Księżycowa 2", "15-535 Białystok", "saldo@smialek.example"},
}

// good is something that is sold, with its VAT rate in percent and a usual net price of one unit in
// grosz.
type good struct {
	name, unit, pkwiu string
	rate, price       int64
}

var goods = [...]good{
	{"Lina cumownicza poliestrowa śr. 14 mm, kolor żółty", "m", "13.94.11.0", 23, 1290},
	{"Deska dębowa suszona, klasa I, 32 × 140 mm", "m2", "16.10.10.0", 23, 18950},
	{"Usługa transportu krajowego, trasa Gdynia–Łódź", "usł.", "49.41.19.0", 23, 145000},
	{"Papier biurowy A4 80 g/m², ryza 500 arkuszy", "szt.", "17.12.14.0", 23, 2149},
	{"Abonament na oprogramowanie księgowe, 1 miesiąc", "szt.", "58.29.50.0", 23, 9900},
	{"Sadzonki róży pnącej w pojemniku 3 l", "szt.", "01.30.10.0", 8, 2459},
	{"Montaż okien w budynku mieszkalnym", "godz.", "43.32.10.0", 8, 12000},
	{"Woda źródlana niegazowana 18,9 l", "but.", "11.07.11.0", 23, 2100},
	{"Nocleg w pokoju dwuosobowym ze śniadaniem", "doba", "55.10.10.0", 8, 31481},
	{"Chleb żytni na zakwasie 800 g", "szt.", "10.71.11.0", 5, 743},
	{"Mąka pszenna typ 550, worek 25 kg", "worek", "10.61.21.0", 5, 5333},
	{"Książka „Pieśń o źródłach”, oprawa twarda", "egz.", "58.11.10.0", 5, 3790},
	{"Jabłka deserowe odmiany Ligol", "kg", "01.24.10.0", 5, 347},
}
