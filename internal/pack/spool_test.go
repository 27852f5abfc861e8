package pack_test

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ksefworker/internal/pack"
)

// victimDir is the environment variable that makes this test binary build a package and then wait
// to be killed. Its value is the spool folder.
const victimDir = "PACK_TEST_VICTIM"

func TestMain(m *testing.M) {
	if dir := os.Getenv(victimDir); dir != "" {
		p, err := pack.Build(context.Background(), invoices(10), pack.Options{Dir: dir, Encrypter: sealCBC})
		fmt.Println(p != nil, err)
		_, _ = os.Stdin.Read(make([]byte, 1))
		os.Exit(0)
	}
	goleak.VerifyTestMain(m)
}

func TestSweepSpool_OwnerKilled_RemovesItsPackageOnly(t *testing.T) {
	dir := t.TempDir()
	victim := exec.Command(os.Args[0])
	victim.Env = append(os.Environ(), victimDir+"="+dir)
	in, err := victim.StdinPipe() // stays open, because the victim waits for input
	if err != nil {
		t.Fatal(err)
	}
	defer in.Close()
	out, err := victim.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := victim.Start(); err != nil {
		t.Fatal(err)
	}
	report, err := bufio.NewReader(out).ReadString('\n')
	if report != "true <nil>\n" {
		_ = victim.Process.Kill()
		t.Fatalf("the victim reported %q (error %v), want true <nil>", report, err)
	}
	victims := folders(t, dir)
	mine := build(t, invoices(10), pack.Options{Dir: dir, Encrypter: sealCBC})

	// Both owners are alive, so nothing may be removed, however old the folders look.
	age(t, dir, 100*time.Hour)
	if err := pack.SweepSpool(dir, time.Minute); err != nil || len(folders(t, dir)) != 2 {
		t.Errorf("with both owners alive, SweepSpool = %v and left %v, want no error and both folders", err, folders(t, dir))
	}

	if err := victim.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = victim.Wait()
	if err := pack.SweepSpool(dir, time.Minute); err != nil {
		t.Error(err)
	}
	if left := folders(t, dir); len(left) != 1 || slices.Contains(victims, left[0]) {
		t.Errorf("after the kill, SweepSpool left %v, want one folder, that of this process; the victim's was %v", left, victims)
	}
	unpack(t, mine, 50_000_000)
}

func TestSweepSpool_KeepsYoungAndUnrelatedFolders(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"package-old", "package-young", "something-else"} {
		if err := os.Mkdir(filepath.Join(dir, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.WriteFile(filepath.Join(dir, "package-file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	age(t, dir, time.Hour)
	now := time.Now()
	if err := os.Chtimes(filepath.Join(dir, "package-young"), now, now); err != nil {
		t.Fatal(err)
	}
	if err := pack.SweepSpool(dir, time.Minute); err != nil {
		t.Error(err)
	}
	if got, want := folders(t, dir), []string{"package-file", "package-young", "something-else"}; !slices.Equal(got, want) {
		t.Errorf("SweepSpool left %v, want %v", got, want)
	}
	if err := pack.SweepSpool(filepath.Join(dir, "missing"), time.Minute); err != nil {
		t.Errorf("a missing spool folder gives %v, want no error", err)
	}
}

func folders(t *testing.T, dir string) (names []string) {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		names = append(names, e.Name())
	}
	return names
}

func age(t *testing.T, dir string, by time.Duration) {
	t.Helper()
	old := time.Now().Add(-by)
	for _, name := range folders(t, dir) {
		if err := os.Chtimes(filepath.Join(dir, name), old, old); err != nil {
			t.Fatal(err)
		}
	}
}
