package main

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

var (
	inCode  = regexp.MustCompile("`(?:docker compose run --rm )?enqueue ((?:certificate|token) [a-z]+|[a-z]+)([^`]*)`")
	flagTok = regexp.MustCompile(`(^|\s)--([a-z-]+)`)
)

func TestDocuments_EveryCommandInTheManual_ExistsWithItsFlags(t *testing.T) {
	files, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(files) < 5 {
		t.Fatal(files, err)
	}
	help := map[string]string{}
	found := 0
	for _, file := range append(files, "../../README.md", "../../SECURITY.md") {
		raw, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		text := strings.ReplaceAll(string(raw), "\n", " ")
		for _, m := range inCode.FindAllStringSubmatch(text, -1) {
			found++
			command := m[1]
			if _, ok := help[command]; !ok {
				var out bytes.Buffer
				code := run(append(strings.Fields(command), "--help"), nil, strings.NewReader(""), &out, io.Discard)
				if code != exitOK {
					t.Errorf("%s: %s: there is no such command", filepath.Base(file), m[0])
				}
				help[command] = out.String()
			}
			for _, f := range flagTok.FindAllStringSubmatch(m[2], -1) {
				if !strings.Contains(help[command], "--"+f[2]) {
					t.Errorf("%s: %s: enqueue %s has no --%s", filepath.Base(file), m[0], command, f[2])
				}
			}
		}
	}
	if found < 20 {
		t.Errorf("only %d commands found", found)
	}
}
