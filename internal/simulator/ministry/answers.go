package ministry

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strconv"
	"strings"
	"time"

	"ksefworker/internal/simulator"
)

// timestamp writes a time as answers have it, with seven digits after the whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.0000000-07:00") }

// optional writes a time. It writes nothing for the zero time.
func optional(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return timestamp(t)
}

func base64Of(raw []byte) string { return base64.StdEncoding.EncodeToString(raw) }

// statusInfo is StatusInfo of the contract.
type statusInfo struct {
	Code        int      `json:"code"`
	Description string   `json:"description"`
	Details     []string `json:"details,omitempty"`
}

func status(code int, description, details string) statusInfo {
	s := statusInfo{Code: code, Description: description}
	if details != "" {
		s.Details = []string{details}
	}
	return s
}

// json answers with an object. Now and then the object has a field that no contract knows.
func (m *Ministry) json(code int, v any) simulator.Reply {
	raw, err := json.Marshal(v)
	if err != nil {
		return simulator.Reply{Status: http.StatusInternalServerError}
	}
	if len(raw) > 2 && raw[0] == '{' && m.novel(1) {
		raw = append([]byte(`{"dodaneWNowszejWersji":{"wersja":"2.9","lista":[1,"dwa",null]},`), raw[1:]...)
	}
	return simulator.Reply{Status: code, ContentType: jsonType, Body: raw}
}

// novel decides at random whether something new happens now. The probability is Options.Novelty
// times share.
func (m *Ministry) novel(share float64) bool {
	return m.opts.Novelty > 0 && m.face.Chance(m.opts.Novelty*share)
}

// oneOf returns value, which is in a list of the contract. Now and then it returns future, which is
// not in the list yet.
func (m *Ministry) oneOf(value, future string) string {
	if value != "" && m.novel(0.1) {
		return future
	}
	return value
}

func empty() simulator.Reply { return simulator.Reply{Status: http.StatusNoContent} }

// queryInt reads a number of the query within its bounds.
func (c *call) queryInt(name string, usual, least, most int) (int, *problem) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return usual, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < least || n > most {
		return 0, badInput("%s: %q is not a number from %d to %d", name, text, least, most)
	}
	return n, nil
}

// queryTime reads a time of the query; zero when there is none.
func (c *call) queryTime(name string) (time.Time, *problem) {
	text := c.r.URL.Query().Get(name)
	if text == "" {
		return time.Time{}, nil
	}
	t, err := parseTime(text)
	if err != nil {
		return time.Time{}, badInput("%s: %q is not a date and time", name, text)
	}
	return t, nil
}

// checkQuery refuses parameters that the operation does not have.
func (c *call) checkQuery(names ...string) *problem {
	for name := range c.r.URL.Query() {
		if !strings.Contains(" "+strings.Join(names, " ")+" ", " "+name+" ") {
			return badInput("the query has the unknown parameter %q", name)
		}
	}
	return nil
}

// reference checks the form of a reference number in the path.
func (c *call) reference(i int) (string, *problem) {
	if len(c.value(i)) != 36 {
		return "", badInput("%q is not a reference number of 36 characters", c.value(i))
	}
	return c.value(i), nil
}

// references checks the two reference numbers in a path, of a session and of an invoice in the
// session.
func (c *call) references() (session, invoice string, p *problem) {
	if session, p = c.reference(0); p == nil {
		invoice, p = c.reference(1)
	}
	return session, invoice, p
}
