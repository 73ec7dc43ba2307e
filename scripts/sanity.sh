#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# ansible-test sanity with no ignore file, on a copy of the tree at the path that it insists on.
# Usage: scripts/sanity.sh [arguments of ansible-test sanity]
set -eu
cd "$(dirname "$0")/.."
PATH="$PWD/.venv/bin:$PATH"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
tree="$work/ansible_collections/swarmlab/overlay"
mkdir -p "$tree"
git ls-files --cached --others --exclude-standard -z | xargs -0 cp --parents -t "$tree" 2>/dev/null || true

# ansible-test would download pip's bootstrap script; the interpreter brings the same in ensurepip.
export HOME="$work/home"
mkdir -p "$HOME/.ansible/test/cache"
for version in 20_3_4 21_3_1 24_2; do
    printf 'import ensurepip\nensurepip.bootstrap(upgrade=True, default_pip=True)\n' \
        >"$HOME/.ansible/test/cache/get_pip_$version.py"
done
python=$(python3 -c 'import sys; print("%d.%d" % sys.version_info[:2])')
cd "$tree"
ansible-test sanity --color no --requirements --venv --python "$python" "$@"
