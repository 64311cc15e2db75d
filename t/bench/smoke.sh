# SPDX-License-Identifier: Apache-2.0
# The benchmark runs: with tiny numbers, whose times say nothing and are not looked at.
set -u
top_srcdir=${top_srcdir:?run it with make check}

if ! command -v h2load > /dev/null || [ ! -x "${APACHE_BIN:-}" ]; then
    echo "1..0 # SKIP h2load or httpd is missing"
    exit 77
fi
result=$(sh "$top_srcdir/t/bench/bench_httpd.sh" -t 0 -n 320 2>&1)
printf '%s\n' "$result" | sed 's/^/# /'

echo 1..2
[ "$(printf '%s\n' "$result" | awk '$1 ~ /^(bare|off|rate0|rate1)$/ && NF == 9 && $2 > 0 && $7 == 320' |
    wc -l)" -eq 4 ] || printf 'not '
echo "ok 1 - each of the four servers is measured"
printf '%s\n' "$result" | awk '
    $1 == "rate1" && $7 == 320 && $8 == 320 && $9 >= 2 { all = 1 }
    ($1 == "off" || $1 == "rate0") && $8 != 0 { extra = 1 }
    END { exit !(all && !extra) }' || printf 'not '
echo "ok 2 - all spans of sampled requests are delivered, and no others"
