package simulator

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// query is an export of invoices. The invoices are found at once, and the result is visible after
// Options.InvoiceDelay.
type query struct {
	account   string
	started   time.Time
	key, iv   []byte
	found     []*accepted
	truncated bool
	at        time.Time // of the last invoice, when truncated
}

// queryPart is the name of a result's only part. Results are not split here.
const queryPart = "1"

func (ro *registerOperations) queryStart(c *call) (reply, *refusal) {
	var body struct {
		Encryption encryptionInfo `json:"encryptionInfo"`
		Subject    string         `json:"subjectType"`
		Range      dateRange      `json:"range"`
	}
	if refused := c.decode(&body); refused != nil {
		return reply{}, refused
	}
	if refused := body.Encryption.check(); refused != nil {
		return reply{}, refused
	}
	if refused := checkSearch(body.Subject, body.Range); refused != nil {
		return reply{}, refused
	}
	ro.mu.Lock()
	defer ro.mu.Unlock()
	q := &query{
		account: c.account.ID, started: ro.now(),
		key: ro.keys.unwrap(body.Encryption.EncryptedKey), iv: body.Encryption.InitVector,
	}
	q.found, q.truncated = ro.findInvoices(c.account, body.Subject, body.Range)
	if q.truncated {
		q.at = q.found[len(q.found)-1].at
	}
	id := ro.reference("EH")
	ro.queries[id] = q
	return jsonReply(struct {
		ID string `json:"queryId"`
	}{id}), nil
}

// ready returns an account's finished query. The caller holds mu.
func (ro *registerOperations) ready(account Account, id string) (*query, *refusal) {
	q := ro.queries[id]
	if q == nil || q.account != account.ID {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeNoQuery,
			description: "Wynik zapytania o podanym identyfikatorze nie istnieje.",
		}
	}
	if refused := ro.stillRunning(q.started); refused != nil {
		return nil, refused
	}
	if q.key == nil {
		return nil, &refusal{status: http.StatusBadRequest, code: 415, description: "Błąd odszyfrowania dostarczonego klucza"}
	}
	return q, nil
}

// stillRunning returns a refusal as long as the work that began at that time is not finished. The
// refusal has code 100 at first and code 150 later.
func (ro *registerOperations) stillRunning(started time.Time) *refusal {
	switch age := ro.now().Sub(started); {
	case age < ro.opts.InvoiceDelay/2:
		return tryAgain(100)
	case age < ro.opts.InvoiceDelay:
		return tryAgain(150)
	}
	return nil
}

func (ro *registerOperations) queryStatus(c *call) (reply, *refusal) {
	ro.mu.Lock()
	q, refused := ro.ready(c.account, c.value(0))
	ro.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	part, refused := ro.result(q)
	if refused != nil {
		return reply{}, refused
	}
	answer := struct {
		Count     int      `json:"numberOfInvoices"`
		Size      int      `json:"packageSize"`
		Truncated bool     `json:"isTruncated"`
		At        string   `json:"truncatedAt,omitempty"`
		Parts     []string `json:"partNumbers"`
	}{Count: len(q.found), Truncated: q.truncated, Parts: []string{}}
	if len(q.found) > 0 {
		answer.Size, answer.Parts = len(part), []string{queryPart}
	}
	if q.truncated {
		answer.At = rfc3339(q.at)
	}
	return jsonReply(answer), nil
}

func (ro *registerOperations) queryResult(c *call) (reply, *refusal) {
	ro.mu.Lock()
	q, refused := ro.ready(c.account, c.value(0))
	ro.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	if c.value(1) != queryPart || len(q.found) == 0 {
		return reply{}, badInput("there is no part %q", c.value(1))
	}
	part, refused := ro.result(q)
	if refused != nil {
		return reply{}, refused
	}
	return reply{status: http.StatusOK, contentType: bytesType, body: part}, nil
}

// result encrypts the ZIP of a finished query. It needs no lock, because a finished query never
// changes.
func (ro *registerOperations) result(q *query) ([]byte, *refusal) {
	plain, err := ro.zip(q.found)
	if err == nil {
		var part []byte
		if part, err = encrypt(q.key, q.iv, plain); err == nil {
			return part, nil
		}
	}
	ro.log.Error().Err(err).Msg("query not answered")
	return nil, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
}

// zip packs invoices into an archive, each under its KSeF number.
func (ro *registerOperations) zip(found []*accepted) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, a := range found {
		content, err := ro.documents.get(a.location)
		if err != nil {
			return nil, err
		}
		w, err := z.CreateHeader(&zip.FileHeader{Name: a.ksefNumber + ".xml", Method: zip.Deflate, Modified: a.at.UTC()})
		if err != nil {
			return nil, fmt.Errorf("pack %s: %w", a.ksefNumber, err)
		}
		if _, err := w.Write(content); err != nil {
			return nil, fmt.Errorf("pack %s: %w", a.ksefNumber, err)
		}
	}
	if err := z.Close(); err != nil {
		return nil, fmt.Errorf("finish ZIP: %w", err)
	}
	return out.Bytes(), nil
}
