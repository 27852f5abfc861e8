package invoice

// node identifies an element by its exact path, for the few paths that matter. Fields are known by
// path and namespace, never by name alone: P_2 inside an attachment, or the NIP of a carrier, is
// something else.
type node uint8

// The order matters. [node.child] adds 1 to a party to get its identification. It adds 1 or 2 to
// the identification to get the NIP or the name.
const (
	nodeOther node = iota // an element that is ignored together with its content
	nodeFaktura
	nodeNaglowek
	nodeKodFormularza
	nodeWariant
	nodeSeller
	nodeSellerID
	nodeSellerNIP
	nodeSellerName
	nodeBuyer
	nodeBuyerID
	nodeBuyerNIP
	nodeBuyerName
	nodeThird
	nodeThirdID
	nodeThirdNIP
	nodeThirdInternal
	nodeAuthorised
	nodeAuthorisedID
	nodeAuthorisedNIP
	nodeFa
	nodeCurrency
	nodeIssueDate
	nodeNumber
	nodeGross
	nodeKind
	nodeNotes
	nodeSelfBilling
	nodeZalacznik
	nodeCount
)

// child returns the node of an element inside parent. name is the local name of the element. The
// caller has checked that the element has the form's namespace.
func (parent node) child(name []byte) node {
	switch parent {
	case nodeFaktura:
		switch string(name) {
		case "Naglowek":
			return nodeNaglowek
		case "Podmiot1":
			return nodeSeller
		case "Podmiot2":
			return nodeBuyer
		case "Podmiot3":
			return nodeThird
		case "PodmiotUpowazniony":
			return nodeAuthorised
		case "Fa":
			return nodeFa
		case "Zalacznik":
			return nodeZalacznik
		}
	case nodeNaglowek:
		switch string(name) {
		case "KodFormularza":
			return nodeKodFormularza
		case "WariantFormularza":
			return nodeWariant
		}
	case nodeSeller, nodeBuyer, nodeThird, nodeAuthorised:
		if string(name) == "DaneIdentyfikacyjne" {
			return parent + 1
		}
	case nodeSellerID, nodeBuyerID:
		switch string(name) {
		case "NIP":
			return parent + 1
		case "Nazwa":
			return parent + 2
		}
	case nodeThirdID, nodeAuthorisedID:
		switch {
		case string(name) == "NIP":
			return parent + 1
		case parent == nodeThirdID && string(name) == "IDWew":
			return nodeThirdInternal
		}
	case nodeFa:
		switch string(name) {
		case "KodWaluty":
			return nodeCurrency
		case "P_1":
			return nodeIssueDate
		case "P_2":
			return nodeNumber
		case "P_15":
			return nodeGross
		case "RodzajFaktury":
			return nodeKind
		case "Adnotacje":
			return nodeNotes
		}
	case nodeNotes:
		if string(name) == "P_17" {
			return nodeSelfBilling
		}
	}
	return nodeOther
}

// isText reports whether the content of the node is one value.
func (n node) isText() bool {
	switch n {
	case nodeKodFormularza, nodeWariant, nodeSellerNIP, nodeSellerName, nodeBuyerNIP, nodeBuyerName,
		nodeThirdNIP, nodeThirdInternal, nodeAuthorisedNIP, nodeCurrency, nodeIssueDate, nodeNumber, nodeGross, nodeKind, nodeSelfBilling:
		return true
	}
	return false
}

// repeats reports whether the reader accepts the element more than once. The check of the schema
// may still find a fault.
func (n node) repeats() bool {
	switch n {
	case nodeOther, nodeThird, nodeThirdID, nodeThirdNIP, nodeThirdInternal, nodeAuthorisedNIP, nodeAuthorisedID:
		return true
	}
	return false
}

// field returns the name under which faults of the node are reported.
func (n node) field() string {
	switch n {
	case nodeNaglowek:
		return "Naglowek"
	case nodeKodFormularza:
		return "KodFormularza"
	case nodeWariant:
		return "WariantFormularza"
	case nodeSeller:
		return "Podmiot1"
	case nodeSellerID:
		return "Podmiot1/DaneIdentyfikacyjne"
	case nodeSellerNIP:
		return sellerField
	case nodeSellerName:
		return "Podmiot1/Nazwa"
	case nodeBuyer:
		return "Podmiot2"
	case nodeBuyerID:
		return "Podmiot2/DaneIdentyfikacyjne"
	case nodeBuyerNIP:
		return "Podmiot2/NIP"
	case nodeBuyerName:
		return "Podmiot2/Nazwa"
	case nodeThirdNIP:
		return "Podmiot3/NIP"
	case nodeThirdInternal:
		return "Podmiot3/IDWew"
	case nodeAuthorised:
		return "PodmiotUpowazniony"
	case nodeAuthorisedNIP:
		return "PodmiotUpowazniony/NIP"
	case nodeFa:
		return "Fa"
	case nodeCurrency:
		return "KodWaluty"
	case nodeIssueDate:
		return "P_1"
	case nodeNumber:
		return "P_2"
	case nodeGross:
		return "P_15"
	case nodeKind:
		return "RodzajFaktury"
	case nodeNotes:
		return "Adnotacje"
	case nodeSelfBilling:
		return "P_17"
	case nodeZalacznik:
		return "Zalacznik"
	}
	return "Faktura"
}
