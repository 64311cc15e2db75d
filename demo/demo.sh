# SPDX-License-Identifier: Apache-2.0
# Sourced by quickstart: a private httpd with a small site, traced into a local sink.
# shellcheck shell=bash
#
#   site  :PORT   static file, SSI, deflate, CGI, basic auth, a proxied application
#   app   :PORT+1 the application behind /app/: a slow CGI
#   sink  :PORT+2 what stands in for Sentry: writes envelopes to spans.envelopes

demo_dir=
demo_pid=

demo_port_is_free() # PORT
{
    ! (exec 3<> "/dev/tcp/127.0.0.1/$1") 2> /dev/null
}

demo_pick_ports()
{
    local tries
    for ((tries = 0; tries < 50; tries++)); do
        demo_port=$((20000 + RANDOM % 10000))
        if demo_port_is_free $demo_port && demo_port_is_free $((demo_port + 1)) &&
            demo_port_is_free $((demo_port + 2)); then
            return
        fi
    done
    die "no three free ports in a row on 127.0.0.1"
}

demo_cgi() # FILE SECONDS TEXT
{
    cat > "$1" << END
#!/bin/sh
sleep $2
echo 'Content-Type: text/plain'
echo
echo '$3'
END
    chmod 755 "$1"
}

demo_write_site()
{
    local site=$demo_dir/site app=$demo_dir/app
    mkdir -p "$site/cgi-bin" "$site/private" "$app" "$demo_dir/run" "$demo_dir/spool"
    cat > "$site/index.html" << 'END'
<!doctype html><title>mod_sentry_trace</title><h1>Things to try</h1><ul>
<li><a href="/hello.txt">a static file</a>
<li><a href="/page.shtml">a page made of includes</a>
<li><a href="/long.txt">a long text, compressed</a>
<li><a href="/cgi-bin/report">a CGI that takes 0.2 s</a>
<li><a href="/private/">a page with a password (demo, demo)</a>
<li><a href="/app/orders/17">an application behind mod_proxy that takes 0.3 s</a>
<li><a href="/missing">a page that is not there</a></ul>
END
    echo 'Hello.' > "$site/hello.txt"
    echo '<h1>Page</h1>' > "$site/head.html"
    cat > "$site/page.shtml" << 'END'
<!--#include virtual="/head.html" -->
<p>The report says: <!--#include virtual="/cgi-bin/report" -->
END
    yes 'All work and no play makes a long text.' | head -n 5000 > "$site/long.txt"
    echo 'For you only.' > "$site/private/index.html"
    # The password is "demo".
    echo 'demo:{SHA}ieSV55Qc+eQOaYDRSha/AjzNTJE=' > "$demo_dir/users"
    demo_cgi "$site/cgi-bin/report" 0.2 'all is well'
    demo_cgi "$app/app" 0.3 'order 17: two tickets'
}

demo_write_conf() # SOURCE-FOLDER BUILD-FOLDER
{
    local modules module key=0123456789abcdef0123456789abcdef
    modules=$(sed -n 's/^APACHE_LIBEXECDIR = //p' "$2/Makefile")
    {
        for module in mpm_event authn_core authn_file authz_core authz_user auth_basic mime dir \
            alias include filter deflate cgid proxy proxy_http; do
            [ ! -f "$modules/mod_$module.so" ] ||
                echo "LoadModule ${module}_module $modules/mod_$module.so"
        done
        echo "LoadModule sentry_trace_module $2/.libs/mod_sentry_trace.so"
        # Children of a server that root starts need a user to become.
        [ "$(id -u)" -ne 0 ] || printf 'User www-data\nGroup www-data\n'
        sed -e "s,@DIR@,$demo_dir,g" -e "s,@KEY@,$key,g" -e "s,@SITE@,$demo_port,g" \
            -e "s,@APP@,$((demo_port + 1)),g" -e "s,@SINK@,$((demo_port + 2)),g" \
            "$1/demo/httpd.conf.in"
    } > "$demo_dir/httpd.conf"
}

# Starts the server and waits for its first answer; fails when a port was taken meanwhile.
demo_start() # BUILD-FOLDER
{
    local httpd tries
    httpd=$(sed -n 's/^APACHE_BIN = //p' "$1/Makefile")
    # In a session of its own: Ctrl-C at the terminal ends the viewer, then we end the server.
    setsid "$httpd" -DFOREGROUND -d "$demo_dir" -f "$demo_dir/httpd.conf" \
        > "$demo_dir/httpd.out" 2>&1 < /dev/null &
    demo_pid=$!
    for ((tries = 0; tries < 100; tries++)); do
        curl -fsS -o /dev/null "http://127.0.0.1:$demo_port/hello.txt" 2> /dev/null && return
        kill -0 $demo_pid 2> /dev/null || break
        sleep 0.1
    done
    wait $demo_pid 2> /dev/null
    demo_pid=
    return 1
}

demo_stop()
{
    trap - EXIT
    if [ -n "$demo_pid" ]; then
        kill -TERM "$demo_pid" 2> /dev/null
        wait "$demo_pid" 2> /dev/null
    fi
    [ -z "$demo_dir" ] || rm -rf "$demo_dir"
}

demo_requests()
{
    local base=http://127.0.0.1:$demo_port path
    for path in / /page.shtml /long.txt /cgi-bin/report /app/orders/17 /missing; do
        curl -s --compressed -o /dev/null "$base$path"
    done
    curl -s -u demo:demo -o /dev/null "$base/private/"
}

# Waits until the sink has the spans of what was requested.
demo_wait_for_spans() # COUNT
{
    local tries
    for ((tries = 0; tries < 150; tries++)); do
        [ "$(grep -c '^{"type":"span"' "$demo_dir/spool/spans.envelopes" 2> /dev/null)" -ge "$1" ] &&
            return
        sleep 0.1
    done
    tail -n 20 "$demo_dir/error.log" >&2
    die "no spans arrived at the sink"
}

demo_run() # SOURCE-FOLDER BUILD-FOLDER [--once]
{
    local tries spool
    demo_dir=$(mktemp -d "${TMPDIR:-/tmp}/sentry-trace-demo.XXXXXX") || die "no temporary folder"
    trap demo_stop EXIT
    trap 'exit 0' INT TERM
    demo_write_site
    chmod 755 "$demo_dir"
    [ "$(id -u)" -ne 0 ] || chown www-data "$demo_dir/run" "$demo_dir/spool"
    for ((tries = 0; tries < 5; tries++)); do
        demo_pick_ports
        demo_write_conf "$1" "$2"
        demo_start "$2" && break
    done
    if [ -z "$demo_pid" ]; then
        cat "$demo_dir/httpd.out" "$demo_dir/error.log" >&2 2> /dev/null
        die "the demo's httpd does not start"
    fi

    say "httpd runs with the module; asking it for a few pages"
    demo_requests
    spool=$demo_dir/spool/spans.envelopes
    demo_wait_for_spans 9
    if [ "${3:-}" = --once ]; then
        "$2/sentry-trace" view "$spool" || die "the view failed"
        return
    fi
    say "open http://127.0.0.1:$demo_port/ and click around: the requests appear below"
    say "error log: $demo_dir/error.log"
    say "Ctrl-C ends the demo"
    "$2/sentry-trace" view "$spool" --follow
}
