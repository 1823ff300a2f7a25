# Thin: each target says what it does in a line or two; `make help` lists them.
.PHONY: help demo test simulate matrix torture scale-out restore-times memory-bounds upgrade every-case aggregates-large retention-large fuzz-decoders bench bench-steps bench-growth bench-compare peer lint setup
.DEFAULT_GOAL := help

# Arguments of the program, as in: make demo ARGS="--duration 60s"
ARGS ?=
# Records that fuzz-decoders tries.
DECODER_INPUTS ?= 10000000
# For how long torture strikes at most, and how often.
MINUTES ?= 30
KILLS ?= 200
# Chooses the blows of torture; drawn and printed if empty.
TORTURE_SEED ?=
# Orders of state that restore-times restarts with.
ORDERS ?= 1000000
# The git ref that upgrade upgrades from.
FROM ?=
# Histories that simulate plays, and the first of them.
SEEDS ?= 1000
FIRST ?= 0
# Events and runs of each program over the backlog of bench-compare, runs of each in its other parts, and which parts (all).
EVENTS ?= 3000000
RUNS ?= 5
ROUNDS ?= 3
ONLY ?=

help: ## list the targets
	@sed -n 's/^\([a-z-]*\): ## \(.*\)/  make \1\t\2/p' Makefile | expand -t 26

demo: ## run the order job on generated orders, without any Kafka; ARGS="--duration 60s" passes options
	@scripts/setup build
	cargo run --release --package jumun -- demo $(ARGS)

test: ## run all tests, those on a real Kafka of their own included
	@scripts/setup test
	@scripts/fetch-kafka
	@scripts/fetch-python
	cargo test --release --workspace

matrix: ## run every row of the fault matrix on a real Kafka, those that take long included
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_MATRIX=1 cargo test --release --workspace --test all matrix:: -- --nocapture

torture: ## kill and freeze three instances 200 times while brokers of a cluster of three die, and look at everything; MINUTES=30 KILLS=200 TORTURE_SEED=6
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_TORTURE_MINUTES=$(MINUTES) JUMUN_TORTURE_KILLS=$(KILLS) JUMUN_TORTURE_SEED=$(TORTURE_SEED) cargo test --release --workspace --test all torture:: -- --nocapture --test-threads 1

simulate: ## play 1,000 seeded histories of crashes, zombies and faults; FIRST=17 SEEDS=1 plays one of them again
	@scripts/setup test
	SIMULATION_SEEDS=$(SEEDS) SIMULATION_FIRST=$(FIRST) RUST_BACKTRACE=0 cargo test --release --workspace --test all -- --nocapture simulation::random::seeded_$(if $(filter 1,$(SEEDS)),histories)

every-case: ## every state, action and actor under all four ordering policies against the model; the tests sample three of them
	@scripts/setup test
	JUMUN_EVERY_CASE=1 cargo test --release --workspace --test all job_against_model::every_case -- --nocapture

aggregates-large: ## compare the aggregates of 300,000 orders with a batch over them, on a real Kafka; takes minutes
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_AGGREGATES_LARGE=1 cargo test --release --workspace --test all aggregates_large:: -- --nocapture

retention-large: ## keep 3,000 orders a day for 65 simulated days, and print how large the state is; takes minutes
	@scripts/setup test
	JUMUN_RETENTION_ORDERS_PER_DAY=3000 cargo test --release --workspace --test all retention:: -- --nocapture

scale-out: ## restart, kill, add and remove instances under load on a real Kafka, under both group protocols; takes minutes
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_SCALE_OUT=1 cargo test --release --workspace --test all -- --nocapture --test-threads=1 scale_out::restarts_keep scale_out::scaling

restore-times: ## restart, and take over, with a million orders of state: clean, killed, from nothing, with a copy; takes minutes; ORDERS=1000000
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_RESTORE_TIMES=$(ORDERS) cargo test --release --workspace --test all -- --nocapture --test-threads=1 restore_times::a_ warm_take_over::a_

memory-bounds: ## measure peak memory in bursts, with a hot key, on a slow broker, with many open windows; takes minutes
	@scripts/setup test
	@scripts/fetch-kafka
	JUMUN_MEMORY_BOUNDS=1 cargo test --release --workspace --test all memory_bounds:: -- --nocapture --test-threads=1

upgrade: ## replace instances of an older version one by one under load, roll one back, and compare; FROM=<git ref>
	@scripts/setup test
	@scripts/fetch-kafka
	@scripts/upgrade $(FROM)

fuzz-decoders: ## give ten million nearly right records to the decoders of events; DECODER_SEED=7 chooses others
	@scripts/setup test
	DECODER_INPUTS=$(DECODER_INPUTS) cargo test --release --workspace --test all dialects::arbitrary_bytes::every_record -- --nocapture

bench: ## compare the order job with a bare consume-produce program, on a real Kafka
	@scripts/setup bench
	@scripts/fetch-kafka
	cargo run --profile production --package jumun-bench -- $(ARGS)

bench-steps: ## measure decoding, judging, encoding, the overlay and windows by themselves; ARGS=decode chooses
	@scripts/setup bench
	cargo bench --profile production --package jumun-bench --bench steps -- $(ARGS)

bench-growth: ## measure what an event costs with more partitions, live orders, threads, larger events and other commit intervals; ARGS="--only partitions"
	@scripts/setup bench
	@scripts/fetch-kafka
	cargo run --profile production --package jumun-bench -- growth --save $(ARGS)

bench-compare: ## compare with the same jobs on Kafka Streams, on a real Kafka, in turn; goes on where it was interrupted; ONLY=recovery EVENTS=3000000 RUNS=5 ROUNDS=3
	@scripts/setup bench
	@scripts/fetch-kafka
	@scripts/build-peer
	cargo run --profile production --package jumun-bench -- compare --events $(EVENTS) --runs $(RUNS) --rounds $(ROUNDS) $(if $(ONLY),--only $(ONLY)) --save $(ARGS)

peer: ## build the bench's peer on Kafka Streams, and run its unit tests
	PEER_TESTS=1 scripts/build-peer

lint: ## check format, lints and documentation
	cargo fmt --all --check
	cargo clippy --release --workspace --all-targets -- --deny warnings
	RUSTDOCFLAGS="--deny warnings" cargo doc --release --workspace --no-deps

setup: ## install what the build and the tests need
	@scripts/setup test
	@scripts/fetch-kafka
	@scripts/fetch-python
