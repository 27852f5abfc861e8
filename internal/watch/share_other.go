//go:build !linux

package watch

// isShare reports true: whether the system tells of all changes in a folder is not known here, so
// the folder is polled.
func isShare(string) bool { return true }

// sync does nothing: this system has no call for it.
func (d *disk) sync() error {
	d.step("sync")
	return nil
}
