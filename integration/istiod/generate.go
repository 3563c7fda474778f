package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	clusterpb "github.com/envoyproxy/go-control-plane/envoy/config/cluster/v3"
	corepb "github.com/envoyproxy/go-control-plane/envoy/config/core/v3"
	endpointpb "github.com/envoyproxy/go-control-plane/envoy/config/endpoint/v3"
	listenerpb "github.com/envoyproxy/go-control-plane/envoy/config/listener/v3"
	routepb "github.com/envoyproxy/go-control-plane/envoy/config/route/v3"
	hcm "github.com/envoyproxy/go-control-plane/envoy/extensions/filters/network/http_connection_manager/v3"
	"google.golang.org/protobuf/proto"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/pkg/model"
	"istio.io/istio/pilot/pkg/networking/core"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/cluster"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/test"
	"istio.io/istio/pkg/util/protomarshal"
	"istio.io/istio/pkg/util/sets"
)

// proxy is who asks.
type proxy struct {
	Type      string            `json:"type"` // sidecar or router
	ID        string            `json:"id"`
	Namespace string            `json:"namespace"`
	Labels    map[string]string `json:"labels"`
	Routes    []string          `json:"routes"` // route configurations beyond those that the listeners name
}

// version is the release whose Envoy the proxies run.
const version = "1.31.0"

// generated is what one proxy is sent.
type generated struct {
	listeners  []*listenerpb.Listener
	routes     []*routepb.RouteConfiguration
	clusters   []*clusterpb.Cluster
	endpoints  []*endpointpb.ClusterLoadAssignment
	extensions []*corepb.TypedExtensionConfig
}

func generate(t test.Failer, m *meshconfig.MeshConfig, cs []config.Config, kube string, who proxy) generated {
	f := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{Configs: copies(cs), KubernetesObjectString: kube, MeshConfig: m})
	typ := model.SidecarProxy
	if who.Type == "router" {
		typ = model.Router
	}
	p := f.SetupProxy(&model.Proxy{
		Type: typ, ID: who.ID, ConfigNamespace: who.Namespace, DNSDomain: who.Namespace + ".svc.cluster.local",
		IPAddresses: []string{"127.0.0.9"}, Labels: who.Labels,
		Metadata: &model.NodeMetadata{
			Namespace: who.Namespace, Labels: who.Labels, IstioVersion: version, ClusterID: cluster.ID("Kubernetes"),
		},
	})
	g := generated{listeners: f.Listeners(p)}
	names := append(core.ExtractRoutesFromListeners(g.listeners), who.Routes...)
	slices.Sort(names)
	resources, _ := f.ConfigGen.BuildHTTPRoutes(p, &model.PushRequest{Push: f.PushContext()}, slices.Compact(names))
	for _, resource := range resources {
		r := &routepb.RouteConfiguration{}
		if err := resource.Resource.UnmarshalTo(r); err != nil {
			t.Fatal(err)
		}
		g.routes = append(g.routes, r)
	}
	g.clusters = f.Clusters(p)
	g.endpoints = f.Endpoints(p)
	g.extensions = f.ConfigGen.BuildExtensionConfiguration(p, f.PushContext(), discovered(g.listeners), nil)
	return g
}

// show prints YAML documents, each marked with its kind.
func show(g generated) {
	each(g, func(kind string, m proto.Message) {
		if !strings.Contains(","+*what+",", ","+kind+",") {
			return
		}
		y, err := protomarshal.ToYAML(m)
		if err != nil {
			fmt.Fprintln(os.Stderr, "istiod:", err)
			return
		}
		fmt.Printf("--- # %s\n%s", kind, y)
	})
}

func each(g generated, do func(kind string, m proto.Message)) {
	all(g.listeners, "lds", do)
	all(g.routes, "rds", do)
	all(g.clusters, "cds", do)
	all(g.endpoints, "eds", do)
	all(g.extensions, "ecds", do)
}

func all[M proto.Message](messages []M, kind string, do func(kind string, m proto.Message)) {
	for _, m := range messages {
		do(kind, m)
	}
}

// discovered names the HTTP filters of these listeners whose configuration comes by ECDS.
func discovered(listeners []*listenerpb.Listener) []string {
	names := sets.New[string]()
	for _, l := range listeners {
		for _, chain := range append(slices.Clone(l.FilterChains), l.DefaultFilterChain) {
			for _, filter := range chain.GetFilters() {
				m := &hcm.HttpConnectionManager{}
				if filter.GetTypedConfig().UnmarshalTo(m) != nil {
					continue
				}
				for _, h := range m.HttpFilters {
					if h.GetConfigDiscovery() != nil {
						names.Insert(h.Name)
					}
				}
			}
		}
	}
	return sets.SortedList(names)
}
