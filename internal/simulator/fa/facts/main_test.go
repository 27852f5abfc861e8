package main

import (
	"os"
	"path/filepath"
	"testing"
)

func TestRun_OfficialSchemas_GiveTheFactsInTheRepository(t *testing.T) {
	from := os.Getenv("KSEF_SCHEMA_DIR")
	if from == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: this project may not distribute the Ministry's schemas")
	}
	to := t.TempDir()
	if err := run(from, to); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"schema_v3.json", "schema_v2.json"} {
		want, err := os.ReadFile(filepath.Join(to, name))
		if err != nil {
			t.Fatal(err)
		}
		got, err := os.ReadFile(filepath.Join("..", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(want) {
			t.Errorf("%s is not what the schemas give: run go generate ./internal/simulator/fa", name)
		}
	}
}

func TestRun_NoFolder_SaysWhatIsNeeded(t *testing.T) {
	if err := run("", t.TempDir()); err == nil {
		t.Error("run without a folder gives no error")
	}
	if err := run(t.TempDir(), t.TempDir()); err == nil {
		t.Error("run with an empty folder gives no error")
	}
}
