package invoice

import "bytes"

// ReplacementChar returns where a document has the first replacement character (U+FFFD), or nil for
// none. KSeF accepts this character. But programs write it in place of a letter that they could not
// read, so a letter is lost, for example in a name.
func ReplacementChar(data []byte) *FieldError {
	at := bytes.Index(data, []byte("\uFFFD"))
	if at < 0 {
		return nil
	}
	e := &FieldError{Field: DocumentField, Rule: "must not contain a replacement character", Value: "U+FFFD",
		Hint: "a letter was lost there before the export: some program read the text in another encoding than it was written in"}
	var m mark
	return m.locate(data, at).apply(e)
}
