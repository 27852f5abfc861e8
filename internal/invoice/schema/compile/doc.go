// Package compile reads XML Schema files and makes the table that package schema runs on. It knows
// the part of XML Schema 1.0 that invoices use. It fails at anything else; the error names the
// unknown part and its line. If compile left a rule out instead, nobody would find the documents
// that break the rule.
//
// It is for the generator and for tests; no program of the project links it.
//
// Reading order: forms.go, compile.go, read.go, names.go, simple.go, facets.go, complex.go,
// particle.go, automaton.go, states.go, pattern_parse.go, pattern_brackets.go, pattern_classes.go,
// pattern_automaton.go, write.go.
package compile
