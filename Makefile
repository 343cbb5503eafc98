# What one does with this tree. `make help` lists it. Needs Go and a POSIX shell; the targets that need more say so.

GO       ?= go
ARGS     ?=
PACKAGES ?= ./...
# Options for go test, such as -v, -run or -count=1.
TESTFLAGS ?=
BENCH     ?= .
COUNT     ?= 1
FUZZTIME  ?= 20s
# What make module writes, and where.
MODULE    ?=
DIR       ?= bin/module
# What depends on the timers of real nodes, is hours of rule time, or loads all rules hundreds of times in one goroutine:
# run by itself, without the race detector.
SLOW       = ^(TestRuleFiles|TestShippedLoads|TestNoVerdictContradictsItself|TestConfigFaults|TestTwentyNodes|TestRevive.*|TestSwarm.*|TestGossip.*)$$
SLOW_IN    = ./rules ./evaluator ./probes/p2p ./probes/p2p/devnet ./cmd/chorus_exporter

# Versions come from git where there is one, and never stop a build where there is none.
VERSION  ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo devel)
REVISION ?= $(shell git rev-parse -q --verify HEAD 2>/dev/null || echo unknown)
BRANCH   ?= $(shell git symbolic-ref -q --short HEAD 2>/dev/null || echo unknown)
INFO      = github.com/prometheus/common/version
LDFLAGS   = -s -w -X $(INFO).Version=$(VERSION) -X $(INFO).Revision=$(REVISION) -X $(INFO).Branch=$(BRANCH)

# A package's version begins with a number: v1.2.3-4-gabc is 1.2.3+4.gabc, and what has no tag yet 0.0.0+gabc. Its files are as
# old as the commit, so that a commit always comes to the same package.
PACKAGE_VERSION = $(shell echo '$(VERSION)' | sed -E 's/^v//; s/-(rc|alpha|beta)/~\1/; s/^([^0-9]|[0-9a-f]+(-|$$))/0.0.0-\1/; s/-/+/; s/-/./g')
PACKAGE_TIME    = $(shell git log -1 --format=%ct 2>/dev/null || echo 0)

# Go must not ask git for stamps: in a checkout of another user that is an error.
export GOFLAGS := $(strip $(filter-out -buildvcs=%,$(shell $(GO) env GOFLAGS)) -buildvcs=false)

.DEFAULT_GOAL := help
.PHONY: help run start build test e2e module check-rules check-dashboards conformance package dashboards lint fmt golden bench fuzz tools clean

help: ## show this list
	@sed -n 's/^\([a-z0-9-]*\):.*## \(.*\)/\1|\2/p' $(MAKEFILE_LIST) | awk -F'|' '{ printf "  %-16s %s\n", $$1, $$2 }'

run: build ## build and start the exporter beside a swarm of five nodes that it watches (ARGS: further flags)
	exec bin/devnet up --nodes=5 --processes --exec -- bin/chorus_exporter --config.file={config} $(ARGS)

start: build ## build and start the exporter alone (ARGS="--config.file=FILE")
	exec bin/chorus_exporter $(ARGS)

build: ## build the static binaries bin/chorus_exporter and bin/devnet
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/ ./cmd/...

test: ## vet and test everything that needs nothing but Go, with -race if there is a C compiler
	$(GO) vet $(PACKAGES)
	@if CGO_ENABLED=1 $(GO) build -race runtime/cgo >/dev/null 2>&1; then \
	  echo "$(GO) test -race -skip '$(SLOW)' $(TESTFLAGS) $(PACKAGES)" && \
	  CGO_ENABLED=1 $(GO) test -race -skip '$(SLOW)' $(TESTFLAGS) $(PACKAGES) && \
	  echo "$(GO) test -p 1 -run '$(SLOW)' $(TESTFLAGS) $(SLOW_IN)" && \
	  $(GO) test -p 1 -run '$(SLOW)' $(TESTFLAGS) $(SLOW_IN); \
	else \
	  echo "No C compiler: testing without the race detector"; \
	  echo "$(GO) test $(TESTFLAGS) $(PACKAGES)"; CGO_ENABLED=0 $(GO) test $(TESTFLAGS) $(PACKAGES); \
	fi

