# Everything a developer runs. `make` lists it; CI runs the same targets.
# Needs Go, git and a POSIX shell. Tools are fetched on first use, pinned here.

GO      ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

GOLANGCI_VERSION  := 2.15.0
GOFUMPT_VERSION   := 0.12.0
BENCHSTAT_VERSION := v0.0.0-20260908200009-22c9c6c9d4da

# Outside the tree, so that fresh clones share them: golangci-lint alone takes
# minutes to build.
TOOLS     ?= $(or $(XDG_CACHE_HOME),$(HOME)/.cache)/signet-tools
GOLANGCI  := $(TOOLS)/golangci-lint-$(GOLANGCI_VERSION)
GOFUMPT   := $(TOOLS)/gofumpt-$(GOFUMPT_VERSION)
BENCHSTAT := $(TOOLS)/benchstat-$(BENCHSTAT_VERSION)

LDFLAGS := -s -w -X main.version=$(VERSION)
BUILD   := CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)'

# Arguments for go test, as in: make test TESTFLAGS='-run Feed -v' PKG=./gateway/...
TESTFLAGS ?=
PKG       ?= ./...
FUZZTIME  ?= 20s
# Of one package: the browser's takes seven minutes on two idle cores.
TIMEOUT   ?= 30m
BENCHFLAGS ?= -count 1

SERVERS := bin/tools/testservers

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

##@ Use

.PHONY: help
help: ## List the targets
	@awk 'BEGIN {FS = ":.*## "} \
	  /^##@ / {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  %-12s %s\n", $$1, $$2}' $(firstword $(MAKEFILE_LIST))

.PHONY: run
run: build ## Build and start a development server on http://localhost:8001
	bin/signet serve --dev

.PHONY: build
build: ## Build bin/signet, one static binary
	$(BUILD) -o bin/signet ./cmd/signet

.PHONY: image
image: ## Build the container image signet:VERSION (needs Docker)
	docker build --build-arg VERSION='$(VERSION)' -t 'signet:$(VERSION)' -t signet:latest .

##@ Test

.PHONY: test
test: $(SERVERS) ## Run all tests against real PostgreSQL, Redis, Kafka, nginx, Apache, HAProxy, Caddy, Chromium, Node, Python and oathtool
	$(SERVERS) $(GO) test -timeout $(TIMEOUT) $(TESTFLAGS) $(PKG)

# Race detection needs cgo. Browsers and whole binaries are left to `make
# test`: in them it sees little and costs the most. Whole servers are tested one
# package at a time: made several times slower, two at once on two cores would
# run into the deadlines of their own statements.
.PHONY: race
race: $(SERVERS) ## Run the Go packages' tests under the race detector
	CGO_ENABLED=1 $(SERVERS) -need postgres,redis,kafka $(GO) test -race -timeout $(TIMEOUT) $(TESTFLAGS) \
	  $$($(GO) list $(PKG) | grep -v '/signet/test/')
	CGO_ENABLED=1 $(SERVERS) -need postgres,redis,kafka $(GO) test -race -p 1 -timeout $(TIMEOUT) $(TESTFLAGS) \
	  $$($(GO) list ./test/... | grep -vE '/test/(browser|clients|contract|gateways|languages|readme|load)$$')

.PHONY: cover
cover: $(SERVERS) ## Measure test coverage: coverage.out and coverage.html
	$(SERVERS) $(GO) test -timeout $(TIMEOUT) $(TESTFLAGS) -coverpkg=./... -coverprofile=coverage.out $(PKG)
	$(GO) tool cover -html=coverage.out -o coverage.html
	$(GO) tool cover -func=coverage.out | tail -n 1

