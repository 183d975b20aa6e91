# CPU, system calls, allocations, instructions and start times, beside a server that only reads and writes.
.PHONY: bench bench-peers bench-python bench-websocket bench-dependencies

BENCH := $(BUILD)/bench
CPP_STYLES := blocking event async
RUST_STYLES := blocking event async
SWIFT_STYLES := blocking event async
BENCHED := $(patsubst %,$(BENCH)/%,null_server libmalloc_count.so libsame_answer_blocking.so libsame_answer_event.so libsame_answer_state.so \
  libredis_event.so libredis_thread.so redis_alone libsaved_1.so libsaved_2.so $(CPP_STYLES:%=libsame_answer_cpp_%.so) \
  $(RUST_STYLES:%=libsame_answer_rust_%.so) $(SWIFT_STYLES:%=libsame_answer_swift_%.so))
BENCH_FLAGS := -std=c11 -O2 -Wall -Wextra -Werror

bench-dependencies: dependencies
	@Tests/Environment/debian.sh wrk strace valgrind binutils python3 util-linux nghttp2-client nghttp2-server openssl \
	  libhiredis-dev redis-server cargo rustc

$(BENCH)/null_server: Tests/Bench/null_server.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $<
$(BENCH)/libmalloc_count.so: Tests/Bench/malloc_count.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -shared -fPIC -o $@ $<
$(eval $(call plugin,$(BENCH)/libsame_answer_blocking.so,,,Tests/Bench/same_answer.c))
$(eval $(call plugin,$(BENCH)/libsame_answer_event.so,,-DSAME_ANSWER_EVENT,Tests/Bench/same_answer.c))
$(eval $(call plugin,$(BENCH)/libsame_answer_state.so,,-DSAME_ANSWER_EVENT -DSAME_ANSWER_STATE,Tests/Bench/same_answer.c))
# The same by the SDKs.
$(CPP_STYLES:%=$(BENCH)/libsame_answer_cpp_%.so): $(BENCH)/libsame_answer_cpp_%.so: Tests/Bench/same_answer.cpp $(ABI) $(CPP_HEADERS)
	@mkdir -p $(@D)
	$(CXX) -std=c++20 $(PLUGIN_FLAGS) -DSTYLE=$* -o $@ $<
$(RUST_STYLES:%=$(BENCH)/libsame_answer_rust_%.so): $(BENCH)/libsame_answer_rust_%.so: \
  $(wildcard Tests/Bench/same_answer_rust/Cargo.toml Tests/Bench/same_answer_rust/src/* Plugins/sdk/rust/src/* Plugins/sdk/rust/src/*/*)
	@mkdir -p $(@D)
	cd Tests/Bench/same_answer_rust && cargo build --release --features $* --target-dir $(CURDIR)/$(BENCH)/rust_$*
	cp $(BENCH)/rust_$*/release/libsame_answer.so $@
# The same in other languages, where their compilers are.
GO_PACKAGE := $(BENCH)/go/outrider-plugin.pc
$(GO_PACKAGE): Plugins/outrider-plugin.pc.in
	@mkdir -p $(@D)
	sed -e 's,^includedir=.*,includedir=$(CURDIR)/Sources/COutrider/include,' $< > $@
