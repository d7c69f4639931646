#!/bin/sh
# A Postgres cluster of its own with the settings that Postgres ships with, on a Unix socket in
# /var/tmp, which is a disk where /tmp may be memory. It prints its directory and its version, runs
# until standard input closes, and leaves nothing behind. Exit 77: there is no Postgres here.
set -eu

for folder in $(echo "$PATH" | tr : ' ') $(printf '%s\n' /usr/lib/postgresql/*/bin | sort -rV); do
    if [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ]; then
        programs=$folder
        break
    fi
done
[ -n "${programs-}" ] || exit 77

# A socket's path has at most 107 bytes, so the name is short.
directory=$(mktemp -d /var/tmp/vpgXXXXXX)
trap 'rm -rf "$directory"' EXIT
trap 'exit 1' INT TERM HUP
cd "$directory"

# Postgres refuses to run as root, so root runs it as somebody else.
run=
if [ "$(id -u)" = 0 ]; then
    owner=postgres
    id "$owner" >/dev/null 2>&1 || owner=nobody
    chown "$owner" "$directory"
    run="setpriv --reuid=$owner --regid=$(id -g "$owner") --clear-groups --"
fi

fail() {
    cat log >&2
    exit 1
}

$run "$programs/initdb" --no-sync -A trust -U postgres --locale=C.UTF-8 -D data >log 2>&1 || fail
$run "$programs/postgres" -D data -c listen_addresses= -c "unix_socket_directories=$directory" \
    >>log 2>&1 </dev/null &
server=$!

# The server says that it is ready in line 8 of its pid file, and in no better way.
until sed -n 8p data/postmaster.pid 2>/dev/null | grep -q ready; do
    kill -0 "$server" 2>/dev/null || fail
    sleep 0.02
done
echo "$directory"
"$programs/postgres" --version

cat >/dev/null
kill -INT "$server"
wait "$server"
