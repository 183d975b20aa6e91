# How a plugin is built, and those that are shipped.
.PHONY: plugins

PLUGIN_FLAGS := -Wall -Wextra -Wpedantic -Werror -O2 -pthread -shared -fPIC -fvisibility=hidden \
  -ISources/COutrider/include -Wl,--version-script=Plugins/plugin.map

COMMA := ,

# $(call plugin,FILE,FOLDER,FLAGS,MORE,AFTER): a plugin of all C or C++ sources in the folder; MORE are files that these
# include. Without a folder it is made of the source in MORE. AFTER is to be made first.
define plugin
$(1): $(if $(2),$(wildcard $(2)/*)) $(4) $(ABI) $(EXTENSIONS) Plugins/plugin.map $(if $(5),| $(5))
	@mkdir -p $$(@D)
	$(if $(and $(2),$(wildcard $(2)/*.cpp)),$$(CXX) -std=c++17,$$(CC) -std=c11) $$(PLUGIN_FLAGS) -o $$@ \
	  $(if $(2),$(wildcard $(2)/*.c $(2)/*.cpp),$(filter %.c,$(4))) $(3)
endef

PAGES := $(wildcard Plugins/demo_pages/*.h)
DEMOS := demo_blocking demo_event
PLUGINS := $(DEMOS) inspect
# Beside the programs, in a folder that the build of those makes.
$(foreach name,$(PLUGINS),$(eval $(call plugin,$(RELEASE)/lib$(name).so,Plugins/$(name),,$(PAGES),server)))

# For applications in Python, where the headers of a Python are: one plugin for each minor version. PKG_CONFIG_PATH=… make
# plugins builds the one for another Python than the system's.
PYTHON_EMBEDDED := $(shell pkg-config --cflags --libs python3-embed 2>/dev/null)
ifneq ($(PYTHON_EMBEDDED),)
PYTHON_PREFIX := $(shell pkg-config --variable=prefix python3-embed)
PYTHON_PLUGIN := $(RELEASE)/liboutrider-python$(shell pkg-config --modversion python3-embed).so
PYTHON_PARTS := $(patsubst Plugins/python/%,$(BUILD)/python/%.inc,$(wildcard Plugins/python/*.py))
$(eval $(call plugin,$(PYTHON_PLUGIN),Plugins/python,-Wno-pedantic -I$(BUILD)/python -DPYTHON_PREFIX='"$(PYTHON_PREFIX)"' -Wl$(COMMA)--no-as-needed \
  -Wl$(COMMA)-rpath$(COMMA)$(shell pkg-config --variable=libdir python3-embed) $(PYTHON_EMBEDDED:-I%=-isystem %),$(PYTHON_PARTS),server))
endif

# What outrider --from-gunicorn runs.
FROM_GUNICORN := $(wildcard Plugins/python/from-gunicorn/*.py)
$(RELEASE)/from-gunicorn/%.py: Plugins/python/from-gunicorn/%.py | server
	@mkdir -p $(@D)
	cp $< $@

# A string literal with the text of the file.
$(BUILD)/python/%.inc: Plugins/python/%
	@mkdir -p $(@D)
	sed -e 's/[\\"]/\\&/g' -e 's/.*/"&\\n"/' $< > $@

plugins: $(PYTHON_PLUGIN) $(PLUGINS:%=$(RELEASE)/lib%.so) $(patsubst Plugins/python/%,$(RELEASE)/%,$(FROM_GUNICORN))
