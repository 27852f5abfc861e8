package simulator

import (
	"fmt"
	"net/http"
	"strings"
)

// Close closes a session of one lane. A batch session must have all its parts, in their declared
// sizes.
func (f SessionBook) Close(account Account, id string, online bool) *Refusal {
	s := f.s
	s.mu.Lock()
	defer s.mu.Unlock()
	sess, refused := f.own(account, id)
	switch {
	case refused != nil:
		return exported(refused)
	case (sess.lane == laneOnline) != online:
		return exported(noSession(id))
	case sess.lane == laneBatch && sess.closed.IsZero():
		if refused := sess.missingPart(); refused != nil {
			return exported(refused)
		}
	}
	return exported(s.finish(sess))
}

// missingPart compares what was uploaded with what was declared.
func (sess *session) missingPart() *refusal {
	for _, declared := range sess.batch.Parts {
		switch p := sess.parts[int(declared.Ordinal)]; {
		case p == nil:
			return &refusal{
				status: http.StatusBadRequest, code: 21205, description: "Pakiet nie może być pusty.",
				details: fmt.Sprintf("Nie przesłano zadeklarowanej '%d' części pliku.", declared.Ordinal),
			}
		case p.size != declared.Size:
			return &refusal{
				status: http.StatusBadRequest, code: codePartSize, description: "Nieprawidłowy rozmiar części pakietu.",
				details: fmt.Sprintf("Zadeklarowany rozmiar części '%d' nie zgadza się z rzeczywistym.", declared.Ordinal),
			}
		}
	}
	return nil
}

// Delivery is one encrypted invoice for an online session.
type Delivery struct {
	Hash, Content []byte
	Size          int64
	Offline       bool
	Corrects      []byte // nil for none
}

// Send takes one invoice into an online session and returns its reference.
func (f SessionBook) Send(account Account, session string, d Delivery) (string, *Refusal) {
	f.s.mu.Lock()
	sess, refused := f.own(account, session)
	if refused == nil && sess.lane != laneOnline {
		refused = noSession(session)
	}
	f.s.mu.Unlock()
	if refused != nil {
		return "", exported(refused)
	}
	o, refused := f.s.deliver(account, session, delivery{d.Size, d.Hash, d.Content, d.Offline, d.Corrects})
	if refused != nil {
		return "", exported(refused)
	}
	return o.id, nil
}

// IsUpload reports whether a path is that of a pre-signed address of a part.
func IsUpload(path string) bool { return strings.Contains(path, "/batch-parts/") }
