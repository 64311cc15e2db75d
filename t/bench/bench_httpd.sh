# SPDX-License-Identifier: Apache-2.0
# What tracing costs: four private httpds serve the same 1 KB file over keep-alive connections,
# in turns, and for each the rate of requests and the CPU time of its processes are compared.
#
#   bare     the module is not loaded
#   off      loaded, a DSN, SentryTrace Off
#   rate0    nothing is sampled
#   rate1    everything is sampled and delivered to a cheap endpoint
#
#   bench_httpd.sh [-t SECONDS] [-n REQUESTS] [-c CONNECTIONS] [-r RATE]
#
# Rounds are repeated until SECONDS are over (60), at least one; each asks each server for REQUESTS
# (40000), as fast as it goes or at RATE a second. CPU time counts until all spans have left. With
# two cores or more, the server has one to itself; the load generator and the endpoint share another.
# Run it from the build folder: make bench.
set -u

seconds=60
requests=40000
connections=32
rate=0
while getopts t:n:c:r: option; do
    case $option in
    t) seconds=$OPTARG ;;
    n) requests=$OPTARG ;;
    c) connections=$OPTARG ;;
    r) rate=$OPTARG ;;
    *) exit 2 ;;
    esac
done

variants="bare off rate0 rate1"
build=${top_builddir:-$PWD}
module=$build/.libs/mod_sentry_trace.so
endpoint=$build/t/bench/endpoint
work=$(mktemp -d) || exit 1
pids=

stop_all()
{
    trap - EXIT
    for pid in $pids; do
        kill -TERM "$pid" 2> /dev/null
    done
    wait
    rm -rf "$work"
}
trap stop_all EXIT
trap 'exit 1' INT TERM

die()
{
    echo "bench_httpd: $*" >&2
    exit 1
}

for program in h2load curl taskset setsid; do
    command -v "$program" > /dev/null || die "$program is missing"
done
[ -x "${APACHE_BIN:-}" ] || die "APACHE_BIN names no httpd: run make bench"
[ -f "$module" ] && [ -x "$endpoint" ] || die "not built: run make bench"

if [ "$(nproc)" -ge 2 ]; then
    server_cpu="taskset -c 0"
    client_cpu="taskset -c 1"
else
    server_cpu=
    client_cpu=
fi

# Waits until a command succeeds: eventually TENTHS COMMAND...
eventually()
{
    tenths=$1
    shift
    until "$@"; do
        tenths=$((tenths - 1))
        [ "$tenths" -gt 0 ] || return 1
        sleep 0.1
    done
}

# Children of a server that root starts need a user to become.
child_user()
{
    for name in www-data apache http daemon nobody; do
        if id "$name" > /dev/null 2>&1; then
            printf 'User %s\nGroup #%s\n' "$name" "$(id -g "$name")"
            return
        fi
    done
}

write_conf() # VARIANT PORT
{
    root=$work/$1
    mkdir -p "$root/run" "$root/docs"
    head -c 1024 /dev/zero | tr '\0' x > "$root/docs/file.txt"
    for name in mpm_event authz_core; do
        [ ! -f "$APACHE_LIBEXECDIR/mod_$name.so" ] ||
            echo "LoadModule ${name}_module $APACHE_LIBEXECDIR/mod_$name.so"
    done
    [ "$(id -u)" -ne 0 ] || child_user
    cat << END
ServerName localhost
DefaultRuntimeDir $root/run
PidFile $root/run/httpd.pid
ErrorLog $root/error.log
Listen 127.0.0.1:$2
DocumentRoot $root/docs
StartServers 1
ServerLimit 1
ThreadsPerChild 64
MaxRequestWorkers 64
MinSpareThreads 1
MaxSpareThreads 64
KeepAlive On
MaxKeepAliveRequests 0
END
    [ "$1" != bare ] || return
    echo "LoadModule sentry_trace_module $module"
    echo "SentryTraceDSN http://0123456789abcdef0123456789abcdef@127.0.0.1:$endpoint_port/1"
    case $1 in
    off) echo "SentryTrace Off" ;;
    rate0) echo "SentryTraceSampleRate 0" ;;
    esac
}

url() # VARIANT
{
    eval "echo http://127.0.0.1:\$port_$1/file.txt"
}

answers()
{
    curl -fsS -o /dev/null "$1" 2> /dev/null
}

is_up() # VARIANT
{
    [ -s "$work/$1/run/httpd.pid" ] && answers "$(url "$1")"
}

# A port that is taken makes httpd end: try the next.
port=$((20000 + $$ % 10000))
start_server() # VARIANT
{
    for try in 1 2 3 4 5 6 7 8 9; do
        port=$((port + try))
        write_conf "$1" "$port" > "$work/$1.conf"
        # shellcheck disable=SC2086 # words
        setsid $server_cpu "$APACHE_BIN" -DFOREGROUND -d "$work/$1" -f "$work/$1.conf" \
            > "$work/$1.out" 2>&1 < /dev/null &
        pid=$!
        eval "port_$1=$port pid_$1=$pid"
        if eventually 50 is_up "$1"; then
            pids="$pids $pid"
            return
        fi
        kill -TERM $pid 2> /dev/null
        wait $pid
    done
    cat "$work/$1.out" "$work/$1/error.log" >&2
    die "the server $1 does not start"
}

