package testbed

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"time"

	"gopkg.in/yaml.v3"

	"ksefworker/config"
	"ksefworker/internal/sample"
)

// Config returns a configuration for this bed with this many tenants, sample.NIP(0) and up. Its
// waits are short, so that a test shows in seconds what otherwise takes a night. The caller may
// change it.
func (b *Bed) Config(tenants int) config.Config {
	c := config.Default()
	c.Environment, c.Gateway.URL, c.Redis.URL = config.Custom, b.gatewayURL, b.redisURL
	for i := range tenants {
		nip := sample.NIP(i)
		c.Tenants = append(c.Tenants, config.Tenant{NIP: nip, KeyID: "test_" + nip, KeyFile: b.KeyFile()})
	}
	c.Archive.URL = b.ArchiveURL()
	c.Packages.SpoolDir = filepath.Join(b.dir, "spool")
	c.Packages.MaxWait, c.Packages.Quiet = time.Second, 300*time.Millisecond
	c.Express.Idle = time.Second
	c.Confirm.First, c.Confirm.Max = 200*time.Millisecond, 2*time.Second
	c.HTTP.Addr = "127.0.0.1:0"
	return c
}

// WriteConfig writes a configuration to a file for a program to load. The file holds only what
// differs from the defaults, so that a person sees at once what is special about it.
func WriteConfig(path string, c config.Config) error {
	all, err := settings(c)
	if err != nil {
		return err
	}
	defaults, err := settings(config.Default())
	if err != nil {
		return err
	}
	tenant, err := settings(config.Tenant{})
	if err != nil {
		return err
	}
	tenants, _ := all["tenants"].([]any)
	for _, t := range tenants {
		dropEqual(t.(map[string]any), tenant)
	}
	dropEqual(all, defaults)
	text, err := yaml.Marshal(all)
	if err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	if err := os.WriteFile(path, text, 0o600); err != nil {
		return fmt.Errorf("write configuration: %w", err)
	}
	return nil
}

// settings returns the settings of a part of the configuration by their YAML keys.
func settings(part any) (map[string]any, error) {
	text, err := yaml.Marshal(part)
	if err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	var m map[string]any
	if err := yaml.Unmarshal(text, &m); err != nil {
		return nil, fmt.Errorf("write configuration: %w", err)
	}
	return m, nil
}

// dropEqual removes from m the settings that have the same value in defaults.
func dropEqual(m, defaults map[string]any) {
	for key, value := range m {
		if reflect.DeepEqual(value, defaults[key]) {
			delete(m, key)
			continue
		}
		below, isMap := value.(map[string]any)
		of, defaultIsMap := defaults[key].(map[string]any)
		if isMap && defaultIsMap {
			dropEqual(below, of)
		}
	}
}
