# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From symptoms to causes: the reason why many checks fail at once, its place, and the remedy. Pure.

Private to swarmlab.overlay. Runs on the controller only. It knows the results of the checks and their facts
(``_facts/model.py``), never the engine or Ansible. The entry point is ``diagnose.diagnose(results, facts)``;
docs/diagnosis.md lists the causes.

A rule (``model.Rule``) finds a cause in the evidence and names the checks that suffer from it. Rules are ordered by
depth: deeper causes come first, and a later finding counts only when it explains something that no earlier one did. A
result that no rule explains keeps no cause, and the report says so.
"""
