# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lab shall be: every option checked, every value derived from them. Pure, so inventory and driver agree.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import difflib
import hashlib
import ipaddress
import os
import re
import typing as t
from pathlib import Path

from .errors import LabError

DRIVERS = ("vm", "container")
ACCELERATORS = ("auto", "kvm", "tcg")
GOLDEN = ("auto", "always", "never")
STATES = ("present", "stopped", "absent")
REFUSE, KEEP, REMOVE = SURPLUS = ("refuse", "keep", "remove")
# Not QEMU's own 10.0.2.0/24: swarm's default pool gives that to the second overlay, which would hide the name server.
MANAGEMENT = ipaddress.IPv4Network("192.168.76.0/24")
FIRST_ADDRESS = 10  # vmN has the segment's address .(10+N)
MIN_DISK_GIB = 4
IMAGE_DEFAULTS: t.Dict[str, t.Any] = {"suite": "trixie", "mirror": None, "packages": []}
DEFAULTS: t.Dict[str, t.Any] = {
    "name": "lab",
    "directory": None,
    "driver": "vm",
    "nodes": 3,
    "managers": 1,
    "memory": 768,
    "vcpus": 0,
    "disk": 8,
    "accel": "auto",
    "golden": "auto",
    "image": IMAGE_DEFAULTS,
    "subnet": "10.77.0.0/24",
    "boot_timeout": 180,
    "retain_failed": False,
    "cache": None,
    "state": "present",
    "surplus": REFUSE,
}


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """One node, as far as it follows from the lab's definition."""

    index: int
    name: str
    address: str
    prefix: int
    alias: str
    management_mac: str
    segment_mac: str


@dataclasses.dataclass(frozen=True)
class LabSpec:
    """A valid definition of a lab."""

    name: str
    directory: Path
    driver: str
    nodes: int
    managers: int
    memory: int
    vcpus: int
    disk: int
    accel: str
    golden: str
    suite: str
    mirror: t.Optional[str]
    packages: t.Tuple[str, ...]
    subnet: ipaddress.IPv4Network
    boot_timeout: int
    retain_failed: bool
    cache: Path
    state: str
    surplus: str

    def node(self, index: int) -> NodeSpec:
        digest = lab_digest(self.directory)
        name = f"vm{index}"
        mac = f"52:54:{{:02x}}:{digest[0:2]}:{digest[2:4]}:{index:02x}"
        return NodeSpec(
            index=index,
            name=name,
            address=str(self.subnet.network_address + FIRST_ADDRESS + index),
            prefix=self.subnet.prefixlen,
            alias=f"{name}.{self.name}-{digest[:8]}",
            management_mac=mac.format(0),
            segment_mac=mac.format(1),
        )

    @property
    def node_list(self) -> t.List[NodeSpec]:
        return [self.node(index) for index in range(1, self.nodes + 1)]

    @property
    def manager_names(self) -> t.List[str]:
        return [node.name for node in self.node_list[: self.managers]]


def lab_digest(directory: Path) -> str:
    """Tells labs apart on one machine: their folders differ."""
    return hashlib.sha256(str(directory).encode()).hexdigest()


def bad(key: str, problem: str) -> LabError:
    return LabError("LAB-E-OPTION", key=key, problem=problem)


def parse(options: t.Mapping[str, t.Any], base: Path) -> LabSpec:
    """Check all options and give the lab they define. ``base`` is the project's folder, home of ``.lab``."""
    reject_unknown(options, DEFAULTS, "")
    given = {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}
    name = _name(given["name"])
    nodes = _integer("nodes", given["nodes"], 1, 200)
    managers = _integer("managers", given["managers"], 1, 200)
    if managers > nodes:
        raise bad("managers", f"{managers} managers cannot be chosen from {nodes} node(s)")
    image = _image(given["image"])
    return LabSpec(
        name=name,
        directory=_folder("directory", given["directory"], base, Path(".lab") / name),
        driver=_choice("driver", given["driver"], DRIVERS),
        nodes=nodes,
        managers=managers,
        memory=_integer("memory", given["memory"], 384, 1048576),
        vcpus=_integer("vcpus", given["vcpus"], 0, 64),
        disk=_integer("disk", given["disk"], MIN_DISK_GIB, 4096),
        accel=_choice("accel", given["accel"], ACCELERATORS),
        golden=_choice("golden", given["golden"], GOLDEN),
        suite=image["suite"],
        mirror=image["mirror"],
        packages=tuple(image["packages"]),
        subnet=_subnet(given["subnet"], nodes),
        boot_timeout=_integer("boot_timeout", given["boot_timeout"], 5, 86400),
        retain_failed=_boolean("retain_failed", given["retain_failed"]),
        cache=_folder("cache", given["cache"], base, default_cache(os.environ)),
        state=_choice("state", given["state"], STATES),
        surplus=_choice("surplus", given["surplus"], SURPLUS),
    )


def default_cache(environment: t.Mapping[str, str]) -> Path:
    """Where images live that all labs of a user share (XDG base directory specification)."""
    home = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "swarmlab"


