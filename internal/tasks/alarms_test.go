package tasks

import (
	"strings"
	"testing"
	"time"

	"github.com/hibiken/asynq"

	"ksefworker/internal/queue"
	"ksefworker/internal/redisd/redistest"
	"ksefworker/internal/retry"
)

// alarmed returns alarms over a real queue, asynq's view of that queue, and a function that tells
// the state of a confirm task.
func alarmed(t *testing.T) (*alarms, *asynq.Inspector, func(id string) string) {
	rdb, _ := redistest.New(t)
	inspect := asynq.NewInspectorFromRedisClient(queue.Guarded(rdb))
	return newAlarms(queue.New(rdb), afterFunc), inspect, func(id string) string {
		info, err := inspect.GetTaskInfo(queue.KindConfirm.Queue(), queue.TaskID(queue.KindConfirm, id, 0))
		if err != nil {
			return "missing"
		}
		return info.State.String()
	}
}

func TestAlarms_PauseEnds_TheTaskIsPendingAndNoOtherIs(t *testing.T) {
	t.Parallel()
	a, _, state := alarmed(t)
	defer a.stop()
	for _, id := range []string{"polled", "later", "unset"} {
		if err := a.queue.Put(t.Context(), queue.KindConfirm, id, 0, queue.When{In: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	a.onReturn(queue.KindConfirm, "later", &retry.LaterError{Delay: time.Minute, Exact: true}) // too long a pause for an alarm
	a.onReturn(queue.KindConfirm, "unset", &retry.LaterError{Delay: time.Millisecond})
	a.wake(queue.KindConfirm, "gone", time.Millisecond)
	a.wake(queue.KindConfirm, "polled", time.Hour)
	a.onReturn(queue.KindConfirm, "polled", &retry.LaterError{Delay: 10 * time.Millisecond, Exact: true})
	for until := time.Now().Add(20 * time.Second); state("polled") != "pending" && time.Now().Before(until); {
		time.Sleep(10 * time.Millisecond)
	}
	if got := strings.Join([]string{state("polled"), state("later"), state("unset"), state("gone")}, " "); got !=
		"pending scheduled scheduled missing" {
		t.Errorf("the tasks polled, later, unset and gone are %s, want pending scheduled scheduled missing", got)
	}
}

func TestAlarms_StoppedPutOffOrArchivedByAPerson_NothingRuns(t *testing.T) {
	t.Parallel()
	a, inspect, state := alarmed(t)
	for _, id := range []string{"archived", "stopped", "put off"} {
		if err := a.queue.Put(t.Context(), queue.KindConfirm, id, 0, queue.When{In: time.Hour}); err != nil {
			t.Fatal(err)
		}
	}
	if err := inspect.ArchiveTask(queue.KindConfirm.Queue(), queue.TaskID(queue.KindConfirm, "archived", 0)); err != nil {
		t.Fatal(err)
	}
	if err := a.queue.Run(queue.KindConfirm, "archived"); err != nil || state("archived") != "archived" {
		t.Errorf("Run of an archived task returns %v and leaves the task %s, want no error and archived", err, state("archived"))
	}
	a.wake(queue.KindConfirm, "put off", 20*time.Millisecond)
	a.onReturn(queue.KindConfirm, "put off", &retry.LaterError{Delay: time.Minute}) // a new pause, which must not end early
	time.Sleep(100 * time.Millisecond)
	if state("put off") != "scheduled" {
		t.Errorf("after a longer pause began, the task is %s, want scheduled", state("put off"))
	}
	a.wake(queue.KindConfirm, "stopped", 20*time.Millisecond)
	a.stop()
	a.wake(queue.KindConfirm, "stopped", time.Millisecond)
	time.Sleep(100 * time.Millisecond)
	if state("stopped") != "scheduled" {
		t.Errorf("after the stop the task is %s, want scheduled", state("stopped"))
	}
}
