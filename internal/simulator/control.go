package simulator

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"time"
)

// control serves the paths that only the simulator has. They are the health check, the books, and
// commands from this machine.
func (s *Simulator) control(w http.ResponseWriter, r *http.Request) int {
	answer, refused := s.command(r)
	if refused != nil {
		answer = refused.reply()
	}
	answer.write(w)
	return answer.status
}

type acknowledgement struct {
	OK  bool   `json:"ok"`
	Now string `json:"now"` // of the simulated clock
}

func (s *Simulator) command(r *http.Request) (reply, *refusal) {
	switch r.Method + " " + r.URL.Path {
	case "GET /sim/healthz":
		return jsonReply(acknowledgement{true, rfc3339(s.Now())}), nil
	case "GET /sim/books":
		return jsonReply(s.Books()), nil
	case "POST /sim/faults", "POST /sim/rotate-key", "POST /sim/clock":
	default:
		return reply{}, &refusal{
			status: http.StatusNotFound, code: 404, description: "Not Found",
			details: "GET serves healthz and books; POST serves faults, rotate-key and clock",
		}
	}
	if !loopback(r) {
		return reply{}, &refusal{status: http.StatusForbidden, code: 403, description: "Forbidden", details: "only from this machine"}
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, smallBody))
	if err != nil {
		return reply{}, badInput("the body ended early")
	}
	if err := s.execute(r.URL.Path, body); err != nil {
		return reply{}, badInput("%v", err)
	}
	return jsonReply(acknowledgement{true, rfc3339(s.Now())}), nil
}

func (s *Simulator) execute(path string, body []byte) error {
	switch path {
	case "/sim/faults":
		faults, err := ParseFaults(body)
		if err != nil {
			return err
		}
		for _, f := range faults {
			s.faults.arm(f)
		}
		return nil
	case "/sim/rotate-key":
		var command struct {
			Planned bool `json:"planned"`
		}
		if len(body) > 0 {
			if err := json.Unmarshal(body, &command); err != nil {
				return err
			}
		}
		return s.rotateKey(command.Planned)
	}
	var command struct {
		Advance string `json:"advance"`
	}
	if err := json.Unmarshal(body, &command); err != nil {
		return err
	}
	d, err := time.ParseDuration(command.Advance)
	if err != nil {
		return err
	}
	if d < 0 {
		return errors.New("the clock goes forward only")
	}
	s.Advance(d)
	return nil
}
