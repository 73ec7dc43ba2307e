#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-test sanity with no ignore file; to be run at the path that it insists on, by scripts/in_copy.sh.
# Where all files passed before in this checkout, only those that differ are tested again. A fresh clone tests all of them, and so does
# SANITY=all.
# Usage: scripts/in_copy.sh scripts/sanity.sh [arguments of ansible-test sanity]
set -eu

# ansible-test keeps the environments of its tests at home; in the checkout's cache the second run has them already. Calls with other
# arguments may run at the same time, so each has a home of its own.
HOME="$CHECKOUT/.cache/sanity/$(printf %s "$*" | tr -cs '[:alnum:]' -)"
export HOME
# It would download pip's bootstrap script; the interpreter brings the same in ensurepip.
mkdir -p "$HOME/.ansible/test/cache"
source=$(python3 -c 'import ansible_test; print(ansible_test.__path__[0])')/_internal/python_requirements.py
for version in $(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$source" | tr . _); do
    printf 'import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n' \
        >"$HOME/.ansible/test/cache/get_pip_$version.py"
done
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
passed="$HOME/passed"
here="$HOME/here.$$"
trap 'rm -f "$here"' EXIT
{
    echo "$python $(ansible-test --version) $*"
    find . -type f ! -name '*.pyc' -exec sha256sum {} +
} | LC_ALL=C sort >"$here"
if [ "${SANITY:-changed}" = changed ] && [ -e "$passed" ]; then
    gone=$(LC_ALL=C comm -23 "$passed" "$here" | sed 's/^[0-9a-f]*  //')
    differs=$(LC_ALL=C comm -13 "$passed" "$here" | sed 's/^[0-9a-f]*  //')
    again=true
    for file in $gone; do
        [ -f "$file" ] || again=false # a file that is gone, or other tools: what rested on it is not known
    done
    if $again; then
        [ -n "$differs" ] || {
            echo "No file differs from those that passed."
            exit 0
        }
        # shellcheck disable=SC2046 # one word each: names of files in this tree have no spaces
        set -- "$@" $(echo "$differs" | sed 's|^\./||')
        echo "$(echo "$differs" | wc -l) files differ from those that passed."
    fi
fi
ansible-test sanity --color no --requirements --venv --python "$python" "$@"
mv "$here" "$passed"
