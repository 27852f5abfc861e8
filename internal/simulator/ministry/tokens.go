package ministry

import (
	"net/http"
	"slices"
	"strings"
	"unicode/utf8"

	"ksefworker/internal/simulator"
	"ksefworker/internal/simulator/login"
)

func (m credentialOps) createToken(c *call) (simulator.Reply, *problem) {
	var body struct {
		Permissions []string `json:"permissions"`
		Description string   `json:"description"`
	}
	if p := c.decode(&body); p != nil {
		return simulator.Reply{}, p
	}
	if n := utf8.RuneCountInString(body.Description); n < 5 || n > 256 {
		return simulator.Reply{}, badInput("description has %d characters, 5 to 256 are allowed", n)
	}
	if len(body.Permissions) == 0 {
		return simulator.Reply{}, badInput("permissions is empty")
	}
	for _, p := range body.Permissions {
		if !slices.Contains(login.AllPermissions(), p) {
			return simulator.Reply{}, badInput("permissions: %q is not one of %s", p, strings.Join(login.AllPermissions(), ", "))
		}
	}
	reference, secret, err := m.desk.Tokens().Create(c.access, body.Permissions, body.Description)
	if err != nil {
		return simulator.Reply{}, problemOfLogin(err)
	}
	return m.json(http.StatusAccepted, struct {
		Reference string `json:"referenceNumber"`
		Token     string `json:"token"`
	}{reference, secret}), nil
}

type tokenState struct {
	Reference   string            `json:"referenceNumber"`
	Author      contextIdentifier `json:"authorIdentifier"`
	Context     contextIdentifier `json:"contextIdentifier"`
	Description string            `json:"description"`
	Permissions []string          `json:"requestedPermissions"`
	Created     string            `json:"dateCreated"`
	Used        string            `json:"lastUseDate,omitempty"`
	Status      string            `json:"status"`
}

func stateOfToken(t login.TokenInfo) tokenState {
	return tokenState{
		t.Reference, contextIdentifier(t.Author), contextIdentifier(t.Context), t.Description, t.Permissions,
		timestamp(t.Created), optional(t.LastUse), t.Status,
	}
}

func (m credentialOps) token(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	t, err := m.desk.Tokens().One(c.access, reference)
	if err != nil {
		return simulator.Reply{}, badInput("token %s: %v", reference, err)
	}
	return m.json(http.StatusOK, stateOfToken(t)), nil
}

func (m credentialOps) tokenList(c *call) (simulator.Reply, *problem) {
	if p := c.checkQuery("pageSize", "status", "description", "authorIdentifier", "authorIdentifierType"); p != nil {
		return simulator.Reply{}, p
	}
	q := c.r.URL.Query()
	all := slices.DeleteFunc(m.desk.Tokens().List(c.access), func(t login.TokenInfo) bool {
		return len(q["status"]) > 0 && !slices.Contains(q["status"], t.Status) ||
			!strings.Contains(t.Description, q.Get("description")) || !strings.Contains(t.Author.Value, q.Get("authorIdentifier")) ||
			q.Has("authorIdentifierType") && q.Get("authorIdentifierType") != t.Author.Type
	})
	some, next, p := pageOf(m.Ministry, c, all)
	if p != nil {
		return simulator.Reply{}, p
	}
	answer := struct {
		Next   string       `json:"continuationToken,omitempty"`
		Tokens []tokenState `json:"tokens"`
	}{next, []tokenState{}}
	for _, t := range some {
		answer.Tokens = append(answer.Tokens, stateOfToken(t))
	}
	return m.json(http.StatusOK, answer), nil
}

func (m credentialOps) revokeToken(c *call) (simulator.Reply, *problem) {
	reference, p := c.reference(0)
	if p != nil {
		return simulator.Reply{}, p
	}
	if err := m.desk.Tokens().Revoke(c.access, reference); err != nil {
		return simulator.Reply{}, badInput("token %s: %v", reference, err)
	}
	return empty(), nil
}
