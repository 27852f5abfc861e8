package oidc

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"strings"
	"testing"
)

// People log in and out in a real browser. Only a browser enforces the page's policy on forms and
// redirects, and decides which cookies it sends when another site leads back to the page.
func TestBrowser_ProviderByOthers_LetsPeopleInAndOut(t *testing.T) {
	if os.Getenv("KSEF_BROWSER_TEST") != "1" {
		t.Skip("needs Chromium, Node.js and KSEF_BROWSER_TEST=1: scripts/need-browser.sh installs them")
	}
	chromium := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if path, err := exec.LookPath(name); err == nil && chromium == "" {
			chromium = path
		}
	}
	s := newSite(t)
	s.run()
	job, err := json.Marshal(map[string]string{"base": s.url, "provider": s.op.issuer(), "password": password, "chromium": chromium,
		"screenshots": os.Getenv("KSEF_BROWSER_SHOTS")})
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command("node", "signin.mjs")
	cmd.Dir, cmd.Stdin = "../browser", bytes.NewReader(job)
	out, err := cmd.CombinedOutput()
	if err != nil || strings.Count(string(out), "loggedout") != 2 {
		t.Errorf("the browser did not log out twice: %v: %s\n%s", err, out, s.logged())
	}
}
