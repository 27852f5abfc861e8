// Package buildinfo tells which build is running. The build script (make build, or the Dockerfile)
// writes version and revision into the binary. If it did not, the ones that the Go toolchain wrote
// there are used.
package buildinfo

import (
	"cmp"
	"runtime"
	"runtime/debug"
)

// Info describes a build. Version is "(devel)" and Revision is empty if neither the build script
// nor the toolchain knows them.
type Info struct {
	Version, Revision, GoVersion string
}

// version and revision are set by the build script: -ldflags "-X
// ksefworker/internal/buildinfo.version=v1.2.3 -X ksefworker/internal/buildinfo.revision=0123abc".
// The toolchain cannot determine them in some work trees, or in a build without a repository, such
// as the build of the container image.
var version, revision string

// Read returns the build of the running program.
func Read() Info {
	info := Info{Version: cmp.Or(version, "(devel)"), GoVersion: runtime.Version()}
	build, ok := debug.ReadBuildInfo()
	if !ok {
		info.Revision = revision
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
	info.Revision = cmp.Or(revision, info.Revision)
	return info
}

// String returns one line for people, such as "v1.2.3 (revision 0123abc, go1.26.8)".
func (i Info) String() string {
	if i.Revision == "" {
		return i.Version + " (" + i.GoVersion + ")"
	}
	return i.Version + " (revision " + i.Revision + ", " + i.GoVersion + ")"
}
