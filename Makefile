# SPDX-License-Identifier: Apache-2.0 WITH LLVM-exception
#
# The front door: each target installs what is missing (cmake/setup.sh), builds, and does its job. CMakeLists.txt has the build.

SANITIZE ?=
PREFIX ?= /usr/local
comma := ,
ifeq ($(SANITIZE),)
BUILD ?= build
else
BUILD ?= build-$(subst $(comma),-,$(SANITIZE))
endif
JOBS ?= $(shell nproc 2>/dev/null || echo 2)
FUZZ_SECONDS ?= 60
N ?= 500
SEED ?= 1000
VENV := $(CURDIR)/.venv/bin
HALIDE = $(dir $(firstword $(wildcard $(CURDIR)/.venv/lib/python3.*/site-packages/halide/__init__.py)))

TORCH_PYTHON ?= $(CURDIR)/.venv-torch/bin/python

.PHONY: help setup build demo test fuzz fuzz-models fuzz-readers fuzz-torch bench install format clean distclean
.DEFAULT_GOAL := help

help:
	@echo 'make demo      compile all-MiniLM-L6-v2 with attnc and search a few hundred sentences with it'
	@echo 'make test      run all tests (SANITIZE=address,undefined: with sanitizers, in a build folder of their own)'
	@echo 'make build     build attnc, attnc-opt, attnc-run and the runtime in $(BUILD)/'
	@echo 'make install   install them below PREFIX ($(PREFIX))'
	@echo 'make bench     time MiniLM and BERT-base beside what the machine can do'
	@echo 'make fuzz      compare N ($(N)) random models with the reference, from SEED ($(SEED)) on, then search for inputs'
	@echo '               that break the readers, for FUZZ_SECONDS ($(FUZZ_SECONDS)); fuzz-models, fuzz-readers: one of the two'
	@echo 'make fuzz-torch  compare N random models with PyTorch, by TORCH_PYTHON (default: .venv-torch/, made on demand)'
	@echo 'make format    clang-format the sources'
	@echo 'make clean     remove the build folders (make distclean: .venv too)'
	@echo 'Each installs what is missing first: Debian packages with root or sudo, Python packages in .venv/.'

.venv/ready: requirements.txt cmake/setup.sh
	@sh cmake/setup.sh

setup: .venv/ready

$(BUILD)/build.ninja: .venv/ready
	@$(VENV)/cmake -S . -B $(BUILD) -G Ninja -DCMAKE_MAKE_PROGRAM=$(VENV)/ninja -DCMAKE_BUILD_TYPE=Release \
	  -DCMAKE_PREFIX_PATH=$(HALIDE) -DPython3_EXECUTABLE=$(VENV)/python -DSANITIZE='$(SANITIZE)' --log-level=WARNING
	@touch $@

build: $(BUILD)/build.ninja
	@$(VENV)/cmake --build $(BUILD) -j $(JOBS)

test: build
	@$(VENV)/python tests/run_tests.py $(BUILD) -j $(JOBS)

demo: build
	@$(VENV)/python examples/semantic-search/demo.py $(BUILD) $(if $(QUERY),"$$QUERY")

bench: build
	@$(VENV)/python tests/perf/bench.py $(BUILD)

fuzz: fuzz-models
	@$(MAKE) --no-print-directory fuzz-readers

# The readers' fuzzer is built with sanitizers, in a folder of its own.
fuzz-readers:
	@$(MAKE) --no-print-directory SANITIZE=$(or $(SANITIZE),address$(comma)undefined) run-fuzz

fuzz-models: build
	@$(VENV)/python tests/fuzz-models/fuzz_models.py --bin $(BUILD)/bin --count $(N) --seed $(SEED) --jobs $(JOBS)

fuzz-torch: build $(TORCH_PYTHON)
	@$(TORCH_PYTHON) tests/fuzz-models/fuzz_torch.py --bin $(BUILD)/bin --count $(N) --seed $(SEED) --jobs $(JOBS)

$(CURDIR)/.venv-torch/bin/python:
	@python3 -m venv .venv-torch && .venv-torch/bin/pip install --quiet torch numpy safetensors

.PHONY: run-fuzz
run-fuzz: $(BUILD)/build.ninja
	@$(VENV)/cmake --build $(BUILD) -j $(JOBS) --target attnc-fuzz
	@FUZZ_SECONDS=$(FUZZ_SECONDS) $(VENV)/cmake --build $(BUILD) --target run-fuzz

install: build
	@$(VENV)/cmake --install $(BUILD) --prefix $(PREFIX)

format:
	@clang-format-22 -i $$(git ls-files '*.h' '*.cpp' '*.c')

clean:
	rm -rf build build-*

distclean: clean
	rm -rf .venv .venv-torch
