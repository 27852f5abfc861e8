package archive

import (
	"errors"
	"syscall"
)

// linksUnsupported reports whether err, the error of a link call, says that the file system has no
// hard links. FAT, SMB and many FUSE file systems have none.
func linksUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
