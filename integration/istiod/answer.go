package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"runtime/debug"

	"google.golang.org/protobuf/proto"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/util/protomarshal"
)

// question is a line of standard input.
type question struct {
	Configs string `json:"configs"` // Istio YAML
	Kube    string `json:"kube"`    // Kubernetes YAML
	Mesh    string `json:"mesh"`    // MeshConfig YAML over what the command was started with
	Proxy   proxy  `json:"proxy"`

	// Unvalidated resources are those that Istio's webhook has not seen.
	Unvalidated bool `json:"unvalidated"`
}

// answer is a line of standard output: messages by kind (lds, rds, cds, eds, ecds), or why there are none.
type answer struct {
	Error    string                       `json:"error,omitempty"`
	Messages map[string][]json.RawMessage `json:"messages,omitempty"`
}

// answerAll answers until standard input ends.
func answerAll(m *meshconfig.MeshConfig) {
	in := bufio.NewReaderSize(os.Stdin, 1<<20)
	out := json.NewEncoder(os.Stdout)
	decoder := json.NewDecoder(in)
	for decoder.More() {
		var q question
		a := answer{}
		err := decoder.Decode(&q)
		if err == nil {
			a, err = answerOne(m, q)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			fmt.Fprintln(os.Stderr, "istiod:", err)
			os.Exit(1)
		}
	}
}

func answerOne(m *meshconfig.MeshConfig, q question) (a answer, err error) {
	cs, err := parse(q.Configs, q.Unvalidated)
	if err != nil {
		return a, err
	}
	if q.Mesh != "" {
		if m, err = mesh.ApplyMeshConfig(q.Mesh, protomarshal.Clone(m)); err != nil {
			return a, err
		}
	}
	a.Messages = map[string][]json.RawMessage{}
	err = test.Wrap(func(t test.Failer) {
		// What makes Istio panic is an answer as well.
		defer func() {
			if why := recover(); why != nil {
				t.Fatalf("Istio panics: %v\n%s", why, debug.Stack())
			}
		}()
		each(generate(t, m, cs, q.Kube, q.Proxy), func(kind string, message proto.Message) {
			text, err := protomarshal.Marshal(message)
			if err != nil {
				t.Fatal(err)
			}
			a.Messages[kind] = append(a.Messages[kind], text)
		})
	})
	return a, err
}
