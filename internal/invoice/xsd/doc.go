// Package xsd validates invoices in full against the Ministry's XML Schemas. It reads them from a
// folder, because this project has no right to distribute them.
//
// It is a separate package because its schema library adds some 13 MB to a binary, and because
// validation is optional: package invoice already finds the most frequent faults at a thousandth of
// the cost.
package xsd