.PHONY: fuzz
fuzz: $(SERVERS) ## Run every fuzz target for FUZZTIME (20s) each
	@failed=; \
	for dir in $$(grep -rlE '^func Fuzz' --include='*_test.go' --exclude-dir=node_modules . | xargs -r -n 1 dirname | sort -u); do \
	  for target in $$(sed -nE 's/^func (Fuzz[A-Za-z0-9_]*)\(.*/\1/p' "$$dir"/*_test.go); do \
	    echo "== $$dir $$target"; \
	    $(SERVERS) -need postgres,redis $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZTIME) "$$dir" || failed="$$failed $$dir:$$target"; \
	  done; \
	done; \
	if [ -n "$$failed" ]; then echo "FAILED:$$failed"; exit 1; fi

# The database waits for its disk here, as it does in production.
.PHONY: bench
bench: $(SERVERS) $(BENCHSTAT) ## Run the benchmarks; OLD=file compares with an earlier report/bench.txt
	@mkdir -p report
	SIGNET_TEST_PG_FSYNC=on $(SERVERS) -need postgres,redis,kafka \
	  $(GO) test -run - -bench . -benchmem $(BENCHFLAGS) $(PKG) >report/bench.txt || { cat report/bench.txt; exit 1; }
	@cat report/bench.txt
	@if [ -n "$(OLD)" ]; then $(BENCHSTAT) "$(OLD)" report/bench.txt; fi

##@ Check

.PHONY: lint
lint: $(GOLANGCI) ## Run the linters
	$(GOLANGCI) run

.PHONY: fmt
fmt: $(GOFUMPT) ## Format the code
	$(GOFUMPT) -w .

.PHONY: generate
generate: ## Regenerate what is generated
	$(GO) generate ./...

# Compares with the state before, so that it works with work in progress too.
.PHONY: verify
verify: $(GOFUMPT) ## Fail if generated code, format or go.mod are not up to date
	@git status --porcelain >/dev/null
	@before=$$(git status --porcelain; git diff); \
	$(GO) generate ./...; \
	after=$$(git status --porcelain; git diff); \
	if [ "$$before" != "$$after" ]; then git status --short; git --no-pager diff --stat; echo 'verify: go generate changes files: run make generate'; exit 1; fi
	@unformatted=$$($(GOFUMPT) -l .); \
	if [ -n "$$unformatted" ]; then echo "$$unformatted"; echo 'verify: not formatted: run make fmt'; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) mod verify

##@ Organization

.PHONY: check-org
check-org: $(GOLANGCI) ## Check layout, layers, style, docs, complexity, secrets, errors
	@status=0; \
	$(GO) run ./internal/tools/org check || status=1; \
	$(GOLANGCI) run || status=1; \
	exit $$status

.PHONY: fix-org
fix-org: $(GOLANGCI) $(GOFUMPT) ## Fix what can be fixed automatically, then list the rest
	-$(GOLANGCI) run --fix
	$(GOFUMPT) -w .
	$(GO) run ./internal/tools/org check

.PHONY: report-org
report-org: $(GOLANGCI) ## Write report/organization.html
	@mkdir -p report
	$(GOLANGCI) run --issues-exit-code 0 --show-stats=false --output.json.path report/lint.json --output.text.path /dev/null
	$(GO) run ./internal/tools/org report -lint report/lint.json -o report/organization.html

.PHONY: dev-setup
dev-setup: $(GOLANGCI) $(GOFUMPT) $(BENCHSTAT) ## Install tools and git hooks
	git config core.hooksPath .githooks
	$(GO) mod download
	@echo 'Tools are in $(TOOLS).'
	@echo 'Git runs .githooks/pre-commit (format, layout, layers, secrets) and .githooks/pre-push (lint).'
	@echo 'Undo with: git config --unset core.hooksPath'

.PHONY: clean
clean: ## Remove what was built, measured and reported
	rm -rf bin report test-results coverage.out coverage.html

# For .githooks/pre-commit: the tool's path, installed.
.PHONY: print-gofumpt
print-gofumpt: $(GOFUMPT)
	@echo $(GOFUMPT)

# Tools. A binary of the right version on PATH or in GOPATH/bin is taken over.

$(GOLANGCI):
	$(call tool,golangci-lint,version --short,$(GOLANGCI_VERSION),github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v$(GOLANGCI_VERSION))

$(GOFUMPT):
	$(call tool,gofumpt,--version,$(GOFUMPT_VERSION),mvdan.cc/gofumpt@v$(GOFUMPT_VERSION))

$(BENCHSTAT):
	$(call tool,benchstat,-h,never,golang.org/x/perf/cmd/benchstat@$(BENCHSTAT_VERSION))

# $(call tool,name,arguments that print its version,version,module@version)
define tool
	@mkdir -p $(TOOLS)
	@for have in "$$(command -v $(1))" "$$($(GO) env GOPATH)/bin/$(1)"; do \
	  if [ -x "$$have" ] && "$$have" $(2) 2>/dev/null | grep -qF '$(3)'; then cp "$$have" $@; exit 0; fi; \
	done; \
	echo 'installing $(4)' >&2; \
	GOBIN=$(TOOLS) $(GO) install $(4) && mv $(TOOLS)/$(1) $@
endef

# Rebuilt each time; Go's cache makes that quick. A binary rather than `go run`,
# which swallows signals and exit codes.
.PHONY: $(SERVERS)
$(SERVERS):
	@$(GO) build -o $@ ./internal/tools/testservers
