# make          the release build, from what is installed      make run    serve the demo plugin on http://127.0.0.1:8000
# make test     everything that must hold    make bench  CPU, system calls and allocations per request
# make interop  Outrider with proxies, clients and browsers of others; part of make test
# make bench-peers the same as bench over HTTP/1.1, with nginx in the same rounds
# make bench-python applications in Python, beside gunicorn, uvicorn and granian
# make bench-websocket echoed messages, beside servers of WebSockets in Python
# make autobahn all cases of Autobahn's fuzzing client for WebSockets, for which it needs Python 2.7
# make soak     mixed clients while workers are killed and replaced, each model and style for SOAK_SECONDS; then broken
#               deploys and kills under load, many of each; then clients with secrets
# make kernel-tls TLS whose records the kernel makes, under a kernel and with an OpenSSL that can
# make sanitize the integration tests against a server built with the thread and address sanitizers, the latter with memory
#               that moves and is poisoned whenever it may
# make fuzz     libFuzzer on the engine and on whole connections, each target for FUZZ_SECONDS; make fuzz-seeds its seeds
# make install  below PREFIX (/usr/local), with DESTDIR before it        make manual   the keys in man/outrider.toml.5
#
# make and make install never use root or the network by themselves. The first build fetches two Swift packages, unless
# SWIFT_PACKAGES=FOLDER names a folder that has both (Sources/README.md).
# make run, make test and what measures install the Debian packages that are missing, with sudo unless run as root.
SHELL := /bin/bash
BUILD := .build
RELEASE := $(BUILD)/release
ABI := Sources/COutrider/include/outrider.h
EXTENSIONS := $(wildcard Sources/COutrider/include/outrider/*.h)
CPP_HEADERS := $(wildcard Sources/COutrider/include/outrider/*.hpp Sources/COutrider/include/outrider/cpp/*.hpp)
PROGRAMS := outrider outriderctl

# The modules are for people: the linker sees the program whole again. LTO= builds faster while one works on it.
LTO := --experimental-lto-mode=full
# It knows from a trial run how often each part runs, and sets close together what every request needs. PROFILE= goes
# without, and builds faster too.
PROFILE := $(if $(LTO),$(BUILD)/profile/outrider.profdata)
# It runs on machines without the toolchain. One set of flags for all: another one would build everything anew.
RELEASE_FLAGS = --static-swift-stdlib --disable-local-rpath $(LTO)

# The compiler keeps modules below HOME, and builders of distributions have none.
ifneq ($(shell test -w "$$HOME" && echo writable),writable)
export HOME := $(CURDIR)/$(BUILD)/home
endif

.PHONY: build server run test interop autobahn soak sanitize lint lint-manual manual fuzz fuzz-seeds clean \
  needed dependencies test-dependencies interop-dependencies test-programs

build: needed server plugins

include Plugins/plugins.mk Plugins/testing.mk Tests/Plugins/plugins.mk Tests/Mock/mock.mk Tests/ABI/released.mk Tests/Profile/profile.mk Tests/Bench/bench.mk Tests/Kernel/kernel.mk \
  Sources/install.mk

# ---- What the machine must have -------------------------------------------------------------------------------

BUILD_PACKAGES := libssl-dev libnghttp2-dev zlib1g-dev libsystemd-dev libtomlplusplus-dev g++ pkg-config python3 openssl
# For what is built only where they are there: the plugin for applications in Python.
MORE_PACKAGES := python3-dev

# Says what is missing; installs nothing.
needed:
	@Tests/Environment/needed.sh $(BUILD_PACKAGES) -- $(MORE_PACKAGES)

dependencies:
	@Tests/Environment/debian.sh $(BUILD_PACKAGES) $(MORE_PACKAGES)

test-dependencies: dependencies
	@Tests/Environment/debian.sh python3-venv binutils abigail-tools curl procps systemd util-linux \
	  mandoc man-db groff-base cmake pkg-config strace nghttp2-client openssl nginx-light haproxy caddy \
	  libhiredis-dev libcurl4-openssl-dev libsqlite3-dev redis-server \
	  cargo rustc golang-go
	@Tests/Environment/python.sh

# What others have made, with which Outrider is tried.
interop-dependencies: test-dependencies
	@Tests/Environment/debian.sh nginx-light haproxy caddy nghttp2-proxy apache2 varnish h2o lighttpd lighttpd-mod-openssl \
	  squid hitch \
	  curl nghttp2-client wrk apache2-utils nodejs golang-go default-jdk-headless ruby php-cli php-curl \
	  perl libio-socket-ssl-perl wget \
	  chromium firefox-esr libnss3-tools

# ---- Building -------------------------------------------------------------------------------------------------

server: $(PROFILE)
	swift build -c release --product outriderctl $(RELEASE_FLAGS)
	swift build -c release --product outrider $(RELEASE_FLAGS) $(PROFILE:%=-Xlinker --lto-cs-profile-file=%)

test-programs: dependencies
	swift build -c release --product fork-locks $(RELEASE_FLAGS)
	swift build -c release --product store-kills $(RELEASE_FLAGS)

# ---- Running --------------------------------------------------------------------------------------------------

run: dependencies
	@$(MAKE) --no-print-directory build
	@echo
	@echo "  Early hints from a plugin in C, until Ctrl-C. In another terminal:"
	@echo "    curl -v http://127.0.0.1:8000/early-hints"
	@echo "  WebSockets, in browsers: http://127.0.0.1:8000/ws/chat"
	@echo
	@exec $(RELEASE)/outrider $(RELEASE)/libdemo_event.so

# ---- Testing --------------------------------------------------------------------------------------------------

# What Python makes of the tests is kept: each process would take seconds to compile them anew. The first run of one
# process does so for those of the next.
PYTHON := PYTHONDONTWRITEBYTECODE= PYTHONPYCACHEPREFIX=$(CURDIR)/$(BUILD)/pycache
PYTEST := $(PYTHON) $(BUILD)/venv/bin/python -m pytest -q
PARALLEL_PYTEST := $(PYTHON) Tests/Parallel/run.sh $(BUILD)/venv/bin/python -m pytest -q

# Most of the integration tests' time is waited: eight at a time do well on two cores.
test: test-dependencies
	@$(MAKE) --no-print-directory build test-plugins test-programs lint
	swift test --disable-xctest
	$(PYTEST) --durations=5 -m alone Tests/Integration
	$(PARALLEL_PYTEST) --durations=20 -n 8 --dist worksteal -m "not alone" Tests/Integration
	@$(MAKE) --no-print-directory interop
	Tests/Sanitizers/run.sh address -n 2 $(HOSTILE_TESTS:%=Tests/Integration/%.py)
	@$(MAKE) --no-print-directory fuzz-seeds

# Most of the time is waited: four tests at a time do well on two cores. Tests of one group share what they have started.
interop: interop-dependencies
	@$(MAKE) --no-print-directory build test-plugins
	$(PARALLEL_PYTEST) --durations=10 -n 4 --dist loadgroup --no-loadscope-reorder Tests/Interop

# Some 40 minutes: no part of make test.
autobahn: test-dependencies
	@$(MAKE) --no-print-directory build
	$(PYTHON) $(BUILD)/venv/bin/python Tests/Autobahn/run.py

# Of what make sanitize runs under hostile memory: where fields, content and frames meet, and where threads of plugins do.
HOSTILE_TESTS := http2/test_streams http2/test_field_sections http2/test_frames_are_whole http1/test_content_is_whole \
  http1/test_refusal_is_terminal trust/test_isolation plugins/test_interleaved_calls

SOAK_SECONDS ?= 300
# Each test takes longer than the time after which pytest shows the stacks of one that hangs; to show those of a crowd
# of threads at work can end the interpreter.
soak: test-dependencies
	@$(MAKE) --no-print-directory build test-plugins
	OUTRIDER_SOAK_SECONDS=$(SOAK_SECONDS) OUTRIDER_DEPLOYS=10 OUTRIDER_KILLS=30 \
	  $(PYTEST) -o faulthandler_timeout=0 \
	    Tests/Integration/soak Tests/Integration/trust/test_isolation.py

# Both run, whatever the first finds.
sanitize: test-dependencies test-plugins
	@status=0; for kind in thread address; do Tests/Sanitizers/run.sh $$kind || status=1; done; exit $$status

# The package for plugins in Swift, and the examples of it.
SWIFT_OF_AUTHORS = $(wildcard $(foreach folder,Plugins/sdk/swift $(wildcard examples/*swift*),$(folder)/Package.swift \
  $(folder)/Sources $(folder)/Tests))

lint: lint-manual
	swift format lint --strict -r -p Package.swift Sources Tests $(SWIFT_OF_AUTHORS)

# The pages are without fault, mandoc and man show the same, and the keys in them are those of the schema.
lint-manual: dependencies
	@Tests/Environment/debian.sh mandoc man-db groff-base python3
	@faults=$$(mandoc -T lint -W warning man/*.[1-9]); echo -n "$${faults:+$$faults$$'\n'}"; [ -z "$$faults" ]
	@python3 Tests/Manual/compare_renderings.py man/*.[1-9]
	@swift build --product manual-keys
	@$(BUILD)/debug/manual-keys man/outrider.toml.5 | diff -u man/outrider.toml.5 - || \
	  { echo "man/outrider.toml.5 is behind the schema: run make manual"; exit 1; }

manual: dependencies
	swift build --product manual-keys
	$(BUILD)/debug/manual-keys man/outrider.toml.5 > $(BUILD)/outrider.toml.5
	cp $(BUILD)/outrider.toml.5 man/outrider.toml.5

FUZZ_SECONDS ?= 60
fuzz: dependencies
	FUZZ_SECONDS=$(FUZZ_SECONDS) Tests/Fuzz/run.sh

# What the seeds show, once each.
fuzz-seeds: dependencies
	FUZZ_SECONDS=0 FUZZ_SEEDS=1 Tests/Fuzz/run.sh

clean:
	rm -rf $(BUILD)
