#!/usr/bin/env bash
# A million requests of every kind through the suite on a real Envoy, after which nothing may be left: no slot taken, no
# request under way, no VM that died; or, with --istiod, as many on generated meshes beside Istio's control plane, and
# none may be answered otherwise. `--help` says what it takes; the tests run a short form of each.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

for word in "$@"; do
    if [ "$word" = --help ] || [ "$word" = -h ]; then exec cargo run --quiet --release -p integration --bin soak -- --help; fi
done
for word in "$@"; do
    if [ "$word" = --istiod ]; then
        ISTIOD=$("$ROOT/scripts/istiod.sh")
        export ISTIOD
    fi
done
"$ROOT/scripts/build.sh" --modules
step "Building the load"
cargo build --release -p integration --bin soak
if [ -z "${ENVOY:-}" ]; then ENVOY=$("$ROOT/scripts/envoy.sh"); fi
export ENVOY
# In place of this shell, so that Ctrl-C and kill reach the one process that stops all the others.
exec "$ROOT/target/release/soak" "$@"
