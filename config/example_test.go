package config_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"ksefworker/config"
)

func ExampleLoad() {
	dir, err := os.MkdirTemp("", "config")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "worker.yaml")
	os.WriteFile(path, []byte(`
environment: test
tenants:
  - {nip: "5265877635", key_id: acme, key_file: /run/secrets/acme}
packages: {max_wait: 30s}
archive: {url: "file:///var/lib/ksef/archive"}
`), 0o600)

	c, err := config.Load(path, []string{"KSEF_PACKAGES_MAX_INVOICES=200"})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(c.BaseURL())
	fmt.Println(c.Packages.MaxWait, c.Packages.MaxInvoices, c.Packages.PartSize)
	fmt.Println(c.LimitsOf("5265877635").InvoiceSend)
	// Output:
	// https://ksefapi.pl/api-test
	// 30s 200 50MB
	// 10/s 30/min 180/h
}

func ExampleLoad_faults() {
	_, err := config.Load("", []string{"KSEF_ENVIRONMENT=test", "KSEF_ARCHIVE_URL=s3://receipts", "KSEF_WORKER_CONCURRENCY=5000"})
	fmt.Println(err)
	var first *config.FieldError
	fmt.Println(errors.As(err, &first), strings.ToUpper(first.Field))
	// Output:
	// check config from the environment:
	// tenants: is empty: add at least one taxpayer, either with nip, key_id and key_file, or with nip, token_file and "transport: direct"
	// worker.concurrency: 5000 must be between 1 and 1000
	// true TENANTS
}
