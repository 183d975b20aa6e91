# What make install puts where, below PREFIX and with DESTDIR before it.
.PHONY: install

PREFIX := /usr/local
TREE = $(DESTDIR)$(PREFIX)
ABI_VERSION = $(shell awk '/define OUTRIDER_ABI_M(AJ|IN)OR / { sub("u", "", $$3); printf "%s%s", dot, $$3; dot = "." }' $(ABI))
# What names the place of another file is written for the default prefix, or with a name between two @.
FILL = sed -e 's,/usr/local,$(PREFIX),g' -e 's,@PREFIX@,$(PREFIX),g' -e 's,@ABI@,$(ABI_VERSION),g' \
  -e 's,@ABI_MAJOR@,$(basename $(ABI_VERSION)),g'
# $(call put,COMMAND,FILE): what the command writes becomes the file.
put = set -o pipefail; $(1) | install -m 644 /dev/stdin $(TREE)/$(2)

# What `outriderctl new` copies.
TEMPLATES = $(wildcard $(addprefix examples/*_,blocking event async))
# What builds leave there: folders, and versions that a tool has chosen.
BUILT_FOLDERS := build target .build zig-out zig-cache .zig-cache
CHOSEN_VERSIONS := Package.resolved Cargo.lock go.sum
# $(call put_sources,FOLDER,PLACE): the files of the folder and its subfolders, apart from those. Links become files.
put_sources = set -o pipefail; find -L $(1) -type d \( $(BUILT_FOLDERS:%=-name % -o) -false \) -prune \
  -o -type f $(CHOSEN_VERSIONS:%=! -name %) -printf '%m %P\n' | while read -r mode file; do \
    case $$mode in *[1357]??) mode=755;; *) mode=644;; esac; \
    $(FILL) "$(1)/$$file" | install -D -m $$mode /dev/stdin "$(TREE)/$(2)/$$file" || exit; done

# Builds only what is missing, so that root need not build. Files are replaced, never overwritten: a server may run.
install:
	@[ -x $(RELEASE)/outrider ] || $(MAKE) build
	install -d $(addprefix $(TREE)/,bin include/outrider/cpp lib/outrider/plugins libexec/outrider/from-gunicorn lib/pkgconfig lib/cmake/outrider \
	  lib/systemd/system lib/sysusers.d share/man/man1 share/man/man3 share/man/man5 share/man/man7 share/man/man8 share/doc/outrider \
	  share/bash-completion/completions share/zsh/site-functions share/fish/vendor_completions.d)
	install $(PROGRAMS:%=$(RELEASE)/%) $(TREE)/bin
	install -m 644 $(PLUGINS:%=$(RELEASE)/lib%.so) $(PYTHON_PLUGIN) $(TREE)/lib/outrider/plugins
	install -m 644 $(FROM_GUNICORN) $(TREE)/libexec/outrider/from-gunicorn
	install -m 644 $(ABI) $(TREE)/include
	install -m 644 $(wildcard $(dir $(ABI))outrider/*.h $(dir $(ABI))outrider/*.hpp) $(TREE)/include/outrider
	install -m 644 $(wildcard $(dir $(ABI))outrider/cpp/*.hpp) $(TREE)/include/outrider/cpp
	$(call put,$(FILL) Plugins/module.modulemap,include/outrider/module.modulemap)
	install -m 644 $(TESTING_LIBRARY) $(TREE)/lib
	set -e; for package in outrider-plugin outrider-testing; do \
	  $(call put,$(FILL) Plugins/$$package.pc.in,lib/pkgconfig/$$package.pc); done
	install -m 644 Plugins/cmake/outrider-config.cmake $(TREE)/lib/cmake/outrider
	$(call put,$(FILL) Plugins/cmake/outrider-config-version.cmake.in,lib/cmake/outrider/outrider-config-version.cmake)
	install -D -m 644 Plugins/plugin.map $(TREE)/share/outrider/plugin.map
	rm -rf $(TREE)/share/outrider/templates $(TREE)/share/outrider/sdk
	set -e; for template in $(TEMPLATES); do $(call put_sources,$$template,share/outrider/templates/$${template##*/}); done
	$(if $(wildcard Plugins/sdk),$(call put_sources,Plugins/sdk,share/outrider/sdk))
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
