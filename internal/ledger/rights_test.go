package ledger

import (
	"errors"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/redis/go-redis/v9"
)

// limited returns the ledger of a user who may not use some commands.
func limited(w *world, without ...string) *Ledger {
	w.t.Helper()
	w.serial++
	name := fmt.Sprintf("few%d", w.serial)
	args := []any{"ACL", "SETUSER", name, "on", ">secret", "~*", "&*", "+@all"}
	for _, command := range without {
		args = append(args, "-"+strings.ToLower(command))
	}
	w.must(w.rdb.Do(ctx(), args...).Err())
	o := *w.rdb.Options()
	o.Username, o.Password = name, "secret"
	rdb := redis.NewClient(&o)
	w.t.Cleanup(func() { _ = rdb.Close() })
	return New(rdb, Options{Prefix: w.prefix, Now: w.now})
}

func TestCheckRights_UserLacksCommands_AreNamedAndNothingIsLeft(t *testing.T) {
	w := oneWorld(t)
	w.unchanged(func() {
		w.must(w.CheckRights(ctx()))
		for _, lacks := range [][]string{{"XADD"}, {"ZADD", "HSETNX"}, {"SADD"}} {
			err := limited(w, lacks...).CheckRights(ctx())
			refused, ok := errors.AsType[*RightsError](err)
			if !ok {
				t.Errorf("without %v CheckRights gives %v, want a RightsError", lacks, err)
				continue
			}
			slices.Sort(refused.Commands)
			slices.Sort(lacks)
			if !slices.Equal(refused.Commands, lacks) || !strings.Contains(err.Error(), "docs/redis.md") {
				t.Errorf("without %v CheckRights gives %v, want these commands named", lacks, err)
			}
		}
	})
}

// While the ledger's user lacked some rights, entries moved and were not listed. Then the user gets
// the rights back.
func TestListAgain_WhatTheIndexesLack_IsListed(t *testing.T) {
	w := oneWorld(t)
	inv := w.take(w.fresh())[0]
	few := limited(w, "ZADD")
	if err := few.Move(ctx(), Move{ID: inv.ID, To: Parked}); err != nil {
		t.Fatal(err)
	}
	listed := func() int {
		ids, err := w.InState(ctx(), Parked, noon.AddDate(-1, 0, 0), noon.AddDate(1, 0, 0), 0)
		w.must(err)
		return len(ids)
	}
	if n := listed(); n != 0 {
		t.Fatalf("the index lists %d entries although the user could not write it: this test proves nothing", n)
	}
	w.must(w.ListAgain(ctx()))
	_, err := w.RecheckUnreadable(ctx(), 10)
	w.must(err)
	if n := listed(); n != 1 {
		t.Errorf("after ListAgain the index lists %d entries, want 1", n)
	}
}

// Every command that a script uses on a key must be in scriptCommands or onHome.
func TestScriptCommands_AreAllThatScriptsUse(t *testing.T) {
	listed := map[string]bool{"TIME": true, "INFO": true} // take no key; INFO is optional
	for _, c := range append(slices.Clone(scriptCommands), onHome...) {
		listed[c[0].(string)] = true
	}
	files, _ := filepath.Glob("lua/*.lua")
	for _, file := range files {
		for _, m := range regexp.MustCompile(`(?:call|index|get)\('([A-Z]+)'|'(H[A-Z]+)' or '`).FindAllStringSubmatch(contents(t, file), -1) {
			if command := m[1] + m[2]; !listed[command] {
				t.Errorf("%s uses the command %s, which is neither in scriptCommands nor in onHome", file, command)
			}
		}
	}
}
