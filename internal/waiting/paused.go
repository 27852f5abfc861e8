package waiting

import (
	"fmt"
	"time"

	"ksefworker/internal/ledger"
	"ksefworker/internal/ratelimit"
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

func denied(tenant string, until time.Time) Wait {
	return Wait{For: Denied, Until: until, What: fmt.Sprintf("KSeF refuses everything of tenant %s (410): "+
		"check whether the key in its key_file belongs to another taxpayer, "+
		"or whether the sellers in whose name it issues have granted no permission", tenant)}
}

// frozen says why KSeF stopped a tenant's requests.
func frozen(tenant string, w Window) Wait {
	switch w.Cause {
	case ratelimit.CauseDenied:
		return denied(tenant, w.Until)
	case ratelimit.CauseThrottled:
		return Wait{For: Throttled, Until: w.Until, What: "KSeF answered: too many requests (429)"}
	}
	return Wait{For: Throttled, Until: w.Until, What: "KSeF asked to wait"}
}
