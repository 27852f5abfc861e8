package app

import (
	"errors"
	"fmt"
	"io"

	"ksefworker/config"
)

// checkCertificate is the part of --check for the certificate of a listener. A certificate that
// ends soon is reported as a note and not as a fault.
func checkCertificate(setting string, err error, say func(what string, err error), out io.Writer) {
	if ending, ok := errors.AsType[*config.EndingError](err); ok && !ending.Over {
		fmt.Fprintf(out, "note   %v\n", err)
		err = nil
	}
	say("certificate of "+setting, err)
}

// checkEnd is the part of --check for the time at which the certificate of the worker's listener
// ends. The check of the secret files finds out whether the certificate can be used at all.
func checkEnd(t config.HTTPTLS, say func(what string, err error), out io.Writer) {
	err := t.Check()
	if _, ok := errors.AsType[*config.EndingError](err); ok {
		checkCertificate("http.tls", err, say, out)
	}
}

// checkIntake is the part of --check for the files of enqueue serve: the keys of its clients and
// its certificate. A machine with none of these files, such as a container of a worker, runs no
// enqueue serve. There the missing files are a note and not a fault.
func checkIntake(cfg config.Config, say func(what string, err error), out io.Writer) {
	in := cfg.Intake
	if len(in.Clients) == 0 {
		return
	}
	if !in.Here() {
		fmt.Fprintln(out, "note   the files of intake (key files, certificate) are not on this machine; only a machine that runs enqueue serve needs them")
		return
	}
	for name, err := range in.CheckKeys() {
		say("keys of intake client "+name, err)
	}
	if in.HTTP.TLS.Enabled() {
		checkCertificate("intake.http.tls", in.HTTP.CheckTLS(), say, out)
	}
}
