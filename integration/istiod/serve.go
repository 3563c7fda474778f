package main

import (
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"
	"time"

	"google.golang.org/protobuf/proto"

	meshconfig "istio.io/api/mesh/v1alpha1"
	"istio.io/istio/pilot/test/xds"
	"istio.io/istio/pkg/config"
	"istio.io/istio/pkg/test"
)

func key(c config.Config) string {
	return c.GroupVersionKind.String() + "/" + c.Namespace + "/" + c.Name
}

// serve is an xDS server over what was read; the Istio YAML is read again whenever it changes.
func serve(t test.Failer, m *meshconfig.MeshConfig, text string, cs []config.Config) {
	f := xds.NewFakeDiscoveryServer(t, xds.FakeOptions{
		Configs: copies(cs), KubernetesObjectString: read(kube), MeshConfig: m,
		DebounceTime:    100 * time.Millisecond,
		ListenerBuilder: func() (net.Listener, error) { return net.Listen("tcp", *serveAt) },
	})
	fmt.Fprintf(os.Stderr, "istiod: %d resources; ADS at %s\n", len(cs), *serveAt)
	stop := make(chan os.Signal, 1)
	signal.Notify(stop, syscall.SIGINT, syscall.SIGTERM)
	for {
		select {
		case <-stop:
			return
		case <-time.After(50 * time.Millisecond):
		}
		now := read(configs)
		if now == text {
			continue
		}
		text = now
		next, err := parse(text, false)
		if err != nil {
			fmt.Fprintln(os.Stderr, "istiod: kept what was there:", err)
			continue
		}
		fmt.Fprintf(os.Stderr, "istiod: %d changed\n", change(f, cs, next))
		cs = next
	}
}

// change brings the store from one set of resources to the next, and says how many differ.
func change(f *xds.FakeDiscoveryServer, from, to []config.Config) int {
	gone := map[string]config.Config{}
	for _, c := range from {
		gone[key(c)] = c
	}
	n := 0
	count := func(err error) {
		if err != nil {
			fmt.Fprintln(os.Stderr, "istiod:", err)
			return
		}
		n++
	}
	for _, c := range to {
		have := f.Store().Get(c.GroupVersionKind, c.Name, c.Namespace)
		old, known := gone[key(c)]
		delete(gone, key(c))
		if !known || have == nil {
			_, err := f.Store().Create(c.DeepCopy())
			count(err)
			continue
		}
		a, aok := old.Spec.(proto.Message)
		b, bok := c.Spec.(proto.Message)
		if aok && bok && proto.Equal(a, b) {
			continue
		}
		c = c.DeepCopy() // the store changes what it is handed
		c.CreationTimestamp = have.CreationTimestamp
		c.ResourceVersion = have.ResourceVersion
		_, err := f.Store().Update(c)
		count(err)
	}
	for _, c := range gone {
		count(f.Store().Delete(c.GroupVersionKind, c.Name, c.Namespace, nil))
	}
	return n
}
