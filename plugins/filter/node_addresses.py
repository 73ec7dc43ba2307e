# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: node_addresses
short_description: The addresses of a swarm's nodes, from the inventory and from what their engines said
version_added: 0.2.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - For the option O(swarmlab.overlay.swarm_firewall#module:nodes) of M(swarmlab.overlay.swarm_firewall).
  - A host counts also when it is not in the play, as with C(--limit). Then only what the inventory says of it is known.
  - The address that a host's engine reported to the roles (C(swarm_told), C(swarm_others), C(engine_state)) comes first, with C(swarm_advertise_addr) and
    C(swarm_data_path_addr). A host that has none of them counts with C(ansible_host), or its name.
  - The name of a link is looked up in the host's facts.
  - Members that a manager lists and the inventory lacks count too. If C(swarm_advertise_addr) of a host outside the play is a template over
    facts that were not gathered, the address comes from these members, where a manager lists them.
positional: _input, hostvars
options:
  _input:
    description: Names of hosts.
    type: list
    elements: str
    required: true
  hostvars:
    description: The variable C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Let the nodes in
  swarmlab.overlay.swarm_firewall:
    nodes: "{{ groups['swarm'] | swarmlab.overlay.node_addresses(hostvars) }}"
"""

RETURN = r"""
_value:
  description: A list of addresses or names by host. It is empty where a host's address is not known.
  type: dict
  sample: {vm1: [10.0.0.11], vm2: [10.0.0.12, 10.1.0.12]}
"""

import typing as t

from ansible.errors import AnsibleError, AnsibleFilterError
from ansible_collections.swarmlab.overlay.plugins.module_utils._firewall.addresses import bare, literal, unfit

DECLARED = ("swarm_advertise_addr", "swarm_data_path_addr")


def node_addresses(hosts: t.Iterable[str], hostvars: t.Mapping[str, t.Any]) -> dict[str, list[str]]:
    """The addresses of each host, and of members that are none of them."""
    if isinstance(hosts, str):
        raise AnsibleFilterError("node_addresses takes a list of host names, not one text")
    found: dict[str, list[str]] = {}
    members: dict[str, str] = {}
    names = list(hosts)
    told = _told(names, hostvars)
    for host in names:
        place = told.get(host) or {}
        found[host] = _of(host, hostvars[host], place.get("node_address") or "")
        for member in place.get("members") or []:
            members[f"member {member['hostname']} ({member['id']})"] = _of_member(member)
    known = {address for addresses in found.values() for address in addresses}
    found.update({name: [address] for name, address in members.items() if address and address not in known})
    return {name: addresses for name, addresses in found.items() if addresses or not members}


def _told(hosts: list[str], hostvars: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """The place in its swarm that each engine told last, also engines outside the play that role swarm asked for want of a manager."""
    found: dict[str, dict[str, t.Any]] = {}
    for host in hosts:
        variables = hostvars[host]
        own = [_value(variables, name) or {} for name in ("swarm_told", "engine_state")]
        place = next((answer["swarm"] for answer in own if answer.get("swarm")), None)
        found.update({host: place} if place else {})
        for answer in (_value(variables, "swarm_others") or {}).get("results") or []:
            if answer.get("swarm"):
                found.setdefault(answer["item"], answer["swarm"])
    return found


def _of(host: str, variables: t.Mapping[str, t.Any], told: str) -> list[str]:
    advertised, data_path = [_declared(variables, name) for name in DECLARED]
    if told:
        # What the engine says stands for the name of a link, or a name that is known to that host alone.
        return list(dict.fromkeys([told, *(text for text in advertised or () if literal(text)), *(data_path or ())]))
    if advertised is None:
        return []
    return list(dict.fromkeys([*(advertised or [str(_value(variables, "ansible_host") or host)]), *(data_path or ())]))


def _declared(variables: t.Mapping[str, t.Any], name: str) -> list[str] | None:
    """A declared address, or those of the link whose name is declared. None where it rests on something that is not known."""
    text = ((_value(variables, "swarm_told") or {}).get("declared") or {}).get(name)
    try:
        text = text or variables.get(name)
    except AnsibleError:
        return None
    if not text:
        return []
    if not isinstance(text, str):
        return None
    link = (_value(variables, "ansible_facts") or {}).get(text.replace("-", "_").replace(".", "_"))
    if not isinstance(link, dict) or "device" not in link:
        return [bare(text)]
    rows = [link.get("ipv4") or {}, *(link.get("ipv6") or [])]
    return [row["address"] for row in rows if row.get("address") and not unfit(row["address"])] or [text]


def _value(variables: t.Mapping[str, t.Any], name: str) -> t.Any:
    """A variable of a host; None when it is not set, or rests on one that is not."""
    try:
        value = variables.get(name)
    except AnsibleError:
        return None
    return value if isinstance(value, (str, dict)) else None


def _of_member(member: t.Mapping[str, t.Any]) -> str:
    """A manager's own address is the surer one: of a leader the other may be 0.0.0.0."""
    texts = [bare(member.get("manager_address") or ""), member.get("address") or ""]
    return next((text for text in texts if not unfit(text)), "")


class FilterModule:
    """The collection's filters."""

    def filters(self) -> dict[str, t.Callable[..., t.Any]]:
        return {"node_addresses": node_addresses}
