// Package lenient reads JSON that is almost what was agreed: a number in quotes, a list where one
// text was due, a control character inside a string. KSeF answers for ten thousand invoices at a
// time, and one odd field of one of them must not make the others unreadable. So no type of this
// package fails to decode, except a [List] with an entry that fails. A value that cannot be used is
// the zero value, "not given".
//
// Use it for fields that are shown, or whose absence the caller checks. Do not use it for a value
// on which a decision depends, unless the caller checks that the value was given.
package lenient
