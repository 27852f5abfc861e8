package archive_test

import (
	"errors"
	"testing"

	"ksefworker/internal/archive"
)

func TestLayout_Names_AreAsDocumented(t *testing.T) {
	for _, c := range []struct{ why, got, want string }{
		{"an invoice by seller and month", archive.InvoiceName("5265877635", "2026-11-23", "cv3k1"), "5265877635/2026-11/cv3k1.xml"},
		{"a result beside its invoice", archive.ResultName("5265877635", "2026-11-23", "cv3k1"), "5265877635/2026-11/cv3k1.json"},
		{"the receipt of a session",
			archive.ReceiptName("5265877635", "2026-11-23", "20261123-SB-1A-2B"), "5265877635/2026-11/upo/20261123-SB-1A-2B.xml"},
		{"a large body that waits to be sent", archive.BodyName("cv3k1"), "bodies/cv3k1"},
		{"a session id that looks like a path stays one component",
			archive.ReceiptName("5265877635", "2026-11-23", "../a/b c"), "5265877635/2026-11/upo/%2E.%2Fa%2Fb%20c.xml"},
		{"a percent sign in an id is escaped", archive.BodyName("a%2Fb"), "bodies/a%252Fb"},
	} {
		if c.got != c.want {
			t.Errorf("%s: the name is %s, want %s", c.why, c.got, c.want)
		}
	}
	s := open(t, "file://"+t.TempDir())
	for _, name := range []string{
		archive.InvoiceName("", "2026-11-23", "x"), archive.ReceiptName("5265877635", "", "x"), archive.BodyName(""),
	} {
		var bad *archive.NameError
		if err := s.Put(t.Context(), name, nil, ""); !errors.As(err, &bad) {
			t.Errorf("%s is accepted (%v) although a part of it is missing", name, err)
		}
	}
}
