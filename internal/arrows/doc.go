// Package arrows holds one test: that imports flow one way. The table in it is the shape of the tree, read from top to bottom.
package arrows
