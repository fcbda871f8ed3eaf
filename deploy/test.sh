#!/bin/sh
# The whole suite: style, types, migrations, the default tests, then browser and real calls. Goes on after a failure,
# so that one run tells all; ends with a summary, and with 1 if anything failed.
set -u
cd "$(dirname "$0")/.." || exit 1

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
summary=$scratch/summary
failed=0

step() { # NAME COMMAND...
    name=$1
    shift
    printf '\n== %s ==\n' "$name"
    began=$(date +%s)
    # The status goes through a file: in a POSIX shell a pipe has only that of its last command.
    { "$@" 2>&1; echo $? >"$scratch/status"; } | tee "$scratch/output"
    status=$(cat "$scratch/status")
    # Style and types say nothing that a summary could quote; of pytest it is the closing line.
    closing=$(sed 's/\x1b\[[0-9;]*m//g' "$scratch/output" | grep -E '^=+ .* in [0-9.]+s' | tail -1 | sed 's/^=* *//; s/ *=*$//')
    if [ "$status" = 0 ]; then verdict=ok; else
        verdict=FAILED
        failed=1
    fi
    printf '  %-6s  %-34s %4d s  %s\n' "$verdict" "$name" "$(($(date +%s) - began))" "$closing" >>"$summary"
}

colour=--color=no
if [ -t 1 ]; then colour=--color=yes; fi

# Nothing of the developer's own data is touched, and nothing asks a question.
CONCIERGE_DATA_DIR=$scratch/data
PYTHONUNBUFFERED=1
export CONCIERGE_DATA_DIR PYTHONUNBUFFERED
exec </dev/null

deploy/test_tools.sh || exit 1
deploy/bootstrap.sh --dev || exit 1
# shellcheck disable=SC2329 # through step
run() { deploy/bootstrap.sh --quiet --dev "$@"; }

step "livekit-server and models" run python manage.py setup --no-demo
step "style" run deploy/lint.sh
step "types" run mypy concierge knowledge voice agent_worker
step "migrations" run python manage.py makemigrations --check --dry-run
# The tables as the models have them now; migrations are run by the steps around this one.
step "tests" run pytest -n auto --nomigrations "$colour"
if [ -n "$(find /usr/lib/postgresql -name initdb 2>/dev/null)" ] || command -v initdb >/dev/null; then
    step "search and calls on PostgreSQL" deploy/with_postgres.sh \
        deploy/bootstrap.sh --quiet --dev pytest -n auto "$colour" tests/knowledge tests/voice
else
    printf '  %-6s  %-34s %4d s  %s\n' skipped "search and calls on PostgreSQL" 0 "apt-get install postgresql" >>"$summary"
fi
# Pages without a call, side by side.
PAGES="tests/browser/test_editor.py tests/browser/test_import.py tests/browser/test_visitor_states.py"
# shellcheck disable=SC2086 # paths
step "pages in a browser" run pytest -m browser -n auto --dist loadfile "$colour" --durations=10 $PAGES
# One at a time what takes place in real time.
step "calls in a browser, and talking over" run pytest -m "browser or voice" "$colour" --durations=10 \
    tests/browser tests/agent_worker/test_giving_way.py $(printf -- '--ignore %s ' $PAGES)
# The others wait nine tenths of their time, for sound and for patience to end.
side_by_side=$(($(getconf _NPROCESSORS_ONLN) * 2))
step "voices, and providers that fail" run pytest -m voice -n $side_by_side --dist loadfile "$colour" --durations=10 \
    --ignore tests/browser --ignore tests/agent_worker/test_giving_way.py

printf '\n== summary ==\n'
cat "$summary"
if [ "$failed" = 0 ]; then echo "All passed."; else echo "Something failed: see above."; fi
exit "$failed"
