package config

import (
	"cmp"
	"errors"
	"fmt"
	"strings"
)

// User may log in to the business page.
type User struct {
	// Name is what the person types, and what the audit log shows.
	Name string `yaml:"name" env:"NAME"`
	// PasswordFile holds a bcrypt hash (htpasswd -nB) or the password itself.
	PasswordFile string `yaml:"password_file" env:"PASSWORD_FILE"`
	// Tenants are the names or NIPs of the tenants that the user sees. [AllTenants] alone means all
	// tenants.
	Tenants []string `yaml:"tenants" env:"TENANTS"`
	// Role is viewer or operator; "" is viewer. An operator may also act, for example retry and
	// dismiss, unless [Dashboard.ReadOnly] is set.
	Role Role `yaml:"role" env:"ROLE"`
}

// Role says what a user may do.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"
	Operator Role = "operator"
)

// AllTenants stands for every tenant.
const AllTenants = "*"

func checkUsers(c *Config, f *faults) {
	h := c.HTTP
	names := map[string]int{}
	for i, u := range h.Users {
		at := fmt.Sprintf("http.users[%d].", i)
		first, twice := names[u.Name]
		switch {
		case u.Name == "":
			f.add(at+"name", "", errors.New("is missing: what the person types to log in"))
		case twice:
			f.add(at+"name", u.Name, fmt.Errorf("is already the name of http.users[%d]: each user needs its own", first))
		case u.Name == h.Dashboard.Username:
			f.add(at+"name", u.Name, errors.New("is already http.dashboard.username: choose another name"))
		case len(u.Name) > 64 || strings.TrimSpace(u.Name) != u.Name || strings.Contains(u.Name, ":"):
			f.add(at+"name", u.Name, errors.New("must have at most 64 bytes, no colon, and no blank at either end"))
		}
		names[u.Name] = i
		f.printable(at+"name", u.Name)
		if u.PasswordFile == "" {
			f.add(at+"password_file", "", errors.New("is missing: a file with a bcrypt hash (htpasswd -nBC 10 NAME) or the password"))
		}
		checkAccess(c, f, at, u.Role, u.Tenants)
	}
}

// checkAccess checks what a user, or a group of users, may see and do.
func checkAccess(c *Config, f *faults, at string, role Role, tenants []string) {
	if role != "" && role != Viewer && role != Operator {
		f.add(at+"role", string(role), errors.New("must be viewer or operator"))
	}
	if len(tenants) == 0 {
		f.add(at+"tenants", "", fmt.Errorf("is empty: name the tenants to see, or write [%q] for all", AllTenants))
	}
	for _, name := range tenants {
		switch {
		case name == AllTenants && len(tenants) > 1:
			f.add(at+"tenants", name, errors.New("stands for all tenants: name no other beside it"))
		case name != AllTenants && len(c.TenantsNamed(name)) == 0:
			f.add(at+"tenants", name, errors.New("is neither name nor NIP of a tenant in tenants"))
		}
	}
}

// Account is a user whose password file was read. Safe for concurrent use.
type Account struct {
	Name    string
	Tenants []string // nil: all
	Role    Role
	// Check reports whether both name and password are right. It takes as long for a wrong name as
	// for a wrong password.
	Check func(user, password string) bool
	// Seal returns a digest of text that changes when the content of the password file changes.
	Seal func(text string) string
}

// Accounts reads the password files of all users. The login of the dashboard counts as a user, who
// sees every tenant and is an operator. Errors name the file, never its content.
func (c Config) Accounts() ([]Account, error) {
	h := c.HTTP
	turn := make(chan struct{}, 1)
	var all []Account
	var errs []error
	add := func(setting, file string, a Account) {
		secret, check, err := readLogin(setting, a.Name, file, turn)
		if err != nil {
			errs = append(errs, err)
			return
		}
		a.Check = check
		a.Seal = sealUnder(secret)
		all = append(all, a)
	}
	for i, u := range h.Users {
		add(fmt.Sprintf("http.users[%d].password_file", i), u.PasswordFile,
			Account{Name: u.Name, Tenants: c.TitlesSeen(u.Tenants), Role: cmp.Or(u.Role, Viewer)})
	}
	if d := h.Dashboard; d.HasLogin() {
		add("http.dashboard.password_file", d.PasswordFile, Account{Name: d.Username, Role: Operator})
	}
	return all, errors.Join(errs...)
}
