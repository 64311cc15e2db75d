# SPDX-License-Identifier: Apache-2.0
# The soak runs: a few seconds of it, always with the same faults, on each MPM.
set -u
cd "${top_builddir:?run it with make check}" || exit 99
unset T_TAP

folder=$(mktemp -d "$PWD/t/bench/soak.XXXXXX") || exit 99
chmod 755 "$folder"

# soak NUMBER DESCRIPTION FLAGS...
soak() {
    number=$1
    description=$2
    shift 2
    output=$(t/bench/soak -m 0.1 "$@" 2>&1)
    code=$?
    printf '%s\n' "$output" | sed 's/^/# /'
    looks=$(printf '%s\n' "$output" | grep -cE '^ +[0-9.]+ s .* = .* \| 43 ')
    [ "$code" -eq 0 ] && [ "$looks" -gt 0 ] || printf 'not '
    echo "ok $number - $description"
}

echo 1..3
soak 1 "faults on event, the queue in memory" -s 353 -p event
soak 2 "faults on worker, the queue in a file" -s 353 -p worker -q "$folder/queue"
soak 3 "faults on prefork, the queue in memory" -s 327 -p prefork
rm -rf "$folder"
