package xades

import (
	"bytes"
	"slices"
	"strings"

	"github.com/beevik/etree"
	dsig "github.com/russellhaering/goxmldsig"
	"github.com/russellhaering/goxmldsig/etreeutils"
)

// checkReferences verifies the digest of each reference and returns the signed properties. One
// reference must cover the document, and one the signed properties.
func checkReferences(root, signature, info *etree.Element) (*etree.Element, error) {
	properties := signedProperties(signature)
	if properties == nil {
		return nil, wrong("there are no SignedProperties")
	}
	coversDocument, coversProperties := false, false
	for _, r := range info.ChildElements() {
		if r.Tag != "Reference" || r.NamespaceURI() != dsigSpace {
			continue
		}
		uri := r.SelectAttr("URI")
		if uri == nil {
			return nil, wrong("a reference has no URI")
		}
		what := root
		switch id := properties.SelectAttrValue("Id", ""); {
		case uri.Value == "":
			coversDocument = true
		case id != "" && uri.Value == "#"+id:
			if r.SelectAttrValue("Type", "") != propsType {
				return nil, wrong("the reference to SignedProperties has the type %q", r.SelectAttrValue("Type", ""))
			}
			what, coversProperties = properties, true
		case strings.HasPrefix(uri.Value, "#"):
			if what = byID(root, uri.Value[1:]); what == nil {
				return nil, wrong("the reference %q leads nowhere", uri.Value)
			}
		default:
			return nil, wrong("the reference %q leads out of the document", uri.Value)
		}
		if err := checkDigest(r, what, signature); err != nil {
			return nil, err
		}
	}
	switch {
	case !coversDocument:
		return nil, wrong("no reference covers the document")
	case !coversProperties:
		return nil, wrong("no reference covers SignedProperties")
	}
	return properties, nil
}

func signedProperties(signature *etree.Element) *etree.Element {
	var found *etree.Element
	for _, object := range signature.ChildElements() {
		if object.Tag != "Object" || object.NamespaceURI() != dsigSpace {
			continue
		}
		qualifying := child(object, xadesSpace, "QualifyingProperties")
		id := signature.SelectAttrValue("Id", "")
		if qualifying == nil || id == "" || qualifying.SelectAttrValue("Target", "") != "#"+id {
			continue
		}
		if properties := child(qualifying, xadesSpace, "SignedProperties"); properties != nil {
			if found != nil {
				return nil
			}
			found = properties
		}
	}
	return found
}

func byID(e *etree.Element, id string) *etree.Element {
	if e.SelectAttrValue("Id", "") == id {
		return e
	}
	for _, c := range e.ChildElements() {
		if found := byID(c, id); found != nil {
			return found
		}
	}
	return nil
}

// checkDigest applies the transforms of a reference to what it covers, and compares the digest of
// the outcome with the one in the reference.
func checkDigest(reference, what, signature *etree.Element) error {
	uri := reference.SelectAttrValue("URI", "")
	var envelope bool
	var canonical dsig.Canonicalizer
	if list := child(reference, dsigSpace, "Transforms"); list != nil {
		for _, t := range list.ChildElements() {
			if canonical != nil {
				return wrong("reference %q: a transform after the canonical form", uri)
			}
			name := t.SelectAttrValue("Algorithm", "")
			switch {
			case name == dsigSpace+"enveloped-signature" || isNotSignature(t):
				envelope = true
			default:
				if canonical = canonicalizer(t); canonical == nil {
					return wrong("reference %q: the transform %q is not supported", uri, name)
				}
			}
		}
	}
	if canonical == nil {
		canonical = dsig.MakeC14N10RecCanonicalizer() // what XML signatures use when they name none
	}
	if what == signature.Parent() != envelope {
		return wrong("reference %q: the enveloped transform must apply to the element that holds the signature, and to no other", uri)
	}
	octetsOf, err := canonicalForm(what, signature, canonical)
	if err != nil {
		return wrong("reference %q: %v", uri, err)
	}
	method := child(reference, dsigSpace, "DigestMethod")
	if method == nil {
		return wrong("reference %q has no DigestMethod", uri)
	}
	sum := digest(method.SelectAttrValue("Algorithm", ""), octetsOf)
	if sum == nil {
		return wrong("reference %q: the digest %q is not supported", uri, method.SelectAttrValue("Algorithm", ""))
	}
	want, err := octets(child(reference, dsigSpace, "DigestValue"))
	if err != nil || !bytes.Equal(want, sum) {
		return wrong("the digest of reference %q is not that of its content", uri)
	}
	return nil
}

// isNotSignature recognises the XPath transform that says the same as enveloped-signature.
func isNotSignature(t *etree.Element) bool {
	if t.SelectAttrValue("Algorithm", "") != "http://www.w3.org/TR/1999/REC-xpath-19991116" {
		return false
	}
	x := child(t, dsigSpace, "XPath")
	if x == nil {
		return false
	}
	inner, found := strings.CutPrefix(strings.Join(strings.Fields(x.Text()), ""), "not(ancestor-or-self::")
	prefix, rest, colon := strings.Cut(inner, ":")
	if !found || !colon || rest != "Signature)" {
		return false
	}
	context, err := etreeutils.NSBuildParentContext(x)
	if err != nil {
		return false
	}
	if context, err = context.SubContext(x); err != nil {
		return false
	}
	space, err := context.LookupPrefix(prefix)
	return err == nil && space == dsigSpace
}

// canonicalizer returns the algorithm that a CanonicalizationMethod or Transform names. It returns
// nil when it does not support what the element asks for.
func canonicalizer(method *etree.Element) dsig.Canonicalizer {
	prefixes := ""
	for _, c := range method.ChildElements() {
		if c.Tag != "InclusiveNamespaces" {
			return nil
		}
		prefixes = strings.ReplaceAll(c.SelectAttrValue("PrefixList", ""), "#default", "")
	}
	const (
		exclusive = "http://www.w3.org/2001/10/xml-exc-c14n#"
		v10       = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
		v11       = "http://www.w3.org/2006/12/xml-c14n11"
	)
	switch method.SelectAttrValue("Algorithm", "") {
	case exclusive:
		return dsig.MakeC14N10ExclusiveCanonicalizerWithPrefixList(prefixes)
	case exclusive + "WithComments":
		return dsig.MakeC14N10ExclusiveWithCommentsCanonicalizerWithPrefixList(prefixes)
	case v10:
		return dsig.MakeC14N10RecCanonicalizer()
	case v10 + "#WithComments":
		return dsig.MakeC14N10WithCommentsCanonicalizer()
	case v11:
		return dsig.MakeC14N11Canonicalizer()
	case v11 + "#WithComments":
		return dsig.MakeC14N11WithCommentsCanonicalizer()
	}
	return nil
}

// canonicalForm writes an element in canonical form. It leaves out the signature if the element is
// the signature's parent. It takes account of the namespaces that are declared above the element.
func canonicalForm(e, signature *etree.Element, canonical dsig.Canonicalizer) ([]byte, error) {
	context, err := etreeutils.NSBuildParentContext(e)
	if err != nil {
		return nil, err
	}
	alone, err := etreeutils.NSDetatch(context, e)
	if err != nil {
		return nil, err
	}
	if signature != nil && signature.Parent() == e {
		at := slices.IndexFunc(e.Child, func(t etree.Token) bool { return t == etree.Token(signature) })
		alone.RemoveChildAt(at)
	}
	return canonical.Canonicalize(alone)
}
