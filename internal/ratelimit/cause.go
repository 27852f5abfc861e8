package ratelimit

// Cause says why a key is frozen, so that a caller that has to wait learns the reason and whether a
// person has to act. The list is closed.
type Cause string

const (
	// CauseUnknown is the cause of a freeze that was made by a version that kept no causes.
	CauseUnknown     Cause = ""
	CauseThrottled   Cause = "throttled"   // KSeF answered too many requests (429)
	CauseDenied      Cause = "denied"      // KSeF refuses everything of the tenant (410)
	CauseCredentials Cause = "credentials" // KSeF refused the tenant's credentials (401 or 403)
	// CauseRestart is not a freeze. No request of any key may go for a few seconds, because Redis
	// was restarted (hold.go).
	CauseRestart Cause = "restart"
)

// causes lists the causes of freezes, in the order of the numbers that the scripts return for them
// (see log.lua).
var causes = []Cause{CauseUnknown, CauseThrottled, CauseDenied, CauseCredentials}

// restarted is the number that the scripts return for [CauseRestart].
const restarted = 4

func causeNumbered(n int64) Cause {
	if n == restarted {
		return CauseRestart
	}
	if n < 0 || n >= int64(len(causes)) {
		return CauseUnknown
	}
	return causes[n]
}
