package xades

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/beevik/etree"
)

const (
	dsigSpace  = "http://www.w3.org/2000/09/xmldsig#"
	xadesSpace = "http://uri.etsi.org/01903/v1.3.2#"
	propsType  = "http://uri.etsi.org/01903#SignedProperties"
)

// Signed is a document whose signature is valid.
type Signed struct {
	Root      *etree.Element // the document as it was sent, the signature included
	Signature *etree.Element // a child of Root
	// Certificate is the signer's. Verify does not decide whether it is trusted.
	Certificate *x509.Certificate
	SigningTime time.Time
}

// Kinds of errors of Verify; every error is one of them.
var (
	ErrDocument    = errors.New("the document cannot be read")
	ErrEncoding    = errors.New("the document is not UTF-8")
	ErrNoSignature = errors.New("the document has no signature")
	ErrManySigned  = errors.New("the document has more than one signature")
	ErrSignature   = errors.New("the signature does not hold")
	ErrCertificate = errors.New("the certificate cannot be used")
)

func wrong(format string, args ...any) error {
	return fmt.Errorf("%w: %s", ErrSignature, fmt.Sprintf(format, args...))
}

// Verify reads a document and verifies its one signature. now is the moment of the check. A
// signature whose SigningTime is more than a minute after now is refused.
func Verify(document []byte, now time.Time) (*Signed, error) {
	root, err := read(document)
	if err != nil {
		return nil, err
	}
	signature, err := theSignature(root)
	if err != nil {
		return nil, err
	}
	if err := checkIDs(root, map[string]bool{}); err != nil {
		return nil, err
	}
	certificate, err := certificateOf(signature)
	if err != nil {
		return nil, err
	}
	info := child(signature, dsigSpace, "SignedInfo")
	if info == nil {
		return nil, wrong("there is no SignedInfo")
	}
	if err := checkValue(signature, info, certificate); err != nil {
		return nil, err
	}
	properties, err := checkReferences(root, signature, info)
	if err != nil {
		return nil, err
	}
	signed := &Signed{Root: root, Signature: signature, Certificate: certificate}
	if signed.SigningTime, err = checkProperties(properties, certificate); err != nil {
		return nil, err
	}
	const skew = time.Minute
	if signed.SigningTime.After(now.Add(skew)) {
		return nil, wrong("SigningTime %s is in the future", signed.SigningTime.Format(time.RFC3339))
	}
	return signed, nil
}

// read parses the document. It refuses a DTD, a processing instruction outside the root, and an
// encoding other than UTF-8. A login request has none of them. This package canonicalizes only the
// root, but a processing instruction outside the root would be part of the canonical form as well.
func read(document []byte) (*etree.Element, error) {
	if !utf8.Valid(document) {
		return nil, ErrEncoding
	}
	d := etree.NewDocument()
	d.ReadSettings.ValidateInput = true
	d.ReadSettings.PreserveDuplicateAttrs = true
	if err := d.ReadFromBytes(bytes.TrimPrefix(document, []byte("\xEF\xBB\xBF"))); err != nil {
		return nil, fmt.Errorf("%w: %w", ErrDocument, err)
	}
	for i, token := range d.Child {
		switch t := token.(type) {
		case *etree.Directive:
			return nil, fmt.Errorf("%w: a DTD", ErrDocument)
		case *etree.ProcInst:
			if i != 0 || t.Target != "xml" {
				return nil, fmt.Errorf("%w: a processing instruction", ErrDocument)
			}
			if e := strings.ToLower(t.Inst); strings.Contains(e, "encoding") && !strings.Contains(e, "utf-8") {
				return nil, ErrEncoding
			}
		case *etree.CharData:
			if strings.TrimSpace(t.Data) != "" {
				return nil, fmt.Errorf("%w: text outside the root", ErrDocument)
			}
		}
	}
	root := d.Root()
	if root == nil || len(d.ChildElements()) != 1 {
		return nil, fmt.Errorf("%w: not one root element", ErrDocument)
	}
	return root, checkAttributes(root)
}

// checkAttributes refuses an attribute that is given twice, which the parser lets pass.
func checkAttributes(e *etree.Element) error {
	seen := map[string]bool{}
	for _, a := range e.Attr {
		if seen[a.FullKey()] {
			return fmt.Errorf("%w: the attribute %s is given twice", ErrDocument, a.FullKey())
		}
		seen[a.FullKey()] = true
	}
	for _, c := range e.ChildElements() {
		if err := checkAttributes(c); err != nil {
			return err
		}
	}
	return nil
}

// checkIDs refuses a document in which two elements have the same Id, so that a reference always
// means one element.
func checkIDs(e *etree.Element, seen map[string]bool) error {
	if id := e.SelectAttrValue("Id", ""); id != "" {
		if seen[id] {
			return wrong("two elements have the Id %q", id)
		}
		seen[id] = true
	}
	for _, c := range e.ChildElements() {
		if err := checkIDs(c, seen); err != nil {
			return err
		}
	}
	return nil
}

// theSignature finds the one signature, which must be a child of the root.
func theSignature(root *etree.Element) (*etree.Element, error) {
	var all []*etree.Element
	var collect func(*etree.Element)
	collect = func(e *etree.Element) {
		if e.Tag == "Signature" && e.NamespaceURI() == dsigSpace {
			all = append(all, e)
		}
		for _, c := range e.ChildElements() {
			collect(c)
		}
	}
	collect(root)
	switch {
	case len(all) == 0:
		return nil, ErrNoSignature
	case len(all) > 1:
		return nil, ErrManySigned
	case all[0].Parent() != root:
		return nil, wrong("the signature is not enveloped in the document")
	}
	return all[0], nil
}

// child returns the only child of this name, nil when there is none or there are several.
func child(e *etree.Element, space, name string) (found *etree.Element) {
	if e == nil {
		return nil
	}
	for _, c := range e.ChildElements() {
		if c.Tag == name && c.NamespaceURI() == space {
			if found != nil {
				return nil
			}
			found = c
		}
	}
	return found
}

// octets reads the Base64 text of an element, in which white space is allowed.
func octets(e *etree.Element) ([]byte, error) {
	if e == nil {
		return nil, errors.New("the element is missing")
	}
	return base64.StdEncoding.DecodeString(strings.Join(strings.Fields(e.Text()), ""))
}

// certificateOf reads the signer's certificate, which is the first one in KeyInfo.
func certificateOf(signature *etree.Element) (*x509.Certificate, error) {
	data := child(child(signature, dsigSpace, "KeyInfo"), dsigSpace, "X509Data")
	if data == nil {
		return nil, wrong("KeyInfo has no X509Data")
	}
	for _, c := range data.ChildElements() {
		if c.Tag != "X509Certificate" || c.NamespaceURI() != dsigSpace {
			continue
		}
		der, err := octets(c)
		if err != nil {
			return nil, fmt.Errorf("%w: not Base64", ErrCertificate)
		}
		certificate, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", ErrCertificate, err)
		}
		return certificate, nil
	}
	return nil, wrong("KeyInfo has no X509Certificate")
}
