package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// credentials are read again for each request and live only as long as it does.
type credentials struct{ id, key string }

// header is the value of Authorization (RFC 7617).
func (c credentials) header() string { return "Basic " + c.token() }

func (c credentials) token() string {
	return base64.StdEncoding.EncodeToString([]byte(c.id + ":" + c.key))
}

func (c *connection) credentials() (credentials, error) {
	key, err := c.key()
	if err != nil {
		return credentials{}, fmt.Errorf("read key of %s: %w", c.keyID, err)
	}
	switch {
	case key == "":
		return credentials{}, fmt.Errorf("read key of %s: it is empty", c.keyID)
	case hasControl(key):
		// Usually the line feed at the end of a key file. If it were trimmed here, two programs
		// could read the same file differently and nobody would notice.
		return credentials{}, fmt.Errorf("read key of %s: it has control characters (a line feed at its end?)", c.keyID)
	}
	return credentials{id: c.keyID, key: key}, nil
}

func checkKeyID(id string) error {
	switch {
	case id == "":
		return errors.New("is required")
	case strings.Contains(id, ":"):
		return errors.New("must not contain ':'")
	case hasControl(id):
		return errors.New("has control characters")
	}
	return nil
}

func hasControl(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
}
