package gateway

import (
	"context"
	"errors"
	"fmt"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/httponce"
)

// OpenOnline opens an online session. After an error with MaybeDone, at worst an empty session is
// left behind, which KSeF cancels by itself.
func (s *SessionAPI) OpenOnline(ctx context.Context, r ksef.OpenOnlineRequest) (ksef.OpenedSession, error) {
	body := struct {
		InvoiceVersion ksef.InvoiceVersion `json:"invoiceVersion"`
		EncryptionInfo encryptionWire      `json:"encryptionInfo"`
	}{r.InvoiceVersion, encryptionOf(r.EncryptionInfo)}
	k := httponce.Post("open online session", ksef.GroupOnlineSession, "/invoice/session/open/online", body).
		Bad(r.InvoiceVersion.Check()).Bad(r.EncryptionInfo.Check())
	out, err := s.create(ctx, k)
	return ksef.OpenedSession(out), err
}

// create makes a request whose answer names the new thing by its id.
func (c *connection) create(ctx context.Context, k httponce.Call) (createdWire, error) {
	var out createdWire
	err := c.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&out, func() error { return missing("id", out.ID) })
	})
	if err != nil {
		return createdWire{}, err
	}
	return out, nil
}

// SessionStatus returns the state of a session.
func (s *SessionAPI) SessionStatus(ctx context.Context, id string) (ksef.SessionInfo, error) {
	var out struct {
		SessionInfo sessionWire `json:"sessionInfo"`
	}
	k := httponce.Get("ask session status", ksef.GroupSessionMisc, "/invoice/session/status/%s", id)
	err := s.do(ctx, k, func(a *httponce.Answer) error {
		return a.Checked(&out, func() error { return out.SessionInfo.Status.Check() })
	})
	if err != nil {
		return ksef.SessionInfo{}, err
	}
	return ksef.SessionInfo(out.SessionInfo), nil
}

// errResultFalse says that the gateway answered {"result":false}.
var errResultFalse = errors.New("the gateway answered result false")

// CloseSession closes a session, and KSeF begins to process it. batch must tell the session's kind,
// because each kind has its own limits. The request is a GET that changes something. After an error
// with MaybeDone, ask SessionStatus. The answer {"result":false} becomes errResultFalse with
// MaybeDone, because the session may be closed already.
func (s *SessionAPI) CloseSession(ctx context.Context, id string, batch bool) error {
	group, op := ksef.GroupOnlineSessionClose, "close online session"
	if batch {
		group, op = ksef.GroupBatchSessionClose, "close batch session"
	}
	return s.do(ctx, httponce.Get(op, group, "/invoice/session/close/%s", id), readResult)
}

// SessionUPO fetches the receipt of a processed session as XML. The gateway refuses while the
// session is not closed and processed.
func (s *SessionAPI) SessionUPO(ctx context.Context, id string) ([]byte, error) {
	return s.xml(ctx, httponce.Get("fetch session UPO", ksef.GroupSessionUPO, "/invoice/session/upo/%s", id).UpTo(httponce.AnyAnswer))
}

// readResult reads {result:bool}. A missing result does not count as true.
func readResult(a *httponce.Answer) error {
	var out struct {
		Result *bool `json:"result"`
	}
	if err := a.JSON(&out); err != nil {
		return err
	}
	switch {
	case out.Result == nil:
		return errors.New("answer has no result")
	case !*out.Result:
		return &httponce.DeniedError{Err: errResultFalse}
	}
	return nil
}

func missing(field, value string) error {
	if value == "" {
		return fmt.Errorf("answer has no %s", field)
	}
	return nil
}

// xml asks for an XML document.
func (c *connection) xml(ctx context.Context, k httponce.Call) ([]byte, error) {
	var out []byte
	err := c.do(ctx, k.Accepting(httponce.AcceptXML), func(a *httponce.Answer) (err error) {
		out, err = a.XML()
		return err
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
