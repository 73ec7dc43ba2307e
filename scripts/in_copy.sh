#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Run a command in a copy of the tree at .../ansible_collections/swarmlab/overlay, without labs, caches and other
# files that git does not know: Ansible's own test tools insist on the one or stumble over the other.
# Usage: scripts/in_copy.sh COMMAND [ARGUMENT ...]
set -eu
cd "$(dirname "$0")/.."
export PATH="$PWD/.venv/bin:$PATH"
export CHECKOUT="$PWD"
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT INT TERM
tree="$work/ansible_collections/swarmlab/overlay"
mkdir -p "$tree"
git ls-files --cached --others --exclude-standard | while read -r file; do
    [ ! -e "$file" ] || cp --parents "$file" "$tree"
done
cd "$tree"
"$@"
