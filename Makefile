# `make check` while you work, `make test` before you hand it in, `make soak` overnight. Every target runs without questions.

SHELL := /bin/sh
.DELETE_ON_ERROR:
.NOTPARALLEL:
.DEFAULT_GOAL := help

GO ?= go
NPM ?= npm
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)

# Seconds for each fuzz target in `make fuzz`.
FUZZTIME ?= 20s
# How long `make soak` runs each of its suites.
SOAKTIME ?= 8h
# Which benchmarks `make bench` runs.
BENCH ?= .
# Platforms of `make release`.
PLATFORMS ?= linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64

GOLANGCI := v2.15.0
NPM_CI := $(NPM) ci --ignore-scripts --no-audit --no-fund --loglevel=error

.PHONY: help
help: ## what there is
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z0-9-]+):[^#]*## /\1|/' | awk -F'|' '{printf "  make %-10s %s\n", $$1, $$2}'

.PHONY: check
check: gofmt vet ## the fast loop: format, vet, short tests (unchanged packages come from the cache)
	$(GO) test -short -timeout 3m ./...

.PHONY: gofmt
gofmt:
	@files=$$(git ls-files -co --exclude-standard '*.go' | xargs -r ls 2>/dev/null | xargs -r gofmt -l); \
	if [ -n "$$files" ]; then echo "gofmt would change:"; echo "$$files"; exit 1; fi

.PHONY: vet
vet:
	$(GO) vet ./...
	$(GO) -C static/build vet ./...

.PHONY: test
test: need gofmt vet test-go test-page test-e2e ## every suite, with the race detector; installs what it needs

.PHONY: need
need: # programs from Debian's archive that suites start
	.ci/need redis-server haproxy chromium python3

.PHONY: test-go
test-go: # tests start their own redis-server on free ports; a service on port 6379 is neither needed nor touched
	KIEM_TEST_REDIS=required KIEM_TEST_PROXY=required $(GO) test -race -timeout 15m ./...
	$(GO) -C static/build test ./...

.PHONY: test-page
test-page:
	cd static && $(NPM_CI)
	cd static && $(NPM) run --silent check
	$(GO) -C static/build run .
	git diff --exit-code --stat -- static/dist

.PHONY: test-e2e
test-e2e: # with Debian's chromium; no browser is downloaded
	cd e2e && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(NPM_CI)
	cd e2e && CI=1 npx --no-install playwright test

.PHONY: soak
soak: need ## the long suites: kills, power cuts, storms, seeds without end (SOAKTIME=8h)
	KIEM_TEST_REDIS=required KIEM_TEST_PROXY=required KIEM_SOAK=$(SOAKTIME) $(GO) test -race -timeout 0 -count=1 -p 1 -v ./...

.PHONY: fuzz
fuzz: ## every fuzz target for some seconds (FUZZTIME=20s)
	@set -e; $(GO) list -f '{{.Dir}}' ./... | while read -r dir; do \
		grep -hoE '^func Fuzz[A-Za-z0-9_]+' "$$dir"/*_test.go 2>/dev/null | sed 's/^func //' | sort -u | while read -r name; do \
			echo "== $$name in $${dir#$(CURDIR)/}"; \
			$(GO) test -run '^$$' -fuzz "^$$name\$$" -fuzztime $(FUZZTIME) "$$dir" </dev/null || exit 1; \
		done || exit 1; \
	done

.PHONY: bench
bench: ## benchmarks with allocations (BENCH=pattern)
	$(GO) test -run '^$$' -bench '$(BENCH)' -benchmem -timeout 30m ./...

.PHONY: generate
generate: ## message types for the page, then the page itself
	$(GO) generate ./...
	$(GO) -C static/build run .

.PHONY: pictures
pictures: need ## screenshots for the documentation, taken from the running demo
	cd e2e && PLAYWRIGHT_SKIP_BROWSER_DOWNLOAD=1 $(NPM_CI)
	cd e2e && npx --no-install playwright test --config pictures.config.ts

.PHONY: lint
lint: ## golangci-lint, pinned, into ./bin (the first time takes minutes)
	@[ -x bin/golangci-lint-$(GOLANGCI) ] || { mkdir -p bin && \
		GOBIN=$(CURDIR)/bin $(GO) install github.com/golangci/golangci-lint/v2/cmd/golangci-lint@$(GOLANGCI) && \
		mv bin/golangci-lint bin/golangci-lint-$(GOLANGCI); }
	bin/golangci-lint-$(GOLANGCI) run ./...

.PHONY: release
release: ## binaries for PLATFORMS in ./bin/release, with SHA256SUMS
	rm -rf bin/release && mkdir -p bin/release
	@set -e; for platform in $(PLATFORMS); do \
		os=$${platform%/*}; arch=$${platform#*/}; ext=; [ "$$os" != windows ] || ext=.exe; \
		echo "kiem-$(VERSION)-$$os-$$arch$$ext"; \
		CGO_ENABLED=0 GOOS=$$os GOARCH=$$arch $(GO) build -trimpath -ldflags '-s -w' \
			-o "bin/release/kiem-$(VERSION)-$$os-$$arch$$ext" ./cmd/kiem; \
	done
	cd bin/release && sha256sum kiem-* > SHA256SUMS && cat SHA256SUMS

.PHONY: clean
clean: ## what the targets above made
	rm -rf bin static/node_modules e2e/node_modules e2e/test-results
