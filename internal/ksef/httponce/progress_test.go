package httponce

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestExhausted_IsTrueOnlyForShortagesOfThisMachine(t *testing.T) {
	dial := func(err error) error { return fmt.Errorf("sent: %w", &net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"no file descriptors are left":                   {dial(os.NewSyscallError("socket", syscall.EMFILE)), true},
		"no file descriptors are left on the machine":    {dial(os.NewSyscallError("socket", syscall.ENFILE)), true},
		"no ports are left":                              {dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), true},
		"no file descriptors are left to resolve a name": {dial(&net.DNSError{Err: "dial udp: socket: too many open files"}), true},
		"no host has the name":                           {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), false},
		"nobody listens":                                 {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), false},
		"no route":                                       {dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), false},
		"another error has the text of a shortage":       {errors.New("too many open files"), false},
	} {
		if got := exhausted(c.err); got != c.want {
			t.Errorf("when %s, exhausted returns %v, want the opposite", name, got)
		}
	}
}
