#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes .venv/ with the pinned Python packages and sees to the system packages.
#   scripts/setup.sh        what running labs needs
#   scripts/setup.sh dev    and what the tests need
# System packages are installed only where a program is missing, and only as root or with a
# sudo that asks nothing; otherwise the command to type is printed.
set -eu
cd "$(dirname "$0")/.."
flavour=${1:-run}
venv=.venv

missing=
need() { # need PROGRAM PACKAGE
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1 || missing="$missing $2"
}
need qemu-system-x86_64 qemu-system-x86
need qemu-img qemu-utils
need mmdebstrap mmdebstrap
need fakeroot fakeroot
need newuidmap uidmap
need mke2fs e2fsprogs
need ssh openssh-client
need ip iproute2
need dockerd docker.io
need iptables iptables
[ -e /usr/share/keyrings/debian-archive-keyring.gpg ] || missing="$missing debian-archive-keyring"
python3 -c 'import ensurepip' 2>/dev/null || missing="$missing python3-venv"
if [ "$flavour" = dev ]; then
    need shellcheck shellcheck
    need chromium chromium
    need nft nftables
    # The distribution's compose is a plugin, or a program of its own.
    docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
fi

if [ -n "$missing" ]; then
    install="apt-get install -y --no-install-recommends$missing"
    if ! command -v apt-get >/dev/null 2>&1; then
        echo "setup: these programs are missing; install them with this system's package manager (Debian's names):$missing" >&2
        exit 1
    elif [ "$(id -u)" = 0 ]; then
        sudo=
    elif sudo -n true 2>/dev/null; then
        sudo="sudo -n"
    else
        echo "setup: system packages are missing. Type this, then run it again:" >&2
        echo "    sudo apt-get update && sudo $install" >&2
        exit 1
    fi
    echo "setup: installing$missing"
    $sudo apt-get update -qq
    # shellcheck disable=SC2086  # words are meant to split
    DEBIAN_FRONTEND=noninteractive $sudo $install >/dev/null
fi

python3 - <<'PY' || exit 1
import sys
if not (3, 11) <= sys.version_info[:2] <= (3, 13):
    sys.exit(f"setup: Python 3.11, 3.12 or 3.13 is needed, python3 is {sys.version.split()[0]}")
PY
[ -x "$venv/bin/python" ] || python3 -m venv "$venv"
requirements="-r requirements.txt"
[ "$flavour" = run ] || requirements="$requirements -r requirements-dev.txt"
echo "setup: Python packages into $venv (a minute the first time)"
# shellcheck disable=SC2086  # words are meant to split
"$venv/bin/pip" install --quiet --disable-pip-version-check $requirements

# Ansible finds the checkout as swarmlab.overlay through this link.
mkdir -p "$venv/collections/ansible_collections/swarmlab"
ln -sfn ../../../.. "$venv/collections/ansible_collections/swarmlab/overlay"
touch "$venv/.ready-$flavour"
