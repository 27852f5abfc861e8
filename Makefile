# The same targets are run by people, by .ci/run and by the GitHub workflow.
.DEFAULT_GOAL := help
SHELL := /bin/sh
GO ?= go
VERSION ?= $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
REVISION ?= $(shell git rev-parse HEAD 2>/dev/null)$(shell git diff --quiet HEAD 2>/dev/null; test $$? -ne 1 || echo +changes)
LDFLAGS = -s -w -X ksefworker/internal/buildinfo.version=$(VERSION) -X ksefworker/internal/buildinfo.revision=$(REVISION)
# Empty where the programs are only tried out: then they share their compiled packages with the tests.
TRIM ?= -trimpath
IMAGE ?= ksefworker:$(VERSION)
# Seed of `make chaos`: empty runs seeds 1 to 10, a number repeats that seed.
SEED ?=
TESTFLAGS ?=
# The folder with the Ministry's XSD files, which `make schemas` fills.
SCHEMAS ?= $(if $(KSEF_SCHEMA_DIR),$(KSEF_SCHEMA_DIR),$(CURDIR)/schemas)
RECORD ?=
# `make test` includes the browser test where all that it needs is installed; `make browser` installs them.
BROWSER := $(shell command -v chromium >/dev/null 2>&1 && command -v node >/dev/null 2>&1 && test -d test/browser/node_modules/axe-core && echo 1)
# The long tests mostly wait (for sessions, leases, or until a killed worker is noticed), so more of them run at once
# than there are cores.
TEST = KSEF_BROWSER_TEST=$${KSEF_BROWSER_TEST:-$(BROWSER)} $(GO) test -timeout 30m -parallel 8 $(TESTFLAGS)
# In these tests most workers are processes of their own. The code that runs concurrently is tested
# under the race detector in its own packages, so here the detector would only cost time.
PLAIN = ./internal/e2e ./cmd/... ./deploy/... ./examples/...
# In these packages and in their tests nothing runs concurrently, so there is nothing that the race
# detector could find. A test in internal/arrows makes sure of that. Tests with _ManyAtOnce_ in
# their names are the exception: they run under the detector.
SEQUENTIAL = ./internal/actions ./internal/arrows ./internal/audit ./internal/buildinfo ./internal/explain ./internal/figures \
	./internal/invoice ./internal/invoice/schema/... ./internal/ksef/lenient ./internal/ksef/numbers ./internal/pemkey ./internal/plural \
	./internal/proof ./internal/qrcode ./internal/results ./internal/retry ./internal/sample ./internal/settlement ./internal/shell \
	./internal/simulator/fa/... ./internal/simulator/strictjson ./internal/simulator/xades/... ./internal/waiting ./internal/xades

.PHONY: help build test race lint demo bench bench-profile bench-limits bench-million bench-schema schema-diff chaos chaos-parts browser thirdparty helm oidc schemas docker release release-check clean

help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

build: ## static binaries of worker, enqueue, simulator and demo in bin/
	CGO_ENABLED=0 $(GO) build $(TRIM) -ldflags "$(LDFLAGS)" -o bin/ ./cmd/...

test: need-redis ## every test, on a real redis-server of its own; no network
	@status=0; $(TEST) $$($(GO) list ./... | grep -vxE "$$($(GO) list $(WHOLE) | paste -sd'|' -)") || status=1; \
	$(TEST) -p 1 $(WHOLE) || status=1; exit $$status

# The packages whose tests take longest begin first, beside each other.
SLOW = ksefworker/internal/tasks ksefworker/internal/chaos ksefworker/internal/app

# Tests of the whole program that wait for minutes or measure how long something takes. Under the detector they would mostly
# wait for the processor. They run without the detector; the other tests of internal/app run under it.
CLOCKS = ^(TestBrowser_BusinessPage|TestBrowser_D|TestBrowser_F|TestClocks|TestExpressShare|TestFairness|TestHome_TheLedger|TestIsolation|TestOutage_Gateway|TestPartStore|TestPersonalData|TestSecrets_Straight|TestTenant_Removed|TestThrottled|TestWaiting_Every)

# Models: thousands of steps of one goroutine each. They run without the detector too.
MODELS = ^(TestLedger_AnyVerbs|TestStores_|TestStore_RandomCallers|TestStore_Waitlist_Early|TestSlot_|TestCircuit_BothStores)

