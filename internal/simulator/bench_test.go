package simulator

import (
	"fmt"
	"strings"
	"testing"
)

// bigXML is an invoice of about 8 KB, as most are.
func bigXML(t testing.TB, number string) string {
	line := `  <FaWiersz><NrWierszaFa>1</NrWierszaFa><P_7>Usługa bardzo potrzebna</P_7><P_8A>szt</P_8A><P_8B>1</P_8B><P_9A>100</P_9A><P_11>100</P_11><P_12>23</P_12></FaWiersz>` + "\n"
	return swap(t, faXML(sellerA, number, today), " </Fa>", strings.Repeat(line, 42)+" </Fa>")
}

// BenchmarkBatch processes a package of the largest size that KSeF takes.
func BenchmarkBatch(b *testing.B) {
	r := newRig(b)
	for n := 0; b.Loop(); n++ {
		b.StopTimer()
		documents := make([]string, maxInvoices)
		size := 0
		for i := range documents {
			documents[i] = bigXML(b, fmt.Sprintf("%d/%d", n, i))
			size += len(documents[i])
		}
		p := r.pack(zipOf(b, documents...), 2).begin().uploadAll()
		b.SetBytes(int64(size))
		b.StartTimer()
		p.close()
		if s := r.await(p.id); s.Code != 200 {
			b.Fatalf("status %+v", s)
		}
	}
}

// BenchmarkInspect reads one invoice of 8 KB.
func BenchmarkInspect(b *testing.B) {
	document := []byte(bigXML(b, "FV/1"))
	f := knownForms()["v3"]
	b.SetBytes(int64(len(document)))
	b.ReportAllocs()
	for b.Loop() {
		if r := inspect(document, f, laneBatch, noon); r.code != 200 {
			b.Fatal(r.details)
		}
	}
}
