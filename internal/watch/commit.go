package watch

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"

	"ksefworker/internal/intake"
	"ksefworker/internal/invoice"
	"ksefworker/internal/ledger"
	"ksefworker/internal/results"
)

// outcome is the JSON document that the watch writes beside a file. It has the result, and what was
// wrong with a refused file.
type outcome struct {
	results.Result
	remarks
	Faults []documentFault `json:"faults,omitempty"`
}

// remarks are what a person or a program should know of a file whose invoice is in the ledger. They
// are kept on record until the result is written.
type remarks struct {
	Note    string       `json:"note,omitempty"`    // what differs from what was handed in before
	Warning string       `json:"warning,omitempty"` // it was taken although something is odd
	Terms   *termsAnswer `json:"terms,omitempty"`   // what became of terms or a ref that differ from those on record
}

type termsAnswer struct {
	Applied bool   `json:"applied"`
	Text    string `json:"text"`
}

// remarksOf returns the remarks that follow from an answer about a file whose invoice is in the
// ledger or in the archive.
func remarksOf(a *intake.Admission) remarks {
	short := func(text string) string { return invoice.Shorten(text, 1000) } // a text may quote the document
	r := remarks{Note: short(a.Differs)}
	if a.Taken == ledger.Refused {
		r.Note = short("it was taken before and goes on as it is, but it would be refused now: " + intake.OneLine(a.Err))
	}
	if a.Warning != nil {
		r.Warning = short(intake.OneLine(a.Warning))
	}
	if a.Terms.Text != "" {
		r.Terms = &termsAnswer{a.Terms.Applied, short(a.Terms.Text)}
	}
	return r
}

// documentFault is one thing that is wrong with a document.
type documentFault struct {
	Field  string `json:"field"`
	Rule   string `json:"rule"`
	Value  string `json:"value,omitempty"`
	Line   int    `json:"line,omitempty"`
	Column int    `json:"column,omitempty"`
	Hint   string `json:"hint,omitempty"`
}

// outcome returns the result document of a file. The document has the name that the other program
// gave this file, because the same invoice may have been handed in under several names.
func (fl *filer) outcome(f *file, r results.Result) []byte {
	r.File = fl.path(fl.original(f.name))
	return marshal(outcome{Result: r, remarks: f.remarks})
}

// commit puts a file into a place, with its result and its receipt beside it. The file itself is
// moved last. So a program that sees the file also sees its result and receipt. If a process is
// killed before the move, the file stays where it was, and the next process begins again. commit
// reports whether the file is in its place. If it is not, commit has noted the problem or logged
// the reason.
func (fl *filer) commit(f *file, place string, result, receipt []byte) bool {
	from, to := f.place+"/"+f.name, place+"/"+f.name
	if from != to && fl.replaced(f) {
		return false
	}
	if err := fl.put(f, place, result, receipt); err != nil {
		fl.problem(from, "its outcome cannot be written: "+fault(err))
		return false
	}
	if from == to {
		return true
	}
	fl.o.Log.Info().Str("file", f.name).Func(f.named).Str("place", place).Msg("decided")
	fl.decided[place]++
	f.place = place
	if f.id != "" {
		if err := fl.journal.save(f); err != nil {
			fl.o.Log.Warn().Err(err).Str("file", f.name).
				Msg("the record of a file cannot be written; the next watch finds the file by its place")
		}
	}
	// Remove what an earlier outcome, or a process that was killed, has left in the other places.
	for _, other := range places {
		for _, end := range []string{resultEnd, receiptEnd} {
			if name := other + "/" + f.name + end; other != place && fl.disk.exists(name) && !fl.delivered(f.name+end) {
				if err := fl.disk.remove(name); err != nil {
					fl.o.Log.Warn().Err(err).Str("file", name).Msg("an old result or receipt of this file cannot be removed")
				}
			}
		}
	}
	return true
}

