#!/usr/bin/env bash
# CatCatGo behind a stock Envoy that Sailcloth routes: installs what is missing, builds, starts everything, takes a tour
# on real requests, and stays up until Ctrl-C. `--help` says what else it takes.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for word in "$@"; do
    if [ "$word" = --help ] || [ "$word" = -h ]; then
        # The help is the tour's own; it needs no Envoy.
        exec cargo run --quiet --release -p integration --bin tour -- --help
    fi
done
"$ROOT/scripts/setup.sh" --quiet
"$ROOT/scripts/build.sh" --demo
ENVOY=$("$ROOT/scripts/envoy.sh")
export ENVOY
# In place of this shell, so that Ctrl-C and kill reach the one process that stops all the others.
exec "$ROOT/target/release/tour" "$@"
