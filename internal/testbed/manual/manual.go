// Package manual finds the command lines that the documents quote, so that tests of a program can
// parse them with its real flags. Only tests import it.
package manual

import (
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"
)

// Line is a command line that a document quotes.
type Line struct {
	At   string   // where it is quoted, for messages
	Args []string // what follows the name of the program
	// Whole says that a person or a service runs the line exactly as it is. A line that is not
	// whole stands in the middle of a sentence, and may leave out what the sentence adds.
	Whole bool
}

var (
	fenced = regexp.MustCompile("(?ms)^```[a-z]*\n(.*?)^```")
	inline = regexp.MustCompile("`([^`]+)`")
	word   = regexp.MustCompile(`"([^"]*)"|'([^']*)'|[^\s"']+`)

	commandName = regexp.MustCompile(`^[a-z]+$`)
)

// Lines returns the command lines of a program that the documents of the folder root quote. These
// are the Markdown files in root, docs and examples, and the compose file. Lines leaves out the
// changelog, which also tells of what no longer exists.
func Lines(root, program string) ([]Line, error) {
	var all []Line
	for _, pattern := range []string{"*.md", "docs/*.md", "examples/*.md"} {
		files, err := filepath.Glob(filepath.Join(root, pattern))
		if err == nil && len(files) == 0 {
			err = errors.New("no file is " + pattern)
		}
		if err != nil {
			return nil, fmt.Errorf("find documents: %w", err)
		}
		for _, file := range files {
			if filepath.Base(file) == "CHANGELOG.md" {
				continue
			}
			raw, err := os.ReadFile(file)
			if err != nil {
				return nil, fmt.Errorf("read document: %w", err)
			}
			all = append(all, ofText(filepath.Base(file), string(raw), program)...)
		}
	}
	services, err := ofCompose(filepath.Join(root, "docker-compose.yml"), program)
	return append(all, services...), err
}

// ofText returns the command lines of a Markdown text. They are the lines of code blocks, and what
// stands between backquotes.
func ofText(file, text, program string) []Line {
	var all []Line
	for _, block := range fenced.FindAllStringSubmatch(text, -1) {
		for line := range strings.Lines(block[1]) {
			if args, is := call(line, program); is {
				all = append(all, Line{file + ": " + strings.TrimSpace(line), args, true})
			}
		}
	}
	for _, span := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		line := strings.ReplaceAll(span[1], "\n", " ")
		if args, is := call(line, program); is {
			all = append(all, Line{file + ": " + line, args, false})
		}
	}
	return all
}

// call returns the arguments of a line that calls a program, directly or in a container.
func call(line, program string) (args []string, is bool) {
	line, prompt := strings.CutPrefix(strings.TrimSpace(line), "$ ")
	for _, found := range word.FindAllStringSubmatch(line, -1) {
		one := found[0]
		if slices.Contains([]string{"#", "|", "&", ">", "<", "2>&1", "&&", ";"}, one) {
			break
		}
		if found[1] != "" || found[2] != "" {
			one = found[1] + found[2]
		}
		args = append(args, one)
	}
	for len(args) > 0 && strings.Contains(args[0], "=") { // a variable of its environment
		args = args[1:]
	}
	if len(args) > 3 && strings.HasPrefix(strings.Join(args, " "), "docker compose run ") {
		args = args[max(slices.Index(args, program), 0):]
	}
	if len(args) == 0 || path.Base(args[0]) != program || strings.HasPrefix(args[0], "cmd/") {
		return nil, false
	}
	// A document may also quote what a program prints, and such a line can begin with the program's
	// name too. So a line without a prompt counts as a call only when it is the name alone, or when
	// the name is followed by a flag or, for enqueue, by one of its commands.
	if !prompt && len(args) > 1 && !strings.HasPrefix(args[1], "--") && (program != "enqueue" || !commandName.MatchString(args[1])) {
		return nil, false
	}
	return args[1:], true
}

// ofCompose returns what the services of a compose file run.
func ofCompose(file, program string) ([]Line, error) {
	var compose struct {
		Services map[string]struct {
			Image       string   `yaml:"image"`
			Build       string   `yaml:"build"`
			Entrypoint  []string `yaml:"entrypoint"`
			Command     []string `yaml:"command"`
			Healthcheck struct {
				Test []string `yaml:"test"`
			} `yaml:"healthcheck"`
		} `yaml:"services"`
	}
	raw, err := os.ReadFile(file)
	if err == nil {
		err = yaml.Unmarshal(raw, &compose)
	}
	if err != nil {
		return nil, fmt.Errorf("read compose file: %w", err)
	}
	var all []Line
	for name, s := range compose.Services {
		if s.Build == "" {
			continue // not our image
		}
		if len(s.Entrypoint) == 0 {
			s.Entrypoint = []string{"worker"} // the entrypoint of the image
		}
		if args := append(s.Entrypoint[1:], s.Command...); s.Entrypoint[0] == program && (len(args) > 0 || program != "enqueue") {
			all = append(all, Line{"service " + name, args, true})
		}
		if test := s.Healthcheck.Test; len(test) > 1 && path.Base(test[1]) == program {
			all = append(all, Line{"health of " + name, test[2:], true})
		}
	}
	return all, nil
}