# CPU time so far of a server's processes in microseconds: "all sender". The sender is known by
# the name of its thread.
cpu_time() # VARIANT
{
    eval "pid=\$pid_$1"
    for process in $pid $(cat "/proc/$pid/task/"*/children 2> /dev/null); do
        for task in "/proc/$process/task/"*; do
            echo "$(cat "$task/comm" 2> /dev/null) $(cat "$task/schedstat" 2> /dev/null)"
        done
    done | awk 'NF > 3 { all += $(NF - 2) } NF > 3 && /^sentry/ { sender += $(NF - 2) }
        END { printf "%.0f %.0f\n", all / 1000, sender / 1000 }'
}

memory_kb() # VARIANT: resident, of parent and child together
{
    eval "pid=\$pid_$1"
    for process in $pid $(cat "/proc/$pid/task/"*/children 2> /dev/null); do
        sed -n 's/^VmRSS:[[:space:]]*\([0-9]*\).*/\1/p' "/proc/$process/status"
    done | awk '{ sum += $1 } END { print sum }'
}

counts()
{
    curl -fsS "http://127.0.0.1:$endpoint_port/"
}

# Waits until no more spans come: all are there, or none came for a second.
settle() # EXPECTED-ENVELOPES
{
    idle=0
    before=
    while [ "$idle" -lt 10 ]; do
        now=$(counts)
        [ "${now%% *}" -lt "$1" ] || return
        [ "$now" = "$before" ] && idle=$((idle + 1)) || idle=0
        before=$now
        sleep 0.1
    done
}

# One line for the table: variant, requests/s, CPU and sender us per request, requests answered,
# segments and spans delivered.
measure() # VARIANT
{
    pace=
    [ "$rate" -eq 0 ] || pace="--rps=$((rate / connections))"
    segments=$(counts | cut -d' ' -f1)
    spans=$(counts | cut -d' ' -f2)
    cpu=$(cpu_time "$1")
    # shellcheck disable=SC2086 # words
    $client_cpu h2load --h1 -t 1 -c "$connections" -n "$requests" $pace "$(url "$1")" \
        > "$work/load" 2>&1 < /dev/null || die "h2load failed: $(cat "$work/load")"
    per_second=$(sed -n 's/^finished in .*, \([0-9.]*\) req\/s.*/\1/p' "$work/load")
    answered=$(sed -n 's/^requests: .* \([0-9]*\) succeeded.*/\1/p' "$work/load")
    if [ "$1" = rate1 ]; then
        settle $((segments + answered))
    fi
    eval "kill -0 \$pid_$1" 2> /dev/null || die "the server $1 has ended: $(cat "$work/$1/error.log")"
    echo "$1 $per_second $answered $cpu $(cpu_time "$1") $segments $spans $(counts)" |
        awk '{ print $1, $2, ($6 - $4) / $3, ($7 - $5) / $3, $3, $10 - $8, $11 - $9 }'
}

# Medians over the rounds, from the lines of measure.
table()
{
    awk '
    function median(list, count, i, j, t)
    {
        for (i = 2; i <= count; i++)
            for (j = i; j > 1 && list[j] < list[j - 1]; j--) {
                t = list[j]; list[j] = list[j - 1]; list[j - 1] = t
            }
        return count % 2 ? list[(count + 1) / 2] : (list[count / 2] + list[count / 2 + 1]) / 2
    }
    function column(values, name, copy, i)
    {
        for (i = 1; i <= rounds[name]; i++)
            copy[i] = values[name, i]
        return median(copy, rounds[name])
    }
    {
        n = ++rounds[$1]
        if ($1 == "bare") { bare_rate = $2; bare_cpu = $3 }
        rate[$1, n] = $2; kept[$1, n] = $2 / bare_rate
        cpu[$1, n] = $3; added[$1, n] = $3 - bare_cpu; sender[$1, n] = $4
        answered[$1] += $5; segments[$1] += $6; spans[$1] += $7
    }
    END {
        printf "%-6s %9s %6s %10s %8s %8s %10s %10s %11s\n", "", "req/s", "kept", "us/request", \
            "added", "sender", "requests", "delivered", "spans/req"
        split(names, order, " ")
        for (i = 1; i in order; i++) {
            v = order[i]
            printf "%-6s %9.0f %6.3f %10.2f %8.2f %8.2f %10d %10d %11.2f\n", v, column(rate, v), \
                column(kept, v), column(cpu, v), column(added, v), column(sender, v), answered[v], \
                segments[v], segments[v] ? spans[v] / segments[v] : 0
        }
        printf "rounds: %d\n", rounds["bare"]
    }' names="$variants" "$work/lines"
}

# shellcheck disable=SC2086 # words
$client_cpu "$endpoint" "$work/endpoint.port" > "$work/endpoint.out" 2>&1 < /dev/null &
pids=$!
eventually 50 test -s "$work/endpoint.port" || die "the endpoint does not start"
endpoint_port=$(cat "$work/endpoint.port")
chmod 755 "$work"
for variant in $variants; do
    start_server "$variant"
done

end=$(($(date +%s) + seconds))
for variant in $variants; do
    measure "$variant" > "$work/warm-up"
done
# Bare first in each round, which is what the others of it are compared with; the others rotate.
others="off rate0 rate1"
: > "$work/lines"
while
    for variant in bare $others; do
        measure "$variant" >> "$work/lines"
    done
    others="${others#* } ${others%% *}"
    [ "$(date +%s)" -lt "$end" ]
do :; done

table
echo "resident memory of parent and child, KB: $(for variant in $variants; do
    printf '%s %s  ' "$variant" "$(memory_kb "$variant")"
done)"
grep -E 'ST[0-9]{4}:' "$work/rate1/error.log" | head -n 5
exit 0
