package tasks

import "time"

const (
	// parallelBuilds is how many packages one worker builds and uploads at a time: each keeps a core busy and a spool file on disk.
	parallelBuilds = 3
	// tenantBuilds is how many of those may be of one tenant, so that twenty packages of one do not stand before the only one of another.
	tenantBuilds = 2
	// buildLater is when a package comes back that found no place. It does not wait here: it would hold a worker, and with many packages all of them, while single sends stand by.
	buildLater = time.Second
	// openPatience is how long a package that is built waits for its session.
	openPatience = 15 * time.Second
)

func newBuilds() *bulkhead { return newBulkhead(parallelBuilds, tenantBuilds) }
