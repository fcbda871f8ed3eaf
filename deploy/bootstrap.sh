#!/bin/sh
# Everything between a bare machine and a Python environment with the project's packages in it.
#
#   deploy/bootstrap.sh [--quiet] [--dev] [COMMAND...]     install (--dev: the test tools too), then become COMMAND
#
# Needs Python 3.11 or newer and a network the first time. uv is taken from PATH or ~/.local/bin, else it is
# installed into the user's cache, away from everything else.
set -eu
cd "$(dirname "$0")/.."

say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }

quiet=
if [ "${1:-}" = --quiet ]; then
    quiet=--quiet
    shift
fi

cache=${CONCIERGE_CACHE_DIR:-${XDG_CACHE_HOME:-${HOME:-/tmp}/.cache}/concierge}
uv=

# A shim may be on PATH with nothing behind it, so that only a uv that runs counts.
works() { "$1" --version >/dev/null 2>&1; }

find_python() {
    for python in python3 python3.14 python3.13 python3.12 python3.11 python; do
        if "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; then
            command -v "$python"
            return
        fi
    done
}

fetch() { # URL to standard output
    if command -v curl >/dev/null 2>&1; then curl -fsSL --connect-timeout 10 "$1"; else wget -qO- --timeout=10 "$1"; fi
}

install_uv() {
    python=$(find_python)
    if [ -z "$python" ]; then
        if command -v python3 >/dev/null 2>&1; then
            fail "Python 3.11 or newer is needed and python3 is $(python3 -V 2>&1 | cut -d' ' -f2): install a newer one (on Ubuntu: apt-get install python3.11 python3.11-venv), then run this again."
        fi
        fail "Python 3.11 or newer is needed and python3 is missing: install it (apt-get install python3 python3-venv), then run this again."
    fi

    say "uv is not here: installing it into $cache/uv with $python ..."
    mkdir -p "$cache"
    rm -rf "$cache/uv"
    if "$python" -m venv "$cache/uv" >"$cache/uv.log" 2>&1 && "$cache/uv/bin/pip" install -q uv >>"$cache/uv.log" 2>&1; then
        uv=$cache/uv/bin/uv
    elif "$python" -m pip install -q --user uv >>"$cache/uv.log" 2>&1 && works "$("$python" -m site --user-base)/bin/uv"; then
        uv=$("$python" -m site --user-base)/bin/uv
    elif fetch https://astral.sh/uv/install.sh 2>>"$cache/uv.log" >"$cache/uv-install.sh" &&
        UV_UNMANAGED_INSTALL="$cache/uv/bin" sh "$cache/uv-install.sh" >>"$cache/uv.log" 2>&1; then
        uv=$cache/uv/bin/uv
    else
        rm -rf "$cache/uv"
        if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
            fail "uv could not be installed because Python's venv is missing: apt-get install python3-venv, then run this again."
        fi
        fail "uv could not be installed (see $cache/uv.log): check the network, or install it yourself (https://docs.astral.sh/uv/), then run this again."
    fi
}

for candidate in uv "${HOME:-/nowhere}/.local/bin/uv" "$cache/uv/bin/uv"; do
    if works "$candidate"; then
        uv=$candidate
        break
    fi
done
[ -n "$uv" ] || install_uv
[ -n "$quiet" ] || case $uv in
uv) say "uv: $(command -v uv) (found on PATH)" ;;
*) say "uv: $uv" ;;
esac

# The machine's own certificates count too, such as those of a company's proxy. The second is the older name.
if [ -e /etc/ssl/certs/ca-certificates.crt ]; then
    export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}" UV_NATIVE_TLS="${UV_NATIVE_TLS:-1}"
fi

# Without --dev nothing is removed either, so that `make run` does not undo what `make test` installed.
packages="--no-dev --inexact"
if [ "${1:-}" = --dev ]; then
    packages=
    shift
fi
# shellcheck disable=SC2086 # $quiet and $packages are words or nothing
"$uv" sync --frozen $quiet $packages ||
    fail "The packages could not be installed (see above): check the network and the free disk space (2 GB), then run this again."

# Images like to say that nothing compiled may lie beside the sources. Each process would then compile anew all that it
# imports, for seconds; so it is kept in the cache instead.
if [ -n "${PYTHONDONTWRITEBYTECODE:-}" ]; then
    unset PYTHONDONTWRITEBYTECODE
    export PYTHONPYCACHEPREFIX="${PYTHONPYCACHEPREFIX:-$cache/compiled}"
fi

[ $# -gt 0 ] || exit 0
# The command replaces this shell, so that a signal to it reaches the command itself.
venv=${UV_PROJECT_ENVIRONMENT:-.venv}
case $venv in /*) ;; *) venv=$PWD/$venv ;; esac
PATH=$venv/bin:$(dirname "$(command -v "$uv")"):$PATH
UV=$uv
export PATH UV
exec "$@"
