package watch

import (
	"slices"

	"golang.org/x/sys/unix"
)

// shares are the file systems whose files other machines, or the host of a container, change
// without a notice to this system.
var shares = []int64{unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC,
	unix.V9FS_MAGIC, unix.FUSE_SUPER_MAGIC, unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC,
	unix.CODA_SUPER_MAGIC, unix.NCP_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC}

// isShare reports whether a folder is on a share, where the system does not tell of all changes.
func isShare(dir string) bool {
	var fs unix.Statfs_t
	return unix.Statfs(dir, &fs) == nil && slices.Contains(shares, int64(fs.Type))
}

// sync brings everything of the folder's file system to the disk.
func (d *disk) sync() error {
	d.step("sync")
	f, err := d.root.Open(".")
	if err != nil {
		return err
	}
	defer f.Close()
	return unix.Syncfs(int(f.Fd()))
}
