package examples

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"
)

// sign returns a signature by the Standard Webhooks specification.
func sign(secret []byte, id, at, body string) string {
	mac := hmac.New(sha256.New, secret)
	fmt.Fprintf(mac, "%s.%s.%s", id, at, body)
	return "v1," + base64.StdEncoding.EncodeToString(mac.Sum(nil))
}

// This is the test vector of the specification's own libraries. Without it, the tests and the
// receivers could have the same mistake.
func TestSign_VectorOfTheSpecification_IsTheSame(t *testing.T) {
	secret, _ := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	got := sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", `{"test": 2432232314}`)
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error("the signature differs from that of the test vector:", got)
	}
}

func TestReceive_EachLanguage_KeepsWhatIsSignedAndNothingElse(t *testing.T) {
	secret, next := goodKey, bytes.Repeat([]byte("n"), 24)
	eachReceiver(t, func(t *testing.T, r receiver) {
		r.write(t, r.secret, secretLine(secret)+secretLine(next))
		r.mkdir(t)
		now, body := strconv.FormatInt(time.Now().Unix(), 10), `{"id":"inv-a","state":"accepted","reason":"zażółć"}`
		old := strconv.FormatInt(time.Now().Add(-time.Hour).Unix(), 10)
		right := sign(secret, "msg_1", now, body)
		for _, tt := range []struct {
			name, id, at, signature, body string
			status                        int
		}{
			{"signed", "msg_1", now, right, body, 204},
			{"signed with the next secret", "msg_2", now, sign(next, "msg_2", now, body), body, 204},
			{"several signatures", "msg_1", now, "v1a,AAAA " + sign(make([]byte, 24), "msg_1", now, body) + " " + right, body, 204},
			{"another body", "msg_1", now, right, body + " ", 401},
			{"another id", "msg_2", now, right, body, 401},
			{"another time", "msg_1", strconv.FormatInt(time.Now().Unix()-1, 10), right, body, 401},
			{"an hour old", "msg_1", old, sign(secret, "msg_1", old, body), body, 401},
			{"another secret", "msg_1", now, sign(make([]byte, 24), "msg_1", now, body), body, 401},
			{"no signature", "msg_1", now, "", body, 401},
			{"a signature without its version", "msg_1", now, strings.TrimPrefix(right, "v1,"), body, 401},
			{"a time that is not a number", "msg_1", "now", sign(secret, "msg_1", "now", body), body, 401},
			{"a time with a digit outside ASCII", "msg_1", "\xb2", sign(secret, "msg_1", "\xb2", body), body, 401},
			{"a body that is too large", "msg_1", now, right, strings.Repeat("x", 1<<20+1), 413},
		} {
			call, err := http.NewRequestWithContext(t.Context(), "POST", "http://127.0.0.1:"+r.port+"/ksef", strings.NewReader(tt.body))
			if err != nil {
				t.Fatal(err)
			}
			for name, value := range map[string]string{"webhook-id": tt.id, "webhook-timestamp": tt.at,
				"webhook-signature": tt.signature} {
				if value != "" {
					call.Header.Set(name, value)
				}
			}
			answer, err := http.DefaultClient.Do(call)
			if tt.status == 413 && err != nil {
				continue // the receiver may close the connection before it has read all
			}
			if err != nil {
				t.Fatalf("%s: %v", tt.name, err)
			}
			_ = answer.Body.Close()
			if answer.StatusCode != tt.status {
				t.Errorf("%s: the receiver answers %d, want %d", tt.name, answer.StatusCode, tt.status)
			}
		}
		kept, err := os.ReadFile(r.out)
		if want := strings.Repeat(body+"\n", 3); err != nil || string(kept) != want {
			t.Errorf("the receiver has kept %q (error %v), want the three good results", kept, err)
		}
	})
}

func freePort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ := net.SplitHostPort(l.Addr().String())
	return port
}
