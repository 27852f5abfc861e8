package app

import "testing"

func TestStreak_OneObjectExplainsTheFailures_TheProcessIsNotBlamed(t *testing.T) {
	for _, c := range []struct {
		why    string
		failed []string
		want   bool
	}{
		{"too few failures", []string{"a", "b"}, false},
		{"several objects", []string{"a", "b", "a"}, true},
		{"failures about no single object", []string{"", "", ""}, true},
		{"one object alone", []string{"a", "a", "a", "a", "a"}, false},
		{"two objects, with nearly all failures about one",
			[]string{"b", "a", "a", "a", "a", "a", "a", "a"}, false},
	} {
		var s streak
		for _, object := range c.failed {
			s.failed(object)
		}
		if got := s.ofThisProcess(); got != c.want {
			t.Errorf("%s: ofThisProcess reports %v, want %v", c.why, got, c.want)
		}
		s.answered()
		if s.ofThisProcess() {
			t.Errorf("%s: the streak goes on after an answer", c.why)
		}
	}
	var s streak
	for range 100 {
		for i := range 100 {
			s.failed(string(rune('a' + i)))
		}
	}
	if len(s.objects) > streakMaxRepeats {
		t.Errorf("%d objects are remembered, want at most %d", len(s.objects), streakMaxRepeats)
	}
}
