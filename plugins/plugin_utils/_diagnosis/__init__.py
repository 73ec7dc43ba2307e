# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symptoms to causes: what makes many checks fail at once, where, and what to do about it. Pure.

Private to swarmlab.overlay. Runs on the controller only. Knows the results of the checks and the facts that they were judged by
(``_facts/model.py``), never the engine or Ansible. ``diagnose.diagnose(results, facts)`` is the way in; docs/diagnosis.md lists the causes.

A rule (``model.Rule``) finds a cause in the evidence and names the checks that suffer from it. Rules stand in the order of depth: what
lies deeper comes first, and a later finding counts only when it explains something that nothing before it did. What no rule
explains stays a result without a cause, and the report says so.
"""
