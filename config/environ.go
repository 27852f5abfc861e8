package config

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/caarlos0/env/v11"
)

const (
	envPrefix     = "KSEF_"
	envKeyFile    = "KSEF_KEY_FILE_"
	envTenants    = "KSEF_TENANTS_"
	maxEnvTenants = 1000
)

// readEnviron applies the environment to c. It applies the variables one at a time, in the order of
// their names, so that an error can name the variable. An error of the library names only the Go
// field.
func (c *Config) readEnviron(environ []string, f *faults) {
	vars := map[string]string{}
	for name, value := range env.ToMap(environ) {
		// A name that ends in an underscore is left out, because the library would read it as the
		// struct with this prefix.
		if value != "" && strings.HasPrefix(name, envPrefix) && !strings.HasSuffix(name, "_") {
			vars[name] = value
		}
	}
	if _, own := vars["KSEF_REDIS_URL"]; !own {
		if u := env.ToMap(environ)["REDIS_URL"]; u != "" {
			vars["KSEF_REDIS_URL"] = u
		}
	}
	c.Tenants = growTenants(c.Tenants, vars)
	known := variables(*c)
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if strings.HasPrefix(name, envKeyFile) {
			continue
		}
		if !known[name] {
			c.warnUnknown(name)
			continue
		}
		err := env.ParseWithOptions(c, env.Options{Prefix: envPrefix, Environment: map[string]string{name: vars[name]}})
		if err != nil {
			f.add(name, shownValue(name, vars[name]), parseCause(err))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(vars)) {
		if nip, ok := strings.CutPrefix(name, envKeyFile); ok {
			setKeyFile(c.Tenants, name, nip, vars[name], f)
		}
	}
}

// growTenants appends tenants that only the environment names. Their numbers must continue the
// list. For example, after two tenants in the file, KSEF_TENANTS_7_NIP creates no tenant, and
// warnUnknown reports the variable.
func growTenants(tenants []Tenant, vars map[string]string) []Tenant {
	for len(tenants) < maxEnvTenants {
		prefix := envTenants + strconv.Itoa(len(tenants)) + "_"
		named := false
		for name := range vars {
			named = named || strings.HasPrefix(name, prefix)
		}
		if !named {
			break
		}
		tenants = append(tenants, Tenant{})
	}
	return tenants
}

// variables returns the names of all variables that are settings of c. The library calls OnSet for
// each field, set or not.
func variables(c Config) map[string]bool {
	known := map[string]bool{}
	scratch := c
	scratch.Tenants = slices.Clone(c.Tenants)
	// One variable with the prefix of the tenants makes the library walk into the slice. The name
	// of this variable must not match a field.
	err := env.ParseWithOptions(&scratch, env.Options{
		Prefix: envPrefix, Environment: map[string]string{envTenants + "walk": "1"},
		OnSet: func(name string, _ any, _ bool) { known[name] = true },
	})
	if err != nil {
		return nil
	}
	return known
}

func setKeyFile(tenants []Tenant, name, nip, path string, f *faults) {
	var of []int
	for i := range tenants {
		if tenants[i].NIP == nip {
			of = append(of, i)
		}
	}
	switch len(of) {
	case 0:
		f.add(name, path, fmt.Errorf("belongs to no tenant: none has the NIP %s", nip))
	case 1:
		tenants[of[0]].KeyFile = path
	default:
		f.add(name, path, fmt.Errorf("belongs to several tenants: set %s%d_KEY_FILE and so on, one for each", envTenants, of[0]))
	}
}

// warnUnknown adds a warning for a variable that begins like a section of the file. An error would
// be too strict, because orchestrators set variables of their own, such as KSEF_REDIS_PORT for a
// service called ksef-redis.
func (c *Config) warnUnknown(name string) {
	for _, section := range slices.Sorted(maps.Keys(sections())) {
		if strings.HasPrefix(name, envPrefix+section) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("variable %s is not a setting and was ignored", name))
			return
		}
	}
}

// sections returns the top-level keys of the file as they begin a variable: REDIS_, PACKAGES_ and
// so on.
func sections() map[string]bool {
	out := map[string]bool{}
	for name := range yamlFields(configType) {
		out[strings.ToUpper(name)+"_"] = true
	}
	return out
}

// shownValue returns value as errors show it. A URL may contain a password, so redactURL hides its
// login.
func shownValue(name, value string) string {
	if strings.HasSuffix(name, "_URL") {
		return redactURL(value)
	}
	return strconv.Quote(value)
}

// parseCause returns the cause of an error of the library in words for an operator.
func parseCause(err error) error {
	var p env.ParseError
	if !errors.As(err, &p) {
		return errors.New("cannot be read")
	}
	switch p.Type.Kind().String() + " " + p.Type.String() {
	case "int int":
		return errors.New("is not a whole number")
	case "float64 float64":
		return errors.New("is not a number")
	case "bool bool":
		return errors.New("is not true or false")
	case "int64 time.Duration":
		return errors.New("is not a duration such as 500ms, 30s, 2m or 11h")
	}
	return p.Err
}
