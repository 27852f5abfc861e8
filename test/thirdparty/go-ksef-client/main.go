// Command go-ksef-client drives the simulator's version of the Ministry's API with
// github.com/alapierre/go-ksef-client, unmodified. It is a module of its own, so that the project
// does not depend on that client. A test in internal/simulator/ministry/thirdparty_test.go starts
// the simulator, runs this program and compares what it prints with the simulator's books.
//
// The environment sets KSEF_URL (the address without /v2), KSEF_NIP (the taxpayer) and
// KSEF_TOKEN_FILE (a file with the taxpayer's token). KSEF_INVOICES is a folder with the folders
// online and zip, each with invoices as *.xml. The program prints one JSON object.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/alapierre/go-ksef-client/ksef"
	"github.com/alapierre/go-ksef-client/ksef/aes"
	"github.com/alapierre/go-ksef-client/ksef/api"
	"github.com/alapierre/go-ksef-client/ksef/batch"
)

func main() {
	report, err := drive(context.Background())
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	if err := json.NewEncoder(os.Stdout).Encode(report); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// lead sends every request of the client, whose addresses are fixed, to the simulator.
type lead struct{ to *url.URL }

func (l lead) RoundTrip(r *http.Request) (*http.Response, error) {
	led := r.Clone(r.Context())
	led.URL.Scheme, led.URL.Host, led.Host = l.to.Scheme, l.to.Host, l.to.Host
	return http.DefaultTransport.RoundTrip(led)
}

// Report is what the program prints.
type Report struct {
	Online  Part `json:"online"`
	Zip     Part `json:"zip"`
	Refused int  `json:"refused"` // the code with which a second close is refused
}

// Part is one session.
type Part struct {
	Session  string   `json:"session"`
	Invoices int      `json:"invoices"`
	Numbers  []string `json:"numbers"` // the KSeF numbers in the UPO
}

// driver is a client that is logged in.
type driver struct {
	client *ksef.Client
	raw    *api.Client
}

var form = api.FormCode{SystemCode: "FA (3)", SchemaVersion: "1-0E", Value: "FA"}

func drive(ctx context.Context) (report Report, err error) {
	target, err := url.Parse(os.Getenv("KSEF_URL"))
	if err != nil {
		return report, err
	}
	secret, err := os.ReadFile(os.Getenv("KSEF_TOKEN_FILE"))
	if err != nil {
		return report, err
	}
	ctx = ksef.Context(ctx, os.Getenv("KSEF_NIP"))
	led := &http.Client{Transport: lead{target}, Timeout: 30 * time.Second}
	env := ksef.Test
	auth, err := ksef.NewAuthFacade(env, led)
	if err != nil {
		return report, err
	}
	encryptor, err := ksef.NewEncryptionService(env, led)
	if err != nil {
		return report, err
	}
	tokens := ksef.NewTokenProvider(auth, func(ctx context.Context) (*api.AuthenticationTokensResponse, error) {
		return ksef.WithKsefToken(ctx, auth, encryptor, strings.TrimSpace(string(secret)))
	})
	d := driver{}
	if d.client, err = ksef.NewClient(env, led, tokens, ksef.WithEncryptionService(encryptor)); err != nil {
		return report, err
	}
	if d.raw, err = api.NewClient(env.BaseURL(), tokens, api.WithClient(led)); err != nil {
		return report, err
	}
	if report.Online, err = d.online(ctx); err != nil {
		return report, fmt.Errorf("online: %w", err)
	}
	_, err = d.client.CloseInteractiveSession(ctx, report.Online.Session)
	var refused *ksef.ApiError
	if !errors.As(err, &refused) || len(refused.Details) != 1 {
		return report, fmt.Errorf("a second close answers %v", err)
	}
	report.Refused = refused.Details[0].Code
	if report.Zip, err = d.batch(ctx); err != nil {
		return report, fmt.Errorf("batch: %w", err)
	}
	return report, nil
}

func files(name string) ([]string, error) {
	return filepath.Glob(filepath.Join(os.Getenv("KSEF_INVOICES"), name, "*.xml"))
}

// online sends each invoice of the folder online in one session.
func (d driver) online(ctx context.Context) (part Part, err error) {
	key, err := aes.GenerateRandom256BitsKey()
	if err != nil {
		return part, err
	}
	iv, err := aes.GenerateRandom16BytesIv()
	if err != nil {
		return part, err
	}
	opened, err := d.client.OpenInteractiveSession(ctx, form, key, iv)
	if err != nil {
		return part, err
	}
	part.Session = string(opened.ReferenceNumber)
	paths, err := files("online")
	if err != nil {
		return part, err
	}
	for _, path := range paths {
		document, err := os.ReadFile(path)
		if err != nil {
			return part, err
		}
		if _, err := d.client.SendInvoice(ctx, part.Session, api.NewOptBool(false), document, key, iv); err != nil {
			return part, err
		}
	}
	if _, err := d.client.CloseInteractiveSession(ctx, part.Session); err != nil {
		return part, err
	}
	return part, d.finish(ctx, &part)
}

// batch sends the folder zip as a package of several parts.
func (d driver) batch(ctx context.Context) (part Part, err error) {
	paths, err := files("zip")
	if err != nil {
		return part, err
	}
	dir, err := os.MkdirTemp("", "go-ksef-client-")
	if err != nil {
		return part, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	packed, err := batch.BuildBatchFromSource(batch.BatchConfig{OutputDir: dir, MaxPartSize: 100_000}, batch.NewFileInvoiceSource(paths))
	if err != nil {
		return part, err
	}
	info := api.BatchFileInfo{FileSize: packed.ZipSize, FileHash: packed.ZipSHA256}
	for _, p := range packed.Parts {
		info.FileParts = append(info.FileParts, api.BatchFilePartInfo{
			OrdinalNumber: int32(p.Index + 1), FileSize: p.CipherSize, FileHash: p.CipherSHA256,
		})
	}
	opened, err := d.client.OpenBatchSession(ctx, form, packed.AESKey, packed.IV, api.NewOptBool(false), info)
	if err != nil {
		return part, err
	}
	part.Session = string(opened.ReferenceNumber)
	for _, request := range opened.PartUploadRequests {
		data, err := os.ReadFile(packed.Parts[request.OrdinalNumber-1].CipherPath)
		if err != nil {
			return part, err
		}
		answer, err := d.client.SendBatchPart(ctx, data, request)
		if err != nil {
			return part, err
		}
		if answer.StatusCode != http.StatusCreated {
			return part, fmt.Errorf("part %d: HTTP %d", request.OrdinalNumber, answer.StatusCode)
		}
	}
	if _, err := d.client.CloseBatchSession(ctx, part.Session); err != nil {
		return part, err
	}
	return part, d.finish(ctx, &part)
}
