package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/util/yaml"

	"istio.io/istio/pilot/pkg/config/kube/crd"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/config/schema/collections"
	"istio.io/istio/pkg/config/schema/resource"
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

// parse reads Istio's resources and, unless they are unvalidated, validates them as its webhook would; the error has all
// that it refuses.
func parse(text string, unvalidated bool) ([]config.Config, error) {
	var cs []config.Config
	var refused []error
	decoder := yaml.NewYAMLOrJSONDecoder(strings.NewReader(text), 512*1024)
	for {
		object := crd.IstioKind{}
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		kind := object.GroupVersionKind()
		schema, known := collections.PilotGatewayAPI().FindByGroupVersionAliasesKind(resource.FromKubernetesGVK(&kind))
		if !known {
			continue
		}
		c, err := crd.ConvertObject(schema, &object, "cluster.local") // else `ui` becomes `ui.default`, which names no service
		if err == nil && !unvalidated {
			_, err = schema.ValidateConfig(*c)
		}
		if err != nil {
			refused = append(refused, fmt.Errorf("%s %s/%s: %w", kind.Kind, object.Namespace, object.Name, err))
			continue
		}
		if c.Namespace == "" {
			c.Namespace = "default"
		}
		if c.CreationTimestamp.IsZero() {
			c.CreationTimestamp = time.Unix(1, 0) // all at once, before any that says when: names decide
		}
		cs = append(cs, *c)
	}
	return cs, errors.Join(refused...)
}

// copies keeps what was read apart from what Istio makes of it.
func copies(cs []config.Config) []config.Config {
	out := make([]config.Config, len(cs))
	for i, c := range cs {
		out[i] = c.DeepCopy()
	}
	return out
}
