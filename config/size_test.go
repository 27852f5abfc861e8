package config

import (
	"testing"

	"pgregory.net/rapid"
)

func TestSize_AllForms_AreReadOrRefused(t *testing.T) {
	for text, want := range map[string]Size{
		"50MB": 50_000_000, "50 mb": 50_000_000, "64MiB": 64 << 20, "1.5GB": 1_500_000_000,
		"50_000_000": 50_000_000, "0": 0, "7B": 7, "1kB": 1000, "2KiB": 2048,
	} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err != nil || s != want {
			t.Errorf("%q was read as %d (error %v), want %d", text, s, err, want)
		}
	}
	for _, text := range []string{"", "MB", "-1", "1.5B", "1e9", "0x10", "NaN", "Inf", "9999999999GB", "1TB", "1.2.3MB"} {
		var s Size
		if err := s.UnmarshalText([]byte(text)); err == nil {
			t.Errorf("%q was read as the size %d, want an error", text, s)
		}
	}
}

func TestSize_String_ReadsBackAsTheSameSize(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := Size(rapid.Int64Range(0, 1<<52).Draw(t, "size"))
		var back Size
		if err := back.UnmarshalText([]byte(s.String())); err != nil || back != s {
			t.Fatalf("%d printed as %s was read back as %d (error %v)", s, s, back, err)
		}
	})
}
