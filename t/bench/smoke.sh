# SPDX-License-Identifier: Apache-2.0
# The benchmarks run: with tiny numbers, whose times say nothing and are not looked at.
set -u
top_srcdir=${top_srcdir:?run it with make check}

if ! command -v h2load > /dev/null || [ ! -x "${APACHE_BIN:-}" ]; then
    echo "1..0 # SKIP h2load or httpd is missing"
    exit 77
fi
result=$(sh "$top_srcdir/t/bench/bench_httpd.sh" -t 0 -n 320 2>&1)
printf '%s\n' "$result" | sed 's/^/# /'

ring=$("${top_builddir:-$PWD}/t/bench/ring" 1 2>&1)
printf '%s\n' "$ring" | sed 's/^/# /'

echo 1..3
[ "$(printf '%s\n' "$result" | awk '$1 ~ /^(bare|off|rate0|rate1)$/ && NF == 9 && $2 > 0 && $7 == 320' |
    wc -l)" -eq 4 ] || printf 'not '
echo "ok 1 - each of the four servers is measured"
printf '%s\n' "$result" | awk '
    $1 == "rate1" && $7 == 320 && $8 == 320 && $9 >= 2 { all = 1 }
    ($1 == "off" || $1 == "rate0") && $8 != 0 { extra = 1 }
    END { exit !(all && !extra) }' || printf 'not '
echo "ok 2 - all spans of sampled requests are delivered, and no others"
[ "$(printf '%s\n' "$ring" | awk '$1 ~ /^(1|4|16)$/ && NF == 5 && $3 > 0 && $5 > 0' | wc -l)" -eq 6 ] ||
    printf 'not '
echo "ok 3 - the ring is measured with 1, 4 and 16 producers"
