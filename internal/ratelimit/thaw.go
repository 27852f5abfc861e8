package ratelimit

import (
	"context"
	_ "embed" // the script
	"fmt"
)

//go:embed lua/thaw.lua
var thawLua string

// Thaw ends the freeze that a 429 has caused, and reports whether there was one. Thaw is for a
// person who knows that KSeF did not ask for the freeze. Something between this program and KSeF
// may answer 429 with a Retry-After of years, and nothing else ends such a freeze. A freeze with
// another cause stays, but a freeze whose cause is not known ends. The requests in the windows stay
// counted.
func (s *Redis) Thaw(ctx context.Context, k Key) (was bool, err error) {
	if err := k.validate(); err != nil {
		return false, fmt.Errorf("end a freeze: %w", err)
	}
	keys := []string{s.key(k), s.prefix + "strikes429:" + k.Tenant + ":" + k.Group}
	was, err = s.eval(ctx, s.thaw, keys, s.now()).Bool()
	if err != nil {
		return false, fmt.Errorf("end the freeze of %s: %w", k, s.sickOr(err, k))
	}
	return was, nil
}
