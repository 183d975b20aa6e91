# The plugins that tests load.
.PHONY: test-plugins

BROKEN := $(basename $(notdir $(wildcard Tests/Plugins/broken/*.c)))
OF_BOTH_STYLES := lifecycle_edges endings facts hooks interleaved lively measured misbehaving noted program throws typed_config
OF_ONE_STYLE := configured contract fussy generous hostile identity lending logging owned_loop preconnect sizes sockets store watches \
  watches_blocking
IN_SWIFT := swift_locks_static swift_locks_dynamic
IN_CPP := blocking event async
SOCKETS_IN_CPP := event text_only async
TEST_PLUGINS := $(IN_CPP:%=cpp_handlers_%) $(SOCKETS_IN_CPP:%=cpp_sockets_%) $(BROKEN) $(OF_BOTH_STYLES:%=%_blocking) $(OF_BOTH_STYLES:%=%_event) $(OF_ONE_STYLE) inspect_blocking $(IN_SWIFT)

# What those of extensions have in common.
ANSWERED := Tests/Plugins/answered/answered.h

# $(call test_plugin,NAME,FOLDER,FLAGS,MORE)
test_plugin = $(call plugin,$(BUILD)/test-plugins/lib$(1).so,$(2),$(3),$(4))
$(foreach name,$(OF_ONE_STYLE),$(eval $(call test_plugin,$(name),Tests/Plugins/$(name))))
$(foreach name,$(OF_BOTH_STYLES),$(eval $(call test_plugin,$(name)_blocking,Tests/Plugins/$(name),,$(ANSWERED))))
$(foreach name,$(OF_BOTH_STYLES),$(eval $(call test_plugin,$(name)_event,Tests/Plugins/$(name),-DEVENT_STYLE,$(ANSWERED))))
$(eval $(call test_plugin,inspect_blocking,Tests/Plugins/inspect_blocking,,$(PAGES) Plugins/inspect/inspect.c))
$(foreach style,$(IN_CPP),$(eval $(call test_plugin,cpp_handlers_$(style),Tests/Plugins/cpp_handlers,-std=c++20 -DSTYLE=$(style),$(CPP_HEADERS))))
$(foreach style,$(SOCKETS_IN_CPP),$(eval $(call test_plugin,cpp_sockets_$(style),Tests/Plugins/cpp_sockets,-std=c++20 -DSTYLE=$(style),$(CPP_HEADERS))))
# Each of these is a file, without a folder of its own.
$(foreach name,$(BROKEN),$(eval $(call test_plugin,$(name),,,Tests/Plugins/broken/$(name).c Tests/Plugins/broken/broken.h)))
# With a runtime of its own, and with the one of the toolchain.
$(BUILD)/test-plugins/libswift_locks_%.so: Tests/Plugins/swift_locks/swift_locks.swift $(ABI)
	@mkdir -p $(@D)
	swiftc -O -swift-version 6 -warnings-as-errors -emit-library -parse-as-library -module-name swift_locks \
	  -import-objc-header $(ABI) $(if $(filter static,$*),-static-stdlib) -o $@ $<

test-plugins: $(TEST_PLUGINS:%=$(BUILD)/test-plugins/lib%.so)
