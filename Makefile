# Quarry. `make help` lists what there is.
SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

VERSION  := $(or $(QUARRY_VERSION),$(shell git describe --always --dirty 2>/dev/null || echo unknown))
AGENTS   := amd64 arm64 ppc64le s390x riscv64
ARCH     ?= x86_64
PEBBLE    = go run ./test/pebble/cmd/pebble
FUZZTIME ?= 10m

##@ Use

.PHONY: help
help: ## List these targets
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: demo
demo: ## Build GenericCloud for x86_64 from the test distribution, boot it, publish it into out/demo
	scripts/host --tests
	scripts/as-user demo-run

.PHONY: build
build: bin/quarry ## Compile bin/quarry with its guest agents inside

.PHONY: install
install: bin/quarry ## Install quarry into $(PREFIX)/bin (default ~/.local)
	install -Dm755 bin/quarry $(or $(PREFIX),$(HOME)/.local)/bin/quarry

##@ Work on it

.PHONY: test
test: ## Set everything up and pass every test (as an ordinary user; root installs host packages)
	scripts/host --tests
	scripts/as-user check

.PHONY: pebble
pebble: ## Make the Pebble tree for ARCH (cached by content; DESKTOP=1: with live desktops)
	scripts/host --tests
	scripts/as-user pebble-tree ARCH=$(ARCH) DESKTOP=$(DESKTOP)

.PHONY: arches
arches: ## Build and boot one image for four architectures; print seconds a phase and ratios (an hour without KVM)
	scripts/host --tests
	scripts/as-user arches-run ARCHES_FLAGS='$(ARCHES_FLAGS)'

.PHONY: catalog
catalog: ## Build and look at every image of release 9 but the live desktops from its upstream kickstart; print the table (two hours without KVM)
	scripts/host --tests
	scripts/as-user catalog-run CATALOG_FLAGS='$(CATALOG_FLAGS)'

.PHONY: live
live: ## Build and boot live desktops, one of them for aarch64; print seconds and what was seen, keep the pictures (LIVE_FLAGS='--only rocky/9/XFCE')
	scripts/host --tests
	scripts/as-user live-run LIVE_FLAGS='$(LIVE_FLAGS)'

.PHONY: lint
lint: ## Run golangci-lint, pinned in tools/go.mod
	go tool -modfile=tools/go.mod golangci-lint run ./...

.PHONY: conformance
conformance: ## Compare the kickstart parser with the reference's answers, command by command
	QUARRY_REQUIRE_SHARED=1 go test ./test/conformance -count=1 -v

.PHONY: soak
soak: ## Kill runs of cheap steps at random moments, 120 times, and look at what is left (2-3 minutes)
	QUARRY_SOAK_KILLS=120 go test ./test/soak -count=1 -v -timeout 30m

.PHONY: bench
bench: ## Run the benchmarks
	go test ./... -run '^$$' -bench . -benchmem

.PHONY: fuzz
fuzz: ## Fuzz every target for FUZZTIME each (default 10m)
	scripts/fuzz $(FUZZTIME)

.PHONY: golden
golden: ## Rewrite the golden files
	go test $$(grep -rl --include='*_test.go' 'quarry/test/golden"' . | xargs -n1 dirname | sort -u) -update

.PHONY: clean
clean: ## Remove what was built here
	rm -rf bin out

# --- What the targets above are made of. These run as an ordinary user.

# The agents are compiled into quarry: a file for each architecture, by its Go name, compressed.
agents: $(AGENTS:%=cmd/quarry/agents/quarry-agent-%.gz)

.PHONY: FORCE
cmd/quarry/agents/quarry-agent-%.gz: FORCE
	@mkdir -p bin/agents
	CGO_ENABLED=0 GOOS=linux GOARCH=$* go build -trimpath -buildvcs=false -ldflags '-s -w' -o bin/agents/$* ./cmd/quarry-agent
	@gzip -9nc bin/agents/$* >$@

bin/quarry: agents FORCE
	CGO_ENABLED=0 go build -trimpath -ldflags '-s -w -X main.version=$(VERSION)' -o $@ ./cmd/quarry

.PHONY: pebble-tree
pebble-tree:
	$(PEBBLE) --arch $(ARCH) $(if $(DESKTOP),--desktop)

.PHONY: check
check: bin/quarry
	go vet ./...
	tree=$$($(PEBBLE) --arch x86_64) || exit; export QUARRY_PEBBLE=$$tree QUARRY_PEBBLE_x86_64=$$tree; \
	for a in ppc64le s390x; do root=$$($(PEBBLE) --boot --arch $$a) || exit; export QUARRY_PEBBLE_$$a=$$root; done; \
	tree=$$($(PEBBLE) --arch aarch64) || exit; export QUARRY_PEBBLE_aarch64=$$tree; \
	tree=$$($(PEBBLE) --desktop --arch x86_64) || exit; export QUARRY_PEBBLE_DESKTOP=$$tree; \
	go test -timeout 45m ./...

# The unmodified upstream kickstart where the shared data is, else Pebble's own.
.PHONY: arches-run
arches-run: bin/quarry
	mkdir -p out/arches/work
	bundle=$${QUARRY_SHARED:-../shared}/data/rocky-kickstarts.bundle; [ -e "$$bundle" ] || bundle=; \
	go run ./test/arches --kickstarts "$$bundle" $(ARCHES_FLAGS)

.PHONY: live-run
live-run: bin/quarry
	go run ./test/live --kickstarts "$${QUARRY_SHARED:-../shared}/data/rocky-kickstarts.bundle" $(LIVE_FLAGS)

# CATALOG_FLAGS='--only rocky/9/EC2*' builds a part of it.
.PHONY: catalog-run
catalog-run: bin/quarry
	mkdir -p out/catalog
	go run ./test/catalog --kickstarts "$${QUARRY_SHARED:-../shared}/data/rocky-kickstarts.bundle" $(CATALOG_FLAGS)

.PHONY: demo-run
demo-run: bin/quarry
	scripts/demo

.PHONY: agents
