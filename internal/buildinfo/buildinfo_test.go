package buildinfo_test

import (
	"runtime"
	"strings"
	"testing"

	"ksefworker/internal/buildinfo"
)

func TestRead_ThisTest_NamesVersionAndGo(t *testing.T) {
	info := buildinfo.Read()
	if info.Version == "" || info.GoVersion != runtime.Version() {
		t.Errorf("%+v", info)
	}
	if s := (buildinfo.Info{Version: "v1.2.3", Revision: "abc", GoVersion: "go1.26"}).String(); s != "v1.2.3 (revision abc, go1.26)" {
		t.Error(s)
	}
	if s := info.String(); !strings.HasPrefix(s, info.Version) || !strings.Contains(s, info.GoVersion) {
		t.Error(s)
	}
}
