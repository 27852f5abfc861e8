package simulator

import "strings"

// form is one version of the invoice's schema, as far as it is checked here.
type form struct {
	version    string // of the gateway's contract
	namespace  string
	systemCode string
	variant    string
	schemaFile string // as the UPO names it
	root       *node
	required   []string
}

// node is an element that matters: where it stands, what may stand in it, whether its text is kept.
type node struct {
	path     string
	children map[string]*node
	keep     bool
	// closed elements have children only from order, in that order; repeated neighbours are allowed.
	order map[string]int
}

// What stands where in FA(2) and FA(3) (ministry's schemas, 1-0E of both).
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

// knownForms by the contract's invoiceVersion.
func knownForms() map[string]*form {
	v2 := &form{version: "v2", namespace: "http://crd.gov.pl/wzor/2023/06/29/12648/", systemCode: "FA (2)", variant: "2", schemaFile: "Schemat_FA(2)_v1-0E.xsd"}
	v3 := &form{version: "v3", namespace: "http://crd.gov.pl/wzor/2025/06/25/13775/", systemCode: "FA (3)", variant: "3", schemaFile: "Schemat_FA(3)_v1-0E.xsd"}
	for _, f := range []*form{v2, v3} {
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
	return map[string]*form{v2.version: v2, v3.version: v3}
}

// at gives the node of a path below the root, making it.
func (f *form) at(path string) *node {
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

func (n *node) close(names string) {
	n.order = map[string]int{}
	for i, name := range strings.Fields(names) {
		n.order[name] = i + 1
	}
}
