#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Makes .venv/ with the pinned Python packages and sees to the system packages.
#   scripts/setup.sh        what running labs needs
#   scripts/setup.sh classroom   and what the classroom needs
#   scripts/setup.sh dev    and what the tests need
# PYTHON=python3.12 scripts/setup.sh takes that Python instead of the first that will do; each has the newest
# ansible-core that is tested with it (requirements.txt).
# System packages are installed only where a program is missing, and only as root or with a
# sudo that asks nothing; otherwise the command to type is printed.
set -eu
cd "$(dirname "$0")/.."
flavour=${1:-run}
venv=.venv
tested="3.11 3.12 3.13"

version_of() { # version_of PYTHON: prints "3.11"; fails where it is missing, does not run or is too old for any ansible-core here
    "$1" -c 'import sys; print("%d.%d" % sys.version_info[:2]); sys.exit(sys.version_info < (3, 11))' 2>/dev/null
}

# A .venv that works is kept. Else: what was asked for, the system's python3, or the newest beside it (RHEL's python3 is 3.9).
PYTHON=${PYTHON:-}
python=$PYTHON
if [ -z "$python" ]; then
    python=python3
    for candidate in "$PWD/$venv/bin/python" python3 python3.13 python3.12 python3.11; do
        if version_of "$candidate" >/dev/null; then
            python=$candidate
            break
        fi
    done
fi

too_old() {
    echo "setup: Python 3.11 or newer is needed, $python is $1. Install a newer one beside it (PYTHON=python3.12 $0 names it)." >&2
    exit 1
}
# Only a missing python3 can be brought below.
version=$(version_of "$python") || [ -z "$version$PYTHON" ] || too_old "${version:-missing or does not run}"

there() { # there PROGRAM
    PATH="$PATH:/usr/sbin:/sbin" command -v "$1" >/dev/null 2>&1
}
missing=
need() { # need PROGRAM PACKAGE
    there "$1" || missing="$missing $2"
}
wished=
wish() { # wish PROGRAM PACKAGE: without it tests skip, so it is brought only where nobody has to be asked
    there "$1" || wished="$wished $2"
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
"$python" -c 'import ensurepip' 2>/dev/null || case "$python" in
python3.*) missing="$missing $python-venv" ;;
*) missing="$missing python3-venv" ;;
esac
if [ "$flavour" != run ]; then
    [ -e /usr/share/nodejs/xterm ] || [ -e /usr/share/nodejs/@xterm/xterm ] || missing="$missing node-xterm"
fi
if [ "$flavour" = dev ]; then
    need shellcheck shellcheck
    need chromium chromium
    need nft nftables
    # Other distributions' package managers, which tests ask on packages without content; and one way to encrypt a backup.
    wish rpmbuild rpm
    wish createrepo_c createrepo-c
    wish dnf dnf
    wish zypper zypper
    wish age age
    # The distribution's compose is a plugin, or a program of its own.
    docker compose version >/dev/null 2>&1 || need docker-compose docker-compose
fi

if [ -n "$wished" ] && command -v apt-get >/dev/null 2>&1 && { [ "$(id -u)" = 0 ] || sudo -n true 2>/dev/null; }; then
    missing="$missing$wished"
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

version=$(version_of "$python") || too_old "${version:-missing or does not run}"
case " $tested " in
*" $version "*) ;;
*) echo "setup: Python $version is newer than those that were tested ($tested); it gets what the last of them has" >&2 ;;
esac
if [ "$(version_of "$venv/bin/python")" != "$version" ]; then
    "$python" -m venv --clear "$venv"
fi
requirements="-r requirements.txt"
[ "$flavour" = run ] || requirements="$requirements -r requirements-classroom.txt"
[ "$flavour" != dev ] || requirements="$requirements -r requirements-dev.txt"
echo "setup: Python packages into $venv (a minute the first time)"
# shellcheck disable=SC2086  # words are meant to split
"$venv/bin/pip" install --quiet --disable-pip-version-check $requirements

# Ansible finds the checkout as swarmlab.overlay through this link.
mkdir -p "$venv/collections/ansible_collections/swarmlab"
ln -sfn ../../../.. "$venv/collections/ansible_collections/swarmlab/overlay"
touch "$venv/.ready-$flavour"
