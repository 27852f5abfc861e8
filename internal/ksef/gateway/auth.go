package gateway

import (
	"encoding/base64"
	"errors"
	"fmt"
	"strings"

	"ksefworker/internal/ksef/httponce"
)

// credentials returns the credentials of one request (RFC 7617). The key is read again for each
// request and is kept only as long as the request lasts.
func (c *connection) credentials() (httponce.Credentials, error) {
	key, err := c.key()
	if err != nil {
		return httponce.Credentials{}, fmt.Errorf("read key of %s: %w", c.keyID, err)
	}
	switch {
	case key == "":
		return httponce.Credentials{}, fmt.Errorf("read key of %s: it is empty", c.keyID)
	case httponce.HasControl(key):
		// This is usually the line feed at the end of a key file. If it were trimmed here, two
		// programs could read the same file differently and nobody would notice.
		return httponce.Credentials{}, fmt.Errorf("read key of %s: it has control characters (a line feed at its end?)", c.keyID)
	}
	token := base64.StdEncoding.EncodeToString([]byte(c.keyID + ":" + key))
	return httponce.Credentials{Header: "Basic " + token, Secrets: []string{token, key}}, nil
}

func checkKeyID(id string) error {
	switch {
	case id == "":
		return errors.New("is required")
	case strings.Contains(id, ":"):
		return errors.New("must not contain ':'")
	case httponce.HasControl(id):
		return errors.New("has control characters")
	}
	return nil
}
