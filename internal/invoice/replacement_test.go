package invoice_test

import (
	"testing"

	"ksefworker/internal/invoice"
)

func TestReplacementChar_FirstOne_IsFoundWithItsPlace(t *testing.T) {
	if f := invoice.ReplacementChar([]byte("<a>Łódź</a>")); f != nil {
		t.Errorf("a document without the character has the fault %v", f)
	}
	f := invoice.ReplacementChar([]byte("<a>\n<b>Łó\uFFFDź</b>\n<c>\uFFFD</c></a>"))
	if f == nil || f.Line != 2 || f.Column != 6 {
		t.Errorf("the fault is not at line 2, column 6: %+v", f)
	}
}
