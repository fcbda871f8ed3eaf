#!/bin/sh
# Style of Python and of the templates. All of it is reported, not only the first fault.
set -u
cd "$(dirname "$0")/.." || exit 1
failed=0
ruff check . || failed=1
ruff format --check . || failed=1
djlint templates --lint --quiet || failed=1
exit $failed
