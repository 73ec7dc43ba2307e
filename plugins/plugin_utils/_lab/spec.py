# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The definition of a lab: every option validated, every value derived from them. Pure, so inventory and driver agree.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import hashlib
import ipaddress
import os
import re
import typing as t
from pathlib import Path

from . import settings
from .imagespec import ImageSpec
from .options import bad, boolean, choice, integer, reject_unknown
from .settings import NodeSettings
from .tools import Network

DRIVERS = ("vm", "container")
ACCELERATORS = ("auto", "kvm", "tcg")
GOLDEN = ("auto", "always", "never")
STATES = ("present", "stopped", "absent")
REFUSE, KEEP, REMOVE = SURPLUS = ("refuse", "keep", "remove")
# Not QEMU's own 10.0.2.0/24: swarm's default pool assigns it to the second overlay, which would hide the name server.
MANAGEMENT = ipaddress.IPv4Network("192.168.76.0/24")
FIRST_ADDRESS = 10  # vmN has the address .(10+N) in the segment
MIN_DISK_GIB = 4
IMAGE_DEFAULTS: dict[str, t.Any] = {"suite": "trixie", "mirror": None, "packages": []}
DEFAULTS: dict[str, t.Any] = {
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
    "node_settings": {},
    "subnet": "10.77.0.0/24",
    "boot_timeout": 180,
    "retain_failed": False,
    "cache": None,
    "state": "present",
    "surplus": REFUSE,
}


@dataclasses.dataclass(frozen=True)
class NodeSpec:
    """One node, as the lab's definition gives it."""

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
    mirror: str | None
    packages: tuple[str, ...]
    settings: t.Mapping[str, NodeSettings]
    subnet: Network
    boot_timeout: int
    retain_failed: bool
    cache: Path
    state: str
    surplus: str

    def node(self, index: int) -> NodeSpec:
        digest = lab_digest(self.directory)
        name = node_name(index)
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

    def settings_of(self, name: str) -> NodeSettings:
        return self.settings.get(name) or NodeSettings(self.suite)

    def image_of(self, name: str) -> ImageSpec:
        """The image specification of a node that is created now."""
        return self.settings_of(name).image(self.mirror, self.packages)

    @property
    def node_list(self) -> list[NodeSpec]:
        return [self.node(index) for index in range(1, self.nodes + 1)]

    @property
    def manager_names(self) -> list[str]:
        return [node.name for node in self.node_list[: self.managers]]


def node_name(index: int) -> str:
    return f"vm{index}"


def lab_digest(directory: Path) -> str:
    """A digest that distinguishes labs on one machine by their folders."""
    return hashlib.sha256(str(directory).encode()).hexdigest()


def parse(options: t.Mapping[str, t.Any], base: Path) -> LabSpec:
    """Validate all options and return the lab that they define. Raises LabError.

    ``base`` is the project's folder, home of ``.lab``.
    """
    reject_unknown(options, DEFAULTS, "")
    given = {**DEFAULTS, **{key: value for key, value in options.items() if value is not None}}
    name = _name(given["name"])
    nodes = integer("nodes", given["nodes"], 1, 200)
    managers = integer("managers", given["managers"], 1, 200)
    if managers > nodes:
        raise bad("managers", f"{managers} managers cannot be chosen from {nodes} node(s)")
    image = _image(given["image"])
    driver = choice("driver", given["driver"], DRIVERS)
    names = [node_name(index) for index in range(1, nodes + 1)]
    return LabSpec(
        name=name,
        directory=_folder("directory", given["directory"], base, Path(".lab") / name),
        driver=driver,
        nodes=nodes,
        managers=managers,
        memory=integer("memory", given["memory"], 384, 1048576),
        vcpus=integer("vcpus", given["vcpus"], 0, 64),
        disk=integer("disk", given["disk"], MIN_DISK_GIB, 4096),
        accel=choice("accel", given["accel"], ACCELERATORS),
        golden=choice("golden", given["golden"], GOLDEN),
        suite=image["suite"],
        mirror=image["mirror"],
        packages=tuple(image["packages"]),
        settings=settings.parse(given[settings.KEY], names, image["suite"], driver),
        subnet=_subnet(given["subnet"], nodes),
        boot_timeout=integer("boot_timeout", given["boot_timeout"], 5, 86400),
        retain_failed=boolean("retain_failed", given["retain_failed"]),
        cache=_folder("cache", given["cache"], base, default_cache(os.environ)),
        state=choice("state", given["state"], STATES),
        surplus=choice("surplus", given["surplus"], SURPLUS),
    )


def default_cache(environment: t.Mapping[str, str]) -> Path:
    """The folder of images that all labs of a user share (XDG base directory specification)."""
    home = environment.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    return Path(home) / "swarmlab"


def manager_warning(managers: int) -> str | None:
    """A warning for an even number of managers, which is allowed but never useful."""
    if managers % 2:
        return None
    survives = (managers - 1) // 2
    return (
        f"managers: {managers} is an even number. A majority of {managers // 2 + 1} is needed, so {managers} managers"
        f" survive the loss of {survives}, no more than {managers - 1} would, and a partition into halves stops both."
    )


def _name(value: t.Any) -> str:
    if not isinstance(value, str) or not re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,30}[a-z0-9])?", value):
        raise bad("name", f"{value!r} is not a name of 1 to 32 lower-case letters, digits and inner hyphens")
    return value


def _folder(key: str, value: t.Any, base: Path, default: Path) -> Path:
    if value is not None and (not isinstance(value, (str, Path)) or not str(value).strip() or "\0" in str(value)):
        raise bad(key, f"{value!r} is not a path")
    path = Path(os.path.abspath(base / Path(value or default).expanduser()))
    if any(character in str(path) for character in "\"'\n\\%"):
        raise bad(
            key, f"{str(path)!r} has a quote, backslash, percent sign or line break, which ssh_config cannot hold"
        )
    return path


def _subnet(value: t.Any, nodes: int) -> Network:
    try:
        subnet = ipaddress.ip_network(value if isinstance(value, str) else "")
    except ValueError as error:
        example = f"{DEFAULTS['subnet']} or fd77::/64"
        raise bad("subnet", f"{value!r} is not a network such as {example} ({error})") from None
    if not subnet.is_private or subnet.is_loopback or subnet.is_link_local or subnet.is_unspecified:
        raise bad("subnet", f"{subnet} is not a private network")
    if subnet.version == MANAGEMENT.version and subnet.overlaps(MANAGEMENT):
        raise bad("subnet", f"{subnet} overlaps {MANAGEMENT}, which is the management network of every node")
    if FIRST_ADDRESS + nodes > subnet.num_addresses - 2:
        raise bad(
            "subnet", f"{subnet} is too small: {nodes} node(s) get its addresses from number {FIRST_ADDRESS + 1} on"
        )
    return subnet


def _image(value: t.Any) -> dict[str, t.Any]:
    if not isinstance(value, t.Mapping):
        raise bad("image", f"{value!r} is not a dictionary of {', '.join(IMAGE_DEFAULTS)}")
    reject_unknown(value, IMAGE_DEFAULTS, "image.")
    image = {**IMAGE_DEFAULTS, **{key: entry for key, entry in value.items() if entry is not None}}
    settings.suite_of("image.suite", image["suite"])
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
