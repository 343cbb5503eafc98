// Package conformance tests what stands in deploy/kubernetes with Kubernetes' own code: kustomize builds it, the API
// server's types and validation read it, and the kubelet's probers ask a running exporter the way the manifests say.
//
// It is a module of its own, so that Kubernetes adds nothing to what the exporter requires. The tests start the binary
// that the environment variable CHORUS_EXPORTER names, ../../bin/chorus_exporter by default; `make conformance` builds it.
package conformance
