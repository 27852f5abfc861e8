//go:build !unix

package watch

import (
	"errors"
	"os"
)

// lock always returns an error. This system has no lock that ends with the process. Without such a
// lock two watches could move the same files.
func lock(*os.Root) (unlock func(), err error) {
	return nil, errors.New("a folder cannot be watched on this system, which has no locks of the kind that is needed: " +
		"watch it over the network from Linux")
}

// insideAnother returns no error, because [lock] returns one.
func insideAnother(string) error { return nil }
