package login

import (
	"fmt"
	"net/netip"
	"strings"
)

// Policy restricts a login to addresses; the zero value allows all.
type Policy struct{ Addresses, Ranges, Masks []string }

// Validate checks the number and the form of the addresses.
func (p Policy) Validate() error {
	for _, list := range [][]string{p.Addresses, p.Ranges, p.Masks} {
		if len(list) > 10 {
			return fmt.Errorf("AllowedIps has %d entries of one kind, 10 are allowed", len(list))
		}
	}
	for _, a := range p.Addresses {
		if ip, err := netip.ParseAddr(a); err != nil || !ip.Is4() {
			return fmt.Errorf("Ip4Address %q is not an IPv4 address", a)
		}
	}
	for _, r := range p.Ranges {
		if _, _, ok := parseRange(r); !ok {
			return fmt.Errorf("Ip4Range %q is not a range of IPv4 addresses", r)
		}
	}
	for _, m := range p.Masks {
		if prefix, err := netip.ParsePrefix(m); err != nil || !prefix.Addr().Is4() {
			return fmt.Errorf("Ip4Mask %q is not an IPv4 network", m)
		}
	}
	return nil
}

func parseRange(text string) (from, to netip.Addr, ok bool) {
	first, last, found := strings.Cut(text, "-")
	from, err := netip.ParseAddr(first)
	to, err2 := netip.ParseAddr(last)
	return from, to, found && err == nil && err2 == nil && from.Is4() && to.Is4() && !to.Less(from)
}

// allows reports whether a client may come from this address. If the policy names any address, a
// client whose address cannot be read is refused.
func (p Policy) allows(ip string) bool {
	if len(p.Addresses)+len(p.Ranges)+len(p.Masks) == 0 {
		return true
	}
	addr, err := netip.ParseAddr(ip)
	if err != nil {
		return false
	}
	addr = addr.Unmap()
	for _, a := range p.Addresses {
		if a == addr.String() {
			return true
		}
	}
	for _, r := range p.Ranges {
		if from, to, ok := parseRange(r); ok && !addr.Less(from) && !to.Less(addr) {
			return true
		}
	}
	for _, m := range p.Masks {
		if prefix, err := netip.ParsePrefix(m); err == nil && prefix.Contains(addr) {
			return true
		}
	}
	return false
}
