#!/bin/sh
# The programs that the tests use beside Python's packages. Missing ones are installed where we may (root, apt-get);
# elsewhere one sentence says what to install.
#
#   deploy/test_tools.sh [--all]     --all: also those that only some tests need, and are skipped without
set -eu

missing=
want() { # PROGRAM PACKAGE
    command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}

want chromium chromium
want espeak-ng espeak-ng
if [ "${1:-}" = --all ]; then
    want sox sox
    want redis-server redis-server
    want msgfmt gettext
    # Debian keeps PostgreSQL's own programs out of PATH.
    ls /usr/lib/postgresql/*/bin/initdb >/dev/null 2>&1 || want initdb postgresql
fi
[ -n "$missing" ] || exit 0

if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null 2>&1; then
    printf 'The tests need programs that are missing: sudo apt-get install%s, then run this again.\n' "$missing" >&2
    exit 1
fi
printf 'Installing what the tests need:%s ...\n' "$missing" >&2
log=$(mktemp)
# shellcheck disable=SC2086 # $missing are words
if ! { DEBIAN_FRONTEND=noninteractive apt-get update -q &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends $missing; } >"$log" 2>&1; then
    tail -20 "$log" >&2
    printf 'apt-get could not install%s (see above; the whole log is %s).\n' "$missing" "$log" >&2
    exit 1
fi
rm -f "$log"