$(BENCH)/libsame_answer_go_blocking.so: $(wildcard Tests/Bench/same_answer_go/* Plugins/sdk/go/*) $(ABI) $(GO_PACKAGE)
	cd Tests/Bench/same_answer_go && PKG_CONFIG_PATH=$(CURDIR)/$(BENCH)/go GOFLAGS=-mod=mod GOPROXY=off GOTOOLCHAIN=local \
	  GOPATH=$(CURDIR)/$(BENCH)/go GOCACHE=$(CURDIR)/$(BENCH)/go/cache CGO_ENABLED=1 \
	  go build -buildvcs=false -buildmode=c-shared -o $(CURDIR)/$@ .
ZIG := $(firstword $(shell command -v zig) $(wildcard $(BUILD)/venv/lib/python3*/site-packages/ziglang/zig))
$(BENCH)/libsame_answer_zig_%.so: $(wildcard Tests/Bench/same_answer_zig/*) $(ABI)
	cd Tests/Bench/same_answer_zig && $(abspath $(ZIG)) build --release=safe -Dinclude=$(CURDIR)/Sources/COutrider/include \
	  --cache-dir $(CURDIR)/$(BENCH)/zig/cache --prefix $(CURDIR)/$(BENCH)/zig
	cp $(BENCH)/zig/lib/$(@F) $@
BENCHED += $(if $(shell command -v go),$(BENCH)/libsame_answer_go_blocking.so) \
  $(if $(ZIG),$(patsubst %,$(BENCH)/libsame_answer_zig_%.so,blocking event))
$(SWIFT_STYLES:%=$(BENCH)/libsame_answer_swift_%.so): $(BENCH)/libsame_answer_swift_%.so: \
    $(wildcard Tests/Bench/same_answer_swift/Sources/*/*.swift Plugins/sdk/swift/Sources/Outrider/*.swift) $(ABI) Plugins/plugin.map
	@mkdir -p $(@D)
	swift build --package-path Tests/Bench/same_answer_swift --scratch-path $(CURDIR)/$(BENCH)/same_answer_swift -c release \
	  -Xswiftc -static-stdlib -Xlinker --version-script=$(CURDIR)/Plugins/plugin.map --product same_answer_swift_$*
	objcopy --strip-debug $(BENCH)/same_answer_swift/release/$(@F) $@
# Two builds of one plugin, of which one replaces the other.
$(foreach number,1 2,$(eval $(call plugin,$(BENCH)/libsaved_$(number).so,,-DNUMBER=$(number),Tests/Bench/saved.c)))
# Redis asked on the loop, by a thread of the plugin's, and without a server.
$(eval $(call plugin,$(BENCH)/libredis_event.so,,-lhiredis,examples/redis_event_c/redis_event.c))
$(eval $(call plugin,$(BENCH)/libredis_thread.so,,-lhiredis,Tests/Bench/redis_thread.c))
$(BENCH)/redis_alone: Tests/Bench/redis_alone.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $< -lhiredis

bench-peers: bench-dependencies
	@Tests/Environment/debian.sh nginx-light
	@$(MAKE) --no-print-directory build $(BENCHED)
	python3 Tests/Bench/bench.py --rounds 12 --seconds 1 --peers

bench: bench-dependencies
	@$(MAKE) --no-print-directory build $(BENCHED)
	swift build -c release --product head-parser $(RELEASE_FLAGS)
	python3 Tests/Bench/bench.py --rounds 12 --seconds 1
	python3 Tests/Bench/http2.py
	python3 Tests/Bench/head_parser.py
	python3 Tests/Bench/instructions.py
	python3 Tests/Bench/sdk.py
	python3 Tests/Bench/start_times.py
	python3 Tests/Bench/watch_times.py
	python3 Tests/Bench/redis.py

# Applications in Python, beside the servers that they come from. All run the same libpython: the environment's programs are
# replaced by one that is linked against it.
BENCH_VENV := $(BUILD)/bench-venv
$(BENCH)/hints_load: Tests/Bench/hints_load.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $<
$(BENCH)/shared_python: Tests/Bench/shared_python.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $< $(PYTHON_EMBEDDED)
$(BENCH_VENV)/requirements.txt: Tests/Environment/bench-requirements.txt $(BENCH)/shared_python
	rm -rf $(BENCH_VENV)
	$(PYTHON_PREFIX)/bin/python$(shell pkg-config --modversion python3-embed) -m venv $(BENCH_VENV)
	$(BENCH_VENV)/bin/pip install -q --disable-pip-version-check -r $<
	for name in $$(cd $(BENCH_VENV)/bin && echo python*); do cp --remove-destination $(BENCH)/shared_python $(BENCH_VENV)/bin/$$name; done
	cp $< $@

bench-python: bench-dependencies
	@Tests/Environment/debian.sh python3-venv
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory $(BENCH)/hints_load $(BENCH_VENV)/requirements.txt
	python3 Tests/Bench/python.py

# Echoes of WebSockets, beside a server that only frames and unmasks, and servers in Python.
$(BENCH)/null_websocket: Tests/Bench/null_websocket.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $< -lcrypto
$(BENCH)/websocket_load: Tests/Bench/websocket_load.c
	@mkdir -p $(@D)
	$(CC) $(BENCH_FLAGS) -o $@ $<

bench-websocket: bench-dependencies
	@Tests/Environment/debian.sh python3-venv
	@$(MAKE) --no-print-directory build
	@$(MAKE) --no-print-directory $(BENCH)/null_websocket $(BENCH)/websocket_load $(BENCH_VENV)/requirements.txt
	python3 Tests/Bench/websocket.py
