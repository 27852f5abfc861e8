package direct

import (
	"context"
	"errors"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// Tokens gives access tokens for one taxpayer. It must be safe for concurrent use.
type Tokens interface {
	// Access returns a token that is alive, and logs in or refreshes when there is none. Its error
	// is an *[ksef.APIError].
	Access(ctx context.Context) (Secret, error)
	// Refused is told that KSeF answered 401 to a token.
	Refused(token Secret)
	// Denied is told that KSeF answered 403 to a token, because the login lacks a right.
	Denied(token Secret)
}

// authorized sends requests with an access token.
type authorized struct {
	api    *API
	tokens Tokens
}

// do sends a call. It fetches the token before the call enters the gate. A request that waited for
// a login inside the gate would hold a place that no other request could use.
//
// After a 401 the call is repeated once with another token. The first token was revoked, or expired
// earlier than KSeF had said. 401 means that nothing was carried out. A second 401 counts as a
// refusal of the credentials. The gate is told of a 401 as of an ordinary answer. If it were told
// of refused credentials, the whole pool would pause the taxpayer because of a token that has
// expired.
func (c authorized) do(ctx context.Context, k httponce.Call, read func(*httponce.Answer) error) error {
	for repeated := false; ; repeated = true {
		token, err := c.tokens.Access(ctx)
		if err != nil {
			return notSent(k, err)
		}
		k.Authorize, k.Renewable = bearer(token), true
		err = c.api.http.Do(ctx, k, read)
		if e, ok := errors.AsType[*ksef.APIError](err); ok && e.MissingPermission() {
			c.tokens.Denied(token)
		}
		if !errors.Is(err, httponce.ErrTokenRefused) {
			return err
		}
		c.tokens.Refused(token)
		if e, ok := errors.AsType[*ksef.APIError](err); ok && repeated {
			e.Kind = ksef.KindUnauthorized
			return e
		}
	}
}

// Ready returns nil when there is a login, and makes one when there is none. It is for a caller
// that has much to prepare for a request, and should not begin while the request could not be sent.
// Its error is an *[ksef.APIError] of a request that was not sent.
func (c authorized) Ready(ctx context.Context) error {
	if _, err := c.tokens.Access(ctx); err != nil {
		return notSent(httponce.Call{Op: "log in", Group: ksef.GroupLogin}, err)
	}
	return nil
}

// bearer authorizes a call by a token.
func bearer(token Secret) func() (httponce.Credentials, error) {
	return func() (httponce.Credentials, error) {
		if token.IsZero() {
			return httponce.Credentials{}, errors.New("there is no token")
		}
		return httponce.Credentials{Header: "Bearer " + token.Reveal(), Secrets: []string{token.Reveal()}}, nil
	}
}

// notSent returns the error of a call for which there was no token. The call itself was not sent,
// whatever became of the login. If KSeF refused the login, the error is of [ksef.KindUnauthorized],
// because the refusal says nothing about the content of the call.
func notSent(k httponce.Call, err error) error {
	e := &ksef.APIError{Op: k.Op, Group: k.Group, Kind: ksef.KindLocal, Err: err}
	if in, ok := errors.AsType[*ksef.APIError](err); ok {
		e.Kind, e.RetryAfter, e.Reason, e.Permissions, e.Advice = in.Kind, in.RetryAfter, in.Reason, in.Permissions, in.Advice
		if in.Kind == ksef.KindRefused {
			e.Kind = ksef.KindUnauthorized
		}
	}
	return e
}
