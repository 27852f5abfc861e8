package ratelimit

import "context"

type objectKey struct{}

// WithObject returns a context for requests about one object, such as a session or an invoice. If
// only one object fails, the cause may be that object, so its failures open no circuit (see
// [Pair]). The context carries the object through a client that knows nothing of circuits. An inner
// WithObject replaces an outer one.
func WithObject(ctx context.Context, object string) context.Context {
	return context.WithValue(ctx, objectKey{}, object)
}

// ObjectOf returns the object that [WithObject] put into the context, "" when there is none.
func ObjectOf(ctx context.Context) string {
	object, _ := ctx.Value(objectKey{}).(string)
	return object
}
