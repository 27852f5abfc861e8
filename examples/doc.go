// Package examples holds programs in other languages that hand invoices in, ask what became of
// them, and receive webhooks. Its tests run them against real processes.
package examples
