#!/usr/bin/env bash
# Builds the command (target/release/sailcloth) and the modules (target/wasm/*.wasm).
#   --modules   only the modules
#   --demo      also CatCatGo and the tour
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

need_target "$WASM_TARGET"
step "Building the modules: ${MODULES[*]}"
packages=()
for module in "${MODULES[@]}"; do packages+=(-p "${module//_/-}"); done
# A panic names its place in the source. Without the folders of this machine the modules are 3 kB smaller, and the same
# wherever they are built.
short=()
for registry in "${CARGO_HOME:-$HOME/.cargo}"/registry/src/*/; do short+=("--remap-path-prefix=${registry%/}="); done
flags=$(IFS=$'\x1f' && echo "${short[*]}")
export CARGO_ENCODED_RUSTFLAGS=$flags
# The test filters and the empty module are for tests and benches alone; they are built here since they must match the others.
cargo build --profile wasm --target "$WASM_TARGET" "${packages[@]}" -p test-filter --bins
cargo rustc --profile wasm --target "$WASM_TARGET" -p floor -- -C linker="$ROOT/integration/floor/linker.sh"
unset CARGO_ENCODED_RUSTFLAGS
mkdir -p target/wasm
built="${CARGO_TARGET_DIR:-target}/$WASM_TARGET/wasm"
pairs=()
for module in "${MODULES[@]}" test_filter test_finder floor; do pairs+=("$built/$module.wasm" "target/wasm/$module.wasm"); done
step "Optimising the modules with binaryen's wasm-opt"
if ! "$ROOT/scripts/wasm-opt.sh" "${pairs[@]}"; then
    note "the modules are left as rustc made them: they do the same, and are an eighth larger"
    for module in "${MODULES[@]}" test_filter test_finder floor; do
        cp "$built/$module.wasm" "target/wasm/.$module.wasm.new"
        mv "target/wasm/.$module.wasm.new" "target/wasm/$module.wasm"
    done
fi
for module in "${MODULES[@]}"; do
    note "$(printf '%-20s %7d bytes, %7d before' "$module.wasm" "$(wc -c <"target/wasm/$module.wasm")" "$(wc -c <"$built/$module.wasm")")"
done

if [ "${1:-}" != --modules ]; then
    step "Building the command"
    programs=(-p envoy-config --bin sailcloth)
    [ "${1:-}" = --demo ] && programs+=(-p catcatgo --bin catcatgo -p integration --bin tour)
    cargo build --release "${programs[@]}"
fi
[ "${1:-}" = --demo ] && exit
step "Built. Next: ./scripts/demo.sh, or target/release/sailcloth --help"
