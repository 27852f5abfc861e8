// Package arrows contains tests of the whole tree. For example, they check that a package imports
// only what the table mayImport allows, and that every test named in docs/failures.md exists.
package arrows
