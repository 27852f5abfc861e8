package oidc

import (
	"strings"
	"time"
	"unicode"

	lib "github.com/coreos/go-oidc/v3/oidc"
)

// Person is somebody who logged in at the provider.
type Person struct {
	Subject string    // the provider's own id, which never changes
	Name    string    // for people to read, 1 to 100 bytes
	Groups  []string  // as the claim has them
	Told    bool      // the provider sent the claim of the groups, even if the list was empty
	Until   time.Time // when the ID token expires
}

// maxName is the longest name, in bytes. maxGroups is how many groups of a person are looked at.
const (
	maxName   = 100
	maxGroups = 2000
)

// claims are what the provider says of a person.
type claims map[string]any

// at returns a claim by its name. If no claim has that name, at reads it as a path, such as
// realm_access.roles. A name may contain dots itself (https://example.com/groups).
func (c claims) at(path string) any {
	if v, ok := c[path]; ok {
		return v
	}
	var v any = map[string]any(c)
	for part := range strings.SplitSeq(path, ".") {
		m, ok := v.(map[string]any)
		if !ok {
			return nil
		}
		v = m[part]
	}
	return v
}

// name returns the name of a person; "" when no claim has one that can be shown.
func (p *Provider) name(c claims) string {
	from := []string{"preferred_username", "email"}
	if p.o.NameClaim != "" {
		from = []string{p.o.NameClaim}
	}
	for _, claim := range from {
		if claim == "email" && c["email_verified"] == false && p.o.NameClaim == "" {
			continue
		}
		if s, _ := c.at(claim).(string); presentable(s) {
			return s
		}
	}
	return ""
}

// presentable reports whether a text may stand for a person in the log and on the page.
func presentable(s string) bool {
	return s != "" && len(s) <= maxName && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, func(r rune) bool {
		return !unicode.IsPrint(r)
	})
}

// person returns the person whom the claims describe.
func (p *Provider) person(c claims, id *lib.IDToken) (Person, error) {
	who := Person{Subject: id.Subject, Name: p.name(c), Until: id.Expiry}
	if who.Name == "" && p.o.NameClaim == "" && presentable(id.Subject) {
		who.Name = id.Subject
	}
	if who.Name == "" {
		return Person{}, fault(Setup, "the provider gave no name that can be shown (claim %s)", p.o.NameClaim)
	}
	switch v := c.at(p.o.GroupsClaim).(type) {
	case nil:
		return who, nil
	case string:
		who.Groups, who.Told = []string{v}, true
	case []any:
		who.Told = true
		for _, g := range v[:min(len(v), maxGroups)] {
			s, ok := g.(string)
			if !ok {
				return Person{}, fault(Setup, "the claim %s is not a list of strings", p.o.GroupsClaim)
			}
			who.Groups = append(who.Groups, s)
		}
	default:
		return Person{}, fault(Setup, "the claim %s is neither a string nor a list of strings", p.o.GroupsClaim)
	}
	return who, nil
}
