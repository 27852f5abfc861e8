package config

// Environment says which KSeF the gateway client talks to.
type Environment string

const (
	// Test is KSeF's test environment, https://ksefapi.pl/api-test: free, nothing sent there has legal effect.
	Test Environment = "test"
	// Production is the real KSeF, https://ksefapi.pl/api: whatever is accepted there is an issued invoice.
	Production Environment = "production"
	// Custom is the address in gateway.url: the simulator, or a proxy of one's own.
	Custom Environment = "custom"
)

// Config is everything an operator can choose. It is a plain value: once loaded it is never changed, and copies may be read from any
// number of goroutines. It holds no secret that prints (see the package comment).
type Config struct {
	// Environment has no default on purpose: an operator who forgets it would otherwise file a night's invoices with the test system.
	Environment Environment `yaml:"environment" env:"ENVIRONMENT"`
	Gateway     Gateway     `yaml:"gateway" envPrefix:"GATEWAY_"`
	Redis       Redis       `yaml:"redis" envPrefix:"REDIS_"`
	// Tenants are the accounts by which this pool sends invoices; at least one, no name twice.
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
	Worker     Worker     `yaml:"worker" envPrefix:"WORKER_"`
	Log        Log        `yaml:"log" envPrefix:"LOG_"`
	Deadlines  Deadlines  `yaml:"deadlines" envPrefix:"DEADLINES_"`
	Sweep      Sweep      `yaml:"sweep" envPrefix:"SWEEP_"`

	// Warnings are what Load noticed and could live with: a variable that looks like ours but is not, a key sent in the clear. One
	// sentence each, for the log. Not a setting.
	Warnings []string `yaml:"-" env:"-"`
}

// Default is the configuration before the file and the environment are read. It is not valid alone: environment, tenants and
// archive.url have no sensible default.
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
		Worker:    defaultWorker(),
		Log:       Log{Level: "info", Format: "json"},
		Deadlines: defaultDeadlines(),
		Sweep:     defaultSweep(),
	}
}

// Tenant finds a tenant by its name, which is its NIP where it has no other; false when this pool
// does not serve it.
func (c Config) Tenant(name string) (Tenant, bool) {
	for _, t := range c.Tenants {
		if t.Title() == name {
			return t, true
		}
	}
	return Tenant{}, false
}

// LimitsOf is the request table of one tenant: its own figures where it has any, else those of
// limits.groups. A tenant that is not configured gets the common table.
func (c Config) LimitsOf(name string) Groups {
	t, ok := c.Tenant(name)
	if !ok {
		return c.Limits.Groups
	}
	return c.Limits.Groups.overlaid(t.Limits)
}
