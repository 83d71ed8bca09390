#!/usr/bin/env bash
# Build the virtual environment, or find that it is there already.
#
#   tools/setup_env.sh              build or reuse $XAS_VENV (default: .venv)
#   tools/setup_env.sh --print-key  print the key of what would be built
#
# The environment carries a key: a hash of the requirement files, of this
# script and of the Python version. Where the key matches nothing is done. The
# key is written last, so a set-up that was killed is redone; a lock keeps two
# set-ups of one environment apart.
#
#   XAS_VENV    where the environment lies, or is to lie
#   XAS_PYTHON  the interpreter to build it with (3.10 or 3.11)
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cd "$root"
venv=${XAS_VENV:-.venv}
mkdir -p "$(dirname "$venv")"
venv=$(cd "$(dirname "$venv")" && pwd)/$(basename "$venv")
owner=$venv/.xas-venv         # written first: this folder is ours to remove
stamp=$venv/.xas-key          # written last: the set-up is complete
checkout=$venv/.xas-checkout  # which checkout is installed, editable

say() { echo "[setup] $*"; }
die() {
    echo "[setup] error: $*" >&2
    exit 1
}

find_python() {
    local name
    for name in ${XAS_PYTHON:-python3.11 python3.10 python3 python}; do
        if "$name" -c 'import sys
sys.exit(sys.version_info[:2] not in ((3, 10), (3, 11)))' 2>/dev/null; then
            command -v "$name"
            return
        fi
    done
    die "no Python 3.10 or 3.11 found (tried: ${XAS_PYTHON:-python3.11," \
        "python3.10, python3, python}). Install one, or name it:" \
        "XAS_PYTHON=/path/to/python3.11"
}

python=$(find_python)
version=$("$python" -c 'import sys
print(*sys.version_info[:3], sep=".")')
key=$({ echo "$version $(uname -m)"; cat requirements/*.txt tools/setup_env.sh; } |
    sha256sum | cut -c 1-16)
if [ "${1:-}" = --print-key ]; then
    echo "$key"
    exit
fi

exec 9>"$venv.lock"
if command -v flock >/dev/null && ! flock -n 9; then
    say "waiting for another set-up of $venv"
    flock 9
fi

pip_install() {
    "$venv/bin/python" -m pip install --disable-pip-version-check \
        --no-input --progress-bar off "$@" 9>&-
}

# Run pip quietly but visibly alive: one line a package, the log on failure.
install() {
    local title=$1 log=$venv/.xas-pip.log
    shift
    say "$title"
    if ! pip_install "$@" 2>&1 | tee -a "$log" | sed -u -n \
        -e 's/^Collecting \([^ ]*\).*/[setup]   \1/p' \
        -e 's/^ERROR: /[setup]   ERROR: /p' \
        -e 's/^Installing collected.*/[setup]   installing .../p'; then
        tail -n 30 "$log" >&2
        die "pip failed (whole log: $log). Nothing is lost: run it again."
    fi
}

build() {
    local start=$SECONDS
    if [ -e "$venv" ] && [ ! -e "$owner" ] &&
        [ -n "$(ls -A "$venv" 2>/dev/null)" ]; then
        die "$venv exists and was not made by this script. Remove it, or" \
            "choose another place: XAS_VENV=/some/folder"
    fi
    say "building $venv with Python $version: some minutes, about 6 GB"
    rm -rf "$venv"
    mkdir -p "$venv"
    touch "$owner"
    if ! "$python" -m venv "$venv" >/dev/null 2>&1; then
        # Debian's python3 without python3-venv has no ensurepip.
        "$python" -m venv --without-pip "$venv"
        "$python" -m pip --python "$venv/bin/python" install -q pip 9>&- ||
            die "$python can make no environment: install its venv package"
    fi
    install 'PyTorch and what it needs' --prefer-binary \
        -c requirements/constraints.txt \
        -r requirements/runtime.txt -r requirements/tests.txt
    install 'OpenMMLab' --no-deps -r requirements/mminstall.txt
    echo "$key" >"$stamp.new"
    mv "$stamp.new" "$stamp"
    say "built in $((SECONDS - start)) s"
}

if [ "$(cat "$stamp" 2>/dev/null)" != "$key" ]; then
    build
fi

# One environment may serve another checkout later, as CI's does: the package
# is then installed anew from there.
here="$root $(cat setup.py pyproject.toml xas_mmpose/version.py | sha256sum)"
if [ "$(cat "$checkout" 2>/dev/null)" != "$here" ]; then
    install "xas_mmpose, editable, from $root" \
        --no-deps --no-build-isolation -e .
    echo "$here" >"$checkout"
fi
say "ready: $venv"
