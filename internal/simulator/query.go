package simulator

import (
	"archive/zip"
	"bytes"
	"fmt"
	"net/http"
	"time"
)

// query is an export of invoices. It is made at once and its result is visible after the delay.
type query struct {
	account   string
	started   time.Time
	key, iv   []byte
	found     []*accepted
	truncated bool
	at        time.Time // of the last invoice, when truncated
}

// queryPart is the name of the only part: results are not split here.
const queryPart = "1"

func (s *Simulator) queryStart(c *call) (reply, *refusal) {
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
	s.mu.Lock()
	defer s.mu.Unlock()
	q := &query{
		account: c.account.ID, started: s.now(),
		key: s.keys.unwrap(body.Encryption.EncryptedKey), iv: body.Encryption.InitVector,
	}
	q.found, q.truncated = s.findInvoices(c.account, body.Subject, body.Range)
	if q.truncated {
		q.at = q.found[len(q.found)-1].at
	}
	id := s.reference("EH")
	s.queries[id] = q
	return jsonReply(struct {
		ID string `json:"queryId"`
	}{id}), nil
}

// ready returns an account's finished query. The caller holds mu.
func (s *Simulator) ready(account Account, id string) (*query, *refusal) {
	q := s.queries[id]
	if q == nil || q.account != account.ID {
		return nil, &refusal{
			status: http.StatusBadRequest, code: codeNoQuery,
			description: "Wynik zapytania o podanym identyfikatorze nie istnieje.",
		}
	}
	if refused := s.stillRunning(q.started); refused != nil {
		return nil, refused
	}
	if q.key == nil {
		return nil, &refusal{status: http.StatusBadRequest, code: 415, description: "Błąd odszyfrowania dostarczonego klucza"}
	}
	return q, nil
}

// stillRunning returns a refusal while work that began at started goes on, first with code 100,
// then with 150.
func (s *Simulator) stillRunning(started time.Time) *refusal {
	switch age := s.now().Sub(started); {
	case age < s.opts.InvoiceDelay/2:
		return tryAgain(100)
	case age < s.opts.InvoiceDelay:
		return tryAgain(150)
	}
	return nil
}

func (s *Simulator) queryStatus(c *call) (reply, *refusal) {
	s.mu.Lock()
	q, refused := s.ready(c.account, c.value(0))
	s.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	part, refused := s.result(q)
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

func (s *Simulator) queryResult(c *call) (reply, *refusal) {
	s.mu.Lock()
	q, refused := s.ready(c.account, c.value(0))
	s.mu.Unlock()
	if refused != nil {
		return reply{}, refused
	}
	if c.value(1) != queryPart || len(q.found) == 0 {
		return reply{}, badInput("there is no part %q", c.value(1))
	}
	part, refused := s.result(q)
	if refused != nil {
		return reply{}, refused
	}
	return reply{status: http.StatusOK, contentType: bytesType, body: part}, nil
}

// result encrypts the ZIP of a finished query. It needs no lock, because a finished query never
// changes.
func (s *Simulator) result(q *query) ([]byte, *refusal) {
	plain, err := s.zip(q.found)
	if err == nil {
		var part []byte
		if part, err = encrypt(q.key, q.iv, plain); err == nil {
			return part, nil
		}
	}
	s.log.Error().Err(err).Msg("query not answered")
	return nil, &refusal{status: http.StatusInternalServerError, code: 500, description: "Internal Server Error"}
}

// zip packs invoices into an archive, each under its KSeF number.
func (s *Simulator) zip(found []*accepted) ([]byte, error) {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for _, a := range found {
		content, err := s.documents.get(a.location)
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
