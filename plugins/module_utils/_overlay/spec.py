# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Declared overlay networks: from module parameters to validated specifications. Pure."""

from __future__ import annotations

import difflib
import ipaddress
import re
import typing as t

from .._engine.sdk import EngineError
from .._terms import MANAGED_LABEL, PINNED_LABEL

ENCRYPTED_OPTION = "encrypted"
MTU_OPTION = "com.docker.network.driver.mtu"
VXLAN_OPTION = "com.docker.network.driver.overlay.vxlanid_list"
KNOWN_OPTIONS = (ENCRYPTED_OPTION, MTU_OPTION, VXLAN_OPTION)
# C(PINNED_LABEL) records which automatic values were declared: the API shows both alike once they are allocated.
OWN_LABELS = (MANAGED_LABEL, PINNED_LABEL)

NAME_PATTERN = re.compile(r"[a-zA-Z0-9](?:[-_]*[A-Za-z0-9]+)*")
NAME_LIMIT = 63
PREDEFINED = ("bridge", "host", "none", "default", "container", "docker_gwbridge")
MTU_RANGE = (68, 65535)
MTU_USUAL = 576
MTU_AUTOMATIC = "auto"
VXLAN_RANGE = (1, 2**24 - 1)
SUBNET_KEYS = ("subnet", "gateway", "ip_range")

REFUSED_OPTIONS = {
    ENCRYPTED_OPTION: "use the option encrypted: the engine tests for the key's presence only, "
    "so driver_options with encrypted=false would encrypt too",
    MTU_OPTION: "use the option mtu",
}


class Subnet(t.NamedTuple):
    """One subnet of an overlay; fields that are None are left to the engine."""

    subnet: str
    gateway: str | None = None
    ip_range: str | None = None


class NetworkSpec(t.NamedTuple):
    """A declared overlay network. Undeclared fields hold the default, or None for automatic."""

    name: str
    state: str = "present"
    encrypted: bool = False
    attachable: bool = False
    internal: bool = False
    subnets: tuple[Subnet, ...] = ()
    mtu: int | None = None
    vxlan_ids: tuple[int, ...] = ()
    labels: dict[str, str] = {}
    # Subnets chosen for a network that declares none. They are never compared.
    chosen: tuple[Subnet, ...] = ()

    def pinned(self) -> list[str]:
        """The normally automatic values that this declaration fixes."""
        found = ["subnets"] if self.subnets else []
        found += sorted(f"gateway={subnet.subnet}" for subnet in self.subnets if subnet.gateway)
        return found + (["vxlan_ids"] if self.vxlan_ids else [])


