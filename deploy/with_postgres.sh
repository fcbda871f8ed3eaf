#!/bin/sh
# Run COMMAND with DATABASE_URL set to a PostgreSQL of its own, which is gone afterwards.
#
#   deploy/with_postgres.sh COMMAND...
set -eu

bin=$(find /usr/lib/postgresql/*/bin "$(dirname "$(command -v initdb || echo /nowhere/initdb)")" -name initdb 2>/dev/null | sort -V | tail -1)
if [ -z "$bin" ]; then
    echo "PostgreSQL is missing: sudo apt-get install postgresql, then run this again." >&2
    exit 1
fi
bin=$(dirname "$bin")

place=$(mktemp -d)
# It refuses to run as root.
if [ "$(id -u)" = 0 ]; then
    chown postgres "$place"
    as_user() { (cd "$place" && setpriv --reuid=postgres --regid=postgres --clear-groups env HOME="$place" "$@"); }
else
    as_user() { (cd "$place" && "$@"); }
fi
stop() {
    as_user "$bin/pg_ctl" -D "$place/data" -m immediate stop >/dev/null 2>&1 || true
    rm -rf "$place"
}
trap stop EXIT
trap 'exit 130' INT TERM

port=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
as_user "$bin/initdb" -D "$place/data" -U concierge --auth=trust --encoding=UTF8 --locale=C.UTF-8 >/dev/null
# Nothing of it outlives the command, so that nothing need reach the disk.
as_user "$bin/pg_ctl" -D "$place/data" -l "$place/log" -w -t 60 start -o "-p $port -k $place \
    -c listen_addresses=127.0.0.1 -c fsync=off -c synchronous_commit=off -c full_page_writes=off" >/dev/null ||
    { cat "$place/log" >&2; exit 1; }

DATABASE_URL=postgres://concierge@127.0.0.1:$port/postgres "$@"
