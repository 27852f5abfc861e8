package config

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"time"
)

// maxFile prevents a wrong path from being read into memory. A file with a thousand tenants has a
// tenth of that size.
const maxFile = 4 << 20

// Load makes a configuration and checks it. It starts with the defaults and applies the YAML file
// at path ("" means none). Then it applies environ, a list of KEY=value as os.Environ returns it.
// Load returns all faults joined, each a *FieldError. A file that is not one YAML document gives
// one other error. When the file cannot be opened, the error wraps an *fs.PathError. Load does not
// open the secret files; see [Config.CheckFiles].
func Load(path string, environ []string) (Config, error) {
	var data []byte
	from := "from the environment"
	if path != "" {
		var err error
		if data, err = readFile(path); err != nil {
			return Config{}, fmt.Errorf("read config: %w", err)
		}
		from = path
	}
	return parse(from, data, environ)
}

func parse(from string, data []byte, environ []string) (Config, error) {
	c := Default()
	var f faults
	if err := c.readYAML(data, &f); err != nil {
		return Config{}, fmt.Errorf("read config %s: %w", from, err)
	}
	c.readEnviron(environ, &f)
	c.Redis.hidePassword()
	lowerToSessions(&c)
	c.check(&f)
	if len(f.all) > 0 {
		return Config{}, fmt.Errorf("check config %s:\n%w", from, errors.Join(f.all...))
	}
	c.Packages.clamp()
	return c, nil
}

func readFile(path string) ([]byte, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	data, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, fmt.Errorf("%s is larger than 4 MiB, so it is not a configuration", path)
	}
	return bytes.TrimPrefix(data, []byte("\xef\xbb\xbf")), nil
}

func (c *Config) check(f *faults) {
	checkGateway(c, f)
	c.Redis.check(f)
	checkTenants(c, f)
	c.Packages.check(f, c.maxSessionInvoices())
	checkPackageFormats(c, f)
	c.Express.check(f, c.maxSessionInvoices())
	c.Confirm.check(f)
	c.Archive.check(f)
	c.Storage.check(f)
	c.Ledger.check(f)
	c.Limits.check(f, c.Environment)
	c.Validation.check(f, c.Environment)
	if c.Validation.SchemaDir != "" {
		c.Warnings = append(c.Warnings, "validation.schema_dir has no effect any more and can be removed: "+
			"the schemas of FA(3) and FA(2) are built in, and every invoice is checked against them")
	}
	c.HTTP.check(f)
	checkUsers(c, f)
	checkOIDC(c, f)
	checkIntake(c, f)
	checkResults(c, f)
	c.Worker.check(f)
	c.Log.check(f)
	f.duration("deadlines.warn", c.Deadlines.Warn, 0, 7*24*time.Hour)
	c.Sweep.check(f)
}
