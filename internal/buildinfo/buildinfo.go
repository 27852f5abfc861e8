// Package buildinfo tells which build runs: what the Go toolchain wrote into the binary, so that no
// build script has to.
package buildinfo

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Info describes a build. Version is "(devel)" for one of a working copy without tags; Revision is
// empty where the source was not a repository.
type Info struct {
	Version, Revision, GoVersion string
}

// version is set by a build that has no repository at hand, as that of the container image has not:
// -ldflags "-X ksefworker/internal/buildinfo.version=v1.2.3".
var version string

// Read describes the running program.
func Read() Info {
	info := Info{Version: cmp.Or(version, "(devel)"), GoVersion: runtime.Version()}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		return info
	}
	if build.Main.Version != "" && version == "" {
		info.Version = build.Main.Version
	}
	for _, s := range build.Settings {
		switch {
		case s.Key == "vcs.revision":
			info.Revision = s.Value + info.Revision
		case s.Key == "vcs.modified" && s.Value == "true":
			info.Revision += "+changes"
		}
	}
	return info
}

// String is one line for people: "v1.2.3 (revision 0123abc, go1.26.8)".
func (i Info) String() string {
	if i.Revision == "" {
		return i.Version + " (" + i.GoVersion + ")"
	}
	return i.Version + " (revision " + i.Revision + ", " + i.GoVersion + ")"
}
