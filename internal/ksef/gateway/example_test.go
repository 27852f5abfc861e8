package gateway_test

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"net/http/httptest"
	"time"

	"ksefworker/internal/ksef"
	"ksefworker/internal/ksef/gateway"
	"ksefworker/internal/sample"
	"ksefworker/internal/simulator"
)

// The examples use the simulator, which refuses what the gateway refuses. Its clock stands at noon
// of a Monday.
var exampleNow = time.Date(2026, 11, 23, 12, 0, 0, 0, time.UTC)

// connect starts a simulator of the gateway and returns a client of it. A real program gives
// gateway.TestURL or gateway.ProductionURL.
func connect() (client *gateway.Client, stop func()) {
	sim := must(simulator.New(simulator.Options{Profile: simulator.Unlimited, Now: func() time.Time { return exampleNow }, Seed: 1}))
	srv := httptest.NewServer(sim.Handler())
	client = must(gateway.New(gateway.Options{
		BaseURL: srv.URL,
		KeyID:   "test_id",
		Key:     func() (string, error) { return "test_key", nil }, // a real program reads a file
		App:     "erp-bridge/2.1",
	}))
	return client, func() {
		client.CloseIdleConnections()
		srv.Close()
		if err := sim.Close(); err != nil {
			panic(err)
		}
	}
}

func exampleInvoice(number string) []byte {
	return sample.Invoice(sample.Options{Number: number, IssueDate: "2026-11-23"})
}

// openOnline is the beginning of every online example.
func openOnline(ctx context.Context, c *gateway.Client) (ksef.OpenedSession, ksef.SessionKey) {
	key := must(ksef.NewSessionKey())
	info := must(key.Info(must(c.PublicKey(ctx))))
	return must(c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info})), key
}

// accept sends one invoice and waits until KSeF has processed the session. It returns the session
// and the state of the invoice.
func accept(ctx context.Context, c *gateway.Client, invoice []byte) (session string, info ksef.InvoiceInfo) {
	s, key := openOnline(ctx, c)
	must(c.SendInvoice(ctx, ksef.Seal(s.ID, key, invoice)))
	check(c.CloseSession(ctx, s.ID, false))
	processed(ctx, c, s.ID)
	return s.ID, must(c.SessionInvoices(ctx, s.ID))[0]
}

// processed polls until the session is final. A real program polls less often and for longer.
func processed(ctx context.Context, c *gateway.Client, id string) ksef.SessionInfo {
	for range 500 {
		if info := must(c.SessionStatus(ctx, id)); !info.Status.Processing() {
			return info
		}
		<-time.After(10 * time.Millisecond)
	}
	panic("session is never processed")
}

// ready calls ask until the answer is no longer "still processing".
func ready(ask func() error) {
	for range 500 {
		err := ask()
		if !errors.Is(err, ksef.ErrProcessing) {
			check(err)
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	panic("never ready")
}

func check(err error) {
	if err != nil {
		panic(err)
	}
}

func zipped(numbers ...string) []byte {
	var out bytes.Buffer
	z := zip.NewWriter(&out)
	for i, n := range numbers {
		must(must(z.Create(fmt.Sprintf("%04d.xml", i))).Write(exampleInvoice(n)))
	}
	check(z.Close())
	return out.Bytes()
}

func ExampleNew() {
	_, err := gateway.New(gateway.Options{BaseURL: "ksefapi.pl/api", KeyID: "a:b"})
	fmt.Println(err)
	// Output:
	// gateway options: BaseURL: must be an absolute http or https URL
	// gateway options: KeyID: must not contain ':'
	// gateway options: Key: is required
}

func ExampleClient_PublicKey() {
	c, stop := connect()
	defer stop()
	cache := ksef.NewKeyCache(c.PublicKey, time.Hour, nil)
	key, err := cache.Get(context.Background())
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(key.Size()*8, "bits")
	// Output: 2048 bits
}

func ExampleClient_OpenOnline() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()

	key := must(ksef.NewSessionKey())
	info := must(key.Info(must(c.PublicKey(ctx))))
	session, err := c.OpenOnline(ctx, ksef.OpenOnlineRequest{InvoiceVersion: ksef.FA3, EncryptionInfo: info})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(session.ID != "", session.Created.Format(time.DateOnly), key)
	// Output: true 2026-11-23 [redacted]
}

func ExampleClient_SendInvoice() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, key := openOnline(ctx, c)

	sent, err := c.SendInvoice(ctx, ksef.Seal(session.ID, key, exampleInvoice("FV/1")))
	fmt.Println(sent.ID != "", err)

	// Nobody has opened this session.
	_, err = c.SendInvoice(ctx, ksef.Seal("20260101-SO-0000000000-0000000000-00", key, exampleInvoice("FV/2")))
	var e *ksef.APIError
	if errors.As(err, &e) {
		fmt.Println(e.Kind, e.Status, "maybe done:", e.MaybeDone)
	}
	// Output:
	// true <nil>
	// refused 400 maybe done: false
}

