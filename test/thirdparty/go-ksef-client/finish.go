package main

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/alapierre/go-ksef-client/ksef/api"
)

// finish waits for the end of a session. Then it reads the session's list, page by page, and its
// UPO.
func (d driver) finish(ctx context.Context, part *Part) error {
	var upo string
	for deadline := time.Now().Add(30 * time.Second); upo == ""; {
		params := api.SessionsReferenceNumberGetParams{ReferenceNumber: api.ReferenceNumber(part.Session)}
		answer, err := d.raw.SessionsReferenceNumberGet(ctx, params)
		if err != nil {
			return err
		}
		state, ok := answer.(*api.SessionStatusResponse)
		if !ok || state.Status.Code > 200 || time.Now().After(deadline) {
			return fmt.Errorf("the session answers %T %+v", answer, answer)
		}
		if pages, there := state.Upo.Get(); there {
			upo = string(pages.Pages[0].ReferenceNumber)
		} else {
			time.Sleep(200 * time.Millisecond)
		}
	}
	token := api.OptString{}
	for {
		page, err := d.client.SessionInvoices(ctx, part.Session, token, api.NewOptInt32(100))
		if err != nil {
			return err
		}
		part.Invoices += len(page.Invoices)
		next, there := page.ContinuationToken.Get()
		if !there || next == "" {
			break
		}
		token = api.NewOptString(next)
	}
	answer, err := d.client.GetUPO(ctx, part.Session, upo)
	if err != nil {
		return err
	}
	var text strings.Builder
	sum := sha256.New()
	buffer := make([]byte, 1<<16)
	for {
		n, err := answer.Response.Data.Read(buffer)
		text.Write(buffer[:n])
		sum.Write(buffer[:n])
		if err != nil {
			break
		}
	}
	if string(answer.XMsMetaHash) != base64.StdEncoding.EncodeToString(sum.Sum(nil)) {
		return errors.New("x-ms-meta-hash is not the hash of the UPO")
	}
	for rest := text.String(); ; {
		_, after, found := strings.Cut(rest, "<NumerKSeFDokumentu>")
		if !found {
			break
		}
		number, more, _ := strings.Cut(after, "<")
		part.Numbers = append(part.Numbers, number)
		rest = more
	}
	slices.Sort(part.Numbers)
	return nil
}