class SpecError(EngineError):
    """Impossible declarations, with every problem found. Nothing was changed."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems) + ". Nothing was changed.", problems=problems)


def parse_networks(params: t.Mapping[str, t.Any]) -> list[NetworkSpec]:
    """The declared networks, from the list or the top level. Raises SpecError with every problem found."""
    declared = params.get("networks")
    if declared is None:
        declared = [params]
    problems: list[str] = []
    underlay = params.get("underlay_mtu") or []
    specs = [parse_network(entry, params.get("state") or "present", problems, underlay) for entry in declared]
    problems += duplicate_names([spec.name for spec in specs], "network")
    problems += overlaps([(spec.name, spec.subnets) for spec in specs if spec.state == "present"], [])
    if problems:
        raise SpecError(problems)
    return specs


def parse_network(
    entry: t.Mapping[str, t.Any],
    default_state: str,
    problems: list[str],
    underlay: t.Sequence[int] = (),
    own_name: bool = True,
) -> NetworkSpec:
    """Parse one network; its problems are added to C(problems).

    C(own_name) is false when the user did not choose the name.
    """
    name = entry.get("name") or ""
    found = name_problems(name) if own_name else []
    subnets = tuple(_subnets(entry.get("subnets") or [], found))
    mtu = _mtu(entry.get("mtu"), underlay, found)
    labels = dict(entry.get("labels") or {})
    found += label_problems(labels, "labels")
    vxlan_ids = _driver_options(entry.get("driver_options") or {}, len(subnets) or 1, found)
    subnets, vxlan_ids = in_order(subnets, vxlan_ids)
    problems += [f"network {name or '(no name)'}: {problem}" for problem in found]
    return NetworkSpec(
        name=name,
        state=entry.get("state") or default_state,
        encrypted=bool(entry.get("encrypted")),
        attachable=bool(entry.get("attachable")),
        internal=bool(entry.get("internal")),
        subnets=subnets,
        mtu=mtu,
        vxlan_ids=vxlan_ids,
        labels={key: value for key, value in labels.items() if key not in OWN_LABELS},
    )


def name_problems(name: str) -> list[str]:
    """Why swarm would reject this name."""
    if name == "ingress":
        return ["the ingress network is declared with swarmlab.overlay.overlay_ingress"]
    if name in PREDEFINED:
        return ["the name is reserved by the engine"]
    if not NAME_PATTERN.fullmatch(name):
        return [
            f"the name '{name}' must consist of letters, digits, '-' and '_', and start and end with a letter or digit"
        ]
    if len(name) > NAME_LIMIT:
        return [f"the name has {len(name)} characters, more than {NAME_LIMIT}"]
    return []


def label_problems(labels: t.Mapping[t.Any, t.Any], option: str) -> list[str]:
    """Problems with labels that are not strings. YAML's value of an unquoted text differs from the engine's."""
    found = []
    for key, value in labels.items():
        if not isinstance(key, str) or not key:
            found.append(f"{option}: the key {key!r} must be a non-empty string")
        elif not isinstance(value, str):
            found.append(f"{option}: the value of {key} must be a string, quote it ({value!r} is {_kind(value)})")
        elif key == PINNED_LABEL or (key == MANAGED_LABEL and value != "true"):
            found.append(f"{option}: {key} is set by this collection itself")
    return found


def duplicate_names(names: list[str], noun: str) -> list[str]:
    """Names declared more than once."""
    return [
        f"{noun} {name} is declared {names.count(name)} times" for name in sorted(set(names)) if names.count(name) > 1
    ]


def overlaps(
    declared: list[tuple[str, tuple[Subnet, ...]]], existing: list[tuple[str, tuple[Subnet, ...]]]
) -> list[str]:
    """Declared subnets that overlap each other, or those of existing networks."""
    mine = [(name, ipaddress.ip_network(subnet.subnet)) for name, subnets in declared for subnet in subnets]
    others = [(name, ipaddress.ip_network(subnet.subnet)) for name, subnets in existing for subnet in subnets]
    found = []
    for index, (name, subnet) in enumerate(mine):
        for other_name, other in mine[index + 1 :]:
            if subnet.version == other.version and subnet.overlaps(other):
                found.append(f"network {name}: subnet {subnet} overlaps {other} of network {other_name}")
        for other_name, other in others:
            if subnet.version == other.version and subnet.overlaps(other):
                found.append(f"network {name}: subnet {subnet} overlaps {other} of the existing network {other_name}")
    return found


def in_order(subnets: tuple[Subnet, ...], vxlan_ids: tuple[int, ...]) -> tuple[tuple[Subnet, ...], tuple[int, ...]]:
    """Subnets sorted by address, together with their VXLAN ids."""
    if len(subnets) != len(vxlan_ids):
        return tuple(sorted(subnets, key=_subnet_order)), vxlan_ids
    pairs = sorted(zip(subnets, vxlan_ids), key=lambda pair: _subnet_order(pair[0]))
    return tuple(pair[0] for pair in pairs), tuple(pair[1] for pair in pairs)


def _subnet_order(subnet: Subnet) -> tuple[int, int, int]:
    network = ipaddress.ip_network(subnet.subnet, strict=False)
    return network.version, int(network.network_address), network.prefixlen


def _subnets(declared: list[t.Any], problems: list[str]) -> list[Subnet]:
    subnets = []
    for entry in declared:
        parts = {"subnet": entry} if isinstance(entry, str) else entry
        if not isinstance(parts, dict) or not parts.get("subnet"):
            problems.append(f"subnets: {entry!r} must be a subnet such as 10.20.0.0/24, or a dictionary with 'subnet'")
            continue
        unknown = sorted(set(map(str, parts)) - set(SUBNET_KEYS))
        if unknown:
            problems.append(f"subnets: unknown key {', '.join(unknown)}; known are {', '.join(SUBNET_KEYS)}")
            continue
        subnet = _subnet(parts, problems)
        if subnet is not None:
            subnets.append(subnet)
    return subnets


def _subnet(parts: t.Mapping[str, t.Any], problems: list[str]) -> Subnet | None:
    network = _network("subnet", str(parts["subnet"]), problems)
    if network is None:
        return None
    if network.prefixlen > 30:
        problems.append(f"subnet {network} is too small for an overlay, use a prefix of at most 30")
    gateway = parts.get("gateway")
    if gateway is not None:
        gateway = _gateway(str(gateway), network, problems)
    ip_range = parts.get("ip_range")
    if ip_range is not None:
        inner = _network("ip_range", str(ip_range), problems)
        if inner is not None and not inner.subnet_of(network):
            problems.append(f"ip_range {inner} is not inside subnet {network}")
        ip_range = str(inner)
    return Subnet(str(network), gateway, ip_range)


def _gateway(text: str, network: ipaddress.IPv4Network, problems: list[str]) -> str:
    try:
        address = ipaddress.IPv4Address(text)
    except ValueError:
        problems.append(f"gateway '{text}' is not an IPv4 address")
        return text
    if address not in network:
        problems.append(f"gateway {address} is not inside subnet {network}")
    elif address in (network.network_address, network.broadcast_address):
        problems.append(f"gateway {address} is the network or broadcast address of {network}")
    return str(address)


def _network(option: str, text: str, problems: list[str]) -> ipaddress.IPv4Network | None:
    try:
        loose = ipaddress.ip_network(text, strict=False)
    except ValueError:
        problems.append(f"{option} '{text}' is not a subnet such as 10.20.0.0/24")
        return None
    if not isinstance(loose, ipaddress.IPv4Network):
        problems.append(f"{option} '{text}' is IPv6, which this module does not support for overlays")
        return None
    if "/" not in text:
        problems.append(f"{option} '{text}' has no prefix length; write for example {text}/24")
        return None
    if text.split("/")[0] != str(loose.network_address):
        problems.append(f"{option} '{text}' has host bits set; the subnet is {loose}")
        return None
    return loose


def _mtu(declared: str | int | None, underlay: t.Sequence[int], problems: list[str]) -> int | None:
    """The MTU as a number; for auto the smallest of all nodes' interfaces. The engine subtracts its own overhead."""
    if declared is None:
        return None
    if declared == MTU_AUTOMATIC:
        if not underlay:
            problems.append(
                "mtu: auto needs underlay_mtu, the MTU of the interface that carries the overlays on every node; "
                "overlay_network_info returns that of a node as underlay"
            )
            return None
        mtu = min(underlay)
    elif str(declared).isdigit():
        mtu = int(declared)
    else:
        problems.append(f"mtu '{declared}' must be a number, or {MTU_AUTOMATIC}")
        return None
    if not MTU_RANGE[0] <= mtu <= MTU_RANGE[1]:
        problems.append(f"mtu {mtu} is outside {MTU_RANGE[0]} to {MTU_RANGE[1]}")
    return mtu


