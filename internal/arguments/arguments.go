// Package arguments reads the arguments of a command line as they were typed.
package arguments

import (
	"fmt"
	"reflect"

	"github.com/alecthomas/kong"
)

// KeepBytes lets texts keep their bytes. kong itself passes each text through JSON, which replaces
// whatever is not UTF-8. With such a replacement, a file whose name is not UTF-8 would not be
// found, and two refs could become the same ref.
func KeepBytes() kong.Option {
	return kong.KindMapper(reflect.String, kong.MapperFunc(func(ctx *kong.DecodeContext, target reflect.Value) error {
		t, err := ctx.Scan.PopValue("string")
		if err != nil {
			return err
		}
		target.SetString(fmt.Sprint(t.Value))
		return nil
	}))
}
