package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// waitMode is the value of --wait. "" means no wait; the other values are the constants below.
type waitMode string

const (
	waitDecided waitMode = "decided" // until every invoice is decided
	waitReceipt waitMode = "receipt" // until accepted invoices have their receipts as well
)

// IsBool makes the value optional.
func (w *waitMode) IsBool() bool { return true }

// Decode implements kong.MapperValue.
func (w *waitMode) Decode(ctx *kong.DecodeContext) error {
	*w = waitDecided
	if ctx.Scan.Peek().Type != kong.FlagValueToken {
		return nil
	}
	switch value := strings.ToLower(fmt.Sprint(ctx.Scan.Pop().Value)); value {
	case "true", "yes", "1", string(waitDecided):
	case "false", "no", "0":
		*w = ""
	case string(waitReceipt):
		*w = waitReceipt
	default:
		return fmt.Errorf("--wait=%s is not known: say --wait, or --wait=receipt to wait for the receipts (UPO) too", value)
	}
	return nil
}
