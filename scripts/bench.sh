#!/usr/bin/env bash
# What Sailcloth costs beside Envoy's own routes: builds, measures, prints a table. `--help` says what it takes.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

target=${CARGO_TARGET_DIR:-$ROOT/target}
for word in "$@"; do
    if [ "$word" = --help ] || [ "$word" = -h ] || [ "$word" = --list ]; then
        # Neither needs a module or an Envoy.
        exec cargo run --quiet --release -p integration --bin bench -- "$@"
    fi
done
"$ROOT/scripts/setup.sh" --quiet
"$ROOT/scripts/build.sh" --modules
cargo build --release -p integration --bin bench
ENVOY=$("$ROOT/scripts/envoy.sh")
export ENVOY
# In place of this shell, so that Ctrl-C reaches the one process that stops all the others.
exec "$target/release/bench" "$@"
