# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The kernel's state of an overlay network on this node: VXLAN interface, peer table, load balancer.

Private to swarmlab.overlay. Standard library only. Reads only.
"""

from __future__ import annotations

import os
import re
import socket
import typing as t

from . import interior, netlink, netns, shapes, system

T = t.TypeVar("T")

SECONDS = 10
MOUNTED = re.compile(r" (/\S*/netns)/(?:1-\w+|lb_\w+|ingress_sbox|default) (?:.* )?- nsfs ")


def overlay_namespace(folder: str, network: str) -> str:
    """The path of an overlay's namespace."""
    return f"{folder}/1-{network[:10]}"


def balancer_namespace(folder: str, network: str) -> str:
    """The path of the namespace of an overlay's load balancer."""
    return f"{folder}/lb_{network[:9]}"


def mounted(text: str) -> list[str]:
    """The folders of engines' namespaces in /proc/self/mountinfo, where each namespace is a mount."""
    return sorted({found.group(1) for found in MOUNTED.finditer(text)})


def peers(
    links: list[shapes.Link], neighbours: list[shapes.Neighbour], forwarding: list[shapes.Neighbour]
) -> list[str]:
    """The permanent entries towards other nodes, each as 'address hardware-address node-address'."""
    vxlans = {link["index"] for link in links if link["kind"] == "vxlan"}
    towards = {
        row["mac"]: row["target"] for row in forwarding if row["index"] in vxlans and row["permanent"] and row["target"]
    }
    return sorted(
        f"{row['target']} {row['mac']} {towards.get(row['mac'], '-')}"
        for row in neighbours
        if row["index"] in vxlans and row["permanent"]
    )


def _look() -> shapes.Overlay:
    links = netlink.links()
    vxlan = next((link for link in links if link["kind"] == "vxlan"), None)
    return {
        "vni": vxlan.get("vni") if vxlan else None,
        "port": vxlan.get("port") if vxlan else None,
        "mtu": min([link["mtu"] for link in links if link["kind"] in ("vxlan", "veth")] or [0]),
        "peers": peers(links, netlink.neighbours(), netlink.forwarding()),
    }


def parse_balancer(text: str) -> list[shapes.Backends]:
    """The virtual services in /proc/net/ip_vs, with the active backends and the quiet ones, which are leaving."""
    found: list[shapes.Backends] = []
    for line in text.splitlines():
        if re.match(r"(FWM|TCP|UDP)\s", line):
            mark = re.match(r"FWM\s+([0-9A-F]+)\s", line)
            found.append({"active": [], "quiet": [], "mark": int(mark.group(1), 16) if mark else None})
        backend = re.match(r"\s+-> ([0-9A-F]{8}):[0-9A-F]{4}\s+\w+\s+(\d+)", line)
        if backend and found:
            found[-1]["active" if int(backend.group(2)) else "quiet"].append(
                socket.inet_ntoa(bytes.fromhex(backend.group(1)))
            )
    return found


def _balancer() -> list[shapes.Backends] | None:
    try:
        with open("/proc/self/net/ip_vs", encoding="ascii") as handle:
            return parse_balancer(handle.read())
    except OSError:
        return None


def parse_marks(text: str) -> dict[str, int]:
    """Virtual IP -> the mark that its packets get, in the mangle table of a load balancer's namespace."""
    found = re.findall(r"(?m)^-A (?:INPUT|PREROUTING) -d ([0-9.]+)/32 .*-j MARK --set-x?mark (0x[0-9a-f]+)", text)
    return {address: int(mark, 16) for address, mark in found}


def _marks() -> dict[str, int] | None:
    texts = [system.output([*command, "-t", "mangle"], interior.SECONDS) for command in interior.LISTERS[:2]]
    known = [parse_marks(text) for text in texts if text is not None]
    return {address: mark for marks in known for address, mark in marks.items()} if known else None


def marks(folder: str, networks: list[str]) -> dict[str, dict[str, int]]:
    """The marks of virtual IPs by network; networks whose load balancer's table cannot be listed are left out."""
    jobs = {network: netns.begin(balancer_namespace(folder, network), _marks) for network in networks}
    found = {}
    for network, job in jobs.items():
        try:
            told = netns.finish(job, SECONDS)
        except netns.ProbeError:
            continue
        if told is not None:
            found[network] = told
    return found


def _try(namespace: str, function: t.Callable[[], T]) -> T | None:
    try:
        return netns.call(namespace, function, SECONDS)
    except netns.ProbeError:
        return None


def facts(folder: str, networks: list[str]) -> dict[str, shapes.Held]:
    """This node's state by network, from the folder of its engine's namespaces.

    Networks without a namespace here are left out.
    """
    found: dict[str, shapes.Held] = {}
    for network in networks:
        seen = _try(overlay_namespace(folder, network), _look)
        if seen is not None:
            found[network] = {**seen, "balancer": _try(balancer_namespace(folder, network), _balancer)}
    return found


def overlays(folder: str) -> list[str]:
    """The overlays with a namespace on this node, by the beginning of their network's id."""
    try:
        return sorted(entry[2:] for entry in os.listdir(folder) if entry.startswith("1-"))
    except OSError:
        return []


def data_port(folder: str) -> int | None:
    """The UDP port of any overlay on this node; None when there is none yet."""
    for name in overlays(folder):
        seen = _try(overlay_namespace(folder, name), _look)
        if seen and seen["port"]:
            return seen["port"]
    return None
