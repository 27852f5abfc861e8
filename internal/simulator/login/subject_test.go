package login

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

// name encodes a subject in DER, as a certificate has it.
func name(t *testing.T, attributes ...[2]string) []byte {
	t.Helper()
	ids := map[string]asn1.ObjectIdentifier{
		"CN": {2, 5, 4, 3}, "SN": {2, 5, 4, 4}, "serial": {2, 5, 4, 5}, "C": {2, 5, 4, 6}, "O": {2, 5, 4, 10},
		"G": {2, 5, 4, 42}, "id": {2, 5, 4, 97},
	}
	var sequence pkix.RDNSequence
	for _, a := range attributes {
		sequence = append(sequence, pkix.RelativeDistinguishedNameSET{{Type: ids[a[0]], Value: a[1]}})
	}
	der, err := asn1.Marshal(sequence)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestKindOf_Subjects_NameTheirOwnerOrWhatIsWrong(t *testing.T) {
	person := [][2]string{{"C", "PL"}, {"CN", "Jan Kowalski"}, {"G", "Jan"}, {"SN", "Kowalski"}}
	entity := [][2]string{{"C", "PL"}, {"CN", "Firma"}, {"O", "Firma Łódź"}}
	with := func(base [][2]string, more ...[2]string) []byte {
		return name(t, append(base[:len(base):len(base)], more...)...)
	}
	for what, c := range map[string]struct {
		subject []byte
		owner   Identity
		fault   string
	}{
		"a seal":                           {with(entity, [2]string{"id", "VATPL-5265877635"}), Identity{"Nip", "5265877635"}, ""},
		"a signature with NIP":             {with(person, [2]string{"serial", "TINPL-5265877635"}), Identity{"Nip", "5265877635"}, ""},
		"a NIP in the older form":          {with(person, [2]string{"serial", "NIP-5265877635"}), Identity{"Nip", "5265877635"}, ""},
		"a signature with PESEL":           {with(person, [2]string{"serial", "PNOPL-44051401359"}), Identity{"Pesel", "44051401359"}, ""},
		"a seal without VATPL-":            {with(entity, [2]string{"id", "5265877635"}), Identity{}, "VATPL-"},
		"a seal with a given name":         {with(append(entity, person[2]), [2]string{"id", "VATPL-5265877635"}), Identity{}, "givenName"},
		"a seal without O":                 {with(entity[:2], [2]string{"id", "VATPL-5265877635"}), Identity{}, "lacks O"},
		"a signature without country":      {with(person[1:], [2]string{"serial", "TINPL-5265877635"}), Identity{}, "CN or C"},
		"a signature without surname":      {with(person[:3], [2]string{"serial", "TINPL-5265877635"}), Identity{}, "surname"},
		"a signature without NIP or PESEL": {with(person, [2]string{"serial", "X-5265877635"}), Identity{}, "neither a NIP nor a PESEL"},
	} {
		s, err := SubjectOf(c.subject)
		if err != nil {
			t.Fatal(err)
		}
		_, owner, err := s.kindOf()
		if c.fault == "" && (err != nil || owner != c.owner) || c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)) {
			t.Errorf("%s: the owner is %+v with the error %v, want the owner %+v, or an error that says %q",
				what, owner, err, c.owner, c.fault)
		}
	}
	if _, err := SubjectOf([]byte("garbage")); err == nil {
		t.Error("garbage is read as a subject without an error")
	}
}

func TestPolicy_Addresses_AreAllowedAsWritten(t *testing.T) {
	p := Policy{Addresses: []string{"10.0.0.1"}, Ranges: []string{"10.0.1.5-10.0.1.9"}, Masks: []string{"192.168.0.0/16"}}
	if err := p.Validate(); err != nil {
		t.Fatal(err)
	}
	for ip, want := range map[string]bool{
		"10.0.0.1": true, "10.0.0.2": false, "10.0.1.4": false, "10.0.1.5": true, "10.0.1.9": true, "10.0.1.10": false,
		"192.168.7.7": true, "192.169.0.1": false, "::ffff:10.0.0.1": true, "::1": false, "nowhere": false,
	} {
		if p.allows(ip) != want {
			t.Errorf("the address %s is allowed: %v, want %v", ip, !want, want)
		}
	}
	if !(Policy{}).allows("nowhere") {
		t.Error("an empty policy refuses an address")
	}
	for _, bad := range []Policy{
		{Addresses: []string{"10.0.0"}}, {Addresses: []string{"::1"}}, {Ranges: []string{"10.0.0.9-10.0.0.1"}},
		{Ranges: []string{"10.0.0.1"}},
		{Masks: []string{"10.0.0.0/33"}}, {Addresses: make([]string, 11)},
	} {
		if bad.Validate() == nil {
			t.Errorf("Validate took the policy %+v, want an error", bad)
		}
	}
}
