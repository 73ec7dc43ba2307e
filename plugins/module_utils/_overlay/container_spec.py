# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Declared standalone containers, and their comparison with existing ones. Pure."""

from __future__ import annotations

import ipaddress
import re
import typing as t

from .._engine.attaching import SWARM_LATE
from .._engine.transport import Raw
from .._terms import MANAGED_LABEL, PINNED_LABEL
from .common import Attachment, dns_problem, env_dict, env_list, parse_attachments, parse_words, same_image
from .service_spec import plain
from .spec import OWN_LABELS, SpecError, duplicate_names, label_problems

NAME_PATTERN = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]+")
HOSTNAME_PATTERN = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9.-]{0,61}[a-zA-Z0-9])?")
FIELDS = ("image", "command", "networks", "env", "labels", "hostname")


class ContainerSpec(t.NamedTuple):
    """A declared container; C(fields) holds only what was declared."""

    name: str
    state: str
    fields: dict[str, t.Any]

    @property
    def networks(self) -> tuple[Attachment, ...]:
        """The declared networks."""
        return self.fields.get("networks") or ()


def parse_containers(params: t.Mapping[str, t.Any]) -> list[ContainerSpec]:
    """The declared containers, from the list or the top level. Raises SpecError with every problem found."""
    declared = params.get("containers")
    if declared is None:
        declared = [params]
    problems: list[str] = []
    specs = [parse_container(entry, params.get("state") or "present", problems) for entry in declared]
    problems += duplicate_names([spec.name for spec in specs], "container")
    if problems:
        raise SpecError(problems)
    return specs


def parse_container(entry: t.Mapping[str, t.Any], default_state: str, problems: list[str]) -> ContainerSpec:
    """Parse one container; its problems are added to C(problems)."""
    name = entry.get("name") or ""
    state = entry.get("state") or default_state
    found = []
    if not NAME_PATTERN.fullmatch(name):
        found.append(
            "the name must have two or more letters, digits, '_', '.' or '-', and start with a letter or digit"
        )
    elif state == "present" and dns_problem(name):
        found.append(f"the name {dns_problem(name)}; it is the container's name in DNS too")
    hostname = entry.get("hostname")
    if hostname is not None and not HOSTNAME_PATTERN.fullmatch(hostname):
        found.append(f"hostname '{hostname}' is not a host name of at most 63 characters")
    fields: dict[str, t.Any] = {
        "image": entry.get("image"),
        "command": parse_words(entry.get("command"), "command", found),
        "networks": parse_attachments(entry.get("networks"), found),
        "env": entry.get("env"),
        "labels": entry.get("labels"),
        "hostname": hostname,
    }
    fields = {key: value for key, value in fields.items() if value is not None}
    for option in ("env", "labels"):
        found += label_problems(fields.get(option) or {}, option)
    if "labels" in fields:
        fields["labels"] = {key: value for key, value in fields["labels"].items() if key != MANAGED_LABEL}
    found += [
        problem
        for attachment in fields.get("networks", ())
        for problem in address_problems(attachment.name, attachment.ipv4_address)
    ]
    if state == "present" and not fields.get("image"):
        found.append("image is needed")
    if state == "present" and not fields.get("networks"):
        found.append("networks is needed: at least one network to attach to")
    problems += [f"container {name or '(no name)'}: {problem}" for problem in found]
    return ContainerSpec(name, state, fields)


def compare(spec: ContainerSpec, raw: Raw, image: t.Mapping[str, t.Any]) -> dict[str, dict[str, t.Any]]:
    """Every declared field that differs. C(image) holds the defaults that the container inherits."""
    current = view(spec, raw, image)
    return {
        key: {"before": plain(current[key]), "after": plain(spec.fields[key])}
        for key in FIELDS
        if key in spec.fields and current[key] != spec.fields[key]
    }


