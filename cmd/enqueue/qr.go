package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"ksefworker/config"
	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/qrcode"
)

type qrCmd struct {
	PNG            string `name:"png" help:"Write the image of KOD I to FILE." placeholder:"FILE"`
	CertificatePNG string `name:"certificate-png" help:"With --offline: write the image of KOD II to FILE." placeholder:"FILE"`
	Offline        bool   `help:"${qr_offline}"`
	Tenant         string `help:"With a file and --offline: the tenant that sends it, when several have its NIP." placeholder:"NAME"`
	JSON           bool   `name:"json" help:"Print one JSON object."`
	Name           string `arg:"" name:"FILE|ID|P_2" help:"${qr_name}"`
}

// opensItself implements [standalone], because the codes of a file need the configuration and no
// Redis.
func (c *qrCmd) opensItself() {}

func (c *qrCmd) check() error {
	switch {
	case c.Name == "":
		return &usageError{what: "the name is empty", hint: unsetVariable}
	case c.CertificatePNG != "" && !c.Offline:
		return &usageError{what: "--certificate-png needs --offline", hint: "KOD II is for an invoice that KSeF does not have yet"}
	case c.PNG != "" && c.PNG == c.CertificatePNG:
		return &usageError{what: "--png and --certificate-png name the same file", hint: "each code has an image of its own"}
	}
	return nil
}

// coded is what the QR codes of an invoice are made from.
type coded struct {
	ID, Number    string
	Seller        string
	IssueDate     string
	Hash          [32]byte
	KsefNumber    string
	Tenant        string // name; "" when the tenant has to be found by Issuer
	Issuer        string // NIP of the taxpayer that sends it; not used when Tenant is set
	LegalDeadline time.Time
}

// code is one QR code as it is printed.
type code struct {
	Link  string `json:"link"`
	Label string `json:"label"`         // what belongs below the image
	PNG   string `json:"png,omitempty"` // the file that was written
}

func (c *qrCmd) run(ctx context.Context, p *program) error {
	inv, err := c.find(ctx, p)
	if err != nil {
		return err
	}
	out := struct {
		ID     string `json:"id,omitempty"`
		Number string `json:"number"`
		First  code   `json:"kod_i"`
		Second *code  `json:"kod_ii,omitempty"`
	}{ID: inv.ID, Number: inv.Number}
	out.First.Label = qrcode.LabelOffline
	if inv.KsefNumber != "" {
		out.First.Label = inv.KsefNumber
	}
	if out.First.Link, err = invoice.VerificationURL(string(p.cfg.Environment), inv.Seller, inv.IssueDate, inv.Hash); err != nil {
		return &usageError{what: err.Error()}
	}
	if c.Offline {
		link, err := c.certificateLink(p, inv)
		if err != nil {
			return err
		}
		out.Second = &code{Link: link, Label: qrcode.LabelCertificate}
	}
	if err := out.First.write(c.PNG); err != nil {
		return err
	}
	if out.Second != nil {
		if err := out.Second.write(c.CertificatePNG); err != nil {
			return err
		}
	}
	if c.JSON {
		return printJSON(p.out, out)
	}
	out.First.print(p, "KOD I")
	if out.Second != nil {
		out.Second.print(p, "KOD II")
		p.say("hand in exactly this document: its hash is in both codes; it must reach KSeF by %s (Warsaw)",
			deadlineText(inv.LegalDeadline))
	}
	return nil
}

func (c *code) print(p *program, name string) {
	showLines(p.out, [][2]string{{name, c.Link}, {"label", c.Label}, {"image", c.PNG}})
}

// write writes the image, if a file is named.
func (c *code) write(file string) error {
	if file == "" {
		return nil
	}
	img, err := qrcode.PNG(c.Link, c.Label)
	if err == nil {
		err = os.WriteFile(file, img, 0o644)
	}
	if err != nil {
		return &usageError{what: err.Error(), hint: "the code could not be written"}
	}
	c.PNG = file
	return nil
}

// inFile reads a document that is not handed in yet. A document that would be refused gets no code,
// because it has to be changed first, which changes its hash.
func (c *qrCmd) inFile(p *program) (coded, error) {
	limit := p.cfg.LargestInvoice()
	raw, err := readFile(c.Name, limit)
	if err != nil {
		return coded{}, err
	}
	h, err := invoice.ParseWith(raw, invoice.ParseOptions{MaxSize: limit, AllowDiscouraged: p.cfg.AllowsDiscouraged()})
	if err == nil {
		err = invoice.Check(h, time.Now(), invoice.CheckOptions{MaxBytes: limit, MaxBytesWithAttachment: limit,
			AllowFA2: p.cfg.Validation.AllowFA2, CheckNIPs: p.cfg.ChecksNIPs()})
	}
	var legal time.Time
	if err == nil {
		legal, err = invoice.LegalDeadline(h.IssueDate)
	}
	if err != nil {
		p.say("%s: no code, because it would be refused: %s", c.Name, intake.OneLine(err))
		return coded{}, errSome
	}
	issuer := h.SellerNIP
	if h.SelfBilling {
		issuer = h.BuyerNIP
	}
	return coded{Number: h.Number, Seller: h.SellerNIP, IssueDate: h.IssueDate, Hash: h.Hash, Tenant: c.Tenant, Issuer: issuer,
		LegalDeadline: legal}, nil
}

// readFile reads a regular file. A file of more than limit bytes is an error and is not read.
func readFile(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err == nil {
		defer f.Close()
		var info fs.FileInfo
		if info, err = f.Stat(); err == nil && !info.Mode().IsRegular() {
			err = errors.New(name + " is not a regular file")
		}
		if err == nil && info.Size() > limit {
			err = fmt.Errorf("%s has %d bytes, and an invoice at most %d", name, info.Size(), limit)
		}
	}
	var raw []byte
	if err == nil {
		raw, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, &usageError{what: err.Error(), hint: "name the XML file of an invoice, or an id or number"}
	}
	return raw, nil
}

// certificateLink returns the link of KOD II.
func (c *qrCmd) certificateLink(p *program, inv coded) (string, error) {
	if inv.KsefNumber != "" {
		return "", &usageError{
			what: "KSeF has this invoice as " + inv.KsefNumber + ", so it has KOD I alone",
			hint: "leave --offline out",
		}
	}
	t, err := c.sender(p, inv)
	if err != nil {
		return "", err
	}
	certificate, key, password, err := t.OfflineCertificate()
	if err != nil {
		return "", &usageError{what: err.Error()}
	}
	cert, err := qrcode.ParseCertificate(certificate, key, password)
	if err == nil {
		err = cert.Valid(time.Now())
	}
	if err != nil {
		return "", &usageError{what: fmt.Sprintf("offline_certificate_file of tenant %s: %v", t.Title(), err)}
	}
	return cert.Link(string(p.cfg.Environment), t.NIP, inv.Seller, inv.Hash)
}

// sender returns the tenant that sends the invoice. The certificate of this tenant signs the link.
func (c *qrCmd) sender(p *program, inv coded) (config.Tenant, error) {
	if inv.Tenant != "" {
		return p.tenant("tenant ", inv.Tenant)
	}
	return p.tenant("NIP of the issuer ", inv.Issuer)
}
