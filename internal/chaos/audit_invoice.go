package chaos

import (
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"ksefworker/internal/simulator"
)

const (
	// duplicate is KSeF's code for an invoice that it already has. It shows that the invoice was
	// sent a second time.
	duplicate = 440
	// refusedBySchema is KSeF's code for a bad invoice, which has one of two flaws. The code is the
	// same for both.
	refusedBySchema = 450
	// maxResends is how many times a worker promises to send an invoice again before it parks it.
	maxResends = 3
)

// checkInvoice checks one invoice against what KSeF decided about it and against the archive.
func checkInvoice(f *Figures, it *item, accepted []simulator.Accepted, rejected []simulator.Rejected, a *archived) error {
	if it.bad {
		f.Bad++
		return checkBad(f, it, accepted, rejected, a)
	}
	return checkGood(f, it, accepted, rejected, a)
}

func checkGood(f *Figures, it *item, accepted []simulator.Accepted, rejected []simulator.Rejected, a *archived) error {
	for _, x := range rejected {
		if x.Code == duplicate {
			return fmt.Errorf("sent again in session %s after KSeF had accepted it", x.Session)
		}
	}
	got, err := a.result(it)
	if err == nil && got.State == "parked" {
		f.Parked++
		if askedTooOften(rejected) && len(accepted) == 0 {
			f.Explained++
			return nil
		}
		return fmt.Errorf("parked: %d %s", got.Code, got.Reason)
	}
	if len(accepted) != 1 {
		return fmt.Errorf("KSeF accepted it %d times (%v), the archive says %q %s", len(accepted), err, got.State, got.Reason)
	}
	one := accepted[0]
	switch {
	case err != nil:
		return err
	case one.Hash != hex.EncodeToString(it.hash[:]):
		return fmt.Errorf("KSeF has other bytes than were handed in (%s)", one.Hash)
	case got.State != "receipted":
		return fmt.Errorf("KSeF accepted it as %s, the archive says %s", one.KsefNumber, got.State)
	case got.KsefNumber != one.KsefNumber:
		return fmt.Errorf("KSeF accepted it as %s, the archive says %s", one.KsefNumber, got.KsefNumber)
	}
	f.Accepted++
	if err := a.checkDocument(it, got); err != nil {
		return err
	}
	return a.checkReceipt(it, got, one.Session)
}

// The codes 435, 500 and 550 of KSeF ask to send an invoice again. askedTooOften reports whether
// KSeF gave these codes to an invoice more often than a worker sends it again. Of all the faults
// that a run orders, only these answers force the worker to park the invoice.
func askedTooOften(rejected []simulator.Rejected) bool {
	asked := 0
	for _, x := range rejected {
		switch x.Code {
		case 435, 500, 550:
			asked++
		}
	}
	return asked > maxResends
}

func checkBad(f *Figures, it *item, accepted []simulator.Accepted, rejected []simulator.Rejected, a *archived) error {
	if it.refused {
		if n := len(accepted) + len(rejected) + len(a.results[it.invoice()]); n > 0 {
			return fmt.Errorf("the folder refuses it, and KSeF or the archive has it %d times", n)
		}
		f.Refused++
		return nil
	}
	got, err := a.result(it)
	bySchema := func(x simulator.Rejected) bool { return x.Code == got.Code && x.Code == refusedBySchema }
	switch {
	case len(accepted) > 0:
		return fmt.Errorf("is bad, and KSeF accepted it as %s", accepted[0].KsefNumber)
	case err != nil:
		return err
	case got.State != "rejected":
		return fmt.Errorf("is bad, and the archive says %s (%d %s)", got.State, got.Code, got.Reason)
	case !slices.ContainsFunc(rejected, bySchema):
		return fmt.Errorf("rejected with %d, KSeF's books say %v", got.Code, rejected)
	case got.Reason == "":
		return errors.New("rejected without a reason")
	}
	f.Rejected++
	return nil
}