# `make lint` vets all packages, so nothing is vetted again here.
race: need-redis ## the same under the race detector (needs a C compiler), except packages in which nothing runs concurrently
	@status=0; CGO_ENABLED=1 $(TEST) -vet=off -p 3 -race -skip '$(MODELS)|$(CLOCKS)' $(SLOW) $$($(GO) list ./... | \
		grep -vxE "$$($(GO) list $(PLAIN) $(SEQUENTIAL) $(SLOW) | paste -sd'|' -)") || status=1; \
	CGO_ENABLED=1 $(TEST) -vet=off -race -run _ManyAtOnce_ ./internal/invoice || status=1; \
	$(TEST) -vet=off -run '$(MODELS)' ./internal/ledger ./internal/ratelimit || status=1; \
	$(TEST) -vet=off -p 3 $$($(GO) list $(PLAIN) $(SEQUENTIAL) | grep -vxE "$$($(GO) list $(WHOLE) | paste -sd'|' -)") || status=1; \
	$(TEST) -vet=off -p 1 -parallel 12 $(WHOLE) || status=1; exit $$status

# Tests of whole workers. One of these packages keeps two cores busy by itself. Beside each other their tests time out.
WHOLE = ./internal/app ./internal/e2e

without-race: # for .ci/run: the packages whose failed tests are run again without the race detector
	@$(GO) list ./internal/app $(PLAIN) $(SEQUENTIAL)

lint: ## gofmt, go vet, staticcheck, dead code, the direction of imports
	@scripts/lint.sh

demo: build ## send 300 sample invoices of two tenants to the simulator, on this machine only; KEEP=1 stays up
	@bin/demo $(if $(filter-out 0,$(KEEP)),--keep)

bench: need-redis ## packing, parsing, encrypting (MB/s, allocations), enqueueing beside bare asynq, webhooks, the ledger (longest script, bytes, take at 0 and 1,000,000 entries), admission, the archive in both layouts, a scrape of 500 tenants, listing 200,000, and the whole way of 10,000 and of 100,000
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./internal/invoice ./internal/pack ./internal/ksef/...
	$(GO) test -run '^$$' -bench . -benchmem -benchtime 10x -timeout 30m ./internal/intake
	$(GO) test -run '^$$' -bench 'Intake/single' -benchtime 6000x ./internal/httpintake
	$(GO) test -run '^$$' -bench 'Intake/json100' -benchtime 200x ./internal/httpintake
	$(GO) test -run '^$$' -bench 'Intake/(zip10000|submit)' -benchtime 3x ./internal/httpintake
	$(GO) test -run '^$$' -bench Webhooks -benchtime 10000x ./internal/results/sinks
	KSEF_BENCH_PAGE=1000000 $(GO) test -run '^$$' -bench Page -benchtime 20x -timeout 30m ./internal/page
	$(GO) test -run '^$$' -bench '10000|Bytes' -benchtime 1x -timeout 10m ./internal/ledger
	$(GO) test -run '^$$' -bench Present -benchtime 10x -timeout 10m ./internal/ledger
	$(GO) test -run '^$$' -bench Admission -benchtime 3x -timeout 10m ./internal/tasks
	$(GO) test -run '^$$' -bench Keep10000 -benchtime 1x -timeout 10m ./internal/archive/bundle
	$(GO) test -run '^$$' -bench Lookup -benchtime 20x -timeout 10m ./internal/archive/bundle
	$(GO) test -run '^$$' -bench Scrape500 -benchtime 5x ./internal/app
	$(GO) test -run '^$$' -bench Results -benchtime 1x -timeout 20m ./cmd/enqueue
	$(GO) test -run '^$$' -bench Way -benchtime 1x -timeout 30m ./internal/e2e

bench-profile: need-redis ## where time and allocations of a worker go on the whole way of 10,000, and which commands of Redis are expensive (1 min); files in profile/
	@mkdir -p profile
	KSEF_BENCH_PROFILE=$(CURDIR)/profile $(GO) test -run '^$$' -bench 'Way_10k/transport=gateway/limits=lifted' -benchtime 1x -timeout 10m ./internal/e2e
	$(GO) tool pprof -top -nodecount 40 profile/worker.cpu
	$(GO) tool pprof -top -nodecount 40 -cum profile/worker.cpu
	$(GO) tool pprof -top -nodecount 30 -sample_index alloc_space profile/worker.allocs

