//go:build !linux

package watch

// isShare reports true: whether the system tells of all changes in a folder is not known here, so
// the folder is read all the time.
func isShare(string) bool { return true }
