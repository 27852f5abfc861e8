package fa

// Breach returns the first breach of the full schema, "" if there is none. It returns an error when
// the document cannot be read.
func Breach(content []byte, f *Form) (string, error) {
	d, err := readDocument(content, f)
	if err != nil {
		return "", err
	}
	return d.broken, nil
}
