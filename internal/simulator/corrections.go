package simulator

import "net/http"

// contextHash names a document that was sent in the context of a taxpayer.
type contextHash struct {
	context string
	hash    [32]byte
}

// noteRefused and noteAccepted remember documents for later technical corrections. The gateway has
// no field for such corrections, so its sessions are left out. The caller holds mu.
func (rg *registry) noteRefused(sess *session, o *outcome) {
	if sess.direct {
		rg.refused[contextHash{sess.context, o.hash}] = true
	}
}

func (rg *registry) noteAccepted(sess *session, a *accepted) {
	if !sess.direct {
		return
	}
	rg.taken[contextHash{sess.context, a.hash}] = true
	if a.corrects != nil {
		rg.corrected[contextHash{sess.context, [32]byte(a.corrects)}] = true
	}
}

// mayCorrect checks whether the document with this hash may get a technical correction. The
// document must have been refused, and no correction of it may have been accepted yet. A nil hash
// belongs to an invoice that corrects nothing, and is allowed. It is unknown how KSeF answers the
// hash of a document that it never saw. Here such a request is invalid. The caller holds mu.
func (rg *registry) mayCorrect(sess *session, hash []byte) *refusal {
	if hash == nil {
		return nil
	}
	key := contextHash{sess.context, [32]byte(hash)}
	switch {
	case rg.corrected[key]:
		return &refusal{
			status: http.StatusBadRequest, code: codeCorrected, description: "Korekta techniczna niedostępna.",
			details: "Faktura posiada już przetworzoną prawidłowo korektę techniczną.",
		}
	case rg.taken[key]:
		return &refusal{
			status: http.StatusBadRequest, code: codeNotCorrected, description: "Status faktury nie pozwala na korektę techniczną.",
			details: "Nie można wysłać korekty technicznej do prawidłowo przetworzonej faktury.",
		}
	case !rg.refused[key]:
		return badInput("hashOfCorrectedInvoice: no refused invoice of this taxpayer has this hash")
	}
	return nil
}
