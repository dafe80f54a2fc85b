# Each target sets up what it needs: a virtual environment in .venv, and system packages where it may.
# make PYTHON=/path/to/python3.12 demo   chooses another Python.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
.PHONY: help demo test test-slow docs lint system clean

VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TORCH := torch==2.13.0
PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3; do \
	$$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$p && break; done)
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check
DEMO := h-s-200gpa
# Of the metals that it finds, the one whose Tc takes minutes.
DEMO_METAL := H3S

# One thread a rank is the fastest, and gives the same sums everywhere.
export OMP_NUM_THREADS := 1
# In a container there is often only root, and fewer cores than ranks.
export OMPI_ALLOW_RUN_AS_ROOT := 1
export OMPI_ALLOW_RUN_AS_ROOT_CONFIRM := 1
export OMPI_MCA_rmaps_base_oversubscribe := 1

help:
	@echo 'make demo       search the hull of hydrogen and sulphur at 200 GPa, let DFT decide, estimate Tc'
	@echo 'make test       tests that take minutes in all'
	@echo 'make test-slow  the long ones'
	@echo 'make docs       the documentation, into site/'
	@echo 'make lint       style'

demo: $(READY)
	@if command -v mpirun >/dev/null; then launch='mpirun -n 2'; else launch=; echo 'There is no mpirun: one process.'; fi; \
	$$launch $(BIN)/gasearch run inputs/$(DEMO).yaml --run-dir runs/$(DEMO)
	@$(BIN)/gasearch hull runs/$(DEMO) | head -n 12
	@if [ -e runs/$(DEMO)/refined.json ]; then echo; echo 'DFT:'; $(BIN)/gasearch hull runs/$(DEMO) --dft; fi
	@if ! command -v ph.x >/dev/null; then echo 'There is no ph.x: no Tc.'; exit 0; fi; \
	for metal in runs/$(DEMO)/candidates/$(DEMO_METAL)-*/; do \
		[ ! -d "$$metal" ] || { echo; echo 'Tc, not converged:'; $(BIN)/gasearch tc "$$metal" --protocol fast; }; \
	done
	@echo; echo 'The pictures:'; $(BIN)/gasearch plot runs/$(DEMO); $(BIN)/gasearch report runs/$(DEMO)

test: $(READY)
	$(BIN)/python -m pytest

test-slow: $(READY)
	$(BIN)/python -m pytest -m slow

docs: $(READY)
	$(BIN)/python -m mkdocs build --strict

lint: $(READY)
	@$(PIP) -c constraints.txt ruff
	$(BIN)/ruff check . && $(BIN)/ruff format --check .

$(READY): pyproject.toml constraints.txt | system
	@[ -n '$(PYTHON)' ] || { echo 'Python 3.11 or later is needed: install it, or say where: make PYTHON=/path/to/python3'; exit 1; }
	@echo 'Setting up $(VENV) with $(PYTHON); this takes some minutes.'
	@$(PYTHON) -m venv $(VENV) || { echo 'The venv module is missing: apt-get install python3-venv'; exit 1; }
	$(PIP) --upgrade pip
	$(PIP) $(TORCH)
	$(PIP) -c constraints.txt -e '.[test]'
	@touch $@

# What pip cannot install. Nothing here is fatal: without MPI there is one process, without pw.x no DFT.
# With OpenBLAS in place of Debian's reference BLAS pw.x takes half the time, for the same energies.
system:
	@missing=; \
	command -v mpirun >/dev/null || missing+=' openmpi-bin libopenmpi-dev'; \
	command -v pw.x >/dev/null || missing+=' quantum-espresso libopenblas0-serial'; \
	[ -e $(BIN)/python ] || $(or $(PYTHON),false) -c 'import ensurepip' 2>/dev/null || missing+=' python3-venv'; \
	[ -n "$$missing" ] || exit 0; \
	install="apt-get -qq update && apt-get -qq install --yes --no-install-recommends$$missing"; \
	if ! command -v apt-get >/dev/null; then \
		echo "Not found, and not needed for a first search:$$missing (these are Debian's names)"; \
	elif [ "$$(id -u)" = 0 ]; then \
		DEBIAN_FRONTEND=noninteractive bash -c "$$install" >/dev/null || echo "Not installed:$$missing"; \
	elif sudo -n true 2>/dev/null; then \
		sudo -n DEBIAN_FRONTEND=noninteractive bash -c "$$install" >/dev/null || echo "Not installed:$$missing"; \
	else \
		echo "To have MPI and Quantum ESPRESSO, type: sudo apt-get install$$missing"; \
	fi

clean:
	rm -rf $(VENV) build *.egg-info
