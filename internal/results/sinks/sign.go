package sinks

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// secretPrefix begins a secret of Standard Webhooks; the rest is Base64.
const secretPrefix = "whsec_"

// parseSecret returns the key of a secret. An error never contains the secret. Standard Webhooks
// asks for 24 to 64 bytes.
func parseSecret(s string) ([]byte, error) {
	text, found := strings.CutPrefix(s, secretPrefix)
	key, err := base64.StdEncoding.DecodeString(text)
	if !found || err != nil {
		return nil, errors.New("a secret must be whsec_ followed by Base64; make one with: echo whsec_$(openssl rand -base64 32)")
	}
	if len(key) < 24 || len(key) > 64 {
		return nil, fmt.Errorf("a secret must have 24 to 64 bytes, this one has %d; make one with: echo whsec_$(openssl rand -base64 32)",
			len(key))
	}
	return key, nil
}

// sign returns the signatures of a message, one for each key, as the header webhook-signature has
// them.
func sign(keys [][]byte, id string, at time.Time, body []byte) string {
	var all []string
	for _, key := range keys {
		m := hmac.New(sha256.New, key)
		m.Write([]byte(id + "." + strconv.FormatInt(at.Unix(), 10) + "."))
		m.Write(body)
		all = append(all, "v1,"+base64.StdEncoding.EncodeToString(m.Sum(nil)))
	}
	return strings.Join(all, " ")
}
