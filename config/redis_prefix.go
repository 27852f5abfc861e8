package config

import "regexp"

// prefixes allows a colon only at the end, so that no key of one pool begins with the prefix of
// another. A pool with the prefix "ksef:test:" would lose its keys when somebody deletes all keys
// that begin with "ksef:".
var prefixes = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}:$`)

const defaultPrefix = "ksef:"

// AsynqPrefix returns the prefix of asynq's keys. With the default prefix it is empty, so that
// asynq's tools (asynqmon, its command line) find the queues under asynq's own names. Any other
// prefix is the prefix of asynq's keys too.
func (r Redis) AsynqPrefix() string {
	if r.Prefix == defaultPrefix {
		return ""
	}
	return r.Prefix
}
