# Shared by the scripts: where the project is, and how progress looks. Sourced, not run.
# shellcheck shell=bash
set -euo pipefail
ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$ROOT"

WASM_TARGET=wasm32-wasip1
# In the order of the chain; `suite` holds all of them.
MODULES=(stats fault canary circuit_breaker mirror router suite)

if [ -t 2 ] && [ -z "${NO_COLOR:-}" ]; then bold=$'\e[1m' dim=$'\e[2m' red=$'\e[31m' plain=$'\e[0m'; else bold='' dim='' red='' plain=''; fi

step() { printf '%s==> %s%s\n' "$bold" "$*" "$plain" >&2; }
note() { printf '%s    %s%s\n' "$dim" "$*" "$plain" >&2; }
die() {
    printf '%serror: %s%s\n' "$red" "$1" "$plain" >&2
    shift
    for line in "$@"; do printf '       %s\n' "$line" >&2; done
    exit 1
}
have() { command -v "$1" >/dev/null 2>&1; }

# Installs a Rust target where it is missing. `rustup` may be told not to install things by itself, so this asks.
need_target() {
    have cargo || die "cargo is not on PATH" "install Rust with rustup: https://rustup.rs"
    local libdir
    libdir=$(rustc --print target-libdir --target "$1" 2>/dev/null || true)
    [ -n "$libdir" ] && [ -d "$libdir" ] && return
    have rustup || die "the Rust target $1 is missing, and there is no rustup to install it with"
    step "Installing the Rust target $1"
    rustup target add "$1" >&2 || die "rustup could not install the target $1"
}
