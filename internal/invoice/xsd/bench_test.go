package xsd_test

import (
	"bufio"
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/xsd"
	"ksefworker/internal/sample"
)

// TestBench_ThreeValidators_SideBySide prints the figures of `make bench-schema`. Each validator
// runs in its own process on one core. Rates are documents per second of processor time, so other
// programs on the machine matter little. xmllint reads its documents from files. The other two
// validators have the documents in memory. The test checks no figure.
func TestBench_ThreeValidators_SideBySide(t *testing.T) {
	if os.Getenv("KSEF_BENCH_SCHEMA") != "1" {
		t.Skip("KSEF_BENCH_SCHEMA is not 1")
	}
	schemas := schemaDir(t)
	dir := t.TempDir()
	const documents = 200
	var files []string
	bytesEach := 0
	for i := range documents {
		doc := sample.Invoice(sample.Options{Lines: 18, PadTo: 8000, Seed: uint64(i)})
		file := filepath.Join(dir, strconv.Itoa(i)+".xml")
		if err := os.WriteFile(file, doc, 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, file)
		bytesEach = len(doc)
	}
	t.Logf("%d documents of %d bytes, one core", documents, bytesEach)
	t.Logf("%-42s %14s %14s %14s", "", "documents/s", "added memory", "idle memory")
	for _, c := range []struct {
		name   string
		rounds int
	}{{"ours", 500}, {"helium", 10}} {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^TestBenchChild$", "-test.v")
		cmd.Env = append(os.Environ(), "GOMAXPROCS=1", "KSEF_BENCH_SCHEMA="+c.name, "KSEF_BENCH_DIR="+dir,
			"KSEF_BENCH_ROUNDS="+strconv.Itoa(c.rounds))
		out, err := cmd.CombinedOutput()
		if err != nil {
			t.Fatalf("%s: %v\n%s", c.name, err, out)
		}
		var started, peak int
		var cpu float64
		for line := range strings.Lines(string(out)) {
			if _, err := fmt.Sscanf(strings.TrimSpace(line), "figures %d %d %f", &started, &peak, &cpu); err == nil {
				break
			}
		}
		names := map[string]string{"ours": "ours: header, rules, SHA-256 and schema", "helium": "helium: schema"}
		t.Logf("%-42s %14.0f %11d kB %11d kB", names[c.name], float64(documents*c.rounds)/cpu, peak-started, started)
	}
	lint, err := exec.LookPath("xmllint")
	if err != nil {
		t.Log("xmllint is not on PATH")
		return
	}
	local := localSchema(t, schemas)
	_, first := run(t, exec.Command(lint, "--noout", "--nonet", "--schema", local, files[0]))
	const rounds = 10
	args := []string{"--noout", "--nonet", "--schema", local}
	for range rounds {
		args = append(args, files...)
	}
	peak, all := run(t, exec.Command(lint, args...))
	t.Logf("%-42s %14.0f %11d kB %14s", "xmllint (libxml2): schema", float64(documents*rounds-1)/(all-first).Seconds(), peak, "included")
}

// TestBenchChild is not a test. TestBench_ThreeValidators_SideBySide starts it in a process of its
// own.
func TestBenchChild(t *testing.T) {
	which, dir := os.Getenv("KSEF_BENCH_SCHEMA"), os.Getenv("KSEF_BENCH_DIR")
	if dir == "" {
		t.Skip("started by the benchmark only")
	}
	rounds, err := strconv.Atoi(os.Getenv("KSEF_BENCH_ROUNDS"))
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	validate := func(doc []byte) error {
		h, err := invoice.Parse(doc)
		if err == nil {
			err = invoice.Check(h, now, invoice.CheckOptions{CheckNIPs: true, Schema: true})
		}
		return err
	}
	files, err := filepath.Glob(filepath.Join(dir, "*.xml"))
	if err != nil || len(files) == 0 {
		t.Fatalf("the folder %s has %d documents, error %v; want documents and no error", dir, len(files), err)
	}
	docs := make([][]byte, len(files))
	for i, file := range files {
		if docs[i], err = os.ReadFile(file); err != nil {
			t.Fatal(err)
		}
	}
	started := peakMemory(t)
	if which == "helium" {
		v, err := xsd.Load(schemaDir(t))
		if err != nil {
			t.Fatal(err)
		}
		validate = v.Validate
	}
	before := ownTime(t)
	for range rounds {
		for i, doc := range docs {
			if err := validate(doc); err != nil {
				t.Fatalf("document %s is refused: %v", files[i], err)
			}
		}
	}
	fmt.Printf("figures %d %d %f\n", started, peakMemory(t), (ownTime(t) - before).Seconds())
}

// peakMemory returns the largest resident memory that this process has had, in kB.
func peakMemory(t *testing.T) int {
	if runtime.GOOS != "linux" {
		t.Skip("memory is read from /proc")
	}
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	return highWater(text)
}

// highWater reads VmHWM from the status of a process. It returns 0 if the status has no VmHWM.
func highWater(status []byte) int {
	for lines := bufio.NewScanner(bytes.NewReader(status)); lines.Scan(); {
		var kb int
		if _, err := fmt.Sscanf(lines.Text(), "VmHWM: %d kB", &kb); err == nil {
			return kb
		}
	}
	return 0
}

func ownTime(t *testing.T) time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		t.Fatal(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// run runs a program and returns its peak memory in kB and its processor time. The memory is polled
// while the program runs, because the kernel's figure after the end includes the memory of the
// process that started the program.
func run(t *testing.T, cmd *exec.Cmd) (peak int, cpu time.Duration) {
	t.Helper()
	var out bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &out
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		select {
		case err := <-ended:
			if err != nil {
				t.Fatalf("%v\n%.1000s", err, out.Bytes())
			}
			return peak, cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		case <-tick.C:
			if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", cmd.Process.Pid)); err == nil {
				peak = max(peak, highWater(status))
			}
		}
	}
}

// localSchema makes a copy of the schema of FA(3), and returns the name of the copy. The copy
// imports its types from the files in dir, not from the Ministry's address.
func localSchema(t *testing.T, dir string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "schemat_FA(3)_v1-0E.xsd"))
	if err != nil {
		t.Fatal(err)
	}
	types, err := filepath.Abs(filepath.Join(dir, "bazowe"))
	if err != nil {
		t.Fatal(err)
	}
	const remote = `schemaLocation="http://crd.gov.pl/xml/schematy/dziedzinowe/mf/2022/01/05/eD/DefinicjeTypy`
	file := filepath.Join(t.TempDir(), "fa3.xsd")
	if err := os.WriteFile(file, bytes.ReplaceAll(text, []byte(remote), []byte(`schemaLocation="file://`+types)), 0o600); err != nil {
		t.Fatal(err)
	}
	return file
}
