// Package xsd validates invoices in full against the ministry's XML Schemas, which it reads from a folder: they are not ours to ship.
//
// It is a package of its own because the schema library it stands on adds some 13 MB to a binary, and because validation is a choice: package
// invoice already finds what goes wrong most often, at a thousandth of the cost.
package xsd
