# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Declared services, and their comparison and merge with existing specifications. Pure."""

from __future__ import annotations

import copy
import re
import typing as t

from .._engine.transport import Raw
from .._terms import MANAGED_LABEL
from .common import Attachment, env_dict, env_list, parse_attachments, parse_words, same_image
from .port_clashes import Claim, mesh_clashes
from .spec import SpecError, duplicate_names, label_problems, name_problems

NANOSECONDS = 1000000000
Port = t.Dict[str, t.Any]  # the declared keys: target, published, protocol, mode
PORT_DEFAULTS = {"published": 0, "protocol": "tcp", "mode": "ingress"}
# The order of fields for readers.
FIELDS = (
    "image",
    "command",
    "args",
    "mode",
    "replicas",
    "networks",
    "endpoint_mode",
    "ports",
    "constraints",
    "env",
    "labels",
    "container_labels",
    "stop_grace_period",
)


class ServiceSpec(t.NamedTuple):
    """A declared service; C(fields) holds only what was declared."""

    name: str
    state: str
    fields: dict[str, t.Any]


def parse_services(params: t.Mapping[str, t.Any]) -> list[ServiceSpec]:
    """The declared services, from the list or the top level. Raises SpecError with every problem found."""
    declared = params.get("services")
    if declared is None:
        declared = [params]
    problems: list[str] = []
    specs = [parse_service(entry, params.get("state") or "present", problems) for entry in declared]
    problems += duplicate_names([spec.name for spec in specs], "service")
    problems += _port_clashes(specs)
    if problems:
        raise SpecError(problems)
    return specs


def parse_service(entry: t.Mapping[str, t.Any], default_state: str, problems: list[str]) -> ServiceSpec:
    """Parse one service; its problems are added to C(problems)."""
    name = entry.get("name") or ""
    found = [] if name == "default" else name_problems(name)
    networks = parse_attachments(entry.get("networks"), found, ("name", "aliases"))
    fields: dict[str, t.Any] = {
        "image": entry.get("image"),
        "command": parse_words(entry.get("command"), "command", found),
        "args": parse_words(entry.get("args"), "args", found),
        "mode": entry.get("mode"),
        "replicas": entry.get("replicas"),
        "networks": networks,
        "endpoint_mode": entry.get("endpoint_mode"),
        "ports": _ports(entry.get("ports"), found),
        "constraints": _constraints(entry.get("constraints")),
        "env": entry.get("env"),
        "labels": entry.get("labels"),
        "container_labels": entry.get("container_labels"),
        "stop_grace_period": entry.get("stop_grace_period"),
    }
    fields = {key: value for key, value in fields.items() if value is not None}
    for option in ("env", "labels", "container_labels"):
        found += label_problems(fields.get(option) or {}, option)
    if "labels" in fields:
        fields["labels"] = {key: value for key, value in fields["labels"].items() if key != MANAGED_LABEL}
    found += _contradictions(fields)
    problems += [f"service {name or '(no name)'}: {problem}" for problem in found]
    return ServiceSpec(name, entry.get("state") or default_state, fields)


