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

// readEnviron lays the environment over c. Variables are applied one at a time, in the order of their names: the library's own error
// names the Go field, and an operator wants the variable.
func (c *Config) readEnviron(environ []string, f *faults) {
	vars := map[string]string{}
	for name, value := range env.ToMap(environ) {
		// A name that ends in an underscore would be taken for the struct that has this prefix.
		if value != "" && strings.HasPrefix(name, envPrefix) && !strings.HasSuffix(name, "_") {
			vars[name] = value
		}
	}
	if _, own := vars["KSEF_REDIS_URL"]; !own {
		if u := env.ToMap(environ)["REDIS_URL"]; u != "" {
			vars["KSEF_REDIS_URL"] = u
		}
	}
	c.growTenants(vars)
	known := c.variables()
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
			c.setKeyFile(name, nip, vars[name], f)
		}
	}
}

// growTenants makes room for tenants that only the environment names. Numbers must follow on: KSEF_TENANTS_7_NIP after two tenants of
// the file names no eighth, and warnUnknown says so.
func (c *Config) growTenants(vars map[string]string) {
	for len(c.Tenants) < maxEnvTenants {
		prefix := envTenants + strconv.Itoa(len(c.Tenants)) + "_"
		named := false
		for name := range vars {
			named = named || strings.HasPrefix(name, prefix)
		}
		if !named {
			return
		}
		c.Tenants = append(c.Tenants, Tenant{})
	}
}

// variables lists every variable that c has a place for. The library calls OnSet for each field, set or not.
func (c *Config) variables() map[string]bool {
	known := map[string]bool{}
	scratch := *c
	scratch.Tenants = slices.Clone(c.Tenants)
	// One variable with the tenants' prefix makes the library walk into the slice. It must match no field.
	err := env.ParseWithOptions(&scratch, env.Options{
		Prefix: envPrefix, Environment: map[string]string{envTenants + "walk": "1"},
		OnSet: func(name string, _ any, _ bool) { known[name] = true },
	})
	if err != nil {
		return nil
	}
	return known
}

func (c *Config) setKeyFile(name, nip, path string, f *faults) {
	var of []int
	for i := range c.Tenants {
		if c.Tenants[i].NIP == nip {
			of = append(of, i)
		}
	}
	switch len(of) {
	case 0:
		f.add(name, path, fmt.Errorf("belongs to no tenant: none has the NIP %s", nip))
	case 1:
		c.Tenants[of[0]].KeyFile = path
	default:
		f.add(name, path, fmt.Errorf("belongs to several tenants: set %s%d_KEY_FILE and so on, one for each", envTenants, of[0]))
	}
}

// warnUnknown notes a variable that begins like one of our sections. An error would be too much: orchestrators put variables of their
// own into the environment, KSEF_REDIS_PORT for a service called ksef-redis.
func (c *Config) warnUnknown(name string) {
	for _, section := range slices.Sorted(maps.Keys(sections())) {
		if strings.HasPrefix(name, envPrefix+section) {
			c.Warnings = append(c.Warnings, fmt.Sprintf("variable %s is not a setting and was ignored", name))
			return
		}
	}
}

func sections() map[string]bool {
	out := map[string]bool{}
	for name := range yamlFields(configType) {
		out[strings.ToUpper(name)+"_"] = true
	}
	return out
}

// shownValue hides what may be a secret: a URL that does not parse, or parses with a password in it.
func shownValue(name, value string) string {
	if strings.HasSuffix(name, "_URL") {
		return redactURL(value)
	}
	return strconv.Quote(value)
}

func parseCause(err error) error {
	var p env.ParseError
	if !errors.As(err, &p) {
		return errors.New("can't be read")
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
