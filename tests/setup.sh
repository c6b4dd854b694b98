#!/usr/bin/env bash
# Copyright (c) sshkeys.aws contributors
# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Makes .venv in the checkout and installs what the tests and the demo need; where nothing is missing it says nothing.
# PYTHON=/path/to/python chooses the interpreter. setup.sh VENV REQUIREMENTS makes another virtual environment.

set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

venv=${1:-.venv}
requirements=${2:-tests/requirements.txt}
stamp=$venv/.set-up
log=.build/logs/setup.log
# The file says which Python its packages need, and the newest that they were tried with: "# Python 3.11 to 3.13".
read -r oldest newest_tried < <(sed -nE 's/^# Python ([0-9.]+) to ([0-9.]+).*/\1 \2/p' "$requirements") || {
    echo "setup: $requirements does not say for which Python its packages are (\"# Python 3.11 to 3.13\")." >&2
    exit 1
}

say() {
    printf 'setup: %s\n' "$*"
}

fail() {
    printf 'setup: %s\n' "$*" >&2
    exit 1
}

# Runs a command that is silent when it works and tells all when it does not.
quietly() {
    mkdir -p "$(dirname "$log")"
    printf '+ %s\n' "$*" >>"$log"
    if ! "$@" </dev/null >"$log.last" 2>&1; then
        cat "$log.last" >>"$log"
        return 1
    fi
    cat "$log.last" >>"$log"
}

missing_packages() {
    PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin
    command -v sshd >/dev/null || echo openssh-server
    command -v ssh >/dev/null || echo openssh-client
    command -v curl >/dev/null || echo curl
    command -v rsync >/dev/null || echo rsync
    command -v strace >/dev/null || echo strace
    command -v shellcheck >/dev/null || echo shellcheck
}

apt_install() {
    quietly apt-get -o DPkg::Lock::Timeout=300 update || say "apt-get update failed, so the package lists may be old."
    # Debian starts a server when it is installed, unless policy-rc.d says no. The lab starts its own sshd, on free ports.
    local policy=/usr/sbin/policy-rc.d
    if [ ! -e "$policy" ]; then
        trap 'rm -f /usr/sbin/policy-rc.d' EXIT
        printf '#!/bin/sh\nexit 101\n' >"$policy"
        chmod 755 "$policy"
    fi
    quietly env DEBIAN_FRONTEND=noninteractive \
        apt-get -o DPkg::Lock::Timeout=300 install -y --no-install-recommends "$@"
}

install_packages() {
    local packages
    packages=$(missing_packages | xargs)
    [ -n "$packages" ] || return 0
    if [ "$(id -u)" -ne 0 ] || ! command -v apt-get >/dev/null; then
        say "Not installed: $packages (the names are those of Debian's packages; root installs them)." \
            "Without openssh-server, openssh-client or curl there is no lab; without rsync, strace or shellcheck a test is skipped."
        return
    fi
    say "Installing Debian's packages $packages."
    # shellcheck disable=SC2086
    if ! apt_install $packages; then
        tail -n 30 "$log.last" >&2
        # Without the others a test is skipped.
        [[ ! $packages =~ openssh|curl ]] || fail "Debian's packages $packages could not be installed (see $log)."
        say "Debian's packages $packages could not be installed (see $log)."
    fi
    if [[ " $packages " == *" openssh-server "* ]] && command -v systemctl >/dev/null; then
        quietly systemctl disable ssh.service ssh.socket || true
    fi
}

# Prints the real path of an interpreter of at least $2 and at most $3, or fails, as a shim of pyenv may.
fitting() {
    "$1" -c '
import sys
lowest, highest = (tuple(map(int, version.split("."))) for version in sys.argv[1:])
if not lowest <= sys.version_info[:2] <= highest:
    sys.exit(1)
print(getattr(sys, "_base_executable", sys.executable))' "$2" "${3:-3.999}" 2>/dev/null </dev/null
}

