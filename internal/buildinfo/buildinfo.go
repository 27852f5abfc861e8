// Package buildinfo describes the running build from what the Go toolchain wrote into the binary,
// so that build scripts need not.
package buildinfo

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Info describes a build. Version is "(devel)" for a working copy without tags. Revision is empty
// when the source was not a repository.
type Info struct {
	Version, Revision, GoVersion string
}

// version is set by a build without a repository, such as the one of the container image:
// -ldflags "-X ksefworker/internal/buildinfo.version=v1.2.3".
var version string

// Read returns the build of the running program.
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

// String returns one line for people: "v1.2.3 (revision 0123abc, go1.26.8)".
func (i Info) String() string {
	if i.Revision == "" {
		return i.Version + " (" + i.GoVersion + ")"
	}
	return i.Version + " (revision " + i.Revision + ", " + i.GoVersion + ")"
}
