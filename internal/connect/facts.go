package connect

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/redis/go-redis/v9"

	"ksefworker/config"
)

// minRedis is the first version that has every command used here, for example EXPIRE with NX.
const minRedis = "7.0"

// VolatileError says that this Redis may lose data. The ledger is the only record of what was sent,
// so the worker and enqueue serve refuse to work on such a Redis.
type VolatileError struct{ Faults []string }

func (e *VolatileError) Error() string {
	return "this Redis may lose invoices: " + strings.Join(e.Faults, "; ") +
		" (for development: redis.allow_volatile: true, or worker --allow-volatile-redis)"
}

// Facts are what a Redis reports about itself. A field is "" when Redis does not report it.
type Facts struct {
	version     string
	cluster     string // "1" for a node of a cluster
	policy      string // maxmemory-policy
	appendOnly  string // "1" or "0"
	appendfsync string
	RunID       string // of the Redis process
}

// ReadRedisFacts reads INFO, which managed services allow for everybody. It reads CONFIG, which
// they forbid, only for what INFO does not report. It returns an error only when Redis does not
// answer. A refused command is not an error.
func ReadRedisFacts(ctx context.Context, rdb redis.UniversalClient) (Facts, error) {
	info, err := rdb.Info(ctx).Result()
	if err := Unanswered(err); err != nil {
		return Facts{}, err
	}
	fields := infoFields(info)
	f := Facts{
		version: fields["redis_version"], cluster: fields["cluster_enabled"],
		policy: fields["maxmemory_policy"], appendOnly: fields["aof_enabled"], RunID: fields["run_id"],
	}
	for _, ask := range []struct {
		name string
		into *string
	}{{"appendfsync", &f.appendfsync}, {"maxmemory-policy", &f.policy}, {"appendonly", &f.appendOnly}} {
		if *ask.into != "" {
			continue
		}
		answer, err := rdb.ConfigGet(ctx, ask.name).Result()
		if err := Unanswered(err); err != nil {
			return Facts{}, err
		}
		*ask.into = answer[ask.name]
	}
	switch f.appendOnly {
	case "yes":
		f.appendOnly = "1"
	case "no":
		f.appendOnly = "0"
	}
	return f, nil
}

func infoFields(info string) map[string]string {
	fields := map[string]string{}
	for line := range strings.Lines(info) {
		if name, value, ok := strings.Cut(strings.TrimSpace(line), ":"); ok {
			fields[name] = value
		}
	}
	return fields
}

var errCluster error = &config.FieldError{Field: "redis.url", Err: errors.New("this Redis is a cluster; " +
	"the ledger needs one node or Sentinel, because its scripts use many keys at once: " +
	"name a Redis that runs with cluster-enabled no")}

// unsuitable returns why this Redis can never hold a ledger, whatever the configuration says. The
// error is a field error of redis.url.
func (f Facts) unsuitable() error {
	switch {
	case f.cluster == "1":
		return errCluster
	case f.version != "" && older(f.version, minRedis):
		return &config.FieldError{Field: "redis.url", Err: fmt.Errorf(
			"this Redis is version %s; %s or later is needed: upgrade it, or name another one", f.version, minRedis)}
	}
	return nil
}

// volatile returns how this Redis may lose data, as a [*VolatileError]; nil when no way is known.
func (f Facts) volatile() error {
	const permanently = " and write it into redis.conf, or set it in the console of a managed Redis"
	var faults []string
	if f.policy != "" && f.policy != "noeviction" {
		faults = append(faults, fmt.Sprintf("maxmemory-policy is %s, so Redis deletes entries when memory is short: "+
			"CONFIG SET maxmemory-policy noeviction"+permanently, f.policy))
	}
	if f.appendOnly == "0" {
		faults = append(faults, "appendonly is off, so a restart loses the last minutes: "+
			"CONFIG SET appendonly yes"+permanently)
	}
	if f.appendOnly != "0" && f.appendfsync == "no" {
		faults = append(faults, "appendfsync is no, so a power failure loses the last half minute: "+
			"CONFIG SET appendfsync everysec"+permanently)
	}
	if len(faults) > 0 {
		return &VolatileError{faults}
	}
	return nil
}

// older reports whether a version is older than another, by the first two numbers. A text that is
// not a version is never older.
func older(version, than string) bool {
	number := func(s string, i int) int {
		parts := strings.SplitN(s, ".", 3)
		if i >= len(parts) {
			return 0
		}
		n, err := strconv.Atoi(parts[i])
		if err != nil {
			return 1 << 20
		}
		return n
	}
	a, b := number(version, 0), number(than, 0)
	return a < b || a == b && number(version, 1) < number(than, 1)
}

// CheckDurable checks whether Redis keeps its data. The error is one of these:
//   - a [*VolatileError] when Redis may lose data
//   - a [*config.FieldError] when this kind of Redis cannot be used at all
//   - the error of a Redis that does not answer
//
// unknown says that Redis does not report its eviction policy, whether it has an append-only file,
// or how often it syncs the file.
func CheckDurable(ctx context.Context, rdb redis.UniversalClient) (unknown bool, err error) {
	f, err := ReadRedisFacts(ctx, rdb)
	if err != nil {
		return true, err
	}
	if err := f.unsuitable(); err != nil {
		return false, err
	}
	return f.policy == "" || f.appendOnly == "" || f.appendfsync == "" && f.appendOnly != "0", f.volatile()
}

// CheckDurable is [CheckDurable] for this configuration. With redis.allow_volatile, it accepts
// every Redis that can be used at all.
func (p *Pool) CheckDurable(ctx context.Context) error {
	f, err := ReadRedisFacts(ctx, p.Redis)
	if err != nil {
		return err
	}
	return p.Unfit(f)
}

// Unfit returns why this configuration may not use a Redis with these facts; nil when it may.
func (p *Pool) Unfit(f Facts) error {
	err := f.unsuitable()
	if err == nil && !p.Config.Redis.AllowVolatile {
		err = f.volatile()
	}
	return err
}

// Unanswered returns nil for an error that Redis answered ("unknown command", "NOPERM"), and for
// nil. It wraps and returns every other error, because such an error means that Redis did not
// answer.
func Unanswered(err error) error {
	if _, answered := errors.AsType[redis.Error](err); answered || err == nil {
		return nil
	}
	return fmt.Errorf("ask redis for its settings: %w", err)
}
