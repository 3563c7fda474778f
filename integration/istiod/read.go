package main

import (
	"fmt"
	"os"
	"path/filepath"
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

// parse reads Istio's resources and validates them, as its webhook would.
func parse(text string) ([]config.Config, error) {
	cs, _, err := crd.ParseInputs(text)
	if err != nil {
		return nil, err
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
