package config

import "context"

// login returns what reads a password's file, if there is one; else the password is fixed.
func login(what, path, username, password string) func(context.Context) (string, string, error) {
	return func(context.Context) (string, string, error) {
		if path == "" {
			return username, password, nil
		}
		read, err := readSecret(what, path)
		return username, read, err
	}
}
