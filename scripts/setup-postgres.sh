#!/usr/bin/env bash
# Makes sure that the programs of a Postgres server are here: the tests start servers of their own.
set -euo pipefail

found() {
    local folder
    for folder in ${PATH//:/ } /usr/lib/postgresql/*/bin; do
        [ -x "$folder/initdb" ] && [ -x "$folder/postgres" ] && return 0
    done
    return 1
}

found && exit 0

# --no-install-recommends: the tests need no more than the server.
install="apt-get update && apt-get install --yes --no-install-recommends postgresql"

if ! command -v apt-get >/dev/null; then
    echo "setup: the Postgres server programs (initdb, postgres) are missing." >&2
    echo "Install your system's postgresql-server package, 14 or newer, and try again." >&2
    exit 1
elif [ "$(id -u)" = 0 ]; then
    as_root=()
elif command -v sudo >/dev/null && sudo -n true 2>/dev/null; then
    as_root=(sudo -n)
else
    echo "setup: the Postgres server programs are missing, and only root can install them. Run:" >&2
    echo "    sudo sh -c '$install'" >&2
    exit 1
fi

echo "setup: installing the system's postgresql (Debian also starts a server of its own; the tests leave it alone)"
"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive sh -c "${install//apt-get/apt-get -qq}" >/dev/null

if ! found; then
    echo "setup: postgresql is installed, but there is no initdb in \$PATH or /usr/lib/postgresql/*/bin" >&2
    exit 1
fi
echo "setup: Postgres is here"
