package together_test

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"

	"ksefworker/internal/together"
)

// service answers each question with its double, and notes which questions came together.
type service struct {
	gate chan struct{} // each carryOut waits for one value; nil: none waits

	mu   sync.Mutex
	came [][]int
}

var errBad = errors.New("question 13 is bad")

func (s *service) carryOut(ctx context.Context, questions []int) ([]int, error) {
	s.mu.Lock()
	s.came = append(s.came, slices.Clone(questions))
	s.mu.Unlock()
	if s.gate != nil {
		<-s.gate
	}
	answers := make([]int, len(questions))
	for i, q := range questions {
		switch q {
		case 13:
			return nil, errBad
		case 14:
			panic("question 14")
		}
		answers[i] = 2 * q
	}
	return answers, ctx.Err()
}

// atOnce starts a call for each set of questions, one after the other, and opens the gate when all
// of them wait. It returns the answer, the error or the panic of each call as text.
func atOnce(s *service, most int, calls ...[]int) []string {
	cs := &together.Calls[int, int]{Most: most}
	got := make([]string, len(calls))
	var running sync.WaitGroup
	for i, questions := range calls {
		running.Go(func() {
			defer func() {
				if r := recover(); r != nil {
					what, _, _ := strings.Cut(fmt.Sprint(r), "\n")
					got[i] = "panic: " + what
				}
			}()
			answers, err := cs.Do(context.Background(), questions, s.carryOut)
			got[i] = fmt.Sprint(answers, " ", err)
		})
		synctest.Wait()
	}
	close(s.gate)
	running.Wait()
	return got
}

func TestDo_CallsComeWhileOthersAreCarriedOut_TheyAreCarriedOutTogether(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		got := atOnce(s, 100, []int{1}, []int{2}, []int{3}, []int{4, 5}, []int{6})
		want := []string{"[2] <nil>", "[4] <nil>", "[6] <nil>", "[8 10] <nil>", "[12] <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("the answers are %q, want %q", got, want)
		}
		if want := [][]int{{1}, {2}, {3, 4, 5, 6}}; fmt.Sprint(s.came) != fmt.Sprint(want) {
			t.Errorf("the questions came as %v, want %v", s.came, want)
		}
	})
}

func TestDo_MoreWaitThanMayBeJoined_TheRestIsCarriedOutNext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		atOnce(s, 8, []int{1}, []int{2}, []int{3, 4}, []int{5, 6}, []int{7, 8}, []int{9, 10}, []int{11, 12})
		for _, together := range s.came {
			if len(together) > 8 {
				t.Errorf("%d questions came together, want at most 8: %v", len(together), s.came)
			}
		}
		if want := 4; len(s.came) != want {
			t.Errorf("the questions came in %d sets, want %d: %v", len(s.came), want, s.came)
		}
	})
}

// A call with many questions waits for nobody.
func TestDo_ManyQuestions_AreCarriedOutAlone(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		atOnce(s, 8, []int{1}, []int{2}, []int{3}, []int{4, 5, 6})
		if want := [][]int{{1}, {2}, {4, 5, 6}, {3}}; fmt.Sprint(s.came) != fmt.Sprint(want) {
			t.Errorf("the questions came as %v, want %v", s.came, want)
		}
	})
}

func TestDo_TheZeroValue_JoinsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		atOnce(s, 0, []int{1}, []int{2}, []int{3})
		if want := [][]int{{1}, {2}, {3}}; fmt.Sprint(s.came) != fmt.Sprint(want) {
			t.Errorf("the questions came as %v, want %v", s.came, want)
		}
	})
}

// A fault of one call is no fault of the calls that it is joined with.
func TestDo_OneCallFails_TheOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		got := atOnce(s, 100, []int{1}, []int{2}, []int{3}, []int{13}, []int{4})
		want := []string{"[2] <nil>", "[4] <nil>", "[6] <nil>", "[] " + errBad.Error(), "[8] <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("the answers are %q, want %q", got, want)
		}
	})
}

func TestDo_CarryOutPanics_OnlyTheCallerOfThatQuestionPanics(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		got := atOnce(s, 100, []int{14}, []int{2}, []int{3}, []int{14}, []int{5})
		want := []string{"panic: question 14", "[4] <nil>", "[6] <nil>", "panic: question 14", "[10] <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("the outcomes are %q, want %q", got, want)
		}
	})
}

// A caller that goes away takes no answer from the others, also when its call began the joined one.
// If its call waits, it is not carried out. If it is carried out already, the caller waits for the
// end, because its questions are in use.
func TestDo_OneCallerGoesAway_TheOthersAreAnswered(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &service{gate: make(chan struct{})}
		cs := &together.Calls[int, int]{Most: 100}
		gone := errors.New("the caller went away")
		ctx, leave := context.WithCancelCause(t.Context())
		got := make([]string, 7)
		var running sync.WaitGroup
		ask := func(ctx context.Context, q int) {
			running.Go(func() {
				answers, err := cs.Do(ctx, []int{q}, s.carryOut)
				got[q] = fmt.Sprint(answers, " ", err)
			})
			synctest.Wait()
		}
		for q := range 4 { // two are carried out, two wait
			ask(ctx, q)
		}
		ask(t.Context(), 4)
		leave(gone)
		synctest.Wait()
		if want := []string{"", "", "[] " + gone.Error(), "[] " + gone.Error(), "", "", ""}; !slices.Equal(got, want) {
			t.Errorf("after the caller went away, the answers are %q, want %q", got, want)
		}
		ask(t.Context(), 5)
		close(s.gate)
		running.Wait()
		ask(t.Context(), 6)
		running.Wait()
		want := []string{"[0] <nil>", "[2] <nil>", "[] " + gone.Error(), "[] " + gone.Error(), "[8] <nil>", "[10] <nil>", "[12] <nil>"}
		if !slices.Equal(got, want) {
			t.Errorf("the answers are %q, want %q", got, want)
		}
		if want := [][]int{{0}, {1}, {4, 5}, {6}}; fmt.Sprint(s.came) != fmt.Sprint(want) {
			t.Errorf("the questions came as %v, want %v", s.came, want)
		}
	})
}
