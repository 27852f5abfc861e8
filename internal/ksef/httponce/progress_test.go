package httponce

import (
	"errors"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
)

func TestExhausted_OnlyWhatThisMachineLacks(t *testing.T) {
	dial := func(err error) error { return fmt.Errorf("sent: %w", &net.OpError{Op: "dial", Net: "tcp", Err: err}) }
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"file descriptors":                {dial(os.NewSyscallError("socket", syscall.EMFILE)), true},
		"file descriptors of the machine": {dial(os.NewSyscallError("socket", syscall.ENFILE)), true},
		"ports":                           {dial(os.NewSyscallError("connect", syscall.EADDRNOTAVAIL)), true},
		"file descriptors while a name is resolved": {dial(&net.DNSError{Err: "dial udp: socket: too many open files"}), true},
		"no such name":      {dial(&net.DNSError{Err: "no such host", IsNotFound: true}), false},
		"nobody listens":    {dial(os.NewSyscallError("connect", syscall.ECONNREFUSED)), false},
		"no route":          {dial(os.NewSyscallError("connect", syscall.ENETUNREACH)), false},
		"a text of another": {errors.New("too many open files"), false},
	} {
		if got := exhausted(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}
