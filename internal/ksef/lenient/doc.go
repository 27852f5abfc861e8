// Package lenient reads JSON that is almost what was agreed. For example, a number is in quotes, a
// list stands where one text was due, or a string has a control character. KSeF answers for ten
// thousand invoices at a time, and one odd field of one of them must not make the others
// unreadable. So no type of this package fails to decode, except a [List] with an entry that fails.
// An unusable value becomes the zero value, "not given".
//
// Use it for fields that are only shown. If a decision depends on a value, the caller must check
// that the value was given.
package lenient
