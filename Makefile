# ngx_http_genai_module
#
#   make demo        the whole thing on loopback, with real SDKs
#   make test        what CI runs
#
# Each target installs what it needs first (docker/install-deps.sh), on
# Debian.  Everything that is made lands in build/.

SHELL = /bin/bash

B      := build
CC     ?= gcc
CLANG  ?= clang
JOBS   ?= $(shell nproc)

# a tree of nginx's sources, or Debian's nginx-dev when not given
NGX_SRC ?=

# where Debian's nginx looks
DESTDIR     ?=
MODULES_DIR ?= /usr/lib/nginx/modules
SHARE_DIR   ?= /usr/share/nginx
CONF_DIR    ?= /etc/nginx

LIB_SRCS    := $(wildcard src/lib/*.c)
EXPORT_SRCS := $(wildcard src/export/*.c)
NGX_SRCS    := $(wildcard src/nginx/*.c)
HEADERS     := $(wildcard src/*/*.h) $(wildcard t/unit/*.h)

LIBS    := -lcurl -lprotobuf-c -lcjson -lssl -lcrypto -lz -lm -lpthread

# codings that are read when their libraries are there
CODINGS := $(if $(wildcard /usr/include/zstd.h),-DGENAI_HAVE_ZSTD=1) \
           $(if $(wildcard /usr/include/brotli/decode.h),-DGENAI_HAVE_BROTLI=1)
LIBS    += $(if $(findstring ZSTD,$(CODINGS)),-lzstd) \
           $(if $(findstring BROTLI,$(CODINGS)),-lbrotlidec -lbrotlienc)
WARN    := -Wall -Wextra -Wshadow -Werror
CFLAGS  ?= -O2 -g
INCS    := -Isrc/lib -Isrc/export -I$(B)/gen -It/unit $(CODINGS)
PURE    := -std=gnu11 $(WARN) $(INCS)

MODULE  := $(B)/nginx/ngx_http_genai_module.so

.PHONY: all build demo test test-unit test-nginx test-behaviour test-full \
        test-asan bench bench-instructions lint fuzz install clean \
        deps-build deps-test deps-full prices-check

all: build


# --- packages ---

deps-build deps-test deps-full: deps-%:
	@docker/install-deps.sh $*


# --- the module ---

build: deps-build
	@$(MAKE) --no-print-directory $(MODULE)

$(B)/gen/otlp.pb-c.c: src/export/otlp.proto
	@mkdir -p $(B)/gen
	protoc-c --c_out=$(B)/gen --proto_path=src/export $<

$(B)/gen/otlp.pb-c.h: $(B)/gen/otlp.pb-c.c ;

# configure again when the list of files changes, not when they do
SRC_LIST := $(sort $(LIB_SRCS) $(EXPORT_SRCS) $(NGX_SRCS))

$(B)/nginx/sources: FORCE
	@mkdir -p $(B)/nginx
	@echo "$(SRC_LIST) $(NGX_SRC)" | cmp -s - $@ \
	    || echo "$(SRC_LIST) $(NGX_SRC)" > $@

$(B)/nginx/Makefile: config $(B)/nginx/sources $(B)/gen/otlp.pb-c.c
	GENAI_GEN=$(CURDIR)/$(B)/gen t/tools/configure.sh \
	    $(CURDIR) $(CURDIR)/$(B)/nginx $(NGX_SRC) > $(B)/nginx.configure.log \
	    || { tail -20 $(B)/nginx.configure.log; exit 1; }

$(MODULE): $(B)/nginx/Makefile $(SRC_LIST) $(HEADERS) src/genai.map
	t/tools/configure.sh --make $(CURDIR)/$(B)/nginx $(NGX_SRC) \
	    > $(B)/nginx.make.log 2>&1 \
	    || { grep -E '(error|warning): ' $(B)/nginx.make.log | head -40; exit 1; }
	@ls -l $@

FORCE:


# --- pure code, its tests, its fuzzers ---

LIB_OBJS := $(patsubst src/%.c,$(B)/obj/%.o,$(LIB_SRCS) $(EXPORT_SRCS)) \
            $(B)/obj/gen/otlp.pb-c.o

$(B)/obj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(CC) -O2 -g -I$(B)/gen -c $< -o $@

$(B)/obj/%.o: src/%.c $(HEADERS) $(B)/gen/otlp.pb-c.h
	@mkdir -p $(@D)
	$(CC) $(PURE) $(CFLAGS) -c $< -o $@

$(B)/libgenai.a: $(LIB_OBJS)
	@rm -f $@
	ar rcs $@ $^

UNIT_TESTS := $(patsubst t/unit/%.c,$(B)/unit/%,$(wildcard t/unit/test_*.c))

$(B)/unit/%: t/unit/%.c $(B)/libgenai.a
	@mkdir -p $(@D)
	$(CC) $(PURE) $(CFLAGS) -Wno-unused-function $< $(B)/libgenai.a $(LIBS) \
	    -o $@

BENCHES := $(patsubst t/bench/%.c,$(B)/bench/%,$(wildcard t/bench/bench_*.c))

$(B)/bench/%: t/bench/%.c $(B)/libgenai.a
	@mkdir -p $(@D)
	$(CC) $(PURE) $(CFLAGS) -Wno-unused-function $< $(B)/libgenai.a $(LIBS) \
	    -lyajl -o $@

FUZZERS := $(patsubst t/fuzz/%.c,$(B)/fuzz/%,$(wildcard t/fuzz/fuzz_*.c))
SECONDS ?= 60

FUZZ_EXPORT := $(wildcard src/export/genai_spool.c src/export/genai_otlp.c \
                 src/export/genai_span*.c) $(B)/gen/otlp.pb-c.c

# the code under test is compiled once, for all of them
FUZZ_CC   := $(CLANG) -std=gnu11 -g -O1 $(INCS) \
             -fno-sanitize-recover=undefined
FUZZ_OBJS := $(patsubst src/%.c,$(B)/fuzzobj/%.o,$(LIB_SRCS) \
                 $(filter src/%,$(FUZZ_EXPORT))) \
             $(B)/fuzzobj/gen/otlp.pb-c.o

$(B)/fuzzobj/gen/%.o: $(B)/gen/%.c
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@

$(B)/fuzzobj/%.o: src/%.c $(HEADERS) $(B)/gen/otlp.pb-c.h
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer-no-link,address,undefined -c $< -o $@

$(B)/fuzz/%: t/fuzz/%.c $(FUZZ_OBJS)
	@mkdir -p $(@D)
	$(FUZZ_CC) -fsanitize=fuzzer,address,undefined $< $(FUZZ_OBJS) $(LIBS) \
	    -o $@

fuzz: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(FUZZERS)
	@t/tools/fuzz.sh $(SECONDS) $(FUZZERS)


# --- tests ---

unit: $(UNIT_TESTS) $(BENCHES)

test: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(MODULE) unit
	@t/tools/run.py

test-unit: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) unit
	@t/tools/run.py unit

test-nginx: build
	@t/tools/run.py nginx

test-behaviour: build
	@t/tools/run.py behaviour

test-asan: deps-test $(B)/gen/otlp.pb-c.c
	@t/tools/asan.sh

test-full: deps-full
	@$(MAKE) --no-print-directory -j$(JOBS) $(MODULE) unit
	@t/tools/full.py $(STAGES)


# --- measuring ---

bench: deps-test
	@$(MAKE) --no-print-directory -j$(JOBS) $(MODULE) $(BENCHES)
	@t/bench/run.py $(ARGS)

bench-instructions: deps-test
	@$(MAKE) --no-print-directory $(MODULE)
	@t/bench/instructions.py $(ARGS)

lint: deps-test $(B)/gen/otlp.pb-c.c
	@t/tools/lint.sh

prices-check:
	@t/tools/prices_check.py conf.examples/prices.json $(FILE)


# --- use ---

demo: deps-test
	@$(MAKE) --no-print-directory $(MODULE)
	@t/sim/demo.py $(ARGS)

install: build
	install -d $(DESTDIR)$(MODULES_DIR) $(DESTDIR)$(CONF_DIR)/genai \
	    $(DESTDIR)$(SHARE_DIR)/modules-available \
	    $(DESTDIR)$(CONF_DIR)/modules-enabled
	install -m 644 $(MODULE) $(DESTDIR)$(MODULES_DIR)/
	@t/tools/install_conf.sh conf.examples/prices.json \
	    $(DESTDIR)$(CONF_DIR)/genai
	echo 'load_module modules/ngx_http_genai_module.so;' \
	    > $(DESTDIR)$(SHARE_DIR)/modules-available/mod-http-genai.conf
	ln -sf $(SHARE_DIR)/modules-available/mod-http-genai.conf \
	    $(DESTDIR)$(CONF_DIR)/modules-enabled/50-mod-http-genai.conf

clean:
	rm -rf $(B)
