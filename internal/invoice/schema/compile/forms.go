package compile

import "ksefworker/internal/invoice/schema"

// formsTable makes the table of FA(3) and FA(2) from the folder with the Ministry's schemas.
func formsTable(dir string) (*schema.Table, error) {
	return Compile(dir,
		Source{File: "schemat_FA(3)_v1-0E.xsd", Root: "Faktura"},
		Source{File: "schemat_FA(2)_v1-0E.xsd", Root: "Faktura"})
}

// Forms returns the text of tables.go of package schema, made from the schemas in dir.
func Forms(dir string) ([]byte, error) {
	t, err := formsTable(dir)
	if err != nil {
		return nil, err
	}
	return Write(t, "forms", "forms are the facts of schemat_FA(3)_v1-0E.xsd and schemat_FA(2)_v1-0E.xsd, the Ministry's schemas of\n"+
		"FA(3) and FA(2), and of the types that they import.")
}