func ExampleClient_InvoiceStatus() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, key := openOnline(ctx, c)
	sent := must(c.SendInvoice(ctx, ksef.Seal(session.ID, key, exampleInvoice("FV/1"))))

	for range 500 {
		info, err := c.InvoiceStatus(ctx, sent.ID)
		if err != nil {
			fmt.Println(err)
			return
		}
		if info.Status.Done() {
			fmt.Println(info.Status.Code, info.InvoiceNumber, info.InvoicingMode, len(info.KSeFNumber))
			return
		}
		<-time.After(10 * time.Millisecond)
	}
	// Output: 200 FV/1 online 35
}

func ExampleClient_CloseSession() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, key := openOnline(ctx, c)
	must(c.SendInvoice(ctx, ksef.Seal(session.ID, key, exampleInvoice("FV/1"))))

	fmt.Println(c.CloseSession(ctx, session.ID, false))
	err := c.CloseSession(ctx, session.ID, false) // a second call is refused, and does no harm
	fmt.Println(err != nil)
	// Output:
	// <nil>
	// true
}

func ExampleClient_SessionStatus() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, key := openOnline(ctx, c)
	must(c.SendInvoice(ctx, ksef.Seal(session.ID, key, exampleInvoice("FV/1"))))

	fmt.Println(must(c.SessionStatus(ctx, session.ID)).Status.Processing())
	check(c.CloseSession(ctx, session.ID, false))
	info := processed(ctx, c, session.ID)
	meaning, _ := ksef.OnlineSessionMeaning(info.Status.Code)
	fmt.Println(info.Status.Code, meaning, info.InvoiceCount, info.SuccessfulInvoiceCount, info.FailedInvoiceCount)
	// Output:
	// true
	// 200 processed 1 1 0
}

func ExampleClient_SessionInvoices() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	_, first := accept(ctx, c, exampleInvoice("FV/1"))
	session, _ := accept(ctx, c, exampleInvoice("FV/1")) // the same invoice again

	list, err := c.SessionInvoices(ctx, session)
	if err != nil {
		fmt.Println(err)
		return
	}
	for _, i := range list {
		original, _, _ := i.Original()
		meaning, _ := ksef.InvoiceMeaning(i.Status.Code)
		fmt.Println(i.Status.Code, meaning, original == first.KSeFNumber)
	}
	// Output: 440 duplicate of an invoice that KSeF has true
}

func ExampleClient_SessionUPO() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	session, info := accept(ctx, c, exampleInvoice("FV/1"))

	upo, err := c.SessionUPO(ctx, session)
	fmt.Println(bytes.Contains(upo, []byte(info.KSeFNumber)), err)
	// Output: true <nil>
}

func ExampleClient_OpenBatch() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()

	plain := zipped("FV/1", "FV/2", "FV/3")
	key := must(ksef.NewSessionKey())
	halves := [][]byte{key.Encrypt(plain[:len(plain)/2]), key.Encrypt(plain[len(plain)/2:])}
	whole := sha256.Sum256(plain)
	batch := ksef.BatchInfo{BatchSize: int64(len(plain)), BatchHash: whole[:]}
	for i, h := range halves {
		sum := sha256.Sum256(h)
		batch.BatchParts = append(batch.BatchParts, ksef.BatchPart{Ordinal: i + 1, PartSize: int64(len(h)), PartHash: sum[:]})
	}
	opened, err := c.OpenBatch(ctx, ksef.OpenBatchRequest{
		InvoiceVersion: ksef.FA3, EncryptionInfo: must(key.Info(must(c.PublicKey(ctx)))), BatchInfo: batch,
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	for i, part := range opened.PartUploads {
		fmt.Println(part, part.Allowed)
		check(c.UploadPart(ctx, part, opener(halves[i]), int64(len(halves[i]))))
	}
	check(c.CloseSession(ctx, opened.ID, true))
	info := processed(ctx, c, opened.ID)
	fmt.Println(info.Status.Code, info.SuccessfulInvoiceCount)
	// Output:
	// part 1: PUT [redacted] 40m0s
	// part 2: PUT [redacted] 40m0s
	// 200 3
}

func ExampleClient_UploadPart() {
	c, stop := connect()
	defer stop()
	ctx := context.Background()
	plain := zipped("FV/1")
	key := must(ksef.NewSessionKey())
	sealed := key.Encrypt(plain)
	whole, sum := sha256.Sum256(plain), sha256.Sum256(sealed)
	opened := must(c.OpenBatch(ctx, ksef.OpenBatchRequest{
		InvoiceVersion: ksef.FA3, EncryptionInfo: must(key.Info(must(c.PublicKey(ctx)))),
		BatchInfo: ksef.BatchInfo{BatchSize: int64(len(plain)), BatchHash: whole[:],
			BatchParts: []ksef.BatchPart{{Ordinal: 1, PartSize: int64(len(sealed)), PartHash: sum[:]}}},
	}))

	open := func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(sealed)), nil } // for a file: os.Open
	err := c.UploadPart(ctx, opened.PartUploads[0], open, int64(len(sealed)))
	fmt.Println(err)
	// Output: <nil>
}
