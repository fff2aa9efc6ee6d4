# The front door. Every target sets up what it needs on Debian or Ubuntu, builds, and goes.
#
#   make run        talk to the default model (pulls it first)
#   make test       build and run all tests
#   make build      build/bin/tern
#   make bench      measure this machine and two models; PEERS="--llama-cpp DIR --ik DIR" beside others
#   make presubmit  the checks that every change must pass, in seconds
#   make PRESET=asan test    another build: release (default), debug, asan (with UBSan), tsan

PRESET ?= release
BUILD := $(if $(filter release,$(PRESET)),build,build/$(PRESET))

.PHONY: run test build bench presubmit setup clean

run: build
	@$(BUILD)/bin/tern run

test: $(BUILD)/build.ninja .venv/ready
	@cmake --build $(BUILD)
	@TERN_VENV=$(CURDIR)/.venv ctest --test-dir $(BUILD) -j 2 --output-on-failure --no-tests=error

build: $(BUILD)/build.ninja
	@cmake --build $(BUILD) --target tern

bench: build
	@bench/compare smollm2 gemma3-270m --tern $(BUILD)/bin/tern --rounds 3 --depth 1024 --batch 8 $(PEERS)

presubmit:
	@tools/setup checks
	@tools/presubmit

setup:
	@tools/setup

$(BUILD)/build.ninja: | setup
	@cmake --preset $(PRESET)

# Only tests need Python packages.
.venv/ready: tests/requirements.txt | setup
	@python3 -m venv .venv
	@.venv/bin/pip install --quiet --disable-pip-version-check -r tests/requirements.txt
	@touch $@

clean:
	rm -rf build .venv
