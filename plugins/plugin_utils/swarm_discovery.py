# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes that a manager lists and the inventory lacks: their names, and connection variables. Pure, controller only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import re
import typing as t

from ..module_utils._swarm.place import Member

# Variables of a connection. Those of one single host (its address, its public keys) are not copied.
CONNECTION = (
    "ansible_become", "ansible_connection", "ansible_docker_", "ansible_password", "ansible_paramiko_", "ansible_pipelining", "ansible_port",
    "ansible_private_key_file", "ansible_python_interpreter", "ansible_remote_tmp", "ansible_scp_", "ansible_sftp_", "ansible_shell_",
    "ansible_ssh_", "ansible_timeout", "ansible_user",
)  # fmt: skip
UNUSABLE = ("", "0.0.0.0", "::", "127.0.0.1", "::1")


def connection_keys(variables: t.Iterable[str]) -> list[str]:
    """The names of a host's connection variables that apply to its neighbours too."""
    return [
        key for key in variables if key.startswith(CONNECTION) and key != "ansible_ssh_host" and "_public" not in key
    ]


def unknown(members: t.Iterable[Member], known: t.Container[str], silent: t.Container[str]) -> list[Member]:
    """The nodes without a host in the play, sorted by name because the engine lists them by random ids.

    A node with the address or name of a host that did not answer is left out: it would fail a second time.
    """
    strangers = [
        member
        for member in members
        if member["id"] not in known and address_of(member) not in silent and member["hostname"] not in silent
    ]
    return sorted(strangers, key=lambda member: (_natural(member["hostname"]), member["id"]))


def _natural(name: str) -> list[tuple[int, str]]:
    """A key that sorts vm2 before vm10."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"(\d+)", name)]


def address_of(member: Member) -> str:
    """The node's address for other nodes.

    A manager that created its swarm on 0.0.0.0 is listed with that, but its raft address is right.
    """
    if member["address"] not in UNUSABLE:
        return member["address"]
    return member["manager_address"].rpartition(":")[0].strip("[]") or member["hostname"]


def name_of(member: Member, taken: t.Container[str]) -> str:
    """The node's name in the report: its host name, with a part of its id when the name is taken."""
    name = member["hostname"] or member["id"]
    return name if name not in taken else f"{name}-{member['id'][:6]}"


def nobody_tells(told: t.Mapping[str, t.Mapping[str, t.Any]]) -> str:
    """Why no host could list the swarm's nodes."""
    reasons = []
    for host, answer in told.items():
        place = answer.get("swarm")
        if place is None:
            reasons.append(f"{host}: {answer.get('problem') or 'it was not asked'}")
        elif place["state"] != "active":
            reasons.append(
                f"{host} is in no swarm (its engine says: {place['state']}{', ' + place['error'] if place['error'] else ''})"
            )
        elif not place["manager"]:
            reasons.append(
                f"{host} is a worker; its managers are at {', '.join(place['managers']) or 'unknown addresses'}"
            )
        else:
            reasons.append(f"{host} is a manager without a leader: {place['error']}")
    return f"No host could list the nodes of a swarm, so nothing was proven. {'; '.join(reasons)}. Name a manager in the inventory."
