// Package results has the one document that tells what became of an invoice. Listings, JSON output
// and the archive all use it, so that a field is added here and appears everywhere.
package results
