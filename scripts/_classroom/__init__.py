# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of the classroom (scripts/classroom.py): a lab's nodes on one side, a student's browser on the other."""
