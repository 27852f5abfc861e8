package ledger

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"strings"
)

// Outcomes that sinks have not taken contain parts of invoices. Their reasons are sealed as in the
// outbox. The answers of sinks are sealed too, because an answer may contain what was sent to the
// sink. Reasons and answers are sealed again like other texts. Outcomes in the outbox never change,
// so they need their key until they leave the outbox, after results.keep.

// AddSinks records the names of sinks. Reseal and SealTally find the texts of a sink by its name.
func (ss *SinkStore) AddSinks(ctx context.Context, sinks ...string) error {
	if len(sinks) == 0 {
		return nil
	}
	// A sick key stops no sink, and [UnreadableStore.SickKeys] reports the key.
	if err := ss.rdb.SAdd(ctx, ss.key(keySinks), sinks).Err(); err != nil && !wrongType(err) {
		return fmt.Errorf("record the names of sinks: %w", err)
	}
	return nil
}

// sinkRecord is a value of a sink that may have sealed texts. It is a list of [Held] as JSON, or
// one text alone.
type sinkRecord struct{ sink, key, field, value string }

// sinkRecords calls do with the records of all sinks. If keys are sick, it calls do with the
// records under the other keys, and returns an [*UnreadableError].
func (ss *SealStore) sinkRecords(ctx context.Context, do func(sinkRecord) error) error {
	sinks, err := ss.rdb.SMembers(ctx, ss.key(keySinks)).Result()
	if err != nil {
		return fmt.Errorf("list sinks: %w", sickOr(err, keySinks))
	}
	var sick []Unreadable
	for _, sink := range sinks {
		key := keySink + sink
		row, err := ss.rdb.HMGet(ctx, ss.key(key), "err").Result()
		if err = skipSick(&sick, sickOr(err, key)); err != nil {
			return fmt.Errorf("read sink %s: %w", sink, err)
		}
		if last := text(cell(row, 0)); isSealedText(last) {
			if err := do(sinkRecord{sink, key, "err", last}); err != nil {
				return err
			}
		}
		for _, key := range []string{keySinkHeld + sink, keySinkFailed + sink} {
			err := ss.eachField(ctx, key, func(field, value string) error {
				return do(sinkRecord{sink, key, field, value})
			})
			if err = skipSick(&sick, err); err != nil {
				return err
			}
		}
	}
	return some(sick)
}

// edit calls change for each sealed text of the record. It passes the additional data of the text,
// and the text without its prefix. It returns the record with the results in place of the texts. A
// record that cannot be read stays as it is.
func (r sinkRecord) edit(change func(aad, packed string) string) (string, error) {
	one := func(aad, stored string) string {
		if packed, sealed := strings.CutPrefix(stored, sealedText); sealed {
			return sealedText + change(aad, packed)
		}
		return stored
	}
	if isSealedText(r.value) {
		return one(sinkText(r.sink), r.value), nil
	}
	var list []Held
	if json.Unmarshal([]byte(r.value), &list) != nil {
		return r.value, nil
	}
	for i := range list {
		h := &list[i]
		h.Err, h.Reason = one(sinkText(r.sink), h.Err), one(reasonText(h.ID), h.Reason)
	}
	raw, err := json.Marshal(list)
	return string(raw), err
}

// resealSinks seals the texts of sinks with the first key, a page at a time. A record that a worker
// changes meanwhile stays as that worker wrote it, until the next call.
func (ss *SealStore) resealSinks(ctx context.Context) (n int, err error) {
	var args []any
	flush := func(least int) error {
		if len(args) == 0 || len(args) < least {
			return nil
		}
		sealed, err := ss.replaceTexts(ctx, args)
		n, args = n+sealed, nil
		return err
	}
	err = ss.sinkRecords(ctx, func(r sinkRecord) error {
		changed := false
		now, err := r.edit(func(aad, packed string) string {
			again, ok := ss.resealed(aad, packed)
			if !ok {
				return packed
			}
			changed = true
			return again
		})
		if err != nil || !changed {
			return err
		}
		args = append(args, r.key, r.field, r.value, now, "")
		return flush(5 * resealPage)
	})
	var sick []Unreadable
	if err = skipSick(&sick, err); err == nil {
		err = flush(0)
	}
	return n, cmp.Or(err, some(sick))
}

// tallySinks counts the sealed texts of sinks, and the sealed reasons of outcomes in the outbox or
// set aside. If keys are sick, it counts the texts under the other keys, and returns an
// [*UnreadableError].
func (ss *SealStore) tallySinks(ctx context.Context, t *Tally) error {
	err := ss.sinkRecords(ctx, func(r sinkRecord) error {
		_, err := r.edit(func(_, packed string) string { t.text(packed, 1); return packed })
		return err
	})
	var sick []Unreadable
	err = skipSick(&sick, err)
	for _, stream := range []string{keyOutbox, keyAside} {
		if err == nil {
			err = skipSick(&sick, ss.tallyOutcomes(ctx, stream, t))
		}
	}
	return cmp.Or(err, some(sick))
}

// tallyOutcomes counts the sealed reasons of a stream of outcomes.
func (ss *SealStore) tallyOutcomes(ctx context.Context, stream string, t *Tally) error {
	for from := "-"; ; {
		page, err := ss.rdb.XRangeN(ctx, ss.key(stream), from, "+", tallyPage).Result()
		if err != nil {
			return fmt.Errorf("read the outbox: %w", sickOr(err, stream))
		}
		if len(page) == 0 {
			return nil
		}
		for _, m := range page {
			if packed, sealed := strings.CutPrefix(text(m.Values["reason"]), sealedText); sealed {
				t.text(packed, 1)
			}
		}
		from = "(" + page[len(page)-1].ID
	}
}
