// Records what Docker's own pattern matcher decides, for tests/image/context/docker_ignore_cases.json.
//
// Reads JSON lines {"file": base64 of a .dockerignore, "paths": [...]} and writes one {"error", "excluded"} for each,
// deciding every path top down as `docker build` walks a folder. Recorded with github.com/moby/patternmatcher v0.6.1.
package main

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"os"
	"strings"

	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
)

type question struct {
	File  string   `json:"file"`
	Paths []string `json:"paths"`
}

type answer struct {
	Error    string `json:"error"`
	Excluded []bool `json:"excluded"`
}

func decide(q question) (excluded []bool, err error) {
	raw, err := base64.StdEncoding.DecodeString(q.File)
	if err != nil {
		return nil, err
	}
	lines, err := ignorefile.ReadAll(bytes.NewReader(raw))
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(lines)
	if err != nil {
		return nil, err
	}
	// Docker compiles a pattern when it is first needed; compile all of them.
	for _, one := range matcher.Patterns() {
		if single, e := patternmatcher.New([]string{one.String()}); e == nil && !single.Exclusions() {
			if _, err := single.MatchesOrParentMatches("x"); err != nil {
				return nil, err
			}
		}
	}
	for _, path := range q.Paths {
		parts := strings.Split(path, "/")
		info := patternmatcher.MatchInfo{}
		var out bool
		for n := range parts {
			out, info, err = matcher.MatchesUsingParentResults(strings.Join(parts[:n+1], "/"), info)
			if err != nil {
				return nil, err
			}
		}
		excluded = append(excluded, out)
	}
	return excluded, nil
}

func main() {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, 1<<26)
	output := json.NewEncoder(os.Stdout)
	for input.Scan() {
		var q question
		if err := json.Unmarshal(input.Bytes(), &q); err != nil {
			panic(err)
		}
		excluded, err := decide(q)
		text := ""
		if err != nil {
			text = err.Error()
		}
		_ = output.Encode(answer{text, excluded})
	}
}
