#!/usr/bin/env bash
# Every test there is: formatting, lints, documentation, unit and WebAssembly tests, the corpus and everything else on
# real Envoy and beside Istio's control plane, size budgets, the demo's tour.
#   --all-envoys   the tests on Envoy with each version that Sailcloth supports, not just the newest
#
# Istio's control plane is built where Go and its modules can be had; where not, that is said and its tests are skipped.
# SAILCLOTH_ISTIOD=required makes it an error instead.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

ENVOYS=(1.36.4 1.37.0 1.38.2 1.39.3 1.40.0)
all_envoys=
for word in "$@"; do
    case $word in
    --all-envoys) all_envoys=yes ;;
    -h | --help) sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $word" "known is --all-envoys" ;;
    esac
done
began=$SECONDS

# Each step says what the one before it took; all of them are told again at the end.
took=()
timed() {
    [ -z "${now:-}" ] || took+=("$(printf '%5d s  %s' $((SECONDS - since)) "$now")")
    now=${1:-}
    since=$SECONDS
    [ -z "$now" ] || step "$now"
}

need_target "$WASM_TARGET"
if [ -z "${ENVOY:-}" ]; then ENVOY=$("$ROOT/scripts/envoy.sh"); fi
export ENVOY
timed "Versions"
note "$(rustc --version)"
note "$(cargo --version)"
note "$(python3 --version)"
own=$("$ENVOY" --version | grep -o 'version: .*')
note "Envoy: $own ($ENVOY)"
node=$("$ROOT/scripts/node.sh")
note "Node $("$node" --version)"

timed "Istio's control plane"
if ISTIOD=$("$ROOT/scripts/istiod.sh"); then
    export ISTIOD SAILCLOTH_ISTIOD=required
    note "$ISTIOD"
    note "$("$ROOT/scripts/istiod.sh" --judge)"
elif [ "${SAILCLOTH_ISTIOD:-}" = required ]; then
    die "Istio's control plane is required and could not be built"
else
    unset ISTIOD
    note "SKIPPED: what Istio's control plane would judge; it needs Go 1.26, or pip, and Go's modules"
fi

timed "Formatting"
cargo fmt --all --check

timed "Lints, native"
cargo clippy --workspace --all-targets --all-features -- -D warnings
timed "Lints, WebAssembly"
packages=(-p shared -p host -p test-filter -p floor)
for module in "${MODULES[@]}"; do packages+=(-p "${module//_/-}"); done
cargo clippy "${packages[@]}" --target "$WASM_TARGET" -- -D warnings

timed "Documentation"
RUSTDOCFLAGS="-D warnings" cargo doc --workspace --no-deps --quiet

timed "Builds"
"$ROOT/scripts/build.sh" --demo

timed "Size budgets"
over=
while read -r module most; do
    size=$(wc -c <"target/wasm/$module.wasm")
    if [ "$size" -gt "$most" ]; then note "$module.wasm has $size bytes, $most are its budget"; over=yes; else note "$module.wasm: $size of $most bytes"; fi
done <"$ROOT/filters/size-budgets"
[ -z "$over" ] || die "a module is over its budget" "V8 compiles a module before the first request: size is start-up time in every Envoy"

timed "Tests, native and on Envoy"
cargo test --workspace --all-features --no-fail-fast
# Once each: what they measure, they check first.
cargo test --quiet --all-features -p shared -p circuit-breaker --bench core --bench table

if [ -n "$all_envoys" ]; then
    for version in "${ENVOYS[@]}"; do
        # That one has just been.
        [[ $own != */$version/* ]] || continue
        timed "Tests on Envoy $version"
        ENVOY=$("$ROOT/scripts/envoy.sh" --version "$version") cargo test -p integration --no-fail-fast
    done
fi

timed "Tests as WebAssembly, in Node"
"$ROOT/scripts/test-wasm.sh"

timed "The demo's tour"
"$ROOT/target/release/tour" --tour

timed
for line in "${took[@]}"; do note "$line"; done
all=$((SECONDS - began))
step "All good, in $((all / 60)) min $((all % 60)) s. Next: ./scripts/demo.sh"