bench-limits: need-redis ## four workers at KSeF's limits, by each transport: five scaled hours of sends, sessions and polls, 130 s and 150 s at true scale; the cost of a booking (50 min)
	KSEF_BENCH_LIMITS=$${KSEF_BENCH_LIMITS:-1} $(GO) test -count=1 -v -timeout 120m -run '^TestLimits_' ./internal/e2e
	$(GO) test -run '^$$' -bench . -benchmem -timeout 30m ./internal/ratelimit

bench-million: need-redis ## a million invoices of 20 tenants in a day of 24 scaled hours, by both transports: checks the books, prints memory and the CPU time of an invoice at the start and at the end (25 min, 20 GB of disk)
	KSEF_BENCH_MILLION=$${KSEF_BENCH_MILLION:-1000000} $(GO) test -count=1 -v -timeout 150m -run '^TestMillion_' ./internal/e2e

bench-schema: need-schemas ## our validator, helium and xmllint (libxml2) side by side: documents a second and memory; needs make schemas
	KSEF_SCHEMA_DIR=$(SCHEMAS) KSEF_BENCH_SCHEMA=1 $(GO) test -count=1 -v -timeout 30m -run '^TestBench_' ./internal/invoice/xsd

schema-diff: need-schemas ## 250,000 documents, each with one fault or oddity, judged by us and by xmllint (5 min); RECORD=1 writes the record; needs make schemas
	KSEF_SCHEMA_DIR=$(SCHEMAS) KSEF_SCHEMA_DIFF=1 KSEF_SCHEMA_RECORD=$(RECORD) $(GO) test -count=1 -v -timeout 60m -run '^TestSchema_(EveryDocument|InvoicesOfOthers)' ./internal/invoice

chaos: need-redis ## break everything at random, then audit the books; SEED=n repeats a run, CHAOS_FAULTS=a,b chooses partial faults
	CHAOS_SEEDS=10 SEED=$(SEED) $(GO) test -count=1 -v -timeout 90m -run "^TestChaos" ./internal/chaos

chaos-parts: need-redis ## each partial fault alone: invoices that it does not concern must not wait (10 min)
	CHAOS_FAULTS=each $(GO) test -count=1 -v -timeout 40m -run "^TestChaos_What" ./internal/chaos

browser: need-redis ## the dashboard and the business page in headless Chromium; installs what is missing
	@scripts/need-browser.sh
	KSEF_BROWSER_TEST=1 $(GO) test -count=1 -v -timeout 10m -run '^TestBrowser' ./internal/app

thirdparty: ## third-party clients, unmodified, drive the simulator's second face (the Ministry's API); installs what is missing
	@scripts/need-thirdparty.sh
	KSEF_THIRDPARTY_TEST=1 $(GO) test -count=1 -v -timeout 10m -run '^TestThirdParty' ./internal/simulator/ministry

helm: ## test the Helm chart: render it, and read it as strictly as Kubernetes does
	cd test/helm && $(GO) vet ./... && $(GO) test -count=1 ./...

oidc: need-redis ## test the login at a third-party OpenID Connect provider: code flow, changed keys, logout
	cd test/oidc && $(GO) vet ./... && KSEF_BROWSER_TEST=$${KSEF_BROWSER_TEST:-$(BROWSER)} $(GO) test -count=1 ./...

schemas: ## download the Ministry's XSD files into schemas/ (for schema-diff, bench-schema and go generate)
	@scripts/schemas.sh schemas

docker: ## the container image
	docker build --build-arg VERSION=$(VERSION) --build-arg REVISION=$(REVISION) -t $(IMAGE) .

release: ## build the release of this commit in dist/: static binaries, archives, SBOMs, checksums; its version is the commit's tag
	@VERSION=$(VERSION) scripts/release.sh dist

release-check: ## build the release twice, in different folders, and compare the bytes; the second build compiles one platform with an empty cache, or those in COLD="linux/amd64 linux/arm64 windows/amd64"
	@scripts/reproducible.sh

clean: ## remove what was built
	rm -rf bin dist profile

.PHONY: without-race need-redis need-schemas
need-redis:
	@scripts/need-redis.sh

need-schemas:
	@test -d "$(SCHEMAS)" || { echo "the Ministry's XSD files are not in $(SCHEMAS): run make schemas, or set KSEF_SCHEMA_DIR" >&2; exit 1; }
