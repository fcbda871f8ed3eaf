#!/bin/sh
# Known vulnerabilities in the packages of uv.lock. Asks the registry, so it is no part of `make test`.
set -eu
cd "$(dirname "$0")/.."
list=$(mktemp)
trap 'rm -f "$list"' EXIT
"${UV:-uv}" export --frozen --quiet --no-emit-project --format requirements-txt >"$list"
pip-audit --disable-pip --require-hashes --progress-spinner off -r "$list"