def view(raw: Raw, names: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The API's specification in the terms of a declaration; C(names) maps network ids to names."""
    template = raw.get("TaskTemplate") or {}
    container = template.get("ContainerSpec") or {}
    endpoint = raw.get("EndpointSpec") or {}
    mode = raw.get("Mode") or {}
    return {
        "image": container.get("Image") or "",
        "command": container.get("Command") or [],
        "args": container.get("Args") or [],
        "mode": next((key.lower() for key, value in mode.items() if value is not None), "replicated"),
        "replicas": (mode.get("Replicated") or {}).get("Replicas"),
        "networks": tuple(sorted(_attachment(entry, names) for entry in _networks(raw))),
        "endpoint_mode": endpoint.get("Mode") or "vip",
        "ports": _sorted_ports([_port_view(port) for port in endpoint.get("Ports") or []]),
        "constraints": _constraints((template.get("Placement") or {}).get("Constraints") or []),
        "env": env_dict(container.get("Env")),
        "labels": {key: value for key, value in (raw.get("Labels") or {}).items() if key != MANAGED_LABEL},
        "container_labels": container.get("Labels") or {},
        "stop_grace_period": _seconds(container.get("StopGracePeriod")),
    }


def compare(spec: ServiceSpec, raw: Raw, names: t.Mapping[str, str]) -> dict[str, dict[str, t.Any]]:
    """Every declared field that differs."""
    current = view(raw, names)
    if "image" in spec.fields:
        current["image"] = same_image(spec.fields["image"], current["image"])
    return {
        key: {"before": plain(current[key]), "after": plain(spec.fields[key])}
        for key in FIELDS
        if key in spec.fields and current[key] != spec.fields[key]
    }


def new_spec(spec: ServiceSpec, ids: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The specification for the service's creation; C(ids) maps network names to ids."""
    base: dict[str, t.Any] = {
        "Name": spec.name,
        "Labels": {MANAGED_LABEL: "true"},
        "TaskTemplate": {"ContainerSpec": {}},
        "Mode": {"Global": {}} if spec.fields.get("mode") == "global" else {"Replicated": {"Replicas": 1}},
    }
    return merge(base, spec.fields, ids)


def merge(raw: Raw, fields: t.Mapping[str, t.Any], ids: t.Mapping[str, str]) -> dict[str, t.Any]:
    """The whole specification with the given fields set and everything else unchanged."""
    merged = copy.deepcopy(dict(raw))
    template = merged.setdefault("TaskTemplate", {})
    container = template.setdefault("ContainerSpec", {})
    simple = {"image": "Image", "command": "Command", "args": "Args", "container_labels": "Labels"}
    for option, key in simple.items():
        if option in fields:
            container[key] = fields[option]
    if "env" in fields:
        container["Env"] = env_list(fields["env"])
    if "stop_grace_period" in fields:
        container["StopGracePeriod"] = fields["stop_grace_period"] * NANOSECONDS
    if "labels" in fields:
        own = {key: value for key, value in (merged.get("Labels") or {}).items() if key == MANAGED_LABEL}
        merged["Labels"] = dict(fields["labels"], **own)
    if "replicas" in fields:
        merged["Mode"] = {"Replicated": {"Replicas": fields["replicas"]}}
    if "constraints" in fields:
        template["Placement"] = dict(template.get("Placement") or {}, Constraints=fields["constraints"])
    if "networks" in fields:
        template["Networks"] = _targets(_networks(raw), fields["networks"], ids)
        merged.pop("Networks", None)
    _merge_endpoint(merged, fields)
    return merged


def plain(value: t.Any) -> t.Any:
    """A value in the form of results and diffs."""
    if isinstance(value, Attachment):
        return attachment_view(value)
    if isinstance(value, tuple):
        return [plain(item) for item in value]
    return value


def attachment_view(attachment: Attachment) -> dict[str, t.Any]:
    """An attachment in the form of results and diffs."""
    parts = {
        "name": attachment.name,
        "aliases": list(attachment.aliases),
        "ipv4_address": attachment.ipv4_address,
    }
    return {key: value for key, value in parts.items() if value}


def _merge_endpoint(merged: dict[str, t.Any], fields: t.Mapping[str, t.Any]) -> None:
    endpoint = dict(merged.get("EndpointSpec") or {})
    if "endpoint_mode" in fields:
        endpoint["Mode"] = fields["endpoint_mode"]
    if "ports" in fields:
        endpoint["Ports"] = [
            {
                "TargetPort": port["target"],
                "PublishedPort": port["published"],
                "Protocol": port["protocol"],
                "PublishMode": port["mode"],
            }
            for port in fields["ports"]
        ]
    if endpoint:
        merged["EndpointSpec"] = endpoint


def _networks(raw: Raw) -> list[dict[str, t.Any]]:
    return (raw.get("TaskTemplate") or {}).get("Networks") or raw.get("Networks") or []


def _targets(
    existing: list[dict[str, t.Any]], wanted: tuple[Attachment, ...], ids: t.Mapping[str, str]
) -> list[dict[str, t.Any]]:
    """Attachments for the API. Settings of present ones that are not managed here (driver options) are kept."""
    before = {entry.get("Target"): entry for entry in existing}
    targets = []
    for attachment in wanted:
        target = ids[attachment.name]
        targets.append(dict(before.get(target) or {}, Target=target, Aliases=list(attachment.aliases)))
    return targets


def _attachment(entry: t.Mapping[str, t.Any], names: t.Mapping[str, str]) -> Attachment:
    target = entry.get("Target") or ""
    return Attachment(names.get(target, target), tuple(sorted(set(entry.get("Aliases") or []))))


def _ports(declared: list[Port] | None, problems: list[str]) -> list[Port] | None:
    if declared is None:
        return None
    ports = []
    for entry in declared:
        given = {key: value for key, value in entry.items() if value is not None}
        port = dict(PORT_DEFAULTS, **given)
        for key, lowest in (("target", 1), ("published", 0)):
            if not lowest <= port[key] <= 65535:
                problems.append(f"ports: {key} {port[key]} is outside {lowest} to 65535")
        ports.append(port)
    return _sorted_ports(ports)


def _sorted_ports(ports: list[Port]) -> list[Port]:
    keys = ("target", "published", "protocol", "mode")
    return [{key: port[key] for key in keys} for port in sorted(ports, key=lambda port: [str(port[k]) for k in keys])]


def _port_view(port: t.Mapping[str, t.Any]) -> dict[str, t.Any]:
    return {
        "target": port.get("TargetPort") or 0,
        "published": port.get("PublishedPort") or 0,
        "protocol": port.get("Protocol") or "tcp",
        "mode": port.get("PublishMode") or "ingress",
    }


def _constraints(declared: list[str] | None) -> list[str] | None:
    """Constraints in one notation and a fixed order."""
    if declared is None:
        return None
    return sorted(re.sub(r"\s*(==|!=)\s*", r" \1 ", constraint.strip()) for constraint in declared)


def _seconds(nanoseconds: int | None) -> int | None:
    return None if nanoseconds is None else nanoseconds // NANOSECONDS


def _contradictions(fields: t.Mapping[str, t.Any]) -> list[str]:
    found = []
    if fields.get("mode") == "global" and "replicas" in fields:
        found.append("replicas cannot go with mode global, which runs one task on every node")
    if fields.get("replicas", 0) < 0:
        found.append(f"replicas {fields['replicas']} is below 0")
    if fields.get("stop_grace_period", 0) < 0:
        found.append(f"stop_grace_period {fields['stop_grace_period']} is below 0")
    if fields.get("endpoint_mode") == "dnsrr" and any(port["mode"] == "ingress" for port in fields.get("ports", [])):
        found.append("ports of mode ingress need endpoint_mode vip; with dnsrr publish with mode host")
    for constraint in fields.get("constraints", []):
        if not re.fullmatch(r"\S+ (==|!=) .+", constraint):
            found.append(f"constraints: '{constraint}' is not of the form 'node.role == worker'")
    return found


def _port_clashes(specs: list[ServiceSpec]) -> list[str]:
    """Conflicts on any set of nodes; port_clashes finds those that depend on the nodes."""
    claims: dict[tuple[int, str], list[Claim]] = {}
    for spec in specs:
        for port in spec.fields.get("ports", []) if spec.state == "present" else []:
            if port["published"]:
                claims.setdefault((port["published"], port["protocol"]), []).append(Claim(spec.name, port["mode"]))
    return mesh_clashes(claims)
