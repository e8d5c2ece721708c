# What continuous integration asks, in the active virtual environment: see CONTRIBUTING.md.
WORKERS ?= 2

.PHONY: check test fast record bench

check:        ## style, types, the order of the rooms
	.ci/check

test:         ## the whole suite
	pytest -n $(WORKERS)

fast:         ## the suite without what trains, kills processes or opens a terminal
	pytest -n $(WORKERS) -m "not slow"

record:       ## what every command prints and writes, against the record
	python tests/surface/record.py --compare

bench:        ## the promises of votes, runs and loading, measured
	python benchmarks/vote.py
	python benchmarks/runs.py
	python benchmarks/loading.py