def view(spec: ContainerSpec, raw: Raw, image: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    """An inspected container in the terms of a declaration."""
    config = raw.get("Config") or {}
    inherited = image.get("Config") or {}
    env, image_env = env_dict(config.get("Env")), env_dict(inherited.get("Env"))
    labels, image_labels = config.get("Labels") or {}, inherited.get("Labels") or {}
    wanted_env, wanted_labels = spec.fields.get("env", {}), spec.fields.get("labels", {})
    return {
        "image": same_image(spec.fields.get("image", ""), config.get("Image") or ""),
        "command": config.get("Cmd") or [],
        "networks": tuple(sorted(_attachments(raw, spec))),
        "env": {key: value for key, value in env.items() if key in wanted_env or image_env.get(key) != value},
        "labels": {
            key: value
            for key, value in labels.items()
            if key not in OWN_LABELS and (key in wanted_labels or image_labels.get(key) != value)
        },
        "hostname": config.get("Hostname") or "",
    }


def create_arguments(spec: ContainerSpec) -> dict[str, t.Any]:
    """The API's body for the creation of the container, on its first network only."""
    first = spec.networks[0]
    labels = dict(spec.fields.get("labels", {}), **{MANAGED_LABEL: "true"})
    pinned = [attachment.name for attachment in spec.networks if attachment.ipv4_address]
    if pinned:
        labels[PINNED_LABEL] = ",".join(pinned)
    body: dict[str, t.Any] = {
        "Image": spec.fields["image"],
        "Labels": labels,
        "Env": env_list(spec.fields.get("env", {})),
        "HostConfig": {"NetworkMode": first.name, "RestartPolicy": {"Name": "unless-stopped"}},
        "NetworkingConfig": {"EndpointsConfig": {first.name: endpoint(first)}},
    }
    if "command" in spec.fields:
        body["Cmd"] = spec.fields["command"]
    if "hostname" in spec.fields:
        body["Hostname"] = spec.fields["hostname"]
    return body


def endpoint(attachment: Attachment) -> dict[str, t.Any]:
    """The API's settings of one attachment."""
    settings: dict[str, t.Any] = {"Aliases": list(attachment.aliases)}
    if attachment.ipv4_address:
        settings["IPAMConfig"] = {"IPv4Address": attachment.ipv4_address}
    return settings


def addresses(raw: Raw) -> dict[str, str]:
    """The container's address on each network."""
    networks = (raw.get("NetworkSettings") or {}).get("Networks") or {}
    return {name: settings.get("IPAddress") or "" for name, settings in sorted(networks.items())}


def explain_refusal(name: str, network: str, reason: str) -> str:
    """The engine's refusal in its own words, with a remedy when it concerns an attachment."""
    lowered = reason.lower()
    for words, advice in ADVICE:
        if not any(word in lowered for word in OTHER_REASONS) and any(word in lowered for word in words):
            return f"Container {name}: network {network} refused it: {reason}. {advice.format(network=network)}"
    return f"Container {name}: the engine refused it: {reason.rstrip('.')}. Correct the declaration, or see the daemon's log."


# Texts with "not found" or "invalid" that do not concern networks.
OTHER_REASONS = ("oci runtime", "no command specified", "executable file", "port is already allocated")

ADVICE = (
    (("not manually attachable",), "Set attachable: true on network {network}."),
    (
        ("address already in use", "already in use by", "no available ip"),
        "Choose another ipv4_address or leave it out; or give {network} a larger subnet.",
    ),
    (
        ("code = notfound",),
        "A manager was asked: the swarm has no such network. Declare network {network} with swarmlab.overlay.overlay_network "
        "on a manager.",
    ),
    (
        ("invalid cluster node",),
        "The node has no connection to a manager, so it is unknown whether {network} exists. Make sure that the managers run and "
        "that this node reaches their port 2377.",
    ),
    (
        ("could not find", "no such network", "not found"),
        "This node does not know {network}, and no manager was asked, so the swarm may have it. See 'docker network ls' on a manager. "
        "Declare the network there, or run this again.",
    ),
    (
        ("no configured subnet", "user specified ip address", "invalid endpoint settings"),
        "Choose an ipv4_address inside a subnet of network {network}, and declare that network with subnets.",
    ),
    (
        (SWARM_LATE, "attaching to network failed"),
        "The swarm gave no address in time: a fixed ipv4_address is taken or outside the subnets, those of {network} have none left, "
        "or the node is not ready and active ('docker node ls'). The log of the leader's daemon tells which. "
        "overlay_attachment tells it too, on a manager or with seen_by_manager.",
    ),
    (("drain", "not available"), "The node takes no attachments: set its availability to active."),
)


def address_problems(network: str, address: str | None) -> list[str]:
    """Why this cannot be a container's address on the network."""
    if address is None:
        return []
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return [f"networks: ipv4_address '{address}' of {network} is not an IPv4 address"]
    return []


def _attachments(raw: Raw, spec: ContainerSpec) -> list[Attachment]:
    """The attachments as declared: without the short id and name that the engine adds to the aliases."""
    declared = {attachment.name: attachment for attachment in spec.networks}
    automatic = {(raw.get("Id") or "")[:12], (raw.get("Name") or "").lstrip("/"), spec.name}
    pinned = ((raw.get("Config") or {}).get("Labels") or {}).get(PINNED_LABEL, "").split(",")
    found = []
    for name, settings in ((raw.get("NetworkSettings") or {}).get("Networks") or {}).items():
        wanted = set(declared[name].aliases) if name in declared else set()
        aliases = set(settings.get("Aliases") or []) - (automatic - wanted)
        # The engine shows an address chosen by the swarm in the same field as a requested one.
        asked = name in pinned or (name in declared and declared[name].ipv4_address)
        fixed = (settings.get("IPAMConfig") or {}).get("IPv4Address") or None if asked else None
        found.append(Attachment(name, tuple(sorted(aliases)), fixed))
    return found
