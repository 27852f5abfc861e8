package deploy

import (
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"ksefworker/config"
)

// The image cannot be built where there is no Docker. So these tests read the Dockerfile. They
// check its stages, sources, variables, programs, folders and user. Without them, a mistake there
// would show only when the image is built or started.

// instruction is one instruction of the Dockerfile, with its continued lines.
type instruction struct {
	name  string
	flags map[string]string // --from=build
	rest  string
}

// stage is a FROM and the instructions up to the next FROM.
type stage struct {
	name, base string
	steps      []instruction
}

// all returns the instructions of a stage that have this name.
func (s stage) all(name string) []instruction {
	var found []instruction
	for _, step := range s.steps {
		if step.name == name {
			found = append(found, step)
		}
	}
	return found
}

var flag = regexp.MustCompile(`^--([a-z]+)=(\S+)\s+`)

func dockerfile(t *testing.T) []stage {
	t.Helper()
	raw, err := os.ReadFile("../Dockerfile")
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`(?m)^\s*#.*\n`).ReplaceAllString(string(raw), "")
	var stages []stage
	for line := range strings.Lines(strings.ReplaceAll(text, "\\\n", " ")) {
		name, rest, _ := strings.Cut(strings.TrimSpace(line), " ")
		if name == "" {
			continue
		}
		step := instruction{name: name, flags: map[string]string{}, rest: strings.TrimSpace(rest)}
		for m := flag.FindStringSubmatch(step.rest); m != nil; m = flag.FindStringSubmatch(step.rest) {
			step.flags[m[1]] = m[2]
			step.rest = step.rest[len(m[0]):]
		}
		switch {
		case name == "FROM":
			base, as, _ := strings.Cut(step.rest, " AS ")
			stages = append(stages, stage{name: as, base: base})
		case len(stages) == 0:
			t.Fatalf("%s stands before the first FROM", name)
		case !slices.Contains([]string{"ARG", "COPY", "ENTRYPOINT", "ENV", "LABEL", "RUN", "USER", "WORKDIR"}, name):
			t.Errorf("this test does not know the instruction %s", name)
		default:
			stages[len(stages)-1].steps = append(stages[len(stages)-1].steps, step)
		}
	}
	if len(stages) != 2 {
		t.Fatalf("the Dockerfile has %d stages, want one that builds and one that is the image", len(stages))
	}
	return stages
}

func TestDockerfile_Sources_AreInTheTreeOrInAnEarlierStage(t *testing.T) {
	stages := dockerfile(t)
	makes := stages[0].all("RUN")
	for at, s := range stages {
		for _, c := range s.all("COPY") {
			parts := strings.Fields(c.rest)
			for _, from := range parts[:len(parts)-1] {
				stage := c.flags["from"]
				if stage == "" {
					if _, err := os.Stat(filepath.Join("..", from)); err != nil {
						t.Errorf("COPY %s copies a file that is not there: %v", c.rest, err)
					}
					continue
				}
				if at == 0 || stage != stages[0].name {
					t.Errorf("COPY --from=%s: no earlier stage has this name", stage)
				}
				given := strings.HasPrefix(from, "/etc/ssl/") // of the base image
				for _, m := range makes {
					given = given || strings.Contains(m.rest, strings.TrimSuffix(from, "/"))
				}
				if !given {
					t.Errorf("COPY --from=%s %s: no RUN of the first stage names this path", stage, from)
				}
			}
		}
	}
	if image := stages[1]; image.base == "scratch" && len(image.all("RUN")) > 0 {
		t.Error("an empty image has no shell to RUN anything")
	}
}

func TestDockerfile_Variables_AreDeclaredAndGiven(t *testing.T) {
	used := regexp.MustCompile(`\$\{?([A-Z]+)\}?`)
	declared := map[string]bool{}
	for _, s := range dockerfile(t) {
		here := map[string]bool{}
		for _, step := range s.steps {
			if step.name == "ARG" {
				name, _, _ := strings.Cut(step.rest, "=")
				here[name], declared[name] = true, true
				continue
			}
			for _, m := range used.FindAllStringSubmatch(step.rest, -1) {
				if !here[m[1]] {
					t.Errorf("%s uses $%s, which its stage does not declare", step.name, m[1])
				}
			}
		}
	}
	makefile, err := os.ReadFile("../Makefile")
	if err != nil {
		t.Fatal(err)
	}
	given := regexp.MustCompile(`--build-arg ([A-Z]+)=`).FindAllStringSubmatch(string(makefile), -1)
	if len(given) != 2 {
		t.Errorf("make docker gives the build arguments %q, want two", given)
	}
	for _, m := range given {
		if !declared[m[1]] {
			t.Errorf("make docker gives %s, which the Dockerfile does not declare", m[1])
		}
	}
}

