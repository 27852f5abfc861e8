// Package deploy holds what the container files need, and the tests that hold those files against the program.
package deploy
