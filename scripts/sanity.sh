#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-test sanity with no ignore file; to be run at the path that it insists on, by scripts/in_copy.sh.
# Usage: scripts/in_copy.sh scripts/sanity.sh [arguments of ansible-test sanity]
set -eu

# ansible-test keeps the environments of its tests at home; in the checkout's cache the second run has them already.
HOME="$CHECKOUT/.cache/sanity"
export HOME
# It would download pip's bootstrap script; the interpreter brings the same in ensurepip.
mkdir -p "$HOME/.ansible/test/cache"
source=$(python3 -c 'import ansible_test; print(ansible_test.__path__[0])')/_internal/python_requirements.py
for version in $(sed -n "s/^ *pip='\([0-9.]*\)'.*/\1/p" "$source" | tr . _); do
    printf 'import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n' \
        >"$HOME/.ansible/test/cache/get_pip_$version.py"
done
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
ansible-test sanity --color no --requirements --venv --python "$python" "$@"
