# The trial run that tells the linker how often each part runs. The program with counters does not stay where the one
# without belongs.
TRIAL := $(BUILD)/profile
TOOLCHAIN = $(shell swiftc -print-target-info | sed -n 's/.*"runtimeResourcePath": "\(.*\)".*/\1/p')
COUNTERS = --lto-cs-profile-generate -u__llvm_profile_runtime $(TRIAL)/instrumented.o \
  $(TOOLCHAIN)/clang/lib/linux/libclang_rt.profile-$(shell uname -m).a
$(foreach name,$(DEMOS),$(eval $(call plugin,$(TRIAL)/lib$(name).so,Plugins/$(name),,$(PAGES))))

$(TRIAL)/outrider.profdata: $(shell find Sources -type f -not -name '*.md' -not -name '*.mk') Package.swift \
  $(wildcard Tests/Profile/*.py Tests/Profile/*.c) $(DEMOS:%=$(TRIAL)/lib%.so) | needed
	$(TOOLCHAIN)/../../bin/clang -O2 -c -o $(TRIAL)/instrumented.o Tests/Profile/instrumented.c
	swift build -c release --product outrider $(RELEASE_FLAGS) $(COUNTERS:%=-Xlinker %)
	mv $(RELEASE)/outrider $(TRIAL)/outrider
	python3 Tests/Profile/trial_run.py $(TRIAL)/outrider $(TRIAL) $(TRIAL)/runs
	$(TOOLCHAIN)/../../bin/llvm-profdata merge -o $@ $(TRIAL)/runs/*.profraw