e2e: build bin/promtool bin/prometheus bin/grpc-health-probe bin/debian check-rules check-dashboards conformance package ## test the binary, real servers, rules, dashboards and manifests (needs bash, PostgreSQL's server programs, node)
	.ci/e2e bin/chorus_exporter bin/promtool

module: ## write, build and test a copy that `go get` can fetch (MODULE=example.org/you/chorus_exporter DIR=bin/module)
	@rm -rf '$(DIR)'
	.ci/module '$(MODULE)' '$(DIR)'
	cd '$(DIR)' && $(GO) build ./... && $(MAKE) test

check-rules: bin/promtool ## check and test every rule file with promtool
	.ci/check-rules bin/promtool 1

dashboards: ## write the Grafana dashboards again from their tables and from the golden /metrics
	$(GO) run ./dashboards

check-dashboards: ## check the dashboards against the types that Grafana publishes (needs node and npm)
	.ci/check-dashboards

conformance: build ## test deploy/kubernetes with Kubernetes' own code: kustomize, validation, the kubelet's probers
	$(GO) -C deploy/conformance vet ./...
	CHORUS_EXPORTER=$(CURDIR)/bin/chorus_exporter $(GO) -C deploy/conformance test -count=1 $(TESTFLAGS) ./...

package: build bin/nfpm ## build the packages bin/*.deb and bin/*.rpm
	@rm -f bin/*.deb bin/*.rpm
	for kind in deb rpm; do \
	  GOARCH=$$($(GO) env GOARCH) PACKAGE_VERSION=$(PACKAGE_VERSION) SOURCE_DATE_EPOCH=$(PACKAGE_TIME) \
	  bin/nfpm package --config deploy/package/nfpm.yaml --packager $$kind --target bin/ || exit; \
	done

lint: bin/golangci-lint ## lint code, scripts and docs
	bin/golangci-lint run --allow-parallel-runners $(PACKAGES)
	.ci/check-file-length
	.ci/check-docs
	.ci/check-words
	.ci/check-scripts

fmt: bin/golangci-lint ## format the code
	bin/golangci-lint fmt $(PACKAGES)

golden: ## write golden files and the reference docs again; look at the diff
	.ci/golden

bench: ## run benchmarks (BENCH=regexp COUNT=10)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -count $(COUNT) $(PACKAGES)

fuzz: ## run every fuzz target for FUZZTIME
	.ci/fuzz $(FUZZTIME)

tools: bin/promtool bin/prometheus bin/grpc-health-probe bin/golangci-lint ## build the tools into bin/

# The tools have modules of their own, so that they add nothing to the requirements of this one. They are built when
# they are missing or when their module changed. touch: go leaves a binary alone that is up to date.
bin/promtool: .ci/tools/go.mod .ci/tools/go.sum
	$(GO) -C .ci/tools build -tags remove_all_sd -o $(CURDIR)/$@ github.com/prometheus/prometheus/cmd/promtool
	@touch $@

bin/prometheus: .ci/tools/go.mod .ci/tools/go.sum
	$(GO) -C .ci/tools build -tags remove_all_sd -o $(CURDIR)/$@ github.com/prometheus/prometheus/cmd/prometheus
	@touch $@

bin/grpc-health-probe: .ci/tools/go.mod .ci/tools/go.sum
	$(GO) -C .ci/tools build -o $(CURDIR)/$@ github.com/grpc-ecosystem/grpc-health-probe
	@touch $@

# Debian's Prometheus, Alertmanager and pgbouncer, unpacked. Only CI insists: elsewhere a test that misses them skips and says so.
bin/debian: .ci/debian-servers
	@.ci/debian-servers $@ && touch $@ || [ "$$CI" != true ]

bin/nfpm: .ci/nfpm/go.mod .ci/nfpm/go.sum
	$(GO) -C .ci/nfpm build -o $(CURDIR)/$@ github.com/goreleaser/nfpm/v2/cmd/nfpm
	@touch $@

bin/golangci-lint: .ci/lint/go.mod .ci/lint/go.sum
	$(GO) -C .ci/lint build -o $(CURDIR)/$@ github.com/golangci/golangci-lint/v2/cmd/golangci-lint
	@touch $@

clean: ## remove what was built
	rm -rf bin
