// Package shell writes calls of enqueue as a person types them, so that a command that is printed
// anywhere can be copied.
package shell

import "strings"

// Enqueue is how enqueue is called here. The zero value names no configuration file.
type Enqueue struct {
	Config string // the file that --config names; "" leaves --config out
}

// Call returns a call of enqueue with these arguments. Each argument is one word to the shell,
// whatever is in it.
func (e Enqueue) Call(verb string, args ...string) string {
	words := []string{"enqueue", verb}
	if e.Config != "" {
		words = append(words, "--config", Quote(e.Config))
	}
	for _, arg := range args {
		words = append(words, Quote(arg))
	}
	return strings.Join(words, " ")
}

// Quote returns s so that a shell reads it as one word.
func Quote(s string) string {
	plain := func(r rune) bool {
		return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune("/._-+:,@%=", r)
	}
	// Some shells take a word that begins with = for the path of a program.
	if s != "" && s[0] != '=' && !strings.ContainsFunc(s, func(r rune) bool { return !plain(r) }) {
		return s
	}
	return "'" + strings.ReplaceAll(s, "'", `'\''`) + "'"
}

// Operand returns an argument that is not a flag, with -- before it if it would be read as a flag.
func Operand(s string) []string {
	if strings.HasPrefix(s, "-") {
		return []string{"--", s}
	}
	return []string{s}
}
