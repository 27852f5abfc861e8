// Package helm holds the tests of the chart in deploy/helm, and of the compose files, which it
// reads with the library of docker compose. The package is a module of its own, because Helm, that
// library and the types of Kubernetes are ten times as large as what the programs link.
package helm
