package simulator

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"html"
	"image"
	"image/color"
	"image/png"
	"net/http"
	"strings"
	"time"

	"ksefworker/internal/simulator/fa"
	"ksefworker/internal/simulator/strictjson"
)

// links makes the verification link KOD I. The field image of the answer is a small white PNG, not
// a QR code. The second link, for offline invoices, is left out, because it needs a certificate and
// the simulator has none.
func (do *documentOperations) links(c *call) (reply, *refusal) {
	var body struct {
		NIP    string            `json:"nip"`
		Date   string            `json:"issueDate"`
		Hash   strictjson.Octets `json:"invoiceHash"`
		Number string            `json:"invoiceKsefNumber,omitempty"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	date, err := issueDate(body.Date)
	if err != nil || !fa.ValidNIP(body.NIP) || len(body.Hash) != sha256.Size {
		return reply{}, badInput("a valid nip, an issueDate and an invoiceHash of 32 bytes are needed")
	}
	picture := image.NewPaletted(image.Rect(0, 0, 8, 8), color.Palette{color.White, color.Black})
	var encoded bytes.Buffer
	if err := png.Encode(&encoded, picture); err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	type link struct {
		Link  string `json:"link"`
		Image []byte `json:"image"`
	}
	return jsonReply(struct {
		Invoice link `json:"invoice"`
	}{link{
		Link: fmt.Sprintf("https://qr-test.ksef.mf.gov.pl/invoice/%s/%s/%s", body.NIP, date.Format("02-01-2006"),
			base64.RawURLEncoding.EncodeToString(body.Hash)),
		Image: encoded.Bytes(),
	}}), nil
}

// issueDate accepts a date with or without the time, because the contract says only that dates are
// RFC 3339.
func issueDate(text string) (time.Time, error) {
	if t, err := time.Parse(time.DateOnly, text); err == nil {
		return t, nil
	}
	return time.Parse(time.RFC3339, text)
}

// visualize makes a placeholder: an HTML page or a PDF with one line.
func (do *documentOperations) visualize(c *call) (reply, *refusal) {
	var body struct {
		Template string            `json:"templateName,omitempty"`
		Offline  bool              `json:"offline"`
		Number   string            `json:"invoiceKsefNumber,omitempty"`
		Data     strictjson.Octets `json:"invoiceData"`
		Format   string            `json:"outputFormat"`
		Language string            `json:"outputLanguage"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if body.Format != "html" && body.Format != "pdf" || body.Language != "pl" && body.Language != "en" {
		return reply{}, badInput("outputFormat is html or pdf, outputLanguage pl or en")
	}
	number, err := fa.Number(body.Data, do.forms["v3"])
	if err != nil {
		return reply{}, badInput("invoiceData is not an invoice")
	}
	title := strings.TrimSpace("Faktura " + number + " " + body.Number)
	if body.Format == "pdf" {
		return reply{status: http.StatusOK, contentType: pdfType, body: pdf(title)}, nil
	}
	escaped := html.EscapeString(title)
	page := "<!doctype html><html lang=" + body.Language + "><meta charset=utf-8><title>" + escaped + "</title>" +
		"<h1>" + escaped + "</h1></html>\n"
	return reply{status: http.StatusOK, contentType: htmlType, body: []byte(page)}, nil
}

// visualizeReceipt makes a placeholder: a PDF with one line.
func (do *documentOperations) visualizeReceipt(c *call) (reply, *refusal) {
	var body struct {
		Format   string            `json:"outputFormat"`
		Language string            `json:"outputLanguage"`
		Data     strictjson.Octets `json:"upoData"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if body.Format != "pdf" || body.Language != "pl" && body.Language != "en" || !bytes.Contains(body.Data, []byte("Potwierdzenie")) {
		return reply{}, badInput("outputFormat is pdf, outputLanguage pl or en, upoData a UPO")
	}
	hash := sha256.Sum256(body.Data)
	return reply{status: http.StatusOK, contentType: pdfType, body: pdf("UPO " + hex.EncodeToString(hash[:8]))}, nil
}

// pdf makes a minimal valid document with one line of text and a correct cross-reference table.
func pdf(line string) []byte {
	ascii := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' || strings.ContainsRune(`()\`, r) {
			return '?'
		}
		return r
	}, line)
	content := "BT /F1 18 Tf 72 720 Td (" + ascii + ") Tj ET"
	objects := []string{
		"<< /Type /Catalog /Pages 2 0 R >>",
		"<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
		"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R /Resources << /Font << /F1 5 0 R >> >> >>",
		fmt.Sprintf("<< /Length %d >>\nstream\n%s\nendstream", len(content), content),
		"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
	}
	var out, xref bytes.Buffer
	out.WriteString("%PDF-1.4\n")
	for i, object := range objects {
		fmt.Fprintf(&xref, "%010d 00000 n \n", out.Len())
		fmt.Fprintf(&out, "%d 0 obj\n%s\nendobj\n", i+1, object)
	}
	const trailer = "xref\n0 %d\n0000000000 65535 f \n%strailer\n<< /Size %[1]d /Root 1 0 R >>\nstartxref\n%[3]d\n%%%%EOF\n"
	fmt.Fprintf(&out, trailer, len(objects)+1, xref.String(), out.Len())
	return out.Bytes()
}
