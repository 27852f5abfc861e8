package ksef

import (
	"errors"
	"slices"
	"syscall"
)

// Shortages returns the errors of a system call when this process, or its machine, has no file
// descriptors, memory or ports left.
func Shortages() []syscall.Errno {
	return []syscall.Errno{syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL}
}

// Exhausted reports whether something failed for lack of file descriptors, ports or memory of this
// process or its machine.
func Exhausted(err error) bool {
	return slices.ContainsFunc(Shortages(), func(s syscall.Errno) bool { return errors.Is(err, s) })
}
