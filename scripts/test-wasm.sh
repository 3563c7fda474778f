#!/usr/bin/env bash
# Runs the core's tests as WebAssembly in Node. Called by test.sh.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

node=$("$ROOT/scripts/node.sh")
need_target wasm32-unknown-unknown
# The runner has to be of the very version that the tests are linked with.
version=$(awk '/^name = "wasm-bindgen"$/ { getline; gsub(/[^0-9.]/, ""); print; exit }' Cargo.lock)
tools="$ROOT/target/tools/wasm-bindgen-$version"
runner="$tools/bin/wasm-bindgen-test-runner"
if [ ! -x "$runner" ]; then
    step "Installing wasm-bindgen-test-runner $version, which takes a few minutes the first time"
    # Not --locked: the lock file of this crate names a version that the registry no longer has. Unoptimised is soon
    # built, and fast enough for what it does.
    cargo install wasm-bindgen-cli --version "$version" --root "$tools" --debug --quiet --target-dir target/tools/build
fi
# The runner looks for `node` on PATH.
PATH="$(dirname "$node"):$PATH" CARGO_TARGET_WASM32_UNKNOWN_UNKNOWN_RUNNER="$runner" \
    cargo test -p shared --target wasm32-unknown-unknown --lib --tests
