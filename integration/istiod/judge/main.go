// Judge says of Istio and Kubernetes YAML what `istioctl validate` and `istioctl analyze` say: a line of JSON in, a line
// of JSON out.
package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"strings"

	"k8s.io/apimachinery/pkg/util/yaml"

	"istio.io/istio/istioctl/pkg/cli"
	"istio.io/istio/istioctl/pkg/validate"
	"istio.io/istio/pkg/config/analysis/analyzers"
	"istio.io/istio/pkg/config/analysis/local"
	"istio.io/istio/pkg/log"
)

// question is a line of standard input.
type question struct {
	YAML string `json:"yaml"`

	// Mesh is a MeshConfig over the defaults.
	Mesh string `json:"mesh,omitempty"`

	// Files is true for what `istioctl analyze --use-kube=false` reads of files, which is neither Service, Namespace, Node,
	// Pod nor Secret. False is for what it would say in a cluster that holds the same.
	Files bool `json:"files,omitempty"`
}

// answer is a line of standard output.
type answer struct {
	Error    string    `json:"error,omitempty"`
	Refused  []refusal `json:"refused"`
	Messages []message `json:"messages"`
}

// refusal is a document that `istioctl validate` refuses.
type refusal struct {
	Resource string `json:"resource"` // KIND NAMESPACE/NAME
	Why      string `json:"why"`
}

// message is what `istioctl analyze` says.
type message struct {
	Code     string `json:"code"`
	Level    string `json:"level"`
	Resource string `json:"resource"` // KIND NAMESPACE/NAME
	Line     int    `json:"line,omitempty"`
	Text     string `json:"text"`
}

func main() {
	o := log.DefaultOptions()
	o.OutputPaths = []string{"stderr"}
	o.SetDefaultOutputLevel("all", log.NoneLevel)
	if err := log.Configure(o); err != nil {
		fail(err)
	}
	scratch, err := os.MkdirTemp("", "judge")
	if err != nil {
		fail(err)
	}
	defer os.RemoveAll(scratch)
	in := json.NewDecoder(bufio.NewReaderSize(os.Stdin, 1<<20))
	out := json.NewEncoder(os.Stdout)
	for in.More() {
		var q question
		a := answer{Refused: []refusal{}, Messages: []message{}}
		err := in.Decode(&q)
		if err == nil {
			err = a.judge(q, scratch)
		}
		if err != nil {
			a.Error = err.Error()
		}
		if err := out.Encode(a); err != nil {
			fail(err)
		}
	}
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, "judge:", err)
	os.Exit(1)
}

func (a *answer) judge(q question, scratch string) (err error) {
	// What makes Istio panic is an answer as well.
	defer func() {
		if why := recover(); why != nil {
			err = fmt.Errorf("Istio panics: %v", why)
		}
	}()
	if err := a.validate(q.YAML, scratch+"/document.yaml"); err != nil {
		return err
	}
	return a.analyze(q)
}

// validate asks about each document by itself, since istioctl tells what it says of several in one text.
func (a *answer) validate(text, path string) error {
	reader := yaml.NewYAMLReader(bufio.NewReader(strings.NewReader(text)))
	for {
		document, err := reader.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := os.WriteFile(path, document, 0o600); err != nil {
			return err
		}
		command := validate.NewValidateCommand(cli.NewFakeContext(&cli.NewFakeContextOption{IstioNamespace: "istio-system"}))
		command.SetArgs([]string{"-f", path})
		command.SetOut(io.Discard)
		command.SetErr(io.Discard)
		command.SilenceUsage, command.SilenceErrors = true, true
		if err := command.Execute(); err != nil {
			a.Refused = append(a.Refused, refusal{Resource: resource(document), Why: err.Error()})
		}
	}
}

func resource(document []byte) string {
	var r struct {
		Kind     string
		Metadata struct{ Namespace, Name string }
	}
	if yaml.Unmarshal(document, &r) != nil {
		return ""
	}
	if r.Metadata.Namespace == "" {
		r.Metadata.Namespace = "default"
	}
	return r.Kind + " " + r.Metadata.Namespace + "/" + r.Metadata.Name
}

func (a *answer) analyze(q question) error {
	analyzer := local.NewIstiodAnalyzer(analyzers.AllCombined(), "", "istio-system", nil)
	if q.Mesh != "" {
		file, err := os.CreateTemp("", "mesh")
		if err != nil {
			return err
		}
		defer os.Remove(file.Name())
		if _, err := file.WriteString(q.Mesh); err != nil {
			return err
		}
		if err := analyzer.AddFileKubeMeshConfig(file.Name()); err != nil {
			return err
		}
	}
	add := analyzer.AddTestReaderKubeSource
	if q.Files {
		add = analyzer.AddReaderKubeSource
	}
	// A document that cannot be read is refused above already.
	_ = add([]local.ReaderSource{{Name: "set", Reader: strings.NewReader(q.YAML)}})
	if err := analyzer.AddDefaultResources(); err != nil {
		return err
	}
	stop := make(chan struct{})
	defer close(stop)
	result, err := analyzer.Analyze(stop)
	if err != nil {
		return err
	}
	for _, m := range result.Messages {
		said := m.Unstructured(true)
		name := ""
		if m.Resource != nil {
			full := m.Resource.Metadata.FullName
			name = m.Resource.Origin.FriendlyName()
			if kind, _, found := strings.Cut(name, " "); found {
				name = kind + " " + full.String()
			}
		}
		a.Messages = append(a.Messages, message{
			Code: m.Type.Code(), Level: m.Type.Level().String(), Resource: name, Line: m.Line, Text: fmt.Sprint(said["message"]),
		})
	}
	return nil
}
