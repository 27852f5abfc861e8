package simulator

import (
	"net/http"
	"time"
)

// boxDownload is one request for invoices.
type boxDownload struct {
	started time.Time
	found   []*accepted
}

func (s *Simulator) boxDownload(c *call) (reply, *refusal) {
	var body struct {
		ID      string    `json:"downloadId"`
		Notify  bool      `json:"notify"`
		Subject string    `json:"subjectType"`
		Range   dateRange `json:"range"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if refused := checkSearch(body.Subject, body.Range); refused != nil {
		return reply{}, refused
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	key := uploadKey(c.account, body.ID)
	if body.ID == "" || s.downloads[key] != nil {
		return reply{}, badInput("downloadId %q is empty or was used before", body.ID)
	}
	found, _ := s.findInvoices(c.account, body.Subject, body.Range)
	s.downloads[key] = &boxDownload{started: s.now(), found: found}
	return resultTrue(), nil
}

func (s *Simulator) boxDownloadStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	d := s.downloads[uploadKey(c.account, c.value(0))]
	var refused *refusal
	if d == nil {
		refused = badInput("downloadId %q is unknown", c.value(0))
	} else {
		refused = s.stillRunning(d.started)
	}
	s.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	body, err := s.zip(d.found)
	if err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	return reply{status: http.StatusOK, contentType: zipType, body: body}, nil
}
