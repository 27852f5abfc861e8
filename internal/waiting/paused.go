package waiting

import (
	"fmt"

	"ksefworker/internal/ledger"
)

func (f *Facts) heldText(tenant string, h ledger.Hold) string {
	text := fmt.Sprintf("tenant %s was paused by %s", tenant, h.By)
	if h.Why != "" {
		text += " (" + h.Why + ")"
	}
	return text + ": " + f.Enqueue.Call("resume", tenant)
}

func noWorker() Wait {
	return Wait{For: NoWorker, What: "no worker is running: start one, nothing is lost meanwhile"}
}

func outage(d Down) Wait {
	what := "the gateway does not answer"
	if d.Group != "" {
		what = fmt.Sprintf("%s is out of service for the tenant", d.Group)
	}
	return Wait{For: Outage, What: what, Since: d.Since, Until: d.Next}
}

func (f *Facts) paused(queue string) Wait {
	return Wait{For: QueuePaused, What: fmt.Sprintf("queue %s was paused by a person in the dashboard: %s",
		queue, f.Enqueue.Call("resume", "--queue", queue))}
}
