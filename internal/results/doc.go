// Package results defines the one document that says what became of an invoice. Listings, JSON
// output and the archive all use it, so that a field that is added here appears everywhere.
package results
