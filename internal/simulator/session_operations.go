package simulator

import "net/http"

// sessionStatus answers with the status of a session, and with the counts of its invoices if these
// are known.
func (so *sessionOperations) sessionStatus(c *call) (reply, *refusal) {
	so.mu.Lock()
	defer so.mu.Unlock()
	sess, refused := so.book.ownSession(c.account, c.value(0))
	if refused != nil {
		return reply{}, refused
	}
	type info struct {
		Status  statusInfo `json:"status"`
		Batch   *bool      `json:"batch,omitempty"`
		Count   *int       `json:"invoiceCount,omitempty"`
		Success *int       `json:"successfulInvoiceCount,omitempty"`
		Failed  *int       `json:"failedInvoiceCount,omitempty"`
	}
	code := so.status(sess)
	batch := sess.lane == laneBatch
	answer := info{Status: statusInfo{Code: code, Description: sess.describe(code)}, Batch: &batch}
	if code == sess.code && sess.decided {
		answer.Status.Details = sess.details
	}
	if code == 200 || code == 445 || sess.lane == laneOnline {
		count, success, failed := so.book.counts(sess)
		answer.Count, answer.Success, answer.Failed = &count, &success, &failed
	}
	return jsonReply(struct {
		Info info `json:"sessionInfo"`
	}{answer}), nil
}

// counts returns how many invoices a session has, and how many of them are shown as accepted and as
// refused. The caller holds mu.
func (sb *sessionBook) counts(sess *session) (count, success, failed int) {
	for _, o := range sess.invoices {
		switch seen := sb.visibleCode(sess, o); {
		case seen == 200:
			success++
		case seen > 200:
			failed++
		}
	}
	return len(sess.invoices), success, failed
}

// closeSession closes a session; the processing of a batch session begins. Only an open session can
// be closed.
func (so *sessionOperations) closeSession(c *call) (reply, *refusal) {
	so.mu.Lock()
	defer so.mu.Unlock()
	sess, refused := so.book.ownSession(c.account, c.value(0))
	if refused == nil {
		refused = so.book.finish(sess)
	}
	if refused != nil {
		return reply{}, refused
	}
	return resultTrue(), nil
}

// finish closes an open session and begins its processing. The caller holds mu.
func (sb *sessionBook) finish(sess *session) *refusal {
	if status := sb.status(sess); !sess.closed.IsZero() || status != 100 {
		if status == 440 && sess.lane == laneBatch {
			return &refusal{
				status: http.StatusBadRequest, code: codeTimedOut,
				description: "Czas oczekiwania na requesty upload lub finish został przekroczony.",
				details:     "Sesja anulowana, przekroczony czas wysyłki.",
			}
		}
		return wrongStatus(status, "jej zamknięcie")
	}
	now := sb.now()
	sess.closed = now
	if f, hit := sb.faults.take(sess.event(""), Stuck); hit {
		sess.stuckCode, sess.stuckUntil = f.Code, now.Add(f.For)
		if f.Code == 0 {
			sess.stuckCode = 150
			if sess.lane == laneOnline {
				sess.stuckCode = 170
			}
		}
	}
	if sess.lane == laneOnline {
		sb.finishOnline(sess)
	} else {
		sb.batches.process(sess)
	}
	return nil
}
