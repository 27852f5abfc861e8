package main

import (
	"fmt"
	"strings"

	"github.com/alecthomas/kong"
)

// waitMode is what --wait waits for: nothing, that all is decided, or the receipts as well.
type waitMode string

const (
	waitDecided waitMode = "decided"
	waitReceipt waitMode = "receipt"
)

// IsBool lets --wait stand without a value, as a switch.
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
