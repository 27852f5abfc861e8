package config

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"iter"
	"os"
	"strings"
)

// Here reports whether any of the files that enqueue serve reads is on this machine.
func (in Intake) Here() bool {
	files := []string{in.HTTP.TLS.CertFile, in.HTTP.TLS.KeyFile}
	for _, c := range in.Clients {
		files = append(files, c.KeyFile)
	}
	for _, path := range files {
		if _, err := os.Stat(path); err == nil {
			return true
		}
	}
	return false
}

// CheckKeys yields each client's name and what is wrong with its file of keys, or nil. When a
// client shares a key with an earlier client, the error of the later client names the earlier one.
func (in Intake) CheckKeys() iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		owner := map[string]string{}
		for _, c := range in.Clients {
			keys, err := c.Keys()
			for _, key := range keys {
				h := hashOf(key)
				if other := owner[h]; other != "" && other != c.Name && err == nil {
					err = fmt.Errorf("file %s has a key of intake client %s: give each client a key of its own", c.KeyFile, other)
				}
				owner[h] = c.Name
			}
			if !yield(c.Name, err) {
				return
			}
		}
	}
}

// hashOf returns the hash of a key, in the form in which [IntakeClient.Keys] returns hashes. A key
// that has this form already is returned as it is.
func hashOf(key string) string {
	if strings.HasPrefix(key, "sha256:") {
		return key
	}
	sum := sha256.Sum256([]byte(key))
	return "sha256:" + hex.EncodeToString(sum[:])
}
