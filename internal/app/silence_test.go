package app

import "testing"

func TestSilence_OneObjectThatIsSick_IsNoMatterOfThisProcess(t *testing.T) {
	for _, c := range []struct {
		why   string
		asked []string
		want  bool
	}{
		{"too few", []string{"a", "b"}, false},
		{"several things", []string{"a", "b", "a"}, true},
		{"no one thing", []string{"", "", ""}, true},
		{"one alone", []string{"a", "a", "a", "a", "a"}, false},
		{"two, of which one was asked about again and again",
			[]string{"b", "a", "a", "a", "a", "a", "a", "a"}, false},
	} {
		var s silence
		for _, object := range c.asked {
			s.goesOn(object)
		}
		if got := s.ofThisProcess(); got != c.want {
			t.Errorf("%s: %v", c.why, got)
		}
		s.over()
		if s.ofThisProcess() {
			t.Errorf("%s: still, after an answer", c.why)
		}
	}
	var s silence
	for range 100 {
		for i := range 100 {
			s.goesOn(string(rune('a' + i)))
		}
	}
	if len(s.objects) > silenceRepeats {
		t.Errorf("%d objects are remembered", len(s.objects))
	}
}
