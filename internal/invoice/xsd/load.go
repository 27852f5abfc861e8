package xsd

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
	"sync"

	"github.com/lestrrat-go/helium"
	"github.com/lestrrat-go/helium/xsd"
)

// Names of the official schema files (crd.gov.pl, 2023 and 2025).
const (
	fileFA3 = "schemat_FA(3)_v1-0E.xsd"
	fileFA2 = "schemat_FA(2)_v1-0E.xsd"
)

// Validator holds compiled schemas. It never changes after Load and is safe for concurrent use. The
// schemas of FA(2) and FA(3) together take about 1.3 MB.
type Validator struct {
	schemas map[string]*xsd.Schema // by target namespace
}

// Load compiles the schemas in dir: schemat_FA(3)_v1-0E.xsd, which is required, and
// schemat_FA(2)_v1-0E.xsd, which is optional. Imported schemas are looked for by file name in dir
// and in its folder bazowe. Their http addresses are never used. The error says which file is
// missing, unreadable or not a schema.
func Load(dir string) (*Validator, error) {
	v := &Validator{schemas: make(map[string]*xsd.Schema, 2)}
	for _, file := range [...]string{fileFA3, fileFA2} {
		namespace, schema, err := compile(dir, file)
		if file == fileFA2 && errors.Is(err, fs.ErrNotExist) && !exists(dir, fileFA2) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("load schema %s: %w", file, err)
		}
		v.schemas[namespace] = schema
	}
	return v, nil
}

func exists(dir, file string) bool {
	_, err := os.Stat(filepath.Join(dir, file))
	return !errors.Is(err, fs.ErrNotExist)
}

func compile(dir, file string) (namespace string, schema *xsd.Schema, err error) {
	text, err := os.ReadFile(filepath.Join(dir, file))
	if err != nil {
		return "", nil, err
	}
	ctx := context.Background() // only memory and a local disk are used
	doc, err := helium.NewParser().Parse(ctx, text)
	if err != nil {
		return "", nil, fmt.Errorf("parse: %w", err)
	}
	root := doc.DocumentElement()
	if root == nil {
		return "", nil, errors.New("parse: no root element")
	}
	namespace, _ = root.GetAttribute("targetNamespace")
	if namespace == "" {
		return "", nil, errors.New("no targetNamespace")
	}
	files := &folder{dir: dir}
	var faults collector
	compiler := xsd.NewCompiler().FS(files).BaseDir("file:///" + file).Label(file).ErrorHandler(&faults)
	schema, err = compiler.Compile(ctx, doc)
	if err != nil {
		return "", nil, errors.Join(err, faults.join(), files.missing())
	}
	// The library only warns about an import that it cannot find. Every type in it would then be
	// unknown or, worse, accept anything.
	if err := files.missing(); err != nil {
		return "", nil, err
	}
	return namespace, schema, nil
}

// folder opens imported schemas by the last part of their address, in dir or dir/bazowe. So an http
// address causes no network access, and ../../etc/passwd is just a missing file.
type folder struct {
	dir string

	mu     sync.Mutex
	faults []error
}

// Open implements fs.FS, except that names are addresses.
func (f *folder) Open(name string) (fs.File, error) {
	base := path.Base(strings.ReplaceAll(name, `\`, "/"))
	var err error
	for _, place := range [...]string{"bazowe", "."} {
		var file *os.File
		if file, err = os.Open(filepath.Join(f.dir, place, base)); err == nil {
			return file, nil
		}
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.faults = append(f.faults, fmt.Errorf("open imported schema: %w", err))
	return nil, err
}

// missing returns the errors of all files that could not be opened.
func (f *folder) missing() error {
	f.mu.Lock()
	defer f.mu.Unlock()
	return errors.Join(f.faults...)
}
