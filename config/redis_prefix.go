package config

import "regexp"

// prefixes allows one colon, at the end, so that the keys of one pool never include those of
// another: deleting everything under ksef: deletes nothing of ksef-test:.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}:$`)

const defaultPrefix = "ksef:"

// AsynqPrefix returns the prefix of asynq's keys. With the default prefix it is empty: the keys
// keep asynq's own names, and its tools (asynqmon, its command line) find the queues. With any
// other prefix it is Prefix.
func (r Redis) AsynqPrefix() string {
	if r.Prefix == defaultPrefix {
		return ""
	}
	return r.Prefix
}
