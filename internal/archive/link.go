package archive

import (
	"errors"
	"syscall"
)

// linksUnsupported tells a file system that has no hard links (FAT, SMB, many FUSE ones) from one that refused this link.
func linksUnsupported(err error) bool {
	return errors.Is(err, errors.ErrUnsupported) || errors.Is(err, syscall.EPERM) || errors.Is(err, syscall.EMLINK)
}
