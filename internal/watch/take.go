package watch

import "time"

// take moves a complete file into taken/. From then on the other program can write the file only if
// it still has the file open. In that case the document may be cut off. A document that is cut off
// is refused.
func (t *taker) take(name string, now time.Time) error {
	own := t.freeName(name, now)
	if err := t.journal.named(own, name); err != nil {
		return err
	}
	if err := t.disk.move(name, taken+"/"+own); err != nil {
		t.journal.unname(own)
		return err
	}
	t.o.Log.Info().Str("file", name).Str("as", own).Msg("taken")
	return nil
}
