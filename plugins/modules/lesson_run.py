#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: lesson_run
short_description: Begin the lesson, judge what its steps showed, and finish it with a page
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
description:
  - The controller's part of role P(swarmlab.overlay.lesson#role); use the role rather than this action.
  - With O(stage=begin) it chooses the steps and gives the settings of a run; in check mode it prints the script.
  - With O(stage=ready) it returns whether the swarm can carry the lesson, and has no object of others with one of the lesson's names.
  - With O(stage=judge) it judges the steps of a round, and with O(stage=finish) it writes the page, and fails where the lesson stopped.
  - With O(stage=exercise) it returns the steps to give, check, mend or take back an exercise. With O(stage=diagnosed) it returns the causes that
    the proof names before the exercise is mended. With O(stage=acted) it returns whether one of these steps succeeded. With O(stage=solved) it
    fails when the exercise is not solved.
attributes:
  diff_mode:
    support: none
options:
  stage:
    description: Which part of the controller's work.
    type: str
    choices: [begin, ready, judge, finish, exercise, diagnosed, acted, solved]
    required: true
  language:
    description: Language of what is printed, and in which the page opens.
    type: str
    choices: [pt, en]
    default: pt
  steps:
    description: Numbers, ranges or names of the steps. Without any it is the whole lesson.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds that a command may take.
    type: int
    default: 60
  directory:
    description: Folder for the page and the record.
    type: path
  settings:
    description: What stages V(begin) and V(ready) gave.
    type: dict
  round:
    description: Number of the round that is judged, from 0.
    type: int
    default: 0
  causes:
    description: Causes that the diagnosis found after the lesson stopped.
    type: list
    elements: dict
    default: []
  refused:
    description: Why the swarm cannot carry the lesson, as stage V(ready) returned it. With O(stage=finish) the play then fails with this text.
    type: str
    default: ""
  exercise:
    description: Name of an exercise.
    type: str
  state:
    description: What is wanted of the exercise.
    type: str
    choices: [broken, checked, mended, absent]
    default: broken
  act:
    description: The act that was carried out, one of those that stage V(exercise) gave.
    type: dict
  solved:
    description: Whether all checks so far were met.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Go through the lesson (the role calls this module)
  hosts: swarm
  gather_facts: false
  roles:
    - role: swarmlab.overlay.lesson
"""

RETURN = r"""
settings:
  description: The settings of the run.
  returned: with stages V(begin) and V(ready)
  type: dict
  sample:
    language: pt
    rounds: 8
refused:
  description: Why the swarm cannot carry the lesson. Empty when it can.
  returned: with stage V(ready)
  type: str
stop:
  description: Whether a step failed, so that the lesson has to stop.
  returned: with stage V(judge)
  type: bool
diagnose:
  description: Whether the proof is asked before that.
  returned: with stage V(exercise)
  type: bool
acts:
  description: What is to be done, in this order.
  returned: with stage V(exercise)
  type: list
  elements: dict
told:
  description: The exercise's answer in each language.
  returned: with stage V(exercise)
  type: dict
solved:
  description: Whether all checks so far were met.
  returned: with stages V(acted) and V(solved)
  type: bool
page:
  description: Path of the page.
  returned: with stage V(finish)
  type: str
story:
  description: Path of the record.
  returned: with stage V(finish)
  type: str
seconds:
  description: How long the lesson took.
  returned: with stage V(finish)
  type: float
steps:
  description: "The verdict about each step: confirmed, corrected or failed."
  returned: with stage V(finish)
  type: dict
  sample:
    network-list: confirmed
"""
