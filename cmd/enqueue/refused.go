package main

import (
	"ksefworker/internal/intake"
)

// sayUnrecorded tells that refusals are not on record: then only this output names them.
func (p *program) sayUnrecorded(r *intake.Refusals) {
	switch {
	case r.Unrecorded > 0:
		p.say("%d of the refused are not on record (enqueue open will not list them): %v", r.Unrecorded, r.Err)
	case r.Err != nil:
		p.say("what was refused before and is taken now may still be listed by enqueue open: %v", r.Err)
	}
}
