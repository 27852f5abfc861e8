package ksef

import (
	"errors"
	"net"
	"slices"
	"strings"
	"syscall"
)

// shortages are what a call of the system fails with when this machine, or this process, has no
// more of what it needs.
var shortages = []syscall.Errno{
	syscall.EMFILE, syscall.ENFILE, syscall.ENOBUFS, syscall.ENOMEM, syscall.EADDRNOTAVAIL,
}

// Exhausted reports whether something failed for lack of file descriptors, ports or memory of this
// process or its machine. The resolver keeps only the text of what it failed with.
func Exhausted(err error) bool {
	dns, ofName := errors.AsType[*net.DNSError](err)
	return slices.ContainsFunc(shortages, func(s syscall.Errno) bool {
		return errors.Is(err, s) || ofName && strings.Contains(dns.Err, s.Error())
	})
}
