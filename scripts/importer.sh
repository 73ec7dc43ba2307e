#!/bin/sh
# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
#
# Build the collection and let Galaxy's own importer judge the artefact; to be run by scripts/in_copy.sh.
# What the importer would run itself (ansible-lint, sanity tests) are tests of their own here.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT INT TERM
ansible-galaxy collection build --output-path "$folder" . >/dev/null
export GALAXY_IMPORTER_RUN_ANSIBLE_LINT=False GALAXY_IMPORTER_RUN_ANSIBLE_TEST=False
cd "$folder"
python3 -m galaxy_importer.main ./*.tar.gz >"$folder/log" 2>&1 || { tail -n 5 "$folder/log"; exit 1; }
