package sinks

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"syscall"
	"time"
)

// addressError says that a name leads to an address that must not be called.
type addressError struct {
	Address netip.Addr
	Why     string
}

func (e *addressError) Error() string {
	return fmt.Sprintf("%s is %s", e.Address, e.Why)
}

// dialer returns a dialer that checks each address after the name was resolved, just before it
// connects. So a name that leads to another address the next time is checked again.
func dialer(allowPrivate bool) *net.Dialer {
	return &net.Dialer{
		Timeout: 10 * time.Second, KeepAlive: 30 * time.Second,
		Control: func(_, address string, _ syscall.RawConn) error {
			at, err := netip.ParseAddrPort(address)
			if err != nil {
				return fmt.Errorf("address %s cannot be read", address)
			}
			return checkAddress(at.Addr(), allowPrivate)
		},
	}
}

// Networks that no webhook is in, or that lead back into private networks.
var (
	shared    = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598, between a provider and its customers
	benchmark = netip.MustParsePrefix("198.18.0.0/15") // RFC 2544
	protocol  = netip.MustParsePrefix("192.0.0.0/24")  // RFC 6890
	thisNet   = netip.MustParsePrefix("0.0.0.0/8")
	reserved  = netip.MustParsePrefix("240.0.0.0/4")
	nat64     = netip.MustParsePrefix("64:ff9b::/96") // RFC 6052: the last four bytes are an IPv4 address
	local64   = netip.MustParsePrefix("64:ff9b:1::/48")
	sixToFour = netip.MustParsePrefix("2002::/16") // RFC 3056: bytes 3 to 6 are an IPv4 address
	// Old forms whose last four bytes are an IPv4 address: RFC 4291 2.5.5.1 and RFC 2765.
	compatible = netip.MustParsePrefix("::/96")
	translated = netip.MustParsePrefix("::ffff:0:0:0/96")
	siteLocal  = netip.MustParsePrefix("fec0::/10") // RFC 3879: private once, and given up
)

// credentials are the addresses at which clouds answer with credentials, other than link-local
// addresses.
var credentials = []netip.Addr{
	netip.MustParseAddr("fd00:ec2::254"),   // AWS
	netip.MustParseAddr("fd20:ce::254"),    // Google
	netip.MustParseAddr("168.63.129.16"),   // Azure
	netip.MustParseAddr("100.100.100.200"), // Alibaba
}

// checkAddress refuses addresses that are never a receiver:
//   - link-local addresses, and others at which clouds answer with credentials
//   - multicast groups
//   - addresses that belong to no machine
//
// Without allowPrivate, it also refuses addresses of this machine and of private networks.
func checkAddress(a netip.Addr, allowPrivate bool) error {
	a = a.Unmap().WithZone("")
	switch raw := a.As16(); {
	case a == netip.IPv6Loopback() && allowPrivate:
		return nil
	case a == netip.IPv6Loopback():
		return inside(a)
	case a.IsUnspecified():
		return &addressError{a, "not the address of a single machine"}
	case nat64.Contains(a), compatible.Contains(a), translated.Contains(a):
		return checkAddress(netip.AddrFrom4([4]byte(raw[12:16])), allowPrivate)
	case sixToFour.Contains(a):
		return checkAddress(netip.AddrFrom4([4]byte(raw[2:6])), allowPrivate)
	case a.IsLinkLocalUnicast():
		return &addressError{a, "a link-local address, which is never a receiver"}
	case slices.Contains(credentials, a):
		return &addressError{a, "an address at which a cloud answers with credentials, which is never a receiver"}
	case a.IsMulticast(), thisNet.Contains(a), reserved.Contains(a):
		return &addressError{a, "not the address of a single machine"}
	case allowPrivate:
		return nil
	case a.IsLoopback(), a.IsPrivate(), shared.Contains(a), benchmark.Contains(a), protocol.Contains(a), local64.Contains(a),
		siteLocal.Contains(a):
		return inside(a)
	}
	return nil
}

func inside(a netip.Addr) error {
	return &addressError{a, "an address of this machine or of a private network: set allow_private for this webhook if the receiver " +
		"is there"}
}
