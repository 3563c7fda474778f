#!/usr/bin/env bash
# Runs Istio's own cases through `sailcloth check`, and prints how many of each folder passed, failed and are excepted.
#
#   scripts/conformance.sh FOLDER           all of FOLDER's validation, analyzers, api-crd, samples, proto-examples, kiali
#   scripts/conformance.sh FOLDER PART...   some of them
#
# Exceptions stand with their reasons in integration/conformance/exceptions.yaml; one that passes fails the run. Exit
# codes are 0, 1 when a case failed, 2 when there is nothing to run.
here=$PWD
source "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

case "${1:-}" in
'' | -h | --help) sed -n '2,8s/^# \{0,1\}//p' "${BASH_SOURCE[0]}"; [ -n "${1:-}" ] && exit 0 || exit 2 ;;
esac
case $1 in /*) folder=$1 ;; *) folder=$here/$1 ;; esac
[ -d "$folder" ] || die "there is no folder $folder"
shift
cargo build --quiet -p integration --bin conformance >&2
exec "${CARGO_TARGET_DIR:-$ROOT/target}/debug/conformance" "$folder" "$@"