// put writes the result and the receipt, and then moves the file. It overwrites nothing that
// another program delivered. [taker.freeName] has made sure that no such file is in the way, but a
// person, or an earlier build, may have put one there.
func (fl *filer) put(f *file, place string, result, receipt []byte) error {
	from, to := f.place+"/"+f.name, place+"/"+f.name
	switch {
	case from != to && fl.disk.exists(to):
		return inTheWay(to)
	case result != nil && fl.delivered(f.name+resultEnd):
		return inTheWay(to + resultEnd)
	case receipt != nil && fl.delivered(f.name+receiptEnd):
		return inTheWay(to + receiptEnd)
	}
	if result != nil {
		if err := fl.disk.write(to+resultEnd, result, true); err != nil {
			return err
		}
	}
	if receipt != nil {
		if err := fl.disk.write(to+receiptEnd, receipt, true); err != nil {
			return err
		}
	}
	if from == to {
		return fl.journal.save(f)
	}
	if isJSON(f.name) {
		if made := madeName(f.name, f.sum); fl.disk.exists(made) {
			if err := fl.disk.move(made, to+xmlEnd); err != nil {
				return err
			}
		}
		// A process that was killed may have moved the XML already.
		if at := slices.IndexFunc(places, func(p string) bool { return p != place && fl.disk.exists(p+"/"+f.name+xmlEnd) }); at >= 0 {
			if err := fl.disk.move(places[at]+"/"+f.name+xmlEnd, to+xmlEnd); err != nil {
				return err
			}
		}
	}
	err := fl.disk.move(from, to)
	if errors.Is(err, fs.ErrNotExist) && !fl.disk.exists(from) {
		fl.o.Log.Warn().Str("file", from).Func(f.named).
			Msg("a person or a program has removed the file: its outcome is written without it")
		return nil
	}
	if err != nil {
		return err
	}
	fl.disk.removeEmpty(path.Dir(from))
	return nil
}

// showXML moves the XML that was made of a file in taken/ beside that file.
func (fl *filer) showXML(f *file) {
	if made := madeName(f.name, f.sum); isJSON(f.name) && fl.disk.exists(made) {
		if err := fl.disk.move(made, taken+"/"+f.name+xmlEnd); err != nil {
			fl.o.Log.Warn().Err(err).Str("file", f.name).
				Msg("the XML that was made of this file cannot be moved beside it yet; it is moved when the outcome is written")
		}
	}
}

// replaced reports whether a person has put another document in the place of a file in taken/. The
// new document does not get the outcome of the document that was handed in before. Instead, it is
// handed in too.
func (fl *filer) replaced(f *file) bool {
	if f.place != taken || f.sum == "" {
		return false
	}
	raw, err := fl.disk.readTaken(f.name, fl.o.MaxDocument)
	if err != nil || sumOf(raw) == f.sum {
		return false // if the file cannot be read, moving it reports the error
	}
	fl.o.Log.Warn().Str("file", f.name).Func(f.named).
		Msg("another document is in the place of the one that was handed in: it is handed in too, and the first one goes on without a file")
	if isJSON(f.name) {
		err = fl.disk.remove(taken + "/" + f.name + xmlEnd) // this XML was made of the document that was replaced
	}
	if err == nil && f.id != "" {
		err = fl.journal.forget(f)
	}
	if err != nil {
		fl.problem(taken+"/"+f.name, "another document is in its place, and the record of the first one cannot be removed: "+fault(err))
	}
	return true
}

func inTheWay(name string) error {
	return fmt.Errorf("another file has the name %s, or will get it: give that other file another name", name)
}

// receipt returns the UPO that a result names. It returns nil when there is none, or when it cannot
// be read now.
func (fl *filer) receipt(ctx context.Context, r results.Result) []byte {
	if r.UPO == "" {
		return nil
	}
	raw, err := fl.o.Receipt(ctx, r)
	if err != nil {
		fl.o.Log.Warn().Err(err).Str("id", r.ID).Msg("a receipt (UPO) cannot be read from the archive")
		return nil
	}
	return raw
}
