package arrows

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// zerolog's Dur writes a number of milliseconds without a unit, which a person takes for seconds.
func TestLog_NoDurationIsWrittenWithoutItsUnit(t *testing.T) {
	call := `Dur` + `("`
	err := filepath.WalkDir(filepath.Join("..", ".."), func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(file, ".go") {
			return err
		}
		source, err := os.ReadFile(file)
		if err == nil && strings.Contains(string(source), call) {
			t.Errorf("%s: write a duration with Stringer, so that it has its unit", file)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
