#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: service_discovery
short_description: Prove that names resolve on an overlay network
version_added: 0.1.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Asks the engine's DNS for names on an overlay network, from inside the namespace of every local container on it, and compares
    the answers with the exact sets that must come.
  - The names are those of services (their virtual IP, or the tasks with endpoint mode C(dnsrr)), C(tasks.) names, task names, and
    aliases. By default all that the swarm's API lists.
  - No tool in the containers' images is needed. Where no local container is on an attachable network, a temporary one is attached
    and removed again.
  - Waits for convergence up to O(timeout) and returns how long it took. When a set is wrong in the end, the task fails and names the
    difference, record by record.
notes:
  - Needs root on the node, to look into network namespaces.
  - Run it on every node; each sees the network with its own eyes.
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.engine.sdk
attributes:
  check_mode:
    description: Can run in check mode and return what a run would change, without changing it.
    support: full
    details:
      - This module changes nothing that lasts.
  diff_mode:
    description: Returns what was changed, or in check mode what would be changed.
    support: full
    details:
      - The difference is between expected and observed records.
  platform:
    description: The systems it runs on.
    platforms: linux
    support: full
options:
  network:
    description: Name of the overlay network.
    type: str
    required: true
  names:
    description:
      - The names to ask for.
      - If not given, every name in O(expected), and without that every name that the swarm knows on the network.
    type: list
    elements: str
  expected:
    description:
      - Dictionary of names, each with the list of all IPv4 addresses that must be answered. An empty list means that nothing may be
        answered.
      - If not given, the swarm's API is asked, which only a manager can do. For a worker, take C(records) of
        M(swarmlab.overlay.overlay_network_info) from a manager.
    type: dict
  absent:
    description: Names that must not resolve on the network.
    type: list
    elements: str
    default: []
  timeout:
    description: Seconds for the records to become right.
    type: int
    default: 30
  attach:
    description: Whether to attach a temporary container where no local one is on the network.
    type: bool
    default: true
seealso:
  - module: swarmlab.overlay.overlay_network_info
"""

EXAMPLES = r"""
- name: Every name on the network must be right on the manager
  swarmlab.overlay.service_discovery:
    network: back

- name: Look at the network on a manager
  swarmlab.overlay.overlay_network_info:
    names: [back]
  delegate_to: "{{ groups['swarm_managers'][0] }}"
  run_once: true
  register: overlays

- name: The same names must be right on every node
  swarmlab.overlay.service_discovery:
    network: back
    expected: "{{ overlays.networks[0].records }}"

- name: A name of another network must not leak
  swarmlab.overlay.service_discovery:
    network: back
    names: [database]
    expected:
      database: [10.0.5.2]
    absent: [frontend]
"""

RETURN = r"""
records:
  description: One entry for each name and endpoint.
  returned: success and failure
  type: list
  elements: dict
  contains:
    name:
      description: The name.
      type: str
    expected:
      description: The addresses that must be answered.
      type: list
      elements: str
    observed:
      description: The addresses that were answered last.
      type: list
      elements: str
    missing:
      description: Expected and not observed.
      type: list
      elements: str
    unexpected:
      description: Observed and not expected.
      type: list
      elements: str
    answer:
      description: Kind of the answer, V(answer), V(empty), V(nxdomain), V(error), V(timeout), or V(unreachable).
      type: str
    endpoint:
      description: Name of the container that asked.
      type: str
    ok:
      description: Whether the sets are equal.
      type: bool
    seconds:
      description: When it was so.
      type: float
  sample:
    - name: web
      expected: [10.0.5.2]
      observed: [10.0.5.2]
      missing: []
      unexpected: []
      answer: answer
      endpoint: web.1.s1n0x7uzq8p4
      ok: true
      seconds: 0.02
converged_after:
  description: Seconds until every record was right.
  returned: success
  type: float
  sample: 0.02
temporary:
  description: Whether a temporary container was attached to ask.
  returned: success and failure
  type: bool
  sample: false
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._discovery import asking
from ansible_collections.swarmlab.overlay.plugins.module_utils._discovery.records import expected_records
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import (
    APIClient,
    EngineError,
    engine_argument_spec,
    manager_problem,
    run_module,
)


def known_records(client: APIClient, network: str) -> dict[str, list[str]]:
    """What the swarm's API says, on a manager."""
    problem = manager_problem(client.info())
    if problem is not None:
        raise EngineError(
            problem.message + " Or pass 'expected': the records that overlay_network_info returns on a manager.",
            **problem.details,
        )
    return expected_records(asking.network_id(client, network), client.services(), client.tasks())


def run(module: AnsibleModule, client: APIClient) -> dict[str, t.Any]:
    """Ask from every endpoint and compare."""
    params = module.params
    expected = params["expected"] if params["expected"] is not None else known_records(client, params["network"])
    wanted = asking.wanted_records(expected, params["names"], params["absent"])
    if not wanted:
        raise EngineError(f"There is no name to ask for on network {params['network']}: no service is on it.")
    places = asking.endpoints(client, params["network"])
    temporary = None
    if not places:
        if not params["attach"]:
            raise EngineError(f"No local container is on network {params['network']}, and 'attach' is false.")
        temporary = asking.attach(client, params["network"])
    try:
        places = places or asking.endpoints(client, params["network"])
        if not places:
            raise asking.no_such_network(params["network"])
        records = asking.ask(places, params["network"], wanted, params["timeout"])
    finally:
        if temporary:
            client.remove_container(temporary, force=True, v=True)
    return conclude(params["network"], records, bool(temporary))


def conclude(network: str, records: list[asking.Record], temporary: bool) -> dict[str, t.Any]:
    """The module's result."""
    wrong = [row for row in records if not row["ok"]]
    result: dict[str, t.Any] = {"changed": False, "records": records, "temporary": temporary}
    if wrong:
        raise EngineError(
            (
                f"{len(wrong)} of {len(records)} records on network {network} are wrong: {asking.explain_records(records)}"
            ),
            diff=asking.diff(records),
            **result,
        )
    return dict(result, converged_after=max(row["seconds"] for row in records))


def main() -> None:
    """Build the module and run it."""
    spec = engine_argument_spec()
    spec.update(
        network={"type": "str", "required": True},
        names={"type": "list", "elements": "str"},
        expected={"type": "dict"},
        absent={"type": "list", "elements": "str", "default": []},
        timeout={"type": "int", "default": 30},
        attach={"type": "bool", "default": True},
    )
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    if os.geteuid() != 0:
        module.fail_json(msg="Looking into network namespaces needs root on the node: set 'become: true'.")
    run_module(module, run)


if __name__ == "__main__":
    main()
