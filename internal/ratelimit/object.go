package ratelimit

import "context"

type subject struct{}

// About returns a context whose requests are about one object: a session, an invoice. What is asked
// about one object alone may be sick alone, so it opens no circuit; see [Pair]. It lets a caller say
// so through a client that knows nothing of circuits. An inner About replaces an outer one.
func About(ctx context.Context, object string) context.Context {
	return context.WithValue(ctx, subject{}, object)
}

// Subject is what a context's requests are about; "" when nobody has said.
func Subject(ctx context.Context) string {
	object, _ := ctx.Value(subject{}).(string)
	return object
}
