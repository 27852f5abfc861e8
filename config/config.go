package config

// Environment is the KSeF environment that the tenants' clients use.
type Environment string

const (
	// Test is KSeF's test environment. It is free, and nothing sent there has legal effect.
	Test Environment = "test"
	// Demo is KSeF's environment with the rules of production and without legal effect. The gateway
	// does not lead there, so only tenants with transport direct may use Demo.
	Demo Environment = "demo"
	// Production is the real KSeF. Every invoice that is accepted there is legally issued.
	Production Environment = "production"
	// Custom uses the addresses in gateway.url and direct.url, for the simulator or a proxy.
	Custom Environment = "custom"
)

// Config holds all settings. Nothing changes it after it is loaded, so any number of goroutines may
// read copies. Printing it shows no secret (see the package comment).
type Config struct {
	// Environment has no default. With a default, an operator who forgets to set it could send a
	// night's invoices to the test environment.
	Environment Environment `yaml:"environment" env:"ENVIRONMENT"`
	Gateway     Gateway     `yaml:"gateway" envPrefix:"GATEWAY_"`
	Direct      Direct      `yaml:"direct" envPrefix:"DIRECT_"`
	Redis       Redis       `yaml:"redis" envPrefix:"REDIS_"`
	// Tenants are the accounts with which this pool sends invoices: at least one, each with a
	// unique name.
	Tenants    []Tenant   `yaml:"tenants" envPrefix:"TENANTS_"`
	Packages   Packages   `yaml:"packages" envPrefix:"PACKAGES_"`
	Express    Express    `yaml:"express" envPrefix:"EXPRESS_"`
	Confirm    Confirm    `yaml:"confirm" envPrefix:"CONFIRM_"`
	Archive    Archive    `yaml:"archive" envPrefix:"ARCHIVE_"`
	Storage    Storage    `yaml:"storage" envPrefix:"STORAGE_"`
	Ledger     Ledger     `yaml:"ledger" envPrefix:"LEDGER_"`
	Limits     Limits     `yaml:"limits" envPrefix:"LIMITS_"`
	Validation Validation `yaml:"validation" envPrefix:"VALIDATION_"`
	HTTP       HTTP       `yaml:"http" envPrefix:"HTTP_"`
	Intake     Intake     `yaml:"intake" envPrefix:"INTAKE_"`
	Results    Results    `yaml:"results" envPrefix:"RESULTS_"`
	Worker     Worker     `yaml:"worker" envPrefix:"WORKER_"`
	Log        Log        `yaml:"log" envPrefix:"LOG_"`
	Deadlines  Deadlines  `yaml:"deadlines" envPrefix:"DEADLINES_"`
	Sweep      Sweep      `yaml:"sweep" envPrefix:"SWEEP_"`

	// File is the file that --config named; "" when KSEF_CONFIG named the file or there is none.
	// When a program prints a command of enqueue for a person, it adds --config with this file. The
	// program sets File. It is not a setting.
	File string `yaml:"-" env:"-"`
	// Warnings are the problems that Load found but accepted, for example a variable that looks
	// like a setting but is none, or a key sent without encryption. Each is one sentence
	// for people. Not a setting.
	Warnings []string `yaml:"-" env:"-"`
}

// Default returns the configuration before the file and the environment are read. It is not valid
// by itself, because environment, tenants and archive.url have no sensible default.
func Default() Config {
	return Config{
		Gateway:   defaultGateway(),
		Redis:     defaultRedis(),
		Packages:  defaultPackages(),
		Express:   defaultExpress(),
		Confirm:   defaultConfirm(),
		Archive:   defaultArchive(),
		Storage:   defaultStorage(),
		Ledger:    defaultLedger(),
		Limits:    defaultLimits(),
		HTTP:      defaultHTTP(),
		Intake:    defaultIntake(),
		Results:   defaultResults(),
		Worker:    defaultWorker(),
		Log:       Log{Level: "info", Format: "json"},
		Deadlines: defaultDeadlines(),
		Sweep:     defaultSweep(),
	}
}

// Tenant finds a tenant by its name, or by its NIP if it has no name. It returns false when this
// pool does not serve the tenant.
func (c Config) Tenant(name string) (Tenant, bool) {
	for _, t := range c.Tenants {
		if t.Title() == name {
			return t, true
		}
	}
	return Tenant{}, false
}

// TenantsNamed returns the tenant that has this as its title, or else all tenants with this NIP.
func (c Config) TenantsNamed(nameOrNIP string) []Tenant {
	if t, ok := c.Tenant(nameOrNIP); ok {
		return []Tenant{t}
	}
	var found []Tenant
	for _, t := range c.Tenants {
		if t.NIP == nameOrNIP {
			found = append(found, t)
		}
	}
	return found
}

// LimitsOf returns the request limits of one tenant. A figure of the tenant's own replaces the
// figure in limits.groups. An unknown tenant gets limits.groups.
func (c Config) LimitsOf(name string) Groups {
	t, ok := c.Tenant(name)
	if !ok {
		return c.Limits.Groups
	}
	return c.Limits.Groups.overlaid(t.Limits)
}
