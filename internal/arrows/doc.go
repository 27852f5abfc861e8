// Package arrows contains tests of the whole tree: imports flow in one direction, from the top of
// the table to the bottom, and every test that docs/failures.md names exists.
package arrows
