// Package sample makes FA(3) invoices for the demo, the tests and the benchmarks: realistic Polish content, sums right to the grosz, valid against the
// ministry's schema, the same bytes for the same Options; and invoices that are bad in one known way each.
//
// All companies, people and bank accounts are invented. NIPs have right check digits, and whether one is somebody's is chance.
//
// Nothing here keeps state: every function is safe for concurrent use.
package sample
