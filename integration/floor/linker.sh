#!/usr/bin/env bash
# The linker of the empty module: Rust's own, told to export only the callbacks that Sailcloth's modules have.
#
# The SDK exports every callback of the ABI, and Envoy calls whatever a module exports, for every body chunk and trailer
# of every stream. The modules have a dispatcher of their own, which does not; an empty module that was called more
# often than they are would be no floor to measure them from. Cargo has no setting that takes an export away.
set -euo pipefail

# What Envoy needs of any module, and the callbacks of `host::main!`.
KEEP=" proxy_abi_version_0_2_1 proxy_on_memory_allocate proxy_on_configure proxy_on_tick proxy_on_queue_ready
 proxy_on_context_create proxy_on_request_headers proxy_on_response_headers proxy_on_log proxy_on_delete "

words=()
while [ $# -gt 0 ]; do
    name=
    taken=1
    case $1 in
    --export=*) name=${1#--export=} ;;
    --export) name=${2-} taken=2 ;;
    esac
    if [[ $name != proxy_* || $KEEP =~ [[:space:]]"$name"[[:space:]] ]]; then words+=("${@:1:taken}"); fi
    shift "$taken"
done

host=$(rustc -vV | sed -n 's/^host: //p')
exec "$(rustc --print sysroot)/lib/rustlib/$host/bin/rust-lld" "${words[@]}"
