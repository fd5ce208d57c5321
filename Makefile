# Two commands matter: `make run` and `make test`. The rest is for those who work on Omnibus.
PYTHON ?= python3
VENV ?= .venv
BIN := $(VENV)/bin
.DEFAULT_GOAL := help
# Tests and checks start hundreds of Pythons: what is compiled once is kept, whatever the shell is used to.
unexport PYTHONDONTWRITEBYTECODE
.PHONY: help run test check format bench prove texts lock clean

help:  ## this list
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

# A stamp file per set of requirements: install once, again only when the lock file changed.
$(VENV)/.%: requirements/%.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Omnibus needs Python 3.11 or newer; this is " + sys.version.split()[0] + ". Try: make PYTHON=python3.12") if sys.version_info < (3, 11) else None'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@echo "installing requirements/$*.txt into $(VENV) ..."
	@$(BIN)/pip install -qq --disable-pip-version-check --require-hashes -r requirements/$*.txt
	@$(BIN)/pip install -qq --disable-pip-version-check --no-build-isolation --no-deps -e .
	@touch $@

run: $(VENV)/.run  ## install, start everything, load the demo, serve (Ctrl-C stops it all)
	@OMNIBUS_DEMO=$${OMNIBUS_DEMO:-on} exec $(BIN)/omnibus up

test: $(VENV)/.test  ## run every test; says what it skipped and why (ARGS="-n 0 tests/store" for some)
	@$(BIN)/python -m pytest -n 3 --dist worksteal $(ARGS)

check: $(VENV)/.check  ## format, lint, types, import rules, SQL, docs drift
	@$(BIN)/python -m tests.house.check

format: $(VENV)/.check  ## rewrite the code in the house format
	@$(BIN)/ruff format . && $(BIN)/ruff check --fix-only --quiet .

bench: $(VENV)/.test  ## the benchmark suite: ratios against baselines (ARGS="a e" for some, BENCH_JSON=path writes JSON)
	@$(BIN)/python -m tests.bench $(ARGS)

prove: $(VENV)/.test  ## a million operations under faults, judged; writes proof.md (ARGS="--operations 20000", "--help")
	@$(BIN)/python -m tests.histories.prove $(ARGS)

prove-money: $(VENV)/.test  ## 10,000 random lives of payments, judged by the provider's books (ARGS="--path stripe --histories 2000", "--help")
	@$(BIN)/python -m tests.money.prove $(ARGS)
texts: $(VENV)/.run  ## bring the catalogues of translations up to date with the code; says what is left to translate
	@$(BIN)/python -m server.texts

lock:  ## resolve requirements/*.txt anew (needs uv)
	@for set in run brokers test check; do \
	  case $$set in run) more= ;; brokers) more="--extra rabbitmq --extra sqs" ;; *) more="--group $$set" ;; esac; \
	  uv pip compile pyproject.toml --group build $$more --universal --python-version 3.11 --generate-hashes \
	    --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
	    --quiet --upgrade --output-file requirements/$$set.txt || exit 1; \
	done

clean:  ## remove what make installed
	rm -rf $(VENV) build dist *.egg-info
