package tasks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"time"

	"ksefworker/internal/archive"
	"ksefworker/internal/ksef"
)

// attestation finds the receipt of a session, in the archive or at KSeF, and archives it. why says
// why there is no receipt, or what the receipt lacks. The function lacks says what a given receipt
// lacks, or "" when it is complete. Only a complete receipt is archived under the session's own
// name, because an archived object is never replaced.
//
// In the archive, a receipt lies under the day that the session's reference begins with. If the
// reference does not begin with a day, the argument day is used. So the receipt is found there
// again when it is needed years later, for the original of a duplicate. A receipt that is there
// already with other bytes is just as good, because KSeF may sign it again for each request.
func (ar *archivist) attestation(
	ctx context.Context, t Transport, nip, session, day string, lacks func(ksef.Receipt) string,
) (upo sessionUPO, why string, err error) {
	if len(session) > 8 {
		if d, err := time.Parse("20060102", session[:8]); err == nil {
			day = d.Format(time.DateOnly)
		}
	}
	base, bad := archive.ReceiptName(nip, day, session), []string(nil)
	for n := 1; ; n++ {
		name := archive.CopyName(base, n)
		raw, err := ar.Store.Get(ctx, name)
		fresh := errors.Is(err, archive.ErrNotFound)
		if fresh {
			raw, err = t.SessionUPO(ctx, session)
			if api, kind := kindOf(err); kind == ksef.KindRefused {
				return sessionUPO{}, api.Error(), nil
			}
		}
		var r ksef.Receipt
		if err == nil {
			if r, err = ksef.ParseReceipt(raw); err != nil && fresh {
				// An unreadable receipt must stay out of the archive, because an archived object is
				// never replaced.
				return sessionUPO{}, err.Error(), nil
			}
			if err != nil {
				err = errors.Join(archive.ErrCorrupt, err)
			}
		}
		if !fresh && damaged(err) && n < maxCopies {
			bad = append(bad, name)
			continue
		}
		if err != nil {
			return sessionUPO{}, "", err
		}
		if why = lacks(r); why != "" && !fresh && n < maxCopies {
			continue // an older build archived receipts that lack something: KSeF is asked again
		}
		if why != "" {
			part := archive.ReceiptCopyName(nip, day, session, fingerprint(raw))
			return sessionUPO{receipt: r, raw: raw, part: part}, why, nil
		}
		upo, err = ar.keepReceipt(ctx, name, raw, r)
		if bad != nil && err == nil {
			upo.damage = ar.archiving.besideDamaged(bad, name)
			if fresh {
				ar.o.Log.Error().Str("session", session).Strs("damaged", bad).Str("copy", name).
					Msg("the archived receipt is damaged and was left as it is; the sound one lies beside it")
			}
		}
		return upo, "", err
	}
}

// keepParts archives receipts that lack something. It is called after an hour of asking, or at once
// if the package's session ended in any other way than processed. From then on, the invoices that
// such a receipt attests must not wait any longer for the invoices that it lacks.
func (ar *archivist) keepParts(ctx context.Context, a attestations) error {
	for session, upo := range a.bySession {
		if upo.part == "" {
			continue
		}
		kept, err := ar.keepReceipt(ctx, upo.part, upo.raw, upo.receipt)
		if err != nil {
			return err
		}
		a.bySession[session] = kept
	}
	return nil
}

// keepReceipt makes sure that a receipt is on disk. It also flushes a receipt that was there
// already, because what another process wrote is durable only after a flush.
func (ar *archivist) keepReceipt(ctx context.Context, name string, raw []byte, r ksef.Receipt) (sessionUPO, error) {
	err := ar.Store.Put(ctx, name, raw, "application/xml")
	if err == nil || errors.Is(err, archive.ErrConflict) { // another process stored it in other bytes just now
		err = ar.Store.Flush(ctx, name)
	}
	if err != nil {
		return sessionUPO{}, err
	}
	return sessionUPO{url: ar.Store.URL(name), receipt: r}, nil
}

func fingerprint(raw []byte) string {
	sum := sha256.Sum256(raw)
	return hex.EncodeToString(sum[:6])
}
