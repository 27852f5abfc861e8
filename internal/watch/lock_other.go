//go:build !unix

package watch

import (
	"errors"
	"os"
)

// lock takes the folder for this process. Without a lock that ends with the process, two watches
// could move the same files.
func lock(*os.Root) (unlock func(), err error) {
	return nil, errors.New("a folder cannot be watched on this system, which has no locks of the kind that is needed: " +
		"watch it over the network from Linux")
}
