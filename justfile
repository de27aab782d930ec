# `just` lists these. Each is one line that can be typed as well.

_default:
    @just --list

# The whole product against the simulated one.
demo *ARGS:
    cargo run --release -- demo {{ARGS}}

# Everything that must hold.
test:
    cargo test --workspace --locked

# Format, lints, licences.
lint:
    cargo fmt --all --check
    cargo clippy --workspace --all-targets --locked -- -D warnings
    cargo deny check licenses bans sources

# The documentation of the code, warnings denied.
docs:
    RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --locked

# What the store costs.
bench:
    cargo bench -p wakeman-store --bench commit

# The list of functions that run in a daemon that watches, made anew from this code (needs valgrind); before a release, or with a new compiler.
layout:
    WAKEMAN_LINK_MAP=target/wakeman.map cargo build --release -p wakeman
    python3 benches/layout.py target/wakeman.map

# All that must pass before a merge, on a clean machine.
ci:
    .ci/run
