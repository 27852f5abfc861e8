//go:build !unix || solaris || illumos || aix

package sinks

import "os"

// noLink changes nothing here.
const noLink = 0

// tryLock always succeeds, because this system has no locks of the kind that is needed.
func tryLock(*os.File) (bool, error) { return true, nil }
