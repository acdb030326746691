#!/bin/sh
# SPDX-License-Identifier: GPL-3.0-or-later
# Makes the private environment .venv from the locked requirements named by the arguments, and links the
# checkout into it as the collection tollgate.llm. Does nothing, in milliseconds, when it is up to date.
set -eu

root=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd -P)
venv=$root/.venv

refuse() {
    printf 'tollgate: %s\n' "$*" >&2
    exit 1
}

case $root in
    *[!A-Za-z0-9._/@+,=-]*) refuse "the checkout's path is \"$root\": Ansible can't run from a path with blanks or quotes. Clone it to another one." ;;
esac

# Why a Python can't be used; nothing when it can.
fault() {
    "$1" -c '
import sys
if not (3, 11) <= sys.version_info < (3, 15):
    print("is Python %d.%d" % sys.version_info[:2])
else:
    try:
        import venv, ensurepip
    except ImportError:
        print("has no working venv")' 2>/dev/null || echo "does not run"
}

# The one that was named, or the machine's own, or the newest.
find_python() {
    for candidate in ${TOLLGATE_PYTHON:-python3 python3.14 python3.13 python3.12 python3.11 /usr/bin/python3}; do
        if [ -z "$(fault "$candidate")" ]; then
            "$candidate" -c 'import sys; print(sys.executable)'
            return 0
        fi
    done
    return 1
}

install_python() {
    # Debian has one Python: one of another version stays so, and nothing is installed for a Python that was named.
    case ${TOLLGATE_PYTHON:+named}$(fault /usr/bin/python3) in named* | "is Python"*) return 1 ;; esac
    [ "$(id -u)" = 0 ] && [ -e /etc/debian_version ] && command -v apt-get >/dev/null || return 1
    printf 'tollgate: installing python3 and python3-venv with apt-get\n' >&2
    apt-get -qq update >/dev/null && DEBIAN_FRONTEND=noninteractive apt-get -qq install -y python3 python3-venv >/dev/null
}

python=$(find_python) || { install_python && python=$(find_python); } ||
    refuse "${TOLLGATE_PYTHON:-python3} $(fault "${TOLLGATE_PYTHON:-python3}"). Tollgate takes Python 3.11 to 3.14 with a working venv: install one (Debian, Ubuntu: apt-get install python3 python3-venv), or name it: make TOLLGATE_PYTHON=/path/to/python3"

cd "$root"
export UV_CACHE_DIR="${TOLLGATE_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/tollgate}/uv" UV_LINK_MODE="${UV_LINK_MODE:-hardlink}"
# The machine's certificates, as pip uses them: a company's own authority may be among them.
export UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-1}"
wanted=$({ printf '%s\n' "$python" "$root"; cat "$@"; } | sha256sum | cut -d' ' -f1)
stamp=$venv/.installed-$(printf '%s' "$*" | sha256sum | cut -c1-8)
if [ "$(cat "$stamp" 2>/dev/null || true)" != "$wanted" ]; then
    started=$(date +%s)
    # What pip and uv keep for a moment goes with a killed run: the next one starts with an empty place.
    export TMPDIR="$root/.venv-build"
    rm -rf "$TMPDIR"
    mkdir -m 0700 "$TMPDIR"
    if [ ! -x "$venv/bin/uv" ] || ! "$venv/bin/python" -c '' 2>/dev/null || [ "$(cat "$venv/.python" 2>/dev/null || true)" != "$python $root" ]; then
        rm -rf "$venv"
        "$python" -m venv "$venv"
        # uv alone by pip, at the locked version and checksum; uv installs the rest ten times faster.
        sed -n '/^uv==/,/^[a-z]/{/^uv==/p;/^    --hash/p}' requirements/controller.txt >"$venv/uv.txt"
        "$venv/bin/python" -m pip install --quiet --no-cache-dir --disable-pip-version-check --require-hashes --requirement "$venv/uv.txt"
        printf '%s' "$python $root" >"$venv/.python"
    fi
    for locked in "$@"; do
        "$venv/bin/uv" pip install --quiet --python "$venv/bin/python" --require-hashes --requirement "$locked"
    done
    mkdir -p "$venv/collections/ansible_collections/tollgate"
    ln -sfn "$root" "$venv/collections/ansible_collections/tollgate/llm"
    rm -rf "$TMPDIR"
    printf '%s' "$wanted" >"$stamp"
    printf 'tollgate: environment ready in %s s (%s)\n' "$(($(date +%s) - started))" "$*" >&2
fi
