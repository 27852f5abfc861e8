package config

import "regexp"

// prefixes has one colon, at the end, so that no pool's keys are within another's: to drop all of
// ksef: takes nothing of ksef-test:.
var prefixes = regexp.MustCompile(`^[A-Za-z0-9._-]{1,32}:$`)

const defaultPrefix = "ksef:"

// AsynqPrefix begins asynq's keys. With the default prefix they keep the names that asynq gives
// them, by which its own tools (asynqmon, its command line) find the queues; with any other they
// begin as all keys do.
func (r Redis) AsynqPrefix() string {
	if r.Prefix == defaultPrefix {
		return ""
	}
	return r.Prefix
}
