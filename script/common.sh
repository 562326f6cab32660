# SPDX-License-Identifier: MIT
# shellcheck shell=bash disable=SC2034
# Shared by the scripts beside it; they source it first. Leaves the shell in the repository's root.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

# The tests use Debian's Python and its packages, whatever else is first in PATH.
python=/usr/bin/python3

jobs="$(nproc)"

say() {
    printf '== %s\n' "$*" >&2
}

# stage <name> <command...>: run it, say its name before and its time after.
stage() {
    local name=$1 start=$SECONDS status=0
    shift
    say "$name"
    "$@" || status=$?
    say "$name: $([ "$status" -eq 0 ] && echo ok || echo FAILED) after $((SECONDS - start)) s"
    return "$status"
}

# build <preset> [target...]: configure and build.
build() {
    local preset=$1
    shift
    # && because set -e is off inside what stage runs
    cmake --preset "$preset" >/dev/null &&
        cmake --build --preset "$preset" -j "$jobs" ${1:+--target "$@"}
}
