package pack_test

import (
	"crypto/aes"
	"crypto/cipher"
	"encoding/binary"
	"fmt"
	"io"
	"iter"
	"math/rand/v2"
	"strings"

	"ksefworker/internal/pack"
)

// invoiceXML returns about 8 kB that look like an FA(3) export, with repeated tags and varied names
// and amounts.
func invoiceXML(r *rand.Rand, n int) []byte {
	words := []string{
		"Śruba", "nakrętka", "usługa", "montaż", "transport", "blacha",
		"farba", "kabel", "panel", "zawór", "serwis", "moduł",
	}
	var b strings.Builder
	fmt.Fprintf(&b, `<?xml version="1.0" encoding="UTF-8"?>
<Faktura xmlns="http://crd.gov.pl/wzor/2025/06/25/13775/"><Naglowek>`+
		`<KodFormularza kodSystemowy="FA (3)" wersjaSchemy="1-0E">FA</KodFormularza>`+
		`<WariantFormularza>3</WariantFormularza><DataWytworzeniaFa>2026-11-%02dT%02d:%02d:%02dZ</DataWytworzeniaFa></Naglowek>`+
		`<Podmiot1><DaneIdentyfikacyjne><NIP>5265877635</NIP><Nazwa>Sprzedawca %d sp. z o.o.</Nazwa>`+
		`</DaneIdentyfikacyjne></Podmiot1><Fa><P_2>FV/%d/2026</P_2>`,
		1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(1000), n)
	for i := 1; b.Len() < 7900; i++ {
		price := r.IntN(900000) + 100
		fmt.Fprintf(&b, "<FaWiersz><NrWierszaFa>%d</NrWierszaFa><UU_ID>%08x%08x</UU_ID><P_7>%s %s %d</P_7>"+
			"<P_8A>szt.</P_8A><P_8B>%d</P_8B><P_9A>%d.%02d</P_9A><P_11>%d.%02d</P_11><P_12>23</P_12></FaWiersz>",
			i, r.Uint32(), r.Uint32(), words[r.IntN(len(words))], words[r.IntN(len(words))], r.IntN(10000),
			1+r.IntN(40), price/100, price%100, price/50, price%100)
	}
	b.WriteString("</Fa></Faktura>")
	return []byte(b.String())
}

// invoices yields n invoices and makes each when it is asked for.
func invoices(n int) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		r := rand.New(rand.NewPCG(1, 2))
		for i := range n {
			if !yield(pack.Entry{Name: fmt.Sprintf("inv%07d.xml", i), Data: invoiceXML(r, i)}, nil) {
				return
			}
		}
	}
}

// plainInvoices yields n documents of 8 kB with repeated rows, which a compressor handles quickly
// even under the race detector.
func plainInvoices(n int) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		for i := range n {
			row := fmt.Sprintf("<FaWiersz><P_7>Usługa %d</P_7><P_8B>1</P_8B></FaWiersz>", i)
			if !yield(pack.Entry{Name: fmt.Sprintf("inv%07d.xml", i), Data: []byte(strings.Repeat(row, 8000/len(row)))}, nil) {
				return
			}
		}
	}
}

// noise yields entries that do not compress, as many as total bytes need. It reuses one random
// buffer and makes each entry different.
func noise(total, each int64) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		random := rand.NewChaCha8([32]byte{7})
		buffer := make([]byte, each)
		_, _ = random.Read(buffer)
		for i := int64(0); i*each < total; i++ {
			binary.LittleEndian.PutUint64(buffer, random.Uint64())
			if !yield(pack.Entry{Name: fmt.Sprintf("noise%06d.xml", i), Data: buffer}, nil) {
				return
			}
		}
	}
}

func entriesOf(list ...pack.Entry) iter.Seq2[pack.Entry, error] {
	return func(yield func(pack.Entry, error) bool) {
		for _, e := range list {
			if !yield(e, nil) {
				return
			}
		}
	}
}

var (
	testKey = []byte("0123456789abcdef0123456789abcdef")
	testIV  = []byte("fedcba9876543210")
)

// sealCBC encrypts with AES-256-CBC and PKCS#7 padding, as a session does.
func sealCBC(w io.Writer) io.WriteCloser {
	block, err := aes.NewCipher(testKey)
	if err != nil {
		panic(err)
	}
	return &cbcWriter{w: w, mode: cipher.NewCBCEncrypter(block, testIV)}
}

type cbcWriter struct {
	w    io.Writer
	mode cipher.BlockMode
	rest []byte // less than a block
	out  []byte
}

func (c *cbcWriter) Write(p []byte) (int, error) {
	c.rest = append(c.rest, p...)
	whole := len(c.rest) / aes.BlockSize * aes.BlockSize
	c.out = append(c.out[:0], c.rest[:whole]...)
	c.mode.CryptBlocks(c.out, c.out)
	c.rest = append(c.rest[:0], c.rest[whole:]...)
	if _, err := c.w.Write(c.out); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (c *cbcWriter) Close() error {
	pad := aes.BlockSize - len(c.rest)
	for range pad {
		c.rest = append(c.rest, byte(pad))
	}
	c.mode.CryptBlocks(c.rest, c.rest)
	_, err := c.w.Write(c.rest)
	return err
}

func openCBC(sealed []byte) ([]byte, error) {
	if len(sealed) == 0 || len(sealed)%aes.BlockSize != 0 {
		return nil, fmt.Errorf("%d encrypted bytes are not whole blocks", len(sealed))
	}
	block, err := aes.NewCipher(testKey)
	if err != nil {
		return nil, err
	}
	plain := make([]byte, len(sealed))
	cipher.NewCBCDecrypter(block, testIV).CryptBlocks(plain, sealed)
	pad := int(plain[len(plain)-1])
	if pad == 0 || pad > aes.BlockSize {
		return nil, fmt.Errorf("padding of %d bytes", pad)
	}
	return plain[:len(plain)-pad], nil
}