# Prints the interpreters on PATH and in pyenv, one a line: the ordinary one, then the newest of each first.
pythons() {
    echo python3
    compgen -c python3. | grep -E '^python3\.[0-9]+$' | sort --unique --version-sort --reverse
    compgen -G "${PYENV_ROOT:-${HOME:-/nonexistent}/.pyenv}/versions/3.*/bin/python3" | sort --version-sort --reverse
}

find_python() {
    local candidate newest
    if [ -n "${PYTHON:-}" ]; then
        fitting "$PYTHON" "$oldest" || fail "PYTHON=$PYTHON is not a Python $oldest or later that runs."
        return
    fi
    # One that was never tried is better than none.
    for newest in "$newest_tried" ""; do
        while read -r candidate; do
            fitting "$candidate" "$oldest" "$newest" && return
        done < <(pythons || true)
    done
    fail "Python $oldest or later is needed for $requirements, and none was found." \
        "Install one, or name it: make setup PYTHON=/path/to/python3."
}

tell_if_untried() {
    fitting "$1" "$oldest" "$newest_tried" >/dev/null ||
        say "$("$1" --version 2>&1) is newer than $newest_tried, the newest version of Python that was tried." \
            "If something fails, use an older one: make setup PYTHON=/path/to/python$newest_tried."
}

make_venv() {
    local python=$1
    rm -rf "$venv"
    # Debian ships Python without what venv needs.
    if ! "$python" -c 'import ensurepip' 2>/dev/null && [ "$(id -u)" -eq 0 ] && command -v apt-get >/dev/null; then
        say "Installing Debian's package python3-venv for $python."
        apt_install "$("$python" -c 'import sys; print("python%d.%d-venv" % sys.version_info[:2])')" || true
    fi
    if ! quietly "$python" -m venv "$venv"; then
        tail -n 30 "$log.last" >&2
        fail "$python cannot make a virtual environment. Install its venv module."
    fi
}

install_requirements() {
    # pip does it in a minute, uv in seconds. The certificate of a company's proxy is in the system's list, not in uv's.
    if quietly "$venv/bin/python" -m pip install --quiet uv; then
        quietly env UV_SYSTEM_CERTS=1 UV_NATIVE_TLS=1 \
            "$venv/bin/uv" pip install --python "$venv/bin/python" -r "$requirements" && return
        say "uv could not install them (see $log); trying pip."
    fi
    if ! quietly "$venv/bin/python" -m pip install -r "$requirements"; then
        tail -n 30 "$log.last" >&2
        fail "The packages of $requirements could not be installed (see $log)."
    fi
}

# What the environment was made of. The path is in it because the scripts in .venv/bin name their interpreter by path.
fingerprint() {
    printf '%s\n' "$PWD"
    "$venv/bin/python" --version 2>&1
    cat "$requirements" tests/requirements/*.txt
}

is_up_to_date() {
    [ -e "$stamp" ] && [ "$(fingerprint | sha256sum)" = "$(cat "$stamp")" ] || return 1
    [ -z "${PYTHON:-}" ] || [ "$("$PYTHON" --version 2>&1)" = "$("$venv/bin/python" --version 2>&1)" ]
}

set_up_python() {
    local python
    python=$(find_python)
    say "Making $venv with $("$python" --version 2>&1)."
    tell_if_untried "$python"
    make_venv "$python"
    say "Installing the packages of $requirements."
    install_requirements
    fingerprint | sha256sum >"$stamp"
    say "Ready."
}

main() {
    # Package managers keep downloads below HOME; where there is none, here.
    if [ -z "${HOME:-}" ] || [ ! -w "${HOME:-}" ]; then
        export UV_CACHE_DIR=$PWD/.build/cache/uv PIP_CACHE_DIR=$PWD/.build/cache/pip
    fi
    export PIP_DISABLE_PIP_VERSION_CHECK=1
    install_packages
    is_up_to_date || set_up_python
}

# Its tests source this file for its functions.
if [ "${BASH_SOURCE[0]}" = "$0" ]; then
    main
fi
