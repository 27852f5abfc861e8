//go:build !linux

package watch

// isShare reports true, so that the folder is polled. Whether this system tells of all changes in a
// folder is unknown.
func isShare(string) bool { return true }

// sync does nothing, because this system has no call for it.
func (d *disk) sync() error {
	d.step("sync")
	return nil
}
