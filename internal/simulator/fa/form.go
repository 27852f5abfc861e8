package fa

import "strings"

// Form is one version of the invoice's schema, as far as it is checked here. [Forms] makes them; a
// Form never changes.
type Form struct {
	Version    string // v2 or v3, the gateway's invoiceVersion
	Namespace  string
	SystemCode string // attribute kodSystemowy: FA (2), FA (3)
	SchemaFile string // file name of the schema, as the UPO gives it
	variant    string // WariantFormularza
	root       *node
	required   []string // paths of the elements that a document must have
}

// node is an element that the checks need.
type node struct {
	path     string // below the root
	children map[string]*node
	keep     bool // the element's text is kept
	// order is set for an element that may have only these children, in the order of the ranks. A
	// child may be repeated.
	order map[string]int
}

// Paths in FA(2) and FA(3) (the Ministry's schemas, version 1-0E of both).
const (
	pathSellerNIP  = "Podmiot1/DaneIdentyfikacyjne/NIP"
	pathSellerName = "Podmiot1/DaneIdentyfikacyjne/Nazwa"
	pathBuyerNIP   = "Podmiot2/DaneIdentyfikacyjne/NIP"
	pathBuyerName  = "Podmiot2/DaneIdentyfikacyjne/Nazwa"
	pathThirdNIP   = "Podmiot3/DaneIdentyfikacyjne/NIP"
	pathAgentNIP   = "PodmiotUpowazniony/DaneIdentyfikacyjne/NIP"
	pathForm       = "Naglowek/KodFormularza"
	pathVariant    = "Naglowek/WariantFormularza"
	pathCreated    = "Naglowek/DataWytworzeniaFa"
	pathCurrency   = "Fa/KodWaluty"
	pathDate       = "Fa/P_1"
	pathNumber     = "Fa/P_2"
	pathTotal      = "Fa/P_15"
	pathKind       = "Fa/RodzajFaktury"
	pathAttachment = "Zalacznik"
	pathSelfBilled = "Fa/Adnotacje/P_17"
)

const (
	childrenOfFaktura   = "Naglowek Podmiot1 Podmiot2 Podmiot3 PodmiotUpowazniony Fa Stopka"
	childrenOfNaglowek  = "KodFormularza WariantFormularza DataWytworzeniaFa SystemInfo"
	childrenOfPodmiot1  = "PrefiksPodatnika NrEORI DaneIdentyfikacyjne Adres AdresKoresp DaneKontaktowe StatusInfoPodatnika"
	childrenOfPodmiot2  = "NrEORI DaneIdentyfikacyjne Adres AdresKoresp DaneKontaktowe NrKlienta IDNabywcy"
	childrenOfAdnotacje = "P_16 P_17 P_18 P_18A Zwolnienie NoweSrodkiTransportu P_23 PMarzy"
	childrenOfFa        = "KodWaluty P_1 P_1M P_2 WZ P_6 OkresFa P_13_1 P_14_1 P_14_1W P_13_2 P_14_2 P_14_2W P_13_3 P_14_3 P_14_3W " +
		"P_13_4 P_14_4 P_14_4W P_13_5 P_14_5 P_13_6_1 P_13_6_2 P_13_6_3 P_13_7 P_13_8 P_13_9 P_13_10 P_13_11 P_15 KursWalutyZ " +
		"Adnotacje RodzajFaktury PrzyczynaKorekty TypKorekty DaneFaKorygowanej OkresFaKorygowanej NrFaKorygowany Podmiot1K " +
		"Podmiot2K P_15ZK KursWalutyZK ZaliczkaCzesciowa FP TP DodatkowyOpis FakturaZaliczkowa ZwrotAkcyzy FaWiersz Rozliczenie " +
		"Platnosc WarunkiTransakcji Zamowienie"
)

// Forms returns the forms that KSeF takes, by the gateway's invoiceVersion.
func Forms() map[string]*Form {
	v2 := &Form{
		Version: "v2", Namespace: "http://crd.gov.pl/wzor/2023/06/29/12648/",
		SystemCode: "FA (2)", variant: "2", SchemaFile: "Schemat_FA(2)_v1-0E.xsd",
	}
	v3 := &Form{
		Version: "v3", Namespace: "http://crd.gov.pl/wzor/2025/06/25/13775/",
		SystemCode: "FA (3)", variant: "3", SchemaFile: "Schemat_FA(3)_v1-0E.xsd",
	}
	for _, f := range []*Form{v2, v3} {
		f.root = &node{children: map[string]*node{}}
		f.required = []string{
			"Naglowek", pathForm, pathVariant, pathCreated,
			"Podmiot1", "Podmiot1/DaneIdentyfikacyjne", pathSellerNIP, pathSellerName, "Podmiot1/Adres",
			"Podmiot1/Adres/KodKraju", "Podmiot1/Adres/AdresL1",
			"Podmiot2", "Podmiot2/DaneIdentyfikacyjne",
			"Fa", pathCurrency, pathDate, pathNumber, pathTotal, "Fa/Adnotacje", pathKind,
		}
		for _, name := range strings.Fields(childrenOfAdnotacje) {
			f.required = append(f.required, "Fa/Adnotacje/"+name)
		}
		top, buyer := childrenOfFaktura, childrenOfPodmiot2
		if f == v3 {
			top, buyer = top+" Zalacznik", buyer+" JST GV"
			f.required = append(f.required, "Podmiot2/JST", "Podmiot2/GV")
		}
		f.root.close(top)
		f.at("Naglowek").close(childrenOfNaglowek)
		f.at("Podmiot1").close(childrenOfPodmiot1)
		f.at("Podmiot2").close(buyer)
		f.at("Fa").close(childrenOfFa)
		f.at("Fa/Adnotacje").close(childrenOfAdnotacje)
		for _, path := range append(f.required, pathBuyerNIP, pathBuyerName, pathThirdNIP, pathAgentNIP, pathAttachment) {
			f.at(path).keep = true
		}
		for _, name := range strings.Fields(childrenOfFa) {
			if strings.HasPrefix(name, "P_13_") || strings.HasPrefix(name, "P_14_") {
				f.at("Fa/" + name).keep = true
			}
		}
	}
	return map[string]*Form{v2.Version: v2, v3.Version: v3}
}

// at returns the node of a path below the root and makes it when it is missing.
func (f *Form) at(path string) *node {
	n := f.root
	for _, name := range strings.Split(path, "/") {
		child := n.children[name]
		if child == nil {
			child = &node{path: strings.TrimPrefix(n.path+"/"+name, "/"), children: map[string]*node{}}
			n.children[name] = child
		}
		n = child
	}
	return n
}

// close lets the element have only the named children, in this order.
func (n *node) close(names string) {
	n.order = map[string]int{}
	for i, name := range strings.Fields(names) {
		n.order[name] = i + 1
	}
}
