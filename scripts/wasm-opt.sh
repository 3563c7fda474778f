#!/usr/bin/env bash
# Makes modules smaller and faster with binaryen's wasm-opt, which reads a whole module where rustc's LLVM has left off.
#
#   scripts/wasm-opt.sh IN OUT [IN OUT ...]
#
# Binaryen is the npm package `binaryen` (23 MB), kept in target/tools/. Modules that were optimised before are left.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

BINARYEN=132.0.0
SHA512=4Usg7yEvwO3FMso3Oov6qkOOHSod1IEv+boKkh77kTljM+eNBouqCTbqWswGzbG+vDNO/b/v2C4gfEh1WgB9Lg==
# What rustc assumes of any machine for this target; modules without names do not say it themselves.
FEATURES=(bulk-memory sign-ext nontrapping-float-to-int mutable-globals multivalue reference-types)

OPTIONS=(-O3 "${FEATURES[@]/#/--enable-}")

tools=$ROOT/target/tools/binaryen-$BINARYEN
if [ ! -f "$tools/package/bin/wasm-opt" ]; then
    npm=$("$ROOT/scripts/node.sh" --npm)
    mkdir -p "$ROOT/target/tools"
    scratch=$(mktemp -d "$ROOT/target/tools/.binaryen.XXXXXX")
    trap 'rm -rf -- "$scratch"' EXIT
    note "downloading wasm-opt (npm package binaryen $BINARYEN, 23 MB)"
    "$npm" pack --silent --pack-destination "$scratch" "binaryen@$BINARYEN" >/dev/null || die "wasm-opt could not be downloaded"
    python3 -c 'import base64, hashlib, sys; print(base64.b64encode(hashlib.sha512(open(sys.argv[1], "rb").read()).digest()).decode())' \
        "$scratch/binaryen-$BINARYEN.tgz" | grep -qxF "$SHA512" || die "the download of binaryen $BINARYEN is not what was published"
    tar -xzf "$scratch/binaryen-$BINARYEN.tgz" -C "$scratch" package/bin/wasm-opt package/bin/package.json package/LICENSE
    rm "$scratch/binaryen-$BINARYEN.tgz"
    rm -rf "$tools"
    mv -f "$scratch" "$tools"
    trap - EXIT
fi
node=$("$ROOT/scripts/node.sh")

# The input is kept beside the tool that it was optimised by, so that another tool, other options, or another input, is
# seen.
if [ "$(cat "$tools/seen/options" 2>/dev/null)" != "${OPTIONS[*]}" ]; then rm -rf "$tools/seen"; fi
mkdir -p "$tools/seen"
printf '%s\n' "${OPTIONS[*]}" >"$tools/seen/options"

optimise() {
    local in=$1 out=$2 seen
    seen=$tools/seen/$(basename "$out")
    if [ -f "$out" ] && cmp -s "$in" "$seen.in" && cmp -s "$out" "$seen.out"; then return; fi
    "$node" "$tools/package/bin/wasm-opt" "${OPTIONS[@]}" "$in" -o "$seen.out"
    cp "$in" "$seen.in"
    # Renamed into place: an Envoy that reads it at this moment reads the whole of one or the other.
    cp "$seen.out" "$(dirname "$out")/.$(basename "$out").new"
    mv "$(dirname "$out")/.$(basename "$out").new" "$out"
}

pids=()
while [ $# -ge 2 ]; do
    optimise "$1" "$2" &
    pids+=($!)
    shift 2
    # As many at once as there are processors.
    if [ "${#pids[@]}" -ge "$(getconf _NPROCESSORS_ONLN)" ]; then
        wait "${pids[0]}"
        pids=("${pids[@]:1}")
    fi
done
for pid in ${pids+"${pids[@]}"}; do wait "$pid"; done
