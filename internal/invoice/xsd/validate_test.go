package xsd_test

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"ksefworker/internal/invoice"
	"ksefworker/internal/invoice/xsd"
	"ksefworker/internal/sample"
)

// schemaDir returns the folder with the Ministry's schemas. It skips the test when none is set.
func schemaDir(t testing.TB) string {
	t.Helper()
	dir := os.Getenv("KSEF_SCHEMA_DIR")
	if dir == "" {
		t.Skip("KSEF_SCHEMA_DIR is not set: this project may not distribute the Ministry's schemas")
	}
	return dir
}

func load(t testing.TB) *xsd.Validator {
	t.Helper()
	v, err := xsd.Load(schemaDir(t))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestValidate_SampleOfEveryKind_Passes(t *testing.T) {
	v := load(t)
	for _, kind := range []string{"VAT", "KOR", "ZAL", "ROZ", "UPR", "KOR_ZAL", "KOR_ROZ"} {
		if err := v.Validate(sample.Invoice(sample.Options{Kind: kind, Attachment: kind == "VAT"})); err != nil {
			t.Errorf("an invoice of kind %s is refused: %v", kind, err)
		}
	}
}

func TestValidate_FaultyDocument_NamesElementAndLine(t *testing.T) {
	v := load(t)
	good := string(sample.Invoice(sample.Options{Number: "FV/1"}))
	for _, c := range []struct{ why, doc, field string }{
		{"a required sum is missing", string(sample.Bad(sample.MissingTotal, sample.Options{})), "Adnotacje"},
		{"a kind that is not on the list", string(sample.Bad(sample.UnknownKind, sample.Options{})), "RodzajFaktury"},
		{"no annotations", good[:strings.Index(good, "<Adnotacje>")] + good[strings.Index(good, "</Adnotacje>")+12:],
			"RodzajFaktury"},
		{"an unknown element", strings.Replace(good, "<P_1M>", "<P_99/><P_1M>", 1), "P_99"},
		{"a sum with a comma", strings.Replace(good, "<P_15>", "<P_15>1,", 1), "P_15"},
	} {
		t.Run(c.why, func(t *testing.T) {
			err := v.Validate([]byte(c.doc))
			var f *invoice.FieldError
			if !errors.As(err, &f) {
				t.Fatalf("Validate = %v, want a FieldError", err)
			}
			if f.Field != c.field {
				t.Errorf("the error names the field %s, want %s: %v", f.Field, c.field, err)
			}
			lines := strings.Split(c.doc, "\n")
			if f.Line < 1 || f.Line > len(lines) || !strings.Contains(lines[f.Line-1], c.field) {
				t.Errorf("the error names line %d, which does not contain %s", f.Line, c.field)
			}
			if strings.Contains(err.Error(), "{http") {
				t.Errorf("the error %v has a namespace, want none", err)
			}
		})
	}
}

func TestValidate_UnknownForm_IsRefused(t *testing.T) {
	v := load(t)
	for why, doc := range map[string][]byte{
		"FA(1)": sample.Bad(sample.FA1, sample.Options{}), "not XML": []byte("x"), "an empty document": nil,
	} {
		var f *invoice.FieldError
		if err := v.Validate(doc); !errors.As(err, &f) {
			t.Errorf("%s: Validate = %v, want a FieldError", why, err)
		}
	}
}

func TestValidate_FA2_IsCheckedAgainstItsOwnSchema(t *testing.T) {
	v := load(t)
	doc := strings.Replace(string(sample.Invoice(sample.Options{})), "2025/06/25/13775", "2023/06/29/12648", 1)
	doc = strings.Replace(strings.Replace(doc, "FA (3)", "FA (2)", 1), "<WariantFormularza>3<", "<WariantFormularza>2<", 1)
	doc = strings.Replace(strings.Replace(doc, "\n\t\t<JST>2</JST>", "", 1), "\n\t\t<GV>2</GV>", "", 1) // new in FA(3)
	if err := v.Validate([]byte(doc)); err != nil {
		t.Error(err)
	}
}

func TestValidate_ManyAtOnce_DoNotAffectEachOther(t *testing.T) {
	v := load(t)
	good, bad := sample.Invoice(sample.Options{}), sample.Bad(sample.UnknownKind, sample.Options{})
	var wait sync.WaitGroup
	for range 2 * runtime.GOMAXPROCS(0) {
		wait.Go(func() {
			for range 10 {
				if err := v.Validate(good); err != nil {
					t.Errorf("the good document is refused: %v", err)
				}
				if err := v.Validate(bad); err == nil {
					t.Error("the bad document was accepted")
				}
			}
		})
	}
	wait.Wait()
}

func TestLoad_MissingImport_FailsAndNamesTheFile(t *testing.T) {
	from, to := schemaDir(t), t.TempDir()
	name := "schemat_FA(3)_v1-0E.xsd"
	text, err := os.ReadFile(filepath.Join(from, name))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(to, name), text, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := xsd.Load(to); err == nil || !strings.Contains(err.Error(), "StrukturyDanych_v10-0E.xsd") {
		t.Errorf("Load = %v, want the missing file named", err)
	}
	// The schema of FA(3) can be loaded without that of FA(2), and with its imports beside it
	// instead of in bazowe.
	imports, err := filepath.Glob(filepath.Join(from, "bazowe", "*.xsd"))
	if err != nil || len(imports) == 0 {
		t.Fatal("no imports to copy", err)
	}
	for _, file := range imports {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, filepath.Base(file)), text, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := xsd.Load(to); err != nil {
		t.Error(err)
	}
}

func TestLoad_FolderWithoutSchemas_Fails(t *testing.T) {
	if _, err := xsd.Load(t.TempDir()); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("Load = %v, want that the file does not exist", err)
	}
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "schemat_FA(3)_v1-0E.xsd"), []byte("<html/>"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := xsd.Load(dir); err == nil {
		t.Error("a web page was accepted as a schema")
	}
}

func BenchmarkValidate(b *testing.B) {
	v := load(b)
	doc := sample.Invoice(sample.Options{Lines: 18, PadTo: 8000})
	b.SetBytes(int64(len(doc)))
	b.ReportAllocs()
	for b.Loop() {
		if err := v.Validate(doc); err != nil {
			b.Fatal(err)
		}
	}
}
