#!/usr/bin/env bash
# Every test there is: formatting, lints, documentation, unit and WebAssembly tests, the corpus and everything else on
# real Envoy, size budgets, the demo's tour.
#   --all-envoys   the tests on Envoy with each version that Sailcloth supports, not just the newest
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ENVOYS=(1.36.4 1.37.0 1.38.2 1.39.3 1.40.0)
all_envoys=
for word in "$@"; do
    case $word in
    --all-envoys) all_envoys=yes ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $word" "known is --all-envoys" ;;
    esac
done
began=$SECONDS

need_target "$WASM_TARGET"
if [ -z "${ENVOY:-}" ]; then ENVOY=$("$ROOT/scripts/envoy.sh"); fi
export ENVOY
step "Versions"
note "$(rustc --version)"
note "$(cargo --version)"
note "$(python3 --version)"
own=$("$ENVOY" --version | grep -o 'version: .*')
note "Envoy: $own ($ENVOY)"
node=$("$ROOT/scripts/node.sh")
note "Node $("$node" --version)"

step "Formatting"
cargo fmt --all --check

step "Lints, native"
cargo clippy --workspace --all-targets --all-features -- -D warnings
step "Lints, WebAssembly"
packages=(-p shared -p host -p test-filter -p floor)
for module in "${MODULES[@]}"; do packages+=(-p "${module//_/-}"); done
cargo clippy "${packages[@]}" --target "$WASM_TARGET" -- -D warnings

step "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

"$ROOT/scripts/build.sh" --demo

step "Size budgets"
over=
while read -r module most; do
    size=$(wc -c <"target/wasm/$module.wasm")
    if [ "$size" -gt "$most" ]; then note "$module.wasm has $size bytes, $most are its budget"; over=yes; else note "$module.wasm: $size of $most bytes"; fi
done <"$ROOT/filters/size-budgets"
[ -z "$over" ] || die "a module is over its budget" "V8 compiles a module before the first request: size is start-up time in every Envoy"

step "Tests, native and on Envoy"
cargo test --workspace --all-features --no-fail-fast
# Once each: what they measure, they check first.
cargo test --quiet --all-features -p shared -p circuit-breaker --bench core --bench table

if [ -n "$all_envoys" ]; then
    for version in "${ENVOYS[@]}"; do
        # That one has just been.
        [[ $own != */$version/* ]] || continue
        step "Tests on Envoy $version"
        ENVOY=$("$ROOT/scripts/envoy.sh" --version "$version") cargo test -p integration --no-fail-fast
    done
fi

step "Tests as WebAssembly, in Node"
"$ROOT/scripts/test-wasm.sh"

step "The demo's tour"
"$ROOT/target/release/tour" --tour

took=$((SECONDS - began))
step "All good, in $((took / 60)) min $((took % 60)) s. Next: ./scripts/demo.sh"
