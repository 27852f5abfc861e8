package login

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/beevik/etree"
)

// Context is the taxpayer (or another party) in whose name a login acts.
type Context struct{ Type, Value string } // Type: Nip, InternalId, NipVatUe, PeppolId

func (c Context) String() string { return c.Type + " " + c.Value }

var contextForms = map[string]*regexp.Regexp{
	"Nip":        regexp.MustCompile(`^[1-9]((\d[1-9])|([1-9]\d))\d{7}$`),
	"InternalId": regexp.MustCompile(`^[1-9]((\d[1-9])|([1-9]\d))\d{7}-\d{5}$`),
	"NipVatUe":   regexp.MustCompile(`^[1-9]((\d[1-9])|([1-9]\d))\d{7}-[A-Z]{2}[A-Z0-9+*]{2,12}$`),
	"PeppolId":   regexp.MustCompile(`^P[A-Z]{2}[0-9]{6}$`),
}

// Valid reports whether the value has the form that its type demands.
func (c Context) Valid() bool {
	form := contextForms[c.Type]
	return form != nil && form.MatchString(c.Value)
}

// request is an AuthTokenRequest.
type request struct {
	challenge     string
	context       Context
	byFingerprint bool
	policy        Policy
}

var challengeForm = regexp.MustCompile(`^\d{8}-CR-[A-F0-9]{10}-[A-F0-9]{10}-[A-F0-9]{2}$`)

// readRequest checks the document against the schema of an AuthTokenRequest, version 2.0 or 2.1.
// The schema has no place for the signature, so only that element is skipped here.
func readRequest(root, signature *etree.Element) (r request, err error) {
	namespace := root.NamespaceURI()
	if root.Tag != "AuthTokenRequest" ||
		namespace != "http://ksef.mf.gov.pl/auth/token/2.1" && namespace != "http://ksef.mf.gov.pl/auth/token/2.0" {
		return r, fmt.Errorf("the root is {%s}%s", namespace, root.Tag)
	}
	s := sequence{namespace: namespace, skip: signature}
	if err := s.enter(root); err != nil {
		return r, err
	}
	if r.challenge, err = s.text("Challenge", challengeForm); err != nil {
		return r, err
	}
	context, err := s.next("ContextIdentifier")
	if err != nil {
		return r, err
	}
	choice := sequence{namespace: namespace, skip: signature}
	if err := choice.enter(context); err != nil {
		return r, err
	}
	if len(choice.children) != 1 {
		return r, fmt.Errorf("ContextIdentifier has %d elements instead of one", len(choice.children))
	}
	r.context.Type = choice.children[0].Tag
	form := contextForms[r.context.Type]
	if form == nil {
		return r, fmt.Errorf("ContextIdentifier/%s is not expected", r.context.Type)
	}
	if r.context.Value, err = choice.text(r.context.Type, form); err != nil {
		return r, err
	}
	kind, err := s.text("SubjectIdentifierType", regexp.MustCompile(`^certificate(Subject|Fingerprint)$`))
	if err != nil {
		return r, err
	}
	r.byFingerprint = kind == "certificateFingerprint"
	if s.isNext("AuthorizationPolicy") {
		policy, _ := s.next("AuthorizationPolicy")
		if r.policy, err = readPolicy(policy, namespace); err != nil {
			return r, err
		}
	}
	return r, s.end()
}

func readPolicy(policy *etree.Element, namespace string) (p Policy, err error) {
	outer, inner := sequence{namespace: namespace}, sequence{namespace: namespace}
	if err := outer.enter(policy); err != nil {
		return p, err
	}
	allowed, err := outer.next("AllowedIps")
	if err != nil {
		return p, err
	}
	if err := inner.enter(allowed); err != nil {
		return p, err
	}
	for _, kind := range []struct {
		name string
		to   *[]string
	}{{"Ip4Address", &p.Addresses}, {"Ip4Range", &p.Ranges}, {"Ip4Mask", &p.Masks}} {
		for inner.isNext(kind.name) {
			value, err := inner.text(kind.name, nil)
			if err != nil {
				return p, err
			}
			*kind.to = append(*kind.to, strings.TrimSpace(value))
		}
	}
	if err := inner.end(); err != nil {
		return p, err
	}
	if err := p.Validate(); err != nil {
		return p, err
	}
	return p, outer.end()
}

// sequence reads the children of an element in the order of the schema.
type sequence struct {
	namespace string
	skip      *etree.Element
	name      string
	children  []*etree.Element
}

func (s *sequence) enter(e *etree.Element) error {
	s.name = e.Tag
	for _, a := range e.Attr {
		if a.Space != "xmlns" && !(a.Space == "" && a.Key == "xmlns") && a.NamespaceURI() != "http://www.w3.org/2001/XMLSchema-instance" {
			return fmt.Errorf("%s has the attribute %s", e.Tag, a.Key)
		}
	}
	for _, t := range e.Child {
		if text, is := t.(*etree.CharData); is && strings.TrimSpace(text.Data) != "" {
			return fmt.Errorf("%s has text between its elements", e.Tag)
		}
	}
	for _, c := range e.ChildElements() {
		if c != s.skip {
			s.children = append(s.children, c)
		}
	}
	return nil
}

func (s *sequence) isNext(name string) bool {
	return len(s.children) > 0 && s.children[0].Tag == name && s.children[0].NamespaceURI() == s.namespace
}

func (s *sequence) next(name string) (*etree.Element, error) {
	if !s.isNext(name) {
		found := "nothing"
		if len(s.children) > 0 {
			found = s.children[0].Tag
		}
		return nil, fmt.Errorf("%s: %s is expected, %s was found", s.name, name, found)
	}
	e := s.children[0]
	s.children = s.children[1:]
	return e, nil
}

// text returns the text of the next element. Unless form is nil, the text must match it.
func (s *sequence) text(name string, form *regexp.Regexp) (string, error) {
	e, err := s.next(name)
	if err != nil {
		return "", err
	}
	text := e.Text()
	if len(e.ChildElements()) > 0 || form != nil && !form.MatchString(text) {
		return "", fmt.Errorf("%s: %q is not of the form that the schema demands", name, text)
	}
	return text, nil
}

func (s *sequence) end() error {
	if len(s.children) > 0 {
		return fmt.Errorf("%s: %s is not expected", s.name, s.children[0].Tag)
	}
	return nil
}
