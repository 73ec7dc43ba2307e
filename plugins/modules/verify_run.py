#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: verify_run
short_description: Begin a verification, and finish it with a report
version_added: 0.1.0
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.attributes.controller
description:
  - The controller's part of role P(swarmlab.overlay.verify#role); use the role rather than this action.
  - With O(stage=tags) it refuses a tag behind C(--tags) or C(--skip-tags) that no check has, when playbook
    C(swarmlab.overlay.verify) alone was started. Elsewhere tags may belong to other tasks.
  - With O(stage=begin) it checks what was asked for and gives the settings of a new run. With O(stage=finish) it judges what the
    nodes told, finds the causes of what is wrong, writes the report, prints the summary, and fails when anything failed or was
    inconclusive.
  - With O(stage=late) it returns whether any node still waits for gossip.
  - With O(stage=disrupt) it returns the settings of the run that follows a disruption, and with O(stage=recovered) the results of that run.
    With O(stage=conclude) it adds all of this to the report.
attributes:
  check_mode:
    details:
      - It changes no node. The report on the controller is written in check mode too.
  diff_mode:
    support: none
options:
  stage:
    description: Which end of the verification.
    type: str
    choices: [tags, begin, late, finish, disrupt, recovered, conclude]
    required: true
  networks:
    description: Names or shell patterns of the networks to verify.
    type: list
    elements: str
    default: ["*"]
  checks:
    description: Ids, tags, or shell patterns of them, of the checks to run.
    type: list
    elements: str
    default: ["*"]
  services:
    description: Names or shell patterns of the services whose names are asked for.
    type: list
    elements: str
    default: ["*"]
    version_added: 0.2.0
  nodes:
    description: Inventory names or shell patterns of the nodes to ask from, and whose pairs with all others to try.
    type: list
    elements: str
    default: ["*"]
    version_added: 0.2.0
  shared_names:
    description: Names or shell patterns of names that several services of a network share on purpose.
    type: list
    elements: str
    default: []
    version_added: 0.2.0
  image:
    description: Image of the probes; empty for the one made on the nodes.
    type: str
    default: ""
  timeout:
    description: Seconds to wait for the probes to come up.
    type: int
    default: 90
  convergence:
    description: Seconds for names and paths to become right.
    type: int
    default: 20
  certificate_days:
    description:
      - Days that a node's certificate must still be valid.
      - V(0) means a tenth of the certificate's own life.
    type: float
    default: 0
  performance:
    description: Whether to measure performance too.
    type: bool
    default: false
    version_added: 0.2.0
  performance_seconds:
    description: Seconds of each stream that is measured.
    type: float
    default: 2.0
    version_added: 0.2.0
  quality:
    description:
      - Limits of what paths may do to traffic, beyond which check PATH-QUALITY fails.
      - V(loss) is the highest loss in per cent of the packets (1). V(delay) is the longest median round trip in milliseconds (100).
      - V(jitter) is the longest time in milliseconds between the fastest round trip and the slowest of nine in ten (100).
      - V(rate) is the lowest rate of a burst in Mbit/s (5).
      - Above two fifths of V(delay) or V(jitter), a path that is eight times as bad as the others fails as well.
    type: dict
    default: {}
    version_added: 0.2.0
  disruptive:
    description: Disruptions to bring upon one node.
    type: list
    elements: str
    choices: [partition, engine-restart, firewall-reload, drain, reboot]
    default: []
    version_added: 0.2.0
  disruptive_node:
    description: Inventory name of the node to disrupt; empty for a worker.
    type: str
    default: ""
    version_added: 0.2.0
  disruptive_force:
    description: Whether to disrupt even though the proof was not green.
    type: bool
    default: false
    version_added: 0.2.0
  disruptive_timeout:
    description: Seconds for all to be as before a disruption.
    type: int
    default: 120
    version_added: 0.2.0
  settings:
    description: What O(stage=begin) returned, or O(stage=disrupt) later. Needed with every other stage.
    type: dict
  document:
    description: The report that O(stage=finish) returned. Needed with O(stage=disrupt) and O(stage=conclude).
    type: dict
    version_added: 0.2.0
  disruption:
    description: Which of O(disruptive) comes now, with O(stage=disrupt).
    type: str
    version_added: 0.2.0
  outcomes:
    description: What O(stage=recovered) returned.
    type: list
    elements: dict
    default: []
    version_added: 0.2.0
  directory:
    description:
      - Folder for the report, as a page, as JSON and as JUnit XML; none is written without it.
      - When anything failed or was inconclusive, C(diagnostics-TIME.tar.gz) is written there too. It holds the report and all answers of
        the nodes, without secrets. The newest five are kept.
      - With O(stage=begin) the JUnit XML of an earlier run is removed from it.
    type: path
  fail:
    description: Whether to fail when a check failed or was inconclusive. Where nothing at all was proven it fails in any case.
    type: bool
    default: true
"""

EXAMPLES = r"""
- name: Verify the overlay networks (the role calls this action)
  hosts: swarm
  gather_facts: false
  roles:
    - role: swarmlab.overlay.verify
"""

RETURN = r"""
settings:
  description: The settings that all steps of the run share.
  returned: with O(stage=begin)
  type: dict
  sample: {run: 6562aa310b1f, checks: ["SD-VIP", "SD-TASKS"], networks: ["*"]}
summary:
  description: How many results there are of each status.
  returned: with O(stage=finish)
  type: dict
  sample: {pass: 24, fail: 0, inconclusive: 0, skip: 1, total: 25, ok: true, seconds: 41.3}
report:
  description: Path of the report.
  returned: with O(stage=finish) and O(directory)
  type: str
  sample: /home/me/.lab/lab/report/report.json
page:
  description: Path of the report as a page.
  returned: with O(stage=finish) and O(directory)
  type: str
  sample: /home/me/.lab/lab/report/report.html
junit:
  description: Path of the results as JUnit XML.
  returned: with O(stage=finish) and O(directory)
  type: str
  sample: /home/me/.lab/lab/report/junit.xml
causes:
  description: What makes checks fail, those that explain most first. Empty when all is well or no single cause was found.
  returned: with O(stage=finish)
  type: list
  elements: dict
  contains:
    id: {description: "Stable name of the cause; docs/diagnosis.md lists them.", type: str, returned: always}
    title: {description: The cause in plain words., type: str, returned: always}
    nodes: {description: Where it is., type: list, elements: str, returned: always}
    networks: {description: The networks that suffer from it., type: list, elements: str, returned: always}
disrupt:
  description: The disruptions that may begin. None when the proof was not green.
  returned: with O(stage=finish)
  type: list
  elements: str
  sample: [partition]
document:
  description: The report, for the stages that follow.
  returned: with O(stage=finish), when there are disruptions
  type: dict
outcomes:
  description: What each disruption so far showed.
  returned: with O(stage=recovered)
  type: list
  elements: dict
diagnostics:
  description: Path of the archive for a colleague.
  returned: with O(stage=finish) and O(directory), when anything failed or was inconclusive
  type: str
  sample: /home/me/.lab/lab/report/diagnostics-20260101T000000Z.tar.gz
"""

# All of it is in plugins/action/verify_run.py.
