# make          the release build            make run    serve the demo plugin on http://127.0.0.1:8000
# make test     everything that must hold    make bench  CPU, system calls and allocations per request
# make bench-peers the same of HTTP/1.1, with nginx in the same rounds
# make soak     mixed clients while workers are killed and replaced, each model and style for SOAK_SECONDS; then broken
#               deploys and kills under load, many of each; then clients with secrets
# make kernel-tls TLS whose records the kernel makes, under a kernel and with an OpenSSL that can
# make sanitize the wire tests against a server built with the thread and address sanitizers, the latter with memory that
#               moves and is poisoned whenever it may
# make fuzz     libFuzzer on the engine and on whole connections, each target for FUZZ_SECONDS; make fuzz-seeds its seeds
# make install  below PREFIX (/usr/local), with DESTDIR before it        make manual   the keys in man/outrider.toml.5
SHELL := /bin/bash
BUILD := .build
RELEASE := $(BUILD)/release
ABI := Sources/COutrider/include/outrider.h

PROGRAMS := outrider outriderctl
DEMOS := demo_blocking demo_event
PLUGINS := $(DEMOS) inspect
BROKEN := $(basename $(notdir $(wildcard Tests/Plugins/broken/*.c)))
OF_BOTH_STYLES := edges endings hooks misbehave throws
OF_ONE_STYLE := configured generous hostile identity lending logging
IN_SWIFT := swift_locks_static swift_locks_dynamic
TEST_PLUGINS := $(BROKEN) $(OF_BOTH_STYLES:%=%_blocking) $(OF_BOTH_STYLES:%=%_event) $(OF_ONE_STYLE) inspect_blocking $(IN_SWIFT)
PLUGIN_FLAGS := -Wall -Wextra -Wpedantic -Werror -O2 -shared -fPIC -fvisibility=hidden \
  -ISources/COutrider/include -Wl,--version-script=Plugins/plugin.map
PLUGIN_CFLAGS := -std=c11 $(PLUGIN_FLAGS)
PLUGIN_CXXFLAGS := -std=c++17 $(PLUGIN_FLAGS)

# The modules are for people: the linker sees the program whole again. LTO= builds faster while one works on it.
LTO := --experimental-lto-mode=full
# It knows from a trial run how often each part runs, and sets close together what every request needs. PROFILE= goes
# without, and builds faster too.
PROFILE := $(if $(LTO),$(BUILD)/profile/outrider.profdata)
# It runs on machines without the toolchain. One set of flags for all: another one would build everything anew.
RELEASE_FLAGS = --static-swift-stdlib --disable-local-rpath $(LTO)

.PHONY: build run test soak kernel-tls sanitize bench bench-peers plugins test-plugins test-programs server dependencies \
  test-dependencies bench-dependencies lint lint-manual manual install fuzz fuzz-seeds clean

build: server plugins

# ---- What the machine must have -------------------------------------------------------------------------------

dependencies:
	@Tests/Environment/debian.sh libssl-dev libnghttp2-dev libsystemd-dev libtomlplusplus-dev g++ pkg-config

test-dependencies: dependencies
	@Tests/Environment/debian.sh python3-venv binutils curl procps systemd util-linux \
	  mandoc man-db cmake pkg-config strace nghttp2-client openssl
	@Tests/Environment/python.sh

bench-dependencies: dependencies
	@Tests/Environment/debian.sh wrk strace valgrind binutils python3 util-linux nghttp2-client nghttp2-server openssl

# ---- Building -------------------------------------------------------------------------------------------------

server: dependencies $(PROFILE)
	swift build -c release --product outriderctl $(RELEASE_FLAGS)
	swift build -c release --product outrider $(RELEASE_FLAGS) $(PROFILE:%=-Xlinker --lto-cs-profile-file=%)

# The program with counters does not stay where the one without belongs.
TRIAL := $(BUILD)/profile
TOOLCHAIN = $(shell swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
COUNTERS = --lto-cs-profile-generate -u__llvm_profile_runtime $(TRIAL)/instrumented.o \
  $(TOOLCHAIN)/clang/lib/linux/libclang_rt.profile-$(shell uname -m).a
$(TRIAL)/outrider.profdata: $(shell find Sources -type f) Package.swift $(wildcard Tests/Profile/*.*) $(DEMOS:%=$(TRIAL)/lib%.so) \
  | dependencies
	@Tests/Environment/debian.sh python3 openssl
	$(TOOLCHAIN)/../../bin/clang -O2 -c -o $(TRIAL)/instrumented.o Tests/Profile/instrumented.c
	swift build -c release --product outrider $(RELEASE_FLAGS) $(COUNTERS:%=-Xlinker %)
	mv $(RELEASE)/outrider $(TRIAL)/outrider
	python3 Tests/Profile/trial_run.py $(TRIAL)/outrider $(TRIAL) $(TRIAL)/runs
	$(TOOLCHAIN)/../../bin/llvm-profdata merge -o $@ $(TRIAL)/runs/*.profraw

plugins: $(PLUGINS:%=$(RELEASE)/lib%.so)
test-plugins: $(TEST_PLUGINS:%=$(BUILD)/test-plugins/lib%.so)
test-programs: dependencies
	swift build -c release --product fork-locks $(RELEASE_FLAGS)

define plugin
$$(RELEASE)/lib$(1).so: $$(wildcard Plugins/$(1)/*.c Plugins/demo_pages/*.h) $$(ABI) Plugins/plugin.map | server
	$$(CC) $$(PLUGIN_CFLAGS) -o $$@ $$(wildcard Plugins/$(1)/*.c)
endef
$(foreach name,$(PLUGINS),$(eval $(call plugin,$(name))))

$(TRIAL)/lib%.so: Plugins/%/*.c Plugins/demo_pages/*.h $(ABI) Plugins/plugin.map
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) -o $@ $(wildcard Plugins/$*/*.c)

# $(call test_plugin,NAME,FOLDER,FLAGS,MORE): of all sources in the folder; MORE are files elsewhere that it is made of.
define test_plugin
$$(BUILD)/test-plugins/lib$(1).so: $$(wildcard Tests/Plugins/$(2)/*) $(4) $$(ABI)
	@mkdir -p $$(@D)
	$(if $(wildcard Tests/Plugins/$(2)/*.cpp),$$(CXX) $$(PLUGIN_CXXFLAGS),$$(CC) $$(PLUGIN_CFLAGS)) -pthread $(3) -o $$@ \
	  $$(wildcard Tests/Plugins/$(2)/*.c Tests/Plugins/$(2)/*.cpp)
endef
$(foreach name,$(OF_ONE_STYLE),$(eval $(call test_plugin,$(name),$(name))))
$(foreach name,$(OF_BOTH_STYLES),$(eval $(call test_plugin,$(name)_blocking,$(name))))
$(foreach name,$(OF_BOTH_STYLES),$(eval $(call test_plugin,$(name)_event,$(name),-DEVENT_STYLE)))
$(eval $(call test_plugin,inspect_blocking,inspect_blocking,,$(wildcard Plugins/inspect/*.c Plugins/demo_pages/*.h)))
# With a runtime of its own, and with the one of the toolchain.
$(BUILD)/test-plugins/libswift_locks_%.so: Tests/Plugins/swift_locks/swift_locks.swift $(ABI)
	@mkdir -p $(@D)
	swiftc -O -swift-version 6 -warnings-as-errors -emit-library -parse-as-library -module-name swift_locks \
	  -import-objc-header $(ABI) $(if $(filter static,$*),-static-stdlib) -o $@ $<
$(BUILD)/test-plugins/lib%.so: Tests/Plugins/broken/%.c Tests/Plugins/broken/broken.h $(ABI)
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) -pthread -o $@ $<

# ---- Running --------------------------------------------------------------------------------------------------

run: build
	@echo
	@echo "  Early hints from a plugin in C, until Ctrl-C. In another terminal:"
	@echo "    curl -v http://127.0.0.1:8000/early-hints"
	@echo
	@exec $(RELEASE)/outrider $(RELEASE)/libdemo_event.so

# ---- Testing --------------------------------------------------------------------------------------------------

test: test-dependencies build test-plugins test-programs lint
	swift test --disable-xctest
	$(BUILD)/venv/bin/python -m pytest -q --durations=20 Tests/Wire
	Tests/Sanitizers/run.sh address $(HOSTILE_TESTS:%=Tests/Wire/%.py)
	@$(MAKE) --no-print-directory fuzz-seeds

# Of what make sanitize runs under hostile memory: where fields, content and frames meet.
HOSTILE_TESTS := test_http2 test_http2_heads test_http2_frames_whole test_http1_content_whole test_refusal_is_terminal \
  test_isolation

SOAK_SECONDS ?= 300
# Each test takes longer than the time after which pytest shows the stacks of one that hangs; to show those of a crowd
# of threads at work can end the interpreter.
soak: test-dependencies build test-plugins
	OUTRIDER_SOAK_SECONDS=$(SOAK_SECONDS) OUTRIDER_DEPLOYS=10 OUTRIDER_KILLS=30 \
	  $(BUILD)/venv/bin/python -m pytest -q -o faulthandler_timeout=0 \
	    Tests/Wire/test_soak.py Tests/Wire/test_deploys.py Tests/Wire/test_kills.py Tests/Wire/test_isolation.py

kernel-tls: test-dependencies build test-plugins
	Tests/Kernel/openssl.sh
	Tests/Kernel/run.sh env LD_LIBRARY_PATH=$(CURDIR)/$(BUILD)/kernel-tls $(BUILD)/venv/bin/python -m pytest -q \
	  Tests/Wire/test_kernel_tls.py Tests/Wire/test_tls_records.py

# Both run, whatever the first finds.
sanitize: test-dependencies test-plugins
	@status=0; for kind in thread address; do Tests/Sanitizers/run.sh $$kind || status=1; done; exit $$status

lint: lint-manual
	swift format lint --strict -r -p Package.swift Sources Tests

# The pages are without fault, and the keys in them are those of the schema.
lint-manual: dependencies
	@Tests/Environment/debian.sh mandoc
	@faults=$$(mandoc -T lint -W warning man/*.[1-9]); echo -n "$${faults:+$$faults$$'\n'}"; [ -z "$$faults" ]
	@swift build --product manual-keys
	@$(BUILD)/debug/manual-keys man/outrider.toml.5 | diff -u man/outrider.toml.5 - || \
	  { echo "man/outrider.toml.5 is behind the schema: run make manual"; exit 1; }

manual: dependencies
	swift build --product manual-keys
	$(BUILD)/debug/manual-keys man/outrider.toml.5 > $(BUILD)/outrider.toml.5
	cp $(BUILD)/outrider.toml.5 man/outrider.toml.5

# ---- Installing -----------------------------------------------------------------------------------------------

PREFIX := /usr/local
TREE = $(DESTDIR)$(PREFIX)
ABI_VERSION = $(shell awk '/define OUTRIDER_ABI_M(AJ|IN)OR / { printf "%s%s", dot, $$3; dot = "." }' $(ABI))
# What names the place of another file is written for the default prefix, or with a name between two @.
FILL = sed -e 's,/usr/local,$(PREFIX),g' -e 's,@PREFIX@,$(PREFIX),g' -e 's,@ABI@,$(ABI_VERSION),g' \
  -e 's,@ABI_MAJOR@,$(basename $(ABI_VERSION)),g'
# $(call put,COMMAND,FILE): what the command writes becomes the file.
put = set -o pipefail; $(1) | install -m 644 /dev/stdin $(TREE)/$(2)

# Builds only what is missing, so that root need not build. Files are replaced, never overwritten: a server may run.
install:
	@[ -x $(RELEASE)/outrider ] || $(MAKE) build
	install -d $(addprefix $(TREE)/,bin include lib/outrider/plugins lib/pkgconfig lib/cmake/outrider \
	  lib/systemd/system lib/sysusers.d share/man/man1 share/man/man3 share/man/man5 share/man/man7 share/man/man8 share/doc/outrider \
	  share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d)
	install $(PROGRAMS:%=$(RELEASE)/%) $(TREE)/bin
	install -m 644 $(PLUGINS:%=$(RELEASE)/lib%.so) $(TREE)/lib/outrider/plugins
	install -m 644 $(ABI) $(TREE)/include
	$(call put,$(FILL) Plugins/outrider-plugin.pc.in,lib/pkgconfig/outrider-plugin.pc)
	install -m 644 Plugins/cmake/outrider-config.cmake $(TREE)/lib/cmake/outrider
	$(call put,$(FILL) Plugins/cmake/outrider-config-version.cmake.in,lib/cmake/outrider/outrider-config-version.cmake)
	set -e; for page in $(notdir $(wildcard man/*.[1-9])); do \
	  $(call put,$(FILL) man/$$page,share/man/man$${page##*.}/$$page); done
	set -e; for unit in outrider.service outrider-http.socket outrider-https.socket; do \
	  $(call put,$(FILL) examples/systemd/$$unit,lib/systemd/system/$$unit); done
	install -m 644 examples/systemd/outrider.sysusers $(TREE)/lib/sysusers.d/outrider.conf
	$(call put,$(FILL) examples/systemd/outrider.toml,share/doc/outrider/outrider.toml)
	install -m 644 examples/systemd/outrider.service.d/notify-reload.conf $(TREE)/share/doc/outrider
	set -e; for program in $(PROGRAMS); do complete="$(RELEASE)/$$program --generate-completion-script"; \
	  $(call put,$$complete bash,share/bash-completion/completions/$$program); \
	  $(call put,$$complete zsh,share/zsh/site-functions/_$$program); \
	  $(call put,$$complete fish,share/fish/vendor_completions.d/$$program.fish); done

# ---- Measuring ------------------------------------------------------------------------------------------------

$(BUILD)/bench/null_server: Tests/Bench/null_server.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -Wall -Wextra -Werror -o $@ $<
$(BUILD)/bench/libmalloc_count.so: Tests/Bench/malloc_count.c
	@mkdir -p $(@D)
	$(CC) -std=c11 -O2 -Wall -Wextra -Werror -shared -fPIC -o $@ $<
$(BUILD)/bench/libsame_answer_blocking.so: Tests/Bench/same_answer.c $(ABI)
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) -o $@ $<
$(BUILD)/bench/libsame_answer_event.so: Tests/Bench/same_answer.c $(ABI)
	@mkdir -p $(@D)
	$(CC) $(PLUGIN_CFLAGS) -DSAME_ANSWER_EVENT -o $@ $<

BENCHED := $(patsubst %,$(BUILD)/bench/%,null_server libmalloc_count.so libsame_answer_blocking.so \
  libsame_answer_event.so)

bench-peers: bench-dependencies build $(BENCHED)
	@Tests/Environment/debian.sh nginx-light
	python3 Tests/Bench/bench.py --rounds 12 --seconds 1 --peers

bench: bench-dependencies build $(BENCHED)
	swift build -c release --product head-parser $(RELEASE_FLAGS)
	python3 Tests/Bench/bench.py --rounds 12 --seconds 1
	python3 Tests/Bench/http2.py
	python3 Tests/Bench/head_parser.py
	python3 Tests/Bench/instructions.py
	python3 Tests/Bench/start_times.py

FUZZ_SECONDS ?= 60
fuzz: dependencies
	FUZZ_SECONDS=$(FUZZ_SECONDS) Tests/Fuzz/run.sh

# What the seeds show, once each.
fuzz-seeds: dependencies
	FUZZ_SECONDS=0 FUZZ_SEEDS=1 Tests/Fuzz/run.sh

clean:
	rm -rf $(BUILD)
