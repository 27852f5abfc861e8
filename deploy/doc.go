// Package deploy holds the files that the containers need, and tests that compare the container
// files with the program.
package deploy
