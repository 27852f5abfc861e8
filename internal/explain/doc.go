// Package explain says in plain Polish and English what each code that a person can meet means:
// KSeF's, the gateway's, and this program's own. For each code the package also says on whose side
// the cause is, what to do, and whether the work can be tried again.
//
// The words are one table in the folder words, with one file for each kind of code. So an
// accountant can proofread them without reading a program. The command line uses the table. Every
// other place that shows an invoice to a person may use it too.
//
// This program's own refusals and reasons to park are texts and have no numbers. The table gives
// each of them a name and says which form its text has. A test reads the source of the packages
// that write such texts and fails when one of the texts has no words here.
package explain