func TestDockerfile_Build_MakesTheProgramsWithTheirVersion(t *testing.T) {
	stages := dockerfile(t)
	build := stages[0].all("RUN")[1].rest
	module, err := os.ReadFile("../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	language := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))
	if !strings.HasSuffix(stages[0].base, "golang:"+language[1]) {
		t.Errorf("the programs are built by %s, while go.mod says Go %s", stages[0].base, language[1])
	}
	programs := regexp.MustCompile(` \./(cmd/\w+)`).FindAllStringSubmatch(build, -1)
	var names []string
	for _, m := range programs {
		names = append(names, path.Base(m[1]))
		if _, err := os.Stat(filepath.Join("..", m[1], "main.go")); err != nil {
			t.Error(err)
		}
	}
	for _, m := range regexp.MustCompile(`-X ksefworker/(\S+)\.(\w+)=`).FindAllStringSubmatch(build, -1) {
		files, _ := filepath.Glob(filepath.Join("..", m[1], "*.go"))
		if !slices.ContainsFunc(files, func(f string) bool {
			raw, _ := os.ReadFile(f)
			return regexp.MustCompile(`(?m)^(var |\t)(\w+, )*` + m[2] + `\b.*string`).Match(raw)
		}) {
			t.Errorf("the build sets %s.%s, which does not exist", m[1], m[2])
		}
	}
	if !strings.Contains(build, "CGO_ENABLED=0") {
		t.Error("the build does not set CGO_ENABLED=0, and the image has no C library")
	}
	image := stages[1]
	entry := image.all("ENTRYPOINT")
	if len(entry) != 1 || !slices.Contains(names, strings.Trim(entry[0].rest, `[]"`)) {
		t.Errorf("the image starts %+v, want one of its programs %q", entry, names)
	}
	onPath := slices.ContainsFunc(image.all("ENV"), func(e instruction) bool { return e.rest == "PATH=/usr/local/bin" })
	there := slices.ContainsFunc(image.all("COPY"), func(c instruction) bool { return c.rest == "/out/ /usr/local/bin/" })
	if !onPath || !there || !strings.Contains(build, " -o /out/ ") {
		t.Errorf("/usr/local/bin is on the path: %t, /out is copied there: %t; want both, and a build into /out", onPath, there)
	}
}

func TestDockerfile_User_IsUnprivilegedAndOwnsItsFolders(t *testing.T) {
	stages := dockerfile(t)
	image := stages[1]
	users := image.all("USER")
	if len(users) != 1 {
		t.Fatalf("the instructions USER of the image are %+v, want one", users)
	}
	uid, _, _ := strings.Cut(users[0].rest, ":")
	// The user must be a number. runAsNonRoot demands a user other than root, and Kubernetes cannot
	// check this for a name.
	if n, err := strconv.Atoi(uid); err != nil || n < 1000 {
		t.Errorf("the image runs as %s, want a number from 1000 on", users[0].rest)
	}
	made := stages[0].all("RUN")[2].rest
	if !strings.Contains(made, "ksef:x:"+users[0].rest+":") {
		t.Errorf("/etc/passwd of the image does not have the user %s", users[0].rest)
	}
	owned := slices.ContainsFunc(image.all("COPY"), func(c instruction) bool {
		return c.rest == "/root-fs/var/ /var/" && c.flags["chown"] == users[0].rest
	})
	if !owned {
		t.Error("the folders in /var do not belong to the user of the image")
	}
	// The folders that are written at run time are the volumes of compose and those that the
	// configurations name.
	folders := []string{}
	for _, s := range read(t, "../docker-compose.yml").Services {
		if s.Image != "ksefworker:local" {
			continue
		}
		for _, v := range s.Volumes {
			parts := strings.Split(v, ":")
			if strings.HasPrefix(v, "/") {
				folders = append(folders, v)
			} else if !strings.HasPrefix(v, ".") {
				folders = append(folders, parts[1])
			}
		}
	}
	for _, c := range []config.Config{load(t, "demo/worker.yaml"), load(t, "production.example.yaml")} {
		folders = append(folders, c.Packages.SpoolDir)
		if local, is := strings.CutPrefix(c.Archive.URL, "file://"); is {
			folders = append(folders, local)
		}
	}
	for _, f := range folders {
		if !regexp.MustCompile(`mkdir -p [^&]*/root-fs` + regexp.QuoteMeta(f) + `( |$)`).MatchString(made) {
			t.Errorf("the image has no folder %s that belongs to its user", f)
		}
	}
}
