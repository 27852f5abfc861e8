// Package sample makes FA(3) invoices for the demo, the tests and the benchmarks. The invoices have
// realistic Polish content and sums that are right to the grosz, and they are valid against the
// Ministry's schema. The same Options always give the same bytes. The package also makes invoices
// with one known flaw each.
//
// All companies, people and bank accounts are invented. The NIPs have right check digits, so some
// of them may belong to somebody by chance.
//
// Every function is stateless and safe for concurrent use.
package sample
