#!/usr/bin/env bash
# Installs what building and testing need: the WebAssembly target of Rust, and Envoy.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_target "$WASM_TARGET"
envoy=$("$ROOT/scripts/envoy.sh")
note "Envoy: $envoy"
[ "${1:-}" = --quiet ] || step "Ready. Next: ./scripts/build.sh, or ./scripts/demo.sh for everything at once"
