// Package config is the one place where the worker, enqueue and the tests learn what an operator wants.
//
// A value is made in four steps, in this order: [Default], the YAML file, the environment, then a check that reports every fault at
// once. The file config/worker.example.yaml shows every key; a test holds it against the structs of this package, so it can't lag behind.
//
// # Environment
//
// Every key has a variable: KSEF_ and the key's path in capitals, dots and camel humps as underscores: packages.max_wait is
// KSEF_PACKAGES_MAX_WAIT, limits.groups.invoiceSend.per_hour is KSEF_LIMITS_GROUPS_INVOICE_SEND_PER_HOUR, the first tenant's name is
// KSEF_TENANTS_0_NAME. Lists are split at commas. A variable that is set but empty counts as not set, because compose files and
// unit files write `KEY=` for what they leave out. Two more are honoured: REDIS_URL, by custom the name hosters use (KSEF_REDIS_URL wins
// over it), and KSEF_KEY_FILE_<NIP>, the key file of that tenant.
//
// # Secrets
//
// No secret is written in the file: keys name files, which are read when they are needed and anew each time, so a rotated key needs no
// restart. The one exception is REDIS_URL, which may carry a password because hosters hand it out that way; it is taken out of the URL
// at once and never shown again. A Config can therefore be logged as it is.
package config
