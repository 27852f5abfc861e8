package simulator

import "net/http"

// sessionStatus answers the status of a session and, when they are known, the counts of its
// invoices.
func (s *Simulator) sessionStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := s.ownSession(c.account, c.value(0))
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
	code := s.status(sess)
	batch := sess.lane == laneBatch
	answer := info{Status: statusInfo{Code: code, Description: sess.describe(code)}, Batch: &batch}
	if code == sess.code && sess.decided {
		answer.Status.Details = sess.details
	}
	if code == 200 || code == 445 || sess.lane == laneOnline {
		count, success, failed := s.counts(sess)
		answer.Count, answer.Success, answer.Failed = &count, &success, &failed
	}
	return jsonReply(struct {
		Info info `json:"sessionInfo"`
	}{answer}), nil
}

// counts returns how many invoices a session has, and how many of them are shown as accepted and as
// refused. The caller holds mu.
func (s *Simulator) counts(sess *session) (count, success, failed int) {
	for _, o := range sess.invoices {
		switch seen := s.visibleCode(sess, o); {
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
func (s *Simulator) closeSession(c *call) (reply, *refusal) {
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := s.ownSession(c.account, c.value(0))
	if refused == nil {
		refused = s.finish(sess)
	}
	if refused != nil {
		return reply{}, refused
	}
	return resultTrue(), nil
}

// finish closes an open session and begins its processing. The caller holds mu.
func (s *Simulator) finish(sess *session) *refusal {
	if status := s.status(sess); !sess.closed.IsZero() || status != 100 {
		if status == 440 && sess.lane == laneBatch {
			return &refusal{
				status: http.StatusBadRequest, code: codeTimedOut,
				description: "Czas oczekiwania na requesty upload lub finish został przekroczony.",
				details:     "Sesja anulowana, przekroczony czas wysyłki.",
			}
		}
		return wrongStatus(status, "jej zamknięcie")
	}
	now := s.now()
	sess.closed = now
	if f, hit := s.faults.take(sess.event(""), Stuck); hit {
		sess.stuckCode, sess.stuckUntil = f.Code, now.Add(f.For)
		if f.Code == 0 {
			sess.stuckCode = 150
			if sess.lane == laneOnline {
				sess.stuckCode = 170
			}
		}
	}
	if sess.lane == laneOnline {
		s.finishOnline(sess)
	} else {
		s.process(sess)
	}
	return nil
}
