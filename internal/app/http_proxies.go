package app

import (
	"net"
	"net/http"
	"net/netip"
	"strings"
	"sync"

	"github.com/rs/zerolog"
)

// proxies are the reverse proxies in front of the worker. Safe for concurrent use.
type proxies struct {
	trusted []netip.Prefix
	secure  bool // browsers are known to use https
	log     zerolog.Logger

	forwarded, https sync.Once // for the messages that are logged once, about a proxy that the configuration does not know
}

// withVisitor lets the handlers see the visitor as the peer of a request that a trusted proxy
// forwarded. The X-Forwarded-For of any other peer is ignored, because somebody who guesses
// passwords could write another address into each request. The log tells once of a proxy that is
// not trusted, because the wrong logins of all its visitors are counted as those of one address.
func (p *proxies) withVisitor(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		given := r.Header.Values("X-Forwarded-For")
		switch peer, err := netip.ParseAddrPort(r.RemoteAddr); {
		case len(given) == 0 || err != nil:
		case p.trusts(peer.Addr()):
			visitor := *r
			visitor.RemoteAddr = net.JoinHostPort(p.visitor(peer.Addr(), given).String(), "0")
			r = &visitor
		default:
			p.forwarded.Do(func() {
				p.log.Warn().Str("from", peer.Addr().String()).
					Msg("requests come through a proxy that http.trusted_proxies does not name: " +
						"wrong logins and the audit log have the proxy's address, so one visitor who guesses passwords slows down all")
			})
		}
		if !p.secure && strings.EqualFold(r.Header.Get("X-Forwarded-Proto"), "https") {
			p.https.Do(func() {
				p.log.Warn().Msg("a proxy says that browsers use https: set http.public_url, so that the cookies of logins " +
					"are for encrypted connections alone")
			})
		}
		next.ServeHTTP(w, r)
	})
}

func (p *proxies) trusts(a netip.Addr) bool {
	a = a.Unmap().WithZone("")
	for _, n := range p.trusted {
		if n.Contains(a) {
			return true
		}
	}
	return false
}

// visitor returns the last address in the headers that no trusted proxy has. Each proxy adds its
// peer at the end. So everything before the visitor's own address may be made up by the visitor,
// and is ignored. When an entry is not an address, visitor returns the address of the proxy that
// passed it on.
func (p *proxies) visitor(peer netip.Addr, headers []string) netip.Addr {
	hops := strings.Split(strings.Join(headers, ","), ",")
	for i := len(hops) - 1; i >= 0 && p.trusts(peer); i-- {
		hop, ok := hopAddress(strings.TrimSpace(hops[i]))
		if !ok {
			break
		}
		peer = hop
	}
	return peer.Unmap().WithZone("")
}

// hopAddress reads an address of X-Forwarded-For. Some proxies write its port, too.
func hopAddress(s string) (netip.Addr, bool) {
	if a, err := netip.ParseAddr(strings.Trim(s, "[]")); err == nil {
		return a, true
	}
	ap, err := netip.ParseAddrPort(s)
	return ap.Addr(), err == nil
}