def _driver_options(options: t.Mapping[t.Any, t.Any], subnets: int, problems: list[str]) -> tuple[int, ...]:
    for key in sorted(map(str, options)):
        if key in REFUSED_OPTIONS:
            problems.append(f"driver_options: '{key}' is refused: {REFUSED_OPTIONS[key]}")
        elif key != VXLAN_OPTION:
            problems.append(
                f"driver_options: '{key}' is not an option of the overlay driver, which would ignore it silently; "
                f"the known option is {VXLAN_OPTION}{suggest(key)}"
            )
    if VXLAN_OPTION not in options:
        return ()
    return _vxlan_ids(str(options[VXLAN_OPTION]), subnets, problems)


def suggest(option: str) -> str:
    """The likely option behind a misspelt driver option, as the end of a sentence."""
    near = difflib.get_close_matches(option.lower(), KNOWN_OPTIONS, n=1, cutoff=0.6)
    short = {known.rsplit(".", 1)[-1]: known for known in KNOWN_OPTIONS}
    near = near or [
        short[key] for key in difflib.get_close_matches(option.lower().rsplit(".", 1)[-1], short, n=1, cutoff=0.6)
    ]
    return f"; did you mean {near[0]}?" if near else ""


def _vxlan_ids(text: str, subnets: int, problems: list[str]) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if not all(re.fullmatch(r"[0-9]{1,8}", part) for part in parts):
        problems.append(f"driver_options: {VXLAN_OPTION}='{text}' must be numbers separated by commas")
        return ()
    ids = tuple(int(part) for part in parts)
    if not all(VXLAN_RANGE[0] <= vni <= VXLAN_RANGE[1] for vni in ids):
        problems.append(f"driver_options: {VXLAN_OPTION}={text} is outside {VXLAN_RANGE[0]} to {VXLAN_RANGE[1]}")
    if len(set(ids)) != subnets or len(ids) != subnets:
        problems.append(f"driver_options: {VXLAN_OPTION}={text} must hold one id for each subnet ({subnets})")
    return ids


def _kind(value: t.Any) -> str:
    return {"bool": "a boolean", "int": "a number", "float": "a number", "NoneType": "empty"}.get(
        type(value).__name__, f"a {type(value).__name__}"
    )
