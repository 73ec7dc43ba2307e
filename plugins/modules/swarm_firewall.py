#!/usr/bin/python
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
module: swarm_firewall
short_description: Open a node's own firewall for the other nodes of its Docker Swarm only
version_added: 0.2.0
description:
  - Opens the ports that a swarm needs. These are gossip (7946 by TCP and UDP), the data path (UDP), ESP (protocol 50) for
    encrypted overlays, and on managers the port of the managers' API (TCP).
  - Detects the tool that filters. It is firewalld when it runs, ufw when it is enabled, nftables when one of its input chains
    drops, or plain iptables when its chain C(INPUT) drops.
  - The rules apply at once, after a reload of the tool, and after a boot. No tool is reloaded or restarted.
  - A mark identifies the module's own rules. Rules of nodes that are gone are removed. Other rules are never changed.
  - If nothing filters, nothing is changed. Two active tools, rules that no file restores at boot, and nodes with an unknown address
    are refused with one message. Nothing is changed then.
notes:
  - In firewalld they are rich rules of priority -7946 in the zones by which the nodes come in.
  - In ufw they are rules with the comment C(swarmlab.overlay), before the others.
  - In nftables they are a chain C(swarmlab_overlay) in the table whose input chain drops, with a jump from there, and a file beside
    C(/etc/nftables.conf), which gets one line that includes it.
  - In iptables they are a chain C(SWARMLAB-OVERLAY), also written into the file that is loaded at boot (C(/etc/iptables/rules.v4),
    C(/etc/sysconfig/iptables)).
  - It does not manage security groups of a cloud. It does not manage published ports, which do not pass the input chains.
author:
  - swarmlab contributors (@swarmlab)
extends_documentation_fragment:
  - swarmlab.overlay.engine
  - swarmlab.overlay.attributes
options:
  state:
    description:
      - V(present) opens the firewall for the nodes.
      - V(absent) removes everything that this module wrote on the host, in every tool.
    type: str
    choices: [present, absent]
    default: present
  nodes:
    description:
      - The addresses of each node, by any name for it. All nodes belong here, also this host.
      - A name is resolved on this host, and the port of C(address:port) is left out. A network is refused.
      - The members that the engine of this host knows are included as well, so that an incomplete inventory cuts off no node. If
        the engine does not answer, no address is removed.
      - Required with O(state=present).
    type: dict
  manager:
    description: Whether this host is a manager, or is to be one.
    type: bool
    default: false
  listen_port:
    description: TCP port of the managers.
    type: int
    default: 2377
  data_path_port:
    description: UDP port of the overlay networks, 1024 to 49151.
    type: int
    default: 4789
requirements:
  - root
seealso:
  - name: Firewalls of existing hosts
    description: What was tried on which versions, and what a reload does to an engine's rules.
    link: https://github.com/swarmlab/overlay/blob/main/docs/hosts-firewall.md
"""

EXAMPLES = r"""
- name: Let the nodes in
  swarmlab.overlay.swarm_firewall:
    manager: "{{ inventory_hostname in groups['swarm_managers'] }}"
    nodes: "{{ groups['swarm'] | swarmlab.overlay.node_addresses(hostvars) }}"

- name: The same with addresses written down
  swarmlab.overlay.swarm_firewall:
    nodes:
      vm1: [10.0.0.11]
      vm2: [10.0.0.12, "fd77::12"]
    data_path_port: 7789

- name: Take everything back
  swarmlab.overlay.swarm_firewall:
    state: absent
"""

RETURN = r"""
tool:
  description: The tool that filters here, one of V(firewalld), V(ufw), V(nftables), V(iptables), V(none); V(all) with O(state=absent).
  returned: success
  type: str
  sample: ufw
addresses:
  description: The addresses that are let in.
  returned: success
  type: list
  elements: str
  sample: [10.0.0.11, 10.0.0.12]
