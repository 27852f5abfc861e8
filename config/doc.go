// Package config loads and checks the configuration of worker, enqueue and the tests.
//
// A Config is made in four steps: [Default], the YAML file, the environment, and a check that
// reports all faults at once. The file config/worker.example.yaml shows every key. A test compares
// the file with the structs of this package, so the file stays up to date.
//
// # Environment
//
// Nearly every key has a variable. Its name is KSEF_ and the path of the key in capitals.
// Underscores replace dots and separate the words of camelCase:
//   - packages.max_wait is KSEF_PACKAGES_MAX_WAIT
//   - limits.groups.invoiceSend.per_hour is KSEF_LIMITS_GROUPS_INVOICE_SEND_PER_HOUR
//   - the name of the first tenant is KSEF_TENANTS_0_NAME
//
// Some lists have no variables, so only the file can set them: http.oidc.groups, intake.clients,
// and the lists of receivers in results. A variable for a list of texts is split at commas. A
// variable that is set but empty counts as not set, because compose files and unit files write
// `KEY=` for what they leave out. Two more variables are read. REDIS_URL is set by many hosting
// services; KSEF_REDIS_URL takes precedence over it. KSEF_KEY_FILE_<NIP> is the key file of the
// tenant with that NIP.
//
// # Secrets
//
// The file contains no secrets. Its keys name the files that hold them. Most of these files are
// read on each use, so that a rotated key needs no restart. Only REDIS_URL and KSEF_REDIS_URL may
// contain a secret, a password, because hosting services provide the URL with its password. The
// password is removed from the URL at once and never shown. So a Config can be logged as it is.
package config
