# Plugins of released versions of the ABI, built with the headers of their time.
.PHONY: released-plugins

RELEASED_VERSIONS := $(patsubst Tests/ABI/%/plugins,%,$(wildcard Tests/ABI/*/plugins))
RELEASED_FLAGS = $(filter-out -ISources/COutrider/include,$(PLUGIN_FLAGS))

# $(call released_plugin,VERSION,NAME,FOLDER,FLAGS)
define released_plugin
$(BUILD)/released-plugins/$(1)/lib$(2).so: $$(wildcard Tests/ABI/$(1)/plugins/*/* Tests/ABI/$(1)/*.h Tests/ABI/$(1)/outrider/*.h)
	@mkdir -p $$(@D)
	$$(CC) -std=c11 $$(RELEASED_FLAGS) -ITests/ABI/$(1) $(4) -o $$@ Tests/ABI/$(1)/plugins/$(3)/*.c

released-plugins: $(BUILD)/released-plugins/$(1)/lib$(2).so
endef

$(foreach version,$(RELEASED_VERSIONS),$(foreach name,demo_blocking demo_event,$(eval $(call released_plugin,$(version),$(name),$(name)))))
$(foreach version,$(RELEASED_VERSIONS),$(eval $(call released_plugin,$(version),program_blocking,program)))
$(foreach version,$(RELEASED_VERSIONS),$(eval $(call released_plugin,$(version),program_event,program,-DEVENT_STYLE)))

test-plugins: released-plugins
