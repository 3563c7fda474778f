package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"time"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
)

// read joins the YAML of files and folders, by name.
func read(paths list) string {
	var files []string
	for _, p := range paths {
		err := filepath.Walk(p, func(f string, info os.FileInfo, err error) error {
			if os.IsNotExist(err) {
				return nil // replaced meanwhile
			}
			if err != nil {
				return err
			}
			if !info.IsDir() && (strings.HasSuffix(f, ".yaml") || strings.HasSuffix(f, ".yml")) {
				files = append(files, f)
			}
			return nil
		})
		if err != nil {
			fmt.Fprintln(os.Stderr, "istiod:", err)
			os.Exit(2)
		}
	}
	sort.Strings(files)
	var parts []string
	for _, f := range files {
		if b, err := os.ReadFile(f); err == nil {
			parts = append(parts, strings.TrimSpace(string(b)))
		}
	}
	return strings.Join(parts, "\n---\n")
}

// separator stands between YAML documents.
var separator = regexp.MustCompile(`(?m)^---\s*(?:#.*)?$`)

// parse reads Istio's resources and validates them, as its webhook would; the error has all that it refuses.
func parse(text string) ([]config.Config, error) {
	var cs []config.Config
	var refused []error
	for _, document := range separator.Split(text, -1) {
		some, _, err := crd.ParseInputs(document)
		if err != nil {
			refused = append(refused, fmt.Errorf("%w, in:\n%s", err, strings.TrimSpace(document)))
		}
		cs = append(cs, some...)
	}
	if len(refused) > 0 {
		return nil, errors.Join(refused...)
	}
	for i := range cs {
		if cs[i].Namespace == "" {
			cs[i].Namespace = "default"
		}
		cs[i].Domain = "cluster.local" // else `ui` becomes `ui.default`, which names no service
		if cs[i].CreationTimestamp.IsZero() {
			cs[i].CreationTimestamp = time.Unix(1, 0) // all at once, before any that says when: names decide
		}
	}
	return cs, nil
}

// copies keeps what was read apart from what Istio makes of it.
func copies(cs []config.Config) []config.Config {
	out := make([]config.Config, len(cs))
	for i, c := range cs {
		out[i] = c.DeepCopy()
	}
	return out
}
