package direct

import (
	"fmt"
	"io"
)

const redacted = "[redacted]"

// Secret is a token, or an address that gives access as a token does. It prints, and encodes to
// JSON, as "[redacted]"; [Secret.Reveal] returns the text.
type Secret struct{ text string }

// NewSecret makes a secret.
func NewSecret(text string) Secret { return Secret{text} }

// Reveal returns the text.
func (s Secret) Reveal() string { return s.text }

// IsZero reports whether there is no text.
func (s Secret) IsZero() bool { return s.text == "" }

// String redacts.
func (Secret) String() string { return redacted }

// Format redacts, whatever the verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText redacts.
func (Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// UnmarshalText accepts any text.
func (s *Secret) UnmarshalText(text []byte) error { s.text = string(text); return nil }
