package tasks

import "time"

const (
	// parallelBuilds is how many packages one worker builds and uploads at a time. Each of them
	// keeps a core busy and a spool file on disk.
	parallelBuilds = 3
	// tenantBuilds is how many of those may be of one tenant, so that twenty packages of one tenant
	// do not delay the only package of another.
	tenantBuilds = 2
	// buildLater is the pause of a package that was not built because too many others were being
	// built. It is also the pause of a package from which unreadable documents were set aside. In
	// both cases the task ends and comes back later. A task that waited would occupy one of the
	// worker's places for tasks. Many such tasks would occupy all places, and single sends could
	// not run.
	buildLater = time.Second
	// maxOpenWait is how long a built package waits for its session.
	maxOpenWait = 15 * time.Second
)

func newBuilds() *bulkhead { return newBulkhead(parallelBuilds, tenantBuilds) }
