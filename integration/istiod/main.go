// Istiod is Istio's own configuration generator and xDS server, run without Kubernetes.
//
// It reads Istio and Kubernetes YAML. It prints what Istio would send to one proxy, answers such questions one a line, or
// serves everything by plain ADS so that stock Envoys run on it.
package main

import (
	"flag"
	"fmt"
	"os"
	"strings"
	"syscall"

	"google.golang.org/protobuf/types/known/wrapperspb"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pkg/config/mesh"
	"istio.io/istio/pkg/log"
	"istio.io/istio/pkg/test"
)

type list []string

func (l *list) String() string     { return strings.Join(*l, ",") }
func (l *list) Set(s string) error { *l = append(*l, s); return nil }

var (
	configs, kube list
	kindFlag      = flag.String("type", "sidecar", "sidecar or router")
	id            = flag.String("id", "app.default", "NAME.NAMESPACE of the proxy")
	ns            = flag.String("ns", "default", "namespace of the proxy")
	labels        = flag.String("labels", "", "labels of the proxy: a=b,c=d")
	serveAt       = flag.String("serve", "", "serve ADS at this address, and follow edits of the files")
	ask           = flag.Bool("ask", false, "read questions from standard input, a line of JSON each, and answer in kind")
	what          = flag.String("what", "lds,rds,cds,eds,ecds", "what to print")
	meshFile      = flag.String("mesh", "", "MeshConfig YAML over the defaults")
)

func main() {
	flag.Var(&configs, "f", "Istio YAML, a file or folder (more than once)")
	flag.Var(&kube, "kube", "Kubernetes YAML, a file or folder (more than once)")
	flag.Parse()
	forStockEnvoy()
	o := log.DefaultOptions()
	o.OutputPaths = []string{"stderr"}
	o.SetDefaultOutputLevel("all", log.NoneLevel)
	if err := log.Configure(o); err != nil {
		fmt.Fprintln(os.Stderr, "istiod:", err)
		os.Exit(2)
	}
	m, err := meshConfig()
	if err != nil {
		fmt.Fprintln(os.Stderr, "istiod:", err)
		os.Exit(2)
	}
	if *ask {
		answerAll(m)
		return
	}
	if err := test.Wrap(func(t test.Failer) { run(t, m) }); err != nil {
		fmt.Fprintln(os.Stderr, "istiod:", err)
		os.Exit(1)
	}
}

// forStockEnvoy starts the program again without the filters that only Istio's own Envoy has: Istio reads these
// variables before main runs.
func forStockEnvoy() {
	const mark = "PILOT_ENABLE_METADATA_EXCHANGE"
	if os.Getenv(mark) != "" {
		return
	}
	self, err := os.Executable()
	if err == nil {
		env := append(os.Environ(), mark+"=false", "PILOT_ENABLE_ALPN_FILTER=false")
		err = syscall.Exec(self, os.Args, env)
	}
	fmt.Fprintln(os.Stderr, "istiod:", err)
	os.Exit(2)
}

// meshConfig is Istio's default, without what needs certificates or Istio's own Envoy.
func meshConfig() (*meshconfig.MeshConfig, error) {
	m := mesh.DefaultMeshConfig()
	m.EnableAutoMtls = wrapperspb.Bool(false)
	m.ProxyHttpPort = 15002
	m.DefaultProviders = nil
	if *meshFile == "" {
		return m, nil
	}
	text, err := os.ReadFile(*meshFile)
	if err != nil {
		return nil, err
	}
	return mesh.ApplyMeshConfig(string(text), m)
}

func run(t test.Failer, m *meshconfig.MeshConfig) {
	text := read(configs)
	cs, err := parse(text, false)
	if err != nil {
		t.Fatal(err)
	}
	if *serveAt != "" {
		serve(t, m, text, cs)
		return
	}
	l := map[string]string{}
	for _, kv := range strings.Split(*labels, ",") {
		if k, v, ok := strings.Cut(kv, "="); ok {
			l[k] = v
		}
	}
	p := proxy{Type: *kindFlag, ID: *id, Namespace: *ns, Labels: l}
	show(generate(t, m, cs, read(kube), p))
}