rules:
  description: The rules of this module as they stand now, in the words of the tool.
  returned: success
  type: list
  elements: str
notes:
  description: What was left alone, and why there was nothing to do.
  returned: success
  type: list
  elements: str
  sample: ["firewalld is installed and does not run: left alone. When it is started later, it closes the swarm's ports: run this again then"]
"""

import os
import typing as t

from ansible.module_utils.basic import AnsibleModule
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import engine_argument_spec
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall import addresses, tools
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.model import Refusal, ordered, wanted


def declare(module: AnsibleModule, here: tools.Host) -> tools.Found:
    """The plan for this host."""
    params = module.params
    if params["state"] == "absent":
        return tools.closing(here)
    goal = wanted((), params["manager"], params["listen_port"], params["data_path_port"])
    nodes = {name: said if isinstance(said, list) else [said] for name, said in params["nodes"].items()}
    if not nodes:
        raise Refusal("nodes is empty: give the addresses of the swarm's nodes. Nothing was changed")
    try:
        known = addresses.known(nodes, tools.resolve, tools.own_names())
    except Refusal as error:
        raise Refusal(f"{error}. Nothing was changed") from error
    members = tools.members(params["docker_host"], params["engine_timeout"])
    return tools.opening(here, goal._replace(addresses=ordered([*known, *(members or ())])), members is not None)


def writer(module: AnsibleModule) -> t.Callable[[str, str | None], None]:
    """Writes a file, or removes it when its text is none."""

    def write(path: str, text: str | None) -> None:
        if text is None:
            if os.path.exists(path):
                os.unlink(path)
            return
        os.makedirs(os.path.dirname(path), mode=0o755, exist_ok=True)
        temporary = f"{path}.swarmlab"
        with open(temporary, "w", encoding="utf-8", errors="surrogateescape") as handle:
            handle.write(text)
        module.atomic_move(temporary, path)

    return write


def shown(found: tools.Found) -> list[dict[str, str]]:
    """The difference for people: our rules, and each file."""
    parts = [
        (
            f"rules ({found.tool})",
            "".join(f"{row}\n" for row in found.plan.before),
            "".join(f"{row}\n" for row in found.plan.after),
        )
    ]
    parts += [(path, tools.read(path), text or "") for path, text in found.plan.files]
    return [
        {"before_header": name, "after_header": name, "before": before, "after": after}
        for name, before, after in parts
        if before != after
    ]


def main() -> None:
    """Entry point."""
    module = AnsibleModule(
        argument_spec=dict(
            engine_argument_spec(),
            state={"type": "str", "choices": ["present", "absent"], "default": "present"},
            nodes={"type": "dict"},
            manager={"type": "bool", "default": False},
            listen_port={"type": "int", "default": 2377},
            data_path_port={"type": "int", "default": 4789},
        ),
        required_if=[("state", "present", ("nodes",))],
        supports_check_mode=True,
    )
    if os.geteuid() != 0:
        module.fail_json(msg="Changing the firewall needs root: use 'become: true'. Nothing was changed.")
    here = tools.Host(module.run_command)
    try:
        found = declare(module, here)
        for sentence in found.idle:
            module.warn(f"{os.uname().nodename}: {sentence}.")
        result = {
            "changed": found.plan.changes,
            "tool": found.tool,
            "rules": list(found.plan.after),
            "notes": found.notes,
            "addresses": list(found.wanted.addresses) if found.wanted else [],
            "diff": shown(found),
        }
        if found.plan.changes and not module.check_mode:
            tools.apply(here, found, writer(module))
            left = declare(module, here)
            if left.plan.changes:
                raise Refusal(
                    f"{found.tool} accepted the rules and does not have them: {'; '.join(' '.join(row.argv) for row in left.plan.commands)}"
                )
    except Refusal as error:
        module.fail_json(msg=f"{str(error).rstrip('.')}.")
    module.exit_json(**result)


if __name__ == "__main__":
    main()
