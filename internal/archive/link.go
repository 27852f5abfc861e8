package archive

import (
	"errors"
	"syscall"
)

// linksUnsupported reports whether the file system has no hard links (FAT, SMB, many FUSE ones), as
// opposed to having refused this one.
func linksUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
