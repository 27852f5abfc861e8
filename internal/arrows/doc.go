// Package arrows contains tests of the whole tree. For example, a package imports only what its
// line in the table allows, and every test that docs/failures.md names exists.
package arrows
