// Package helm holds the tests of the chart in deploy/helm. It is a module of its own, because Helm
// and the types of Kubernetes are ten times what the programs link.
package helm
