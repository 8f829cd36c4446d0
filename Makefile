# Confab: `make help` lists the targets.
#
# One plain Makefile, no recursion except to read itself again with other flags (or after the packages are there).
#   BUILD=dir        where everything goes; several builds at once each need their own (make BUILD=build/mine)
#   SAN=list         sanitizers, e.g. make BUILD=build/asan SAN=address,undefined
#   DEVELOPER=1      warnings are errors; `make test` sets it
#   V=1              show the commands
# CFLAGS, CPPFLAGS and LDFLAGS are the user's: they are added last and never changed here.

BUILD     ?= build
SAN       ?=
DEVELOPER ?=
PREFIX    ?= /usr/local
DESTDIR   ?=
FUZZ_SECONDS ?= 20
FUZZ_CC   ?= clang
CFLAGS    ?= -O2 -g
Q         := $(if $(V),,@)
say        = @$(if $(V),:,printf '  %-5s %s\n')

# ---------------------------------------------------------------- sources
#
# A folder's files are one program or library; where a file belongs to another one, its name says so. There is nothing
# to add here for a new file, test or fuzz target. tests/tools/layers.sh checks who may use whom.

SHARED_SRCS  = $(wildcard shared/*.c)
CTL_SRCS     = $(wildcard rest/ctl*.c)
REST_SRCS    = $(filter-out $(CTL_SRCS),$(wildcard rest/*.c))
WS_SRCS      = $(wildcard ws/*.c)
BENCH_SRCS   = $(wildcard tests/bench/*.c)
UNIT_TESTS   = $(patsubst tests/unit/%.c,%,$(wildcard tests/unit/test_*.c))
FUZZ_TARGETS = $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/fuzz_*.c))
# Programs of the integration tests, built like unit tests but not run by themselves.
TEST_HELPERS = $(patsubst tests/unit/%.c,%,$(filter-out tests/unit/test_%,$(wildcard tests/unit/*.c)))

# A unit test is one cmocka program, a fuzz target one of libFuzzer's; seeds are in tests/fuzz/corpus/<name>/. Both are
# linked with the daemons' files as libraries, so that they get what they use and nothing else: what a test defines
# itself, or a helper (of all tests of a kind, or in <name>_SRCS), stands in for the daemon's.
FEED_WORLD_TESTS = test_decide_session test_feed_% test_notifier test_start test_writer
CORE_WORLD_TESTS = test_eio test_ws_core%
DIALECT_FUZZERS  = $(filter-out fuzz_dialect_socketio,$(filter fuzz_dialect_%,$(FUZZ_TARGETS)))
FAKE_STORE       = tests/lib/fake_store.c tests/lib/fake_store_session.c

helpers = $($(1)_SRCS) $(if $(filter $(FEED_WORLD_TESTS),$(1)),tests/lib/feed_world.c $(FAKE_STORE)) \
  $(if $(filter $(CORE_WORLD_TESTS),$(1)),tests/lib/core_world.c) \
  $(if $(filter $(DIALECT_FUZZERS),$(1)),tests/lib/fuzz_dialect.c)
fake_rest_SRCS        = tests/lib/sample_event.c
fuzz_link_SRCS        = tests/lib/link_recode.c
test_dialects_SRCS    = tests/lib/sample_event.c
test_event_SRCS       = tests/lib/link_recode.c tests/lib/link_sample.c
test_link_msg_SRCS    = tests/lib/link_recode.c tests/lib/link_sample.c
test_link_server_SRCS = tests/lib/fake_feed.c
test_svc_session_SRCS = $(FAKE_STORE)

# Functions that a test replaces although they are somebody else's, or the daemon's in use.
wraps = $(addprefix -Wl$(comma)--wrap=,$($(1)_WRAPS) $(if $(filter $(CORE_WORLD_TESTS),$(1)),mono_ms))
test_attachments_WRAPS = fsync pwrite renameat2
test_dbpool_WRAPS      = mono_ms
fuzz_ws_core_WRAPS     = mono_ms

# ---------------------------------------------------------------- flags

SHARED_PKGS = json-c libcrypto libsodium
REST_PKGS   = libmicrohttpd libmariadb libmagic libcurl
WS_PKGS     = libwebsockets libuv
CTL_PKGS    = libcurl
TEST_PKGS   = cmocka

pkg_cflags := $(shell pkg-config --cflags $(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS) $(CTL_PKGS) 2>/dev/null)
pkg_libs    = $(shell pkg-config --libs $(1))

WARNINGS  = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla -Wformat=2 -Wpointer-arith \
            -Wwrite-strings -Wundef $(if $(filter 1,$(DEVELOPER)),-Werror)
HARDENING = -fPIE -fstack-protector-strong -fstack-clash-protection $(if $(SAN),,-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=2)
SANITIZE  = $(if $(SAN),-fsanitize=$(SAN) -fno-sanitize-recover=all -fno-omit-frame-pointer)

ALL_CPPFLAGS = -D_GNU_SOURCE -I. $(patsubst -I%,-isystem %,$(pkg_cflags)) $(CPPFLAGS)
ALL_CFLAGS   = -std=c11 -pthread $(WARNINGS) $(HARDENING) $(SANITIZE) $(CFLAGS)
ALL_LDFLAGS  = -pthread -pie -Wl,-z,relro,-z,now,--as-needed $(SANITIZE) $(LDFLAGS)

# ---------------------------------------------------------------- build

comma   := ,
obj      = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
LIB      = $(BUILD)/libconfab.a
REST_LIB = $(BUILD)/librest.a
WS_LIB   = $(BUILD)/libws.a
unit     = $(addprefix $(BUILD)/tests/unit/,$(UNIT_TESTS))
fuzz     = $(addprefix $(BUILD)/tests/fuzz/,$(FUZZ_TARGETS))
programs = $(addprefix $(BUILD)/,confab-rest confab-ws confabctl confab-bench tests/store/test_store)

define link
$(say) LINK $@
$(Q)mkdir -p $(@D) && $(CC) $(ALL_LDFLAGS) $(LINK_FLAGS) -o $@ $(filter %.o %.a,$^) $(LIBS) -lm
endef

all: rest ws $(BUILD)/confabctl    ## build everything into build/
rest: $(BUILD)/confab-rest         ## build the API daemon
ws: $(BUILD)/confab-ws             ## build the WebSocket daemon
.DEFAULT_GOAL := all

# The library of both daemons; and the daemons' own files once more, for tests to take from.
$(LIB): $(call obj,$(SHARED_SRCS))
$(REST_LIB): $(call obj,$(filter-out rest/main.c,$(REST_SRCS)))
$(WS_LIB): $(call obj,$(filter-out ws/main.c,$(WS_SRCS)))
$(LIB) $(REST_LIB) $(WS_LIB): $(BUILD)/sources
	$(say) AR $@
	$(Q)rm -f $@ && $(AR) rcs $@ $(filter %.o,$^)

$(BUILD)/confab-rest: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS))
$(BUILD)/confab-rest: $(call obj,$(REST_SRCS)) $(LIB)
$(BUILD)/confab-ws: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(WS_PKGS))
$(BUILD)/confab-ws: $(call obj,$(WS_SRCS)) $(LIB)
$(BUILD)/confabctl: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(CTL_PKGS))
$(BUILD)/confabctl: $(call obj,$(CTL_SRCS)) $(LIB)
# The load client that tests/bench/run.sh drives, and the store against a real MariaDB (tests/tools/store.sh).
$(BUILD)/confab-bench: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS))
$(BUILD)/confab-bench: $(call obj,$(BENCH_SRCS)) $(REST_LIB) $(LIB)
$(BUILD)/tests/store/test_store: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(TEST_PKGS))
$(BUILD)/tests/store/test_store: $(call obj,tests/store/test_store.c) $(REST_LIB) $(LIB)
$(programs): $(BUILD)/sources
	$(link)

# What the programs are made of cannot call what shared/banned.h names; tests may.
$(call obj,$(SHARED_SRCS) $(REST_SRCS) $(WS_SRCS) $(CTL_SRCS)): BANNED = -include shared/banned.h
$(BUILD)/obj/%.o: %.c $(BUILD)/flags
	$(say) CC $<
	$(Q)mkdir -p $(@D) && $(CC) $(ALL_CPPFLAGS) $(BANNED) $(ALL_CFLAGS) -MMD -MP -c -o $@ $<

.SECONDEXPANSION:
.SECONDARY:
TESTED = $(REST_LIB) $(WS_LIB) $(LIB)
$(BUILD)/tests/unit/%: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS) $(CTL_PKGS) $(TEST_PKGS))
$(BUILD)/tests/unit/%: LINK_FLAGS = $(call wraps,$*)
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $$(call obj,$$(call helpers,$$*)) $(TESTED)
	$(link)
$(BUILD)/tests/fuzz/%: LIBS = $(call pkg_libs,$(SHARED_PKGS) $(REST_PKGS) $(WS_PKGS))
$(BUILD)/tests/fuzz/%: LINK_FLAGS = $(call wraps,$*) -fsanitize=fuzzer
$(BUILD)/tests/fuzz/%: $(BUILD)/obj/tests/fuzz/%.o $$(call obj,$$(call helpers,$$*)) $(TESTED)
	$(link)

# Other flags than last time: build again (-Werror changes no code). Other files than last time, also fewer: link again.
$(BUILD)/flags: now = $(CC) $(ALL_CPPFLAGS) $(filter-out -Werror,$(ALL_CFLAGS)) $(ALL_LDFLAGS)
$(BUILD)/sources: now = $(SHARED_SRCS) $(REST_SRCS) $(WS_SRCS) $(CTL_SRCS) $(BENCH_SRCS)
$(BUILD)/flags $(BUILD)/sources: always
	@mkdir -p $(@D); printf '%s\n' '$(now)' | cmp -s - $@ || printf '%s\n' '$(now)' >$@

-include $(shell find $(BUILD)/obj -name '*.d' 2>/dev/null)

# ---------------------------------------------------------------- web application, the only part that needs node

WEB_FILES := $(shell find web \( -name node_modules -o -name dist -o -name dist-client \) -prune -o -type f -print)

web: web/dist/index.html           ## build the web application into web/dist (needs nodejs and npm)
web/node_modules/.package.json: web/package.json
	@etc/dev/deps.sh web
web/dist/index.html: web/node_modules/.package.json $(WEB_FILES)
	$(say) VITE web/dist
	$(Q)cd web && node client/build.mjs && node_modules/.bin/vite build --logLevel warn && \
	  node_modules/.bin/vite build -c examples/vite.config.ts --logLevel warn && node tools/precompress.mjs dist
	$(Q)touch $@

# ---------------------------------------------------------------- tests

unit-build: $(unit) $(addprefix $(BUILD)/tests/unit/,$(TEST_HELPERS))
unit: unit-build                   ## build and run the unit tests
	@BUILD=$(BUILD) tests/tools/unit.sh $(UNIT_TESTS)

fuzz-build: $(fuzz)
fuzz:                              ## run every fuzz target for FUZZ_SECONDS (make fuzz FUZZ_SECONDS=300)
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/fuzz CC=$(FUZZ_CC) SAN=fuzzer-no-link,address,undefined fuzz-build
	@BUILD=$(BUILD)/fuzz FUZZ_SECONDS=$(FUZZ_SECONDS) tests/tools/fuzz.sh $(FUZZ_TARGETS)
fuzz-short:                        ## the same, a few seconds each
	@$(MAKE) --no-print-directory fuzz FUZZ_SECONDS=5

layers: all                        ## check the include rules and what the programs contain
	@BUILD=$(BUILD) tests/tools/layers.sh
model:                             ## check the stream protocol with spin, and that the broken variants fail
	@tests/model/run.sh
asan:                              ## both daemons with address and undefined behaviour sanitizers, in build/asan
	@$(MAKE) --no-print-directory BUILD=$(BUILD)/asan SAN=address,undefined DEVELOPER=1 all
lint:                              ## cppcheck and clang-tidy under the committed profiles
	@CPPFLAGS='$(ALL_CPPFLAGS)' tests/tools/lint.sh $(SHARED_SRCS) $(REST_SRCS) $(WS_SRCS) $(CTL_SRCS)
fmt:                               ## format the C sources
	@git ls-files '*.c' '*.h' | xargs -r clang-format -i
samples: all                       ## write etc/*.conf again, after a setting has changed
	@BUILD=$(BUILD) tests/tools/samples.sh --write
test:                              ## install what is missing, build, run all tests
	@etc/dev/deps.sh test
	@MAKE='$(MAKE)' BUILD=$(BUILD) tests/tools/test.sh
screenshots: all web               ## every page in light and dark, wide and narrow, into build/screenshots
	@etc/dev/deps.sh test
	@BUILD=$(BUILD) node tests/web/screenshots.mjs
figures: all web                   ## size of the web application, requests and time until it shows the chats
	@etc/dev/deps.sh test
	@cd web && node client/build.mjs
	@BUILD=$(BUILD) node tests/web/figures.mjs
bench: all                         ## measure against this machine's own limits
	@$(MAKE) --no-print-directory $(BUILD)/confab-bench
	@BUILD=$(BUILD) tests/bench/run.sh
chaos: all                         ## 60 s of mixed load with kills, checked message by message
	@BUILD=$(BUILD) tests/tools/chaos.sh

# ---------------------------------------------------------------- run, install

deps:                              ## install the packages that are missing (Debian)
	@etc/dev/deps.sh run
run:                               ## install what is missing, build, start everything until Ctrl-C
	@etc/dev/deps.sh run
	@$(MAKE) --no-print-directory -j"$$(nproc)" all
	@$(MAKE) --no-print-directory web || echo 'run: going on without the web application, which could not be built'
	@BUILD=$(BUILD) etc/dev/run.sh
demo-data:                         ## load the demo data into the running system
	@BUILD=$(BUILD) etc/dev/demo-data.sh
install: all                       ## install below DESTDIR/PREFIX
	install -d $(DESTDIR)$(PREFIX)/bin $(DESTDIR)$(PREFIX)/share/confab/sql $(DESTDIR)/etc/confab \
	  $(DESTDIR)$(PREFIX)/lib/systemd/system
	install -m 755 $(BUILD)/confab-rest $(BUILD)/confab-ws $(BUILD)/confabctl $(DESTDIR)$(PREFIX)/bin
	install -m 644 sql/*.sql $(DESTDIR)$(PREFIX)/share/confab/sql
	@[ ! -e web/dist/index.html ] || { echo 'install web/dist as $(PREFIX)/share/confab/web'; \
	  rm -rf '$(DESTDIR)$(PREFIX)/share/confab/web'; cp -R web/dist '$(DESTDIR)$(PREFIX)/share/confab/web'; \
	  chmod -R u=rwX,go=rX '$(DESTDIR)$(PREFIX)/share/confab/web'; }
	for f in confab-rest.service confab-ws@.service; do \
	  sed 's|/usr/bin/|$(PREFIX)/bin/|' etc/systemd/$$f >$(DESTDIR)$(PREFIX)/lib/systemd/system/$$f; done
	for f in confab-rest.conf confab-ws.conf; do [ -e $(DESTDIR)/etc/confab/$$f ] || \
	  sed -e 's|/usr/share/|$(PREFIX)/share/|' $(if $(wildcard web/dist/index.html),-e 's|^web_dir =.*|web_dir = $(PREFIX)/share/confab/web|') \
	  etc/$$f >$(DESTDIR)/etc/confab/$$f; done
clean:                             ## remove build/ (var/ with the data stays)
	rm -rf build
help:                              ## this list
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | while IFS='|' read -r t d; do printf '  %-12s %s\n' "$$t" "$$d"; done

always:
.PHONY: all rest ws web unit unit-build fuzz fuzz-build fuzz-short layers model asan lint fmt samples test screenshots figures bench chaos deps run demo-data \
        install clean help always
