package queue

import (
	"fmt"
	"slices"
)

// Resume ends the pause of a queue that a person has paused. It returns false when the queue was
// not paused.
func (q *Queue) Resume(queue string) (bool, error) {
	known, err := q.inspect.Queues()
	if err != nil {
		return false, fmt.Errorf("list queues: %w", err)
	}
	if !slices.Contains(known, queue) { // it never had a task
		return false, nil
	}
	info, err := q.inspect.GetQueueInfo(queue)
	if err != nil {
		return false, fmt.Errorf("read queue %s: %w", queue, err)
	}
	if !info.Paused {
		return false, nil
	}
	if err := q.inspect.UnpauseQueue(queue); err != nil {
		return false, fmt.Errorf("resume queue %s: %w", queue, err)
	}
	return true, nil
}
