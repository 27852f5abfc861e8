package login

import (
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"
)

// ErrKeyUnknown is what Options.Decrypt returns when the id names no key in force.
var ErrKeyUnknown = errors.New("the key is unknown or withdrawn")

// TokenRequest is a request to log in with a token.
type TokenRequest struct {
	Challenge string
	Context   Context
	Encrypted []byte
	KeyID     []byte // nil when the client named no key
	Policy    Policy
}

// BeginWithToken takes an encrypted token from a client at the address ip. Every error is a
// *Refusal or ErrKeyUnknown, and is answered with 400. A bad token is no error here. As in KSeF,
// the login begins, and its operation ends with status 450.
func (d *Desk) BeginWithToken(r TokenRequest, ip string) (Begun, error) {
	plain, decrypting := d.opts.Decrypt(r.KeyID, r.Encrypted)
	if errors.Is(decrypting, ErrKeyUnknown) {
		return Begun{}, ErrKeyUnknown
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	challenge, refused := d.take(r.Challenge)
	if refused != nil {
		return Begun{}, refused
	}
	o := &operation{context: r.Context, policy: r.Policy, ip: ip, method: methodToken}
	switch {
	case decrypting != nil:
		o.refuseToken("Nieprawidłowe szyfrowanie tokena")
	case !utf8.Valid(plain):
		o.refuseToken("Nieprawidłowe kodowanie tokena")
	default:
		d.checkToken(o, string(plain), challenge)
	}
	return d.begin(o), nil
}

func (o *operation) refuseToken(details string) { o.end(450, details) }

// checkToken reads token|timestamp. A token itself contains the separator, so the last separator
// counts.
func (d *Desk) checkToken(o *operation, plain string, challenge Challenge) {
	at := strings.LastIndexByte(plain, '|')
	if at < 0 {
		o.refuseToken("Nieprawidłowy token")
		return
	}
	millis, err := strconv.ParseInt(plain[at+1:], 10, 64)
	if err != nil || millis != challenge.Millis {
		o.refuseToken("Nieprawidłowy czas tokena")
		return
	}
	t := d.tokens.bySecret(plain[:at])
	switch {
	case t == nil:
		o.refuseToken("Nieprawidłowy token")
	case t.status == TokenRevoked:
		o.refuseToken("Token unieważniony")
	case t.statusAt(d.opts.Now()) != TokenActive:
		o.refuseToken("Token nieaktywny")
	case t.Context != o.context:
		o.refuseToken("Token nie może być użyty w kontekście " + o.context.Value)
	default:
		o.token, o.identity, o.permissions = t, t.author, t.Permissions
		t.lastUse = d.opts.Now()
	}
}
