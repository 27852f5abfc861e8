package config

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

func TestStorageKeyFile_OnePathOrAList_WorksInFileAndVariable(t *testing.T) {
	for why, c := range map[string]struct {
		yaml    string
		environ []string
		want    Files
	}{
		"one path":            {"storage: {key_file: /k/a}\n", nil, Files{"/k/a"}},
		"a list":              {"storage: {key_file: [/k/b, /k/a]}\n", nil, Files{"/k/b", "/k/a"}},
		"a list over lines":   {"storage:\n  key_file:\n    - /k/b\n    - /k/a\n", nil, Files{"/k/b", "/k/a"}},
		"none":                {"", nil, nil},
		"one in a variable":   {"", []string{"KSEF_STORAGE_KEY_FILE=/k/a"}, Files{"/k/a"}},
		"two in a variable":   {"", []string{"KSEF_STORAGE_KEY_FILE=/k/b, /k/a"}, Files{"/k/b", "/k/a"}},
		"the variable wins":   {"storage: {key_file: [/k/b, /k/a]}\n", []string{"KSEF_STORAGE_KEY_FILE=/k/c"}, Files{"/k/c"}},
		"a path with a comma": {"storage: {key_file: \"/k/a,b\"}\n", nil, Files{"/k/a,b"}},
		"an empty variable":   {"storage: {key_file: /k/a}\n", []string{"KSEF_STORAGE_KEY_FILE="}, Files{"/k/a"}},
	} {
		got, err := Load(writeFile(t, "c.yaml", minimal+c.yaml), c.environ)
		if diff := cmp.Diff(c.want, got.Storage.KeyFile); err != nil || diff != "" {
			t.Errorf("%s: the error is %v, want none, and the paths differ by (-want +got):\n%s", why, err, diff)
		}
	}
}

func TestStorageKeyFile_NotAPath_IsReported(t *testing.T) {
	for why, c := range map[string]struct{ yaml, environ, want string }{
		"a block":          {"storage: {key_file: {a: b}}\n", "", "one path, or a list of paths"},
		"an empty element": {"storage: {key_file: [/k/a, '']}\n", "", "one path, or a list of paths"},
		"a list in a list": {"storage: {key_file: [[/k/a]]}\n", "", "one path, or a list of paths"},
		"an extra comma":   {"", "KSEF_STORAGE_KEY_FILE=/k/a,", "KSEF_STORAGE_KEY_FILE"},
		"null":             {"storage: {key_file: null}\n", "", ""},
	} {
		_, err := Load(writeFile(t, "c.yaml", minimal+c.yaml), []string{c.environ})
		if c.want == "" {
			if err != nil {
				t.Errorf("%s: the error is %v, want none", why, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: the error is %v, want it to say %q", why, err, c.want)
		}
	}
}

func TestStorageKeys_SeveralFiles_AreInOrderAndMustDiffer(t *testing.T) {
	a, b := strings.Repeat("a", 32), strings.Repeat("b", 32)
	fileA, fileB, copyOfA := writeFile(t, "a", a), writeFile(t, "b", b), writeFile(t, "copy", a)
	keys, err := Storage{KeyFile: Files{fileB, fileA}}.Keys()
	if err != nil || len(keys) != 2 || string(keys[0]) != b || string(keys[1]) != a {
		t.Errorf("the keys are %q (error %v), want both in the order of the files", keys, err)
	}
	_, err = Storage{KeyFile: Files{fileA, fileB, copyOfA}}.Keys()
	if err == nil || !strings.Contains(err.Error(), fileA) || !strings.Contains(err.Error(), copyOfA) ||
		strings.Contains(err.Error(), a) {
		t.Errorf("two files have the same key: the error is %v, want both files named and no key", err)
	}
}
