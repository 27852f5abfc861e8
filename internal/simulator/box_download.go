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

func (bo *boxOperations) boxDownload(c *call) (reply, *refusal) {
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
	bo.mu.Lock()
	defer bo.mu.Unlock()
	key := uploadKey(c.account, body.ID)
	if body.ID == "" || bo.downloads[key] != nil {
		return reply{}, badInput("downloadId %q is empty or was used before", body.ID)
	}
	found, _ := bo.registerOps.findInvoices(c.account, body.Subject, body.Range)
	bo.downloads[key] = &boxDownload{started: bo.now(), found: found}
	return resultTrue(), nil
}

func (bo *boxOperations) boxDownloadStatus(c *call) (reply, *refusal) {
	bo.mu.Lock()
	d := bo.downloads[uploadKey(c.account, c.value(0))]
	var refused *refusal
	if d == nil {
		refused = badInput("downloadId %q is unknown", c.value(0))
	} else {
		refused = bo.registerOps.stillRunning(d.started)
	}
	bo.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	body, err := bo.registerOps.zip(d.found)
	if err != nil {
		return reply{}, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
	}
	return reply{status: http.StatusOK, contentType: zipType, body: body}, nil
}