def manager_warning(managers: int) -> t.Optional[str]:
    """An even number of managers is allowed, and never wise."""
    if managers % 2:
        return None
    survives = (managers - 1) // 2
    return (
        f"managers: {managers} is an even number. A majority of {managers // 2 + 1} is needed, so {managers} managers"
        f" survive the loss of {survives}, no more than {managers - 1} would, and a partition into halves stops both."
    )


def label(key: str, value: t.Any) -> str:
    """A name of something in a lab (a snapshot, a fault), which becomes part of file names and commands."""
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9._-]{0,62}[a-z0-9])?", value):
        raise bad(key, f"{value!r} is not a name of 1 to 64 lower-case letters, digits, dots, hyphens and underscores")
    return value


def reject_unknown(options: t.Mapping[str, t.Any], known: t.Iterable[str], prefix: str) -> None:
    """Name the first unknown key, and the known one that it resembles."""
    names = list(known)
    for key in options:
        if key not in names:
            near = difflib.get_close_matches(str(key), names, n=1)
            hint = f"did you mean '{prefix}{near[0]}'?" if near else f"known are {', '.join(sorted(names))}"
            raise bad(f"{prefix}{key}", f"there is no such option; {hint}")


def _name(value: t.Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", value):
        raise bad("name", f"{value!r} is not a name of 1 to 32 lower-case letters, digits and inner hyphens")
    return value


def _integer(key: str, value: t.Any, low: int, high: int) -> int:
    if isinstance(value, str) and re.fullmatch(r"\s*-?[0-9]{1,9}\s*", value):
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int):
        raise bad(key, f"{value!r} is not a whole number")
    if not low <= value <= high:
        raise bad(key, f"{value} is not between {low} and {high}")
    return int(value)


def _boolean(key: str, value: t.Any) -> bool:
    words = {"true": True, "yes": True, "on": True, "1": True, "false": False, "no": False, "off": False, "0": False}
    found = words.get(str(value).strip().lower())
    if found is None:
        raise bad(key, f"{value!r} is neither true nor false")
    return found


def _choice(key: str, value: t.Any, choices: t.Sequence[str]) -> str:
    if value not in choices:
        raise bad(key, f"{value!r} is not one of {', '.join(choices)}")
    return str(value)


def _folder(key: str, value: t.Any, base: Path, default: Path) -> Path:
    if value is not None and (not isinstance(value, (str, Path)) or not str(value).strip() or "\0" in str(value)):
        raise bad(key, f"{value!r} is not a path")
    path = Path(os.path.abspath(base / Path(value or default).expanduser()))
    if any(character in str(path) for character in "\"'\n\\%"):
        raise bad(
            key, f"{str(path)!r} has a quote, backslash, percent sign or line break, which ssh_config cannot hold"
        )
    return path


def _subnet(value: t.Any, nodes: int) -> ipaddress.IPv4Network:
    try:
        subnet = ipaddress.IPv4Network(value if isinstance(value, str) else "")
    except ValueError as error:
        raise bad("subnet", f"{value!r} is not an IPv4 network such as {DEFAULTS['subnet']} ({error})") from None
    if not subnet.is_private or subnet.is_loopback or subnet.is_link_local or subnet.is_unspecified:
        raise bad("subnet", f"{subnet} is not a private network")
    if subnet.overlaps(MANAGEMENT):
        raise bad("subnet", f"{subnet} overlaps {MANAGEMENT}, which is the management network of every node")
    if FIRST_ADDRESS + nodes > subnet.num_addresses - 2:
        raise bad("subnet", f"{subnet} is too small: {nodes} node(s) get the addresses from .{FIRST_ADDRESS + 1} on")
    return subnet


def _image(value: t.Any) -> t.Dict[str, t.Any]:
    if not isinstance(value, t.Mapping):
        raise bad("image", f"{value!r} is not a dictionary of {', '.join(IMAGE_DEFAULTS)}")
    reject_unknown(value, IMAGE_DEFAULTS, "image.")
    image = {**IMAGE_DEFAULTS, **{key: entry for key, entry in value.items() if entry is not None}}
    if not isinstance(image["suite"], str) or not re.fullmatch(r"[a-z][a-z0-9-]*", image["suite"]):
        raise bad("image.suite", f"{image['suite']!r} is not the name of a Debian suite")
    mirror = image["mirror"]
    if mirror is not None and not (isinstance(mirror, str) and re.fullmatch(r"(https?|file|copy)://?[^\s\]]+", mirror)):
        raise bad("image.mirror", f"{mirror!r} is not a URL")
    packages = image["packages"]
    if not isinstance(packages, (list, tuple)):
        raise bad("image.packages", f"{packages!r} is not a list")
    for package in packages:
        if not isinstance(package, str) or not re.fullmatch(r"[a-z0-9][a-z0-9+.-]+", package):
            raise bad("image.packages", f"{package!r} is not the name of a Debian package")
    return image
