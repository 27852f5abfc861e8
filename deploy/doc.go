// Package deploy holds the files with which the programs are deployed, and tests that compare these
// files, the Dockerfile and the compose files with the programs.
package deploy
