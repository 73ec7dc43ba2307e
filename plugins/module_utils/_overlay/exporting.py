# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""What a swarm holds, as the variables that declare it anew. Pure.

What these variables cannot say is told beside them, value by value, so that nothing is left out in silence.
"""

from __future__ import annotations

import ipaddress
import typing as t

from .._engine.transport import Raw
from .._terms import OWN_PREFIX
from .compare import Description, describe
from .service_spec import ServiceSpec, new_spec, plain, view
from .spec import VXLAN_OPTION

NANOSECONDS = 1000000000
UPDATES = {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5 * NANOSECONDS, "Order": "stop-first"}
# What the docker CLI writes into a service that says nothing of it, without zeros and empty values.
USUAL: dict[str, t.Any] = {
    "TaskTemplate.RestartPolicy": {"Condition": "any", "Delay": 5 * NANOSECONDS},
    "TaskTemplate.Runtime": "container",
    "TaskTemplate.ContainerSpec.Isolation": "default",
    "UpdateConfig": UPDATES,
    "RollbackConfig": UPDATES,
}
IGNORED = (
    "TaskTemplate.ForceUpdate",
    "TaskTemplate.Placement.Platforms",
    "TaskTemplate.Placement.Constraints",  # said, perhaps in another notation
    "Networks",
    "TaskTemplate.Networks",
)
WHOLE = ("TaskTemplate.RestartPolicy", "UpdateConfig", "RollbackConfig", "TaskTemplate.Resources")


def export(
    networks: t.Sequence[Raw], services: t.Sequence[Raw], configs: t.Sequence[Raw], secrets: t.Sequence[Raw]
) -> dict[str, t.Any]:
    """The variables of role overlays, and what goes beyond them.

    :param networks: networks of the swarm, as the engine lists them
    :param services: likewise, with C(Spec)
    """
    names = {network["Id"]: network["Name"] for network in networks}
    described = [describe(network) for network in networks if network.get("Scope") == "swarm"]
    overlays = [each for each in described if each["driver"] == "overlay" and not each["ingress"]]
    ingress = next((each for each in described if each["ingress"]), None)
    specs = sorted((service["Spec"] for service in services), key=lambda spec: spec["Name"])
    found = {
        "overlays_networks": [_network(each) for each in sorted(overlays, key=lambda each: each["name"])],
        "overlays_services": [_service(spec, names) for spec in specs],
        "overlays_ingress": _options(ingress) if ingress else {},
        "swarm_export_configs": [
            {
                "name": config["Spec"]["Name"],
                "labels": config["Spec"].get("Labels") or {},
                "data": config["Spec"]["Data"],
            }
            for config in sorted(configs, key=lambda config: config["Spec"]["Name"])
        ],
        "swarm_export_secrets": sorted(secret["Spec"]["Name"] for secret in secrets),
    }
    rest = {spec["Name"]: unsaid for spec in specs if (unsaid := beyond(spec, names))}
    foreign = {
        each["name"]: {"driver": each["driver"]}
        for each in described
        if each["driver"] != "overlay" and not each["ingress"]
    }
    lost = {each["name"]: each["driver_options"] for each in overlays if each["driver_options"]}
    return {**found, "swarm_export_rest": {"services": rest, "networks": {**foreign, **lost}}}


def _network(network: Description) -> dict[str, t.Any]:
    flags = {key: True for key in ("encrypted", "attachable", "internal") if network[key]}
    return {
        "name": network["name"],
        **flags,
        **{key: value for key, value in _options(network).items() if key != "encrypted"},
    }


def _options(network: Description) -> dict[str, t.Any]:
    """What both kinds of networks declare. Of a network that this collection declared, only what was declared."""
    keep = "subnets" in network["pinned"] or not network["managed"]
    found: dict[str, t.Any] = {"encrypted": True} if network["encrypted"] else {}
    if network["mtu"]:
        found["mtu"] = str(network["mtu"])
    if keep and network["subnets"]:
        found["subnets"] = [_subnet(subnet) for subnet in network["subnets"]]
    if "vxlan_ids" in network["pinned"]:
        found["driver_options"] = {VXLAN_OPTION: ",".join(str(number) for number in network["vxlan_ids"])}
    if network["labels"]:
        found["labels"] = network["labels"]
    return found


def _subnet(subnet: t.Mapping[str, t.Any]) -> dict[str, str]:
    """A subnet, with its gateway where it is not the first address, which is the engine's own choice."""
    network = ipaddress.ip_network(subnet["subnet"], strict=False)
    found = {"subnet": subnet["subnet"]}
    if subnet["ip_range"]:
        found["ip_range"] = subnet["ip_range"]
    if subnet["gateway"] and subnet["gateway"] != str(network.network_address + 1):
        found["gateway"] = subnet["gateway"]
    return found


def fields_of(spec: Raw, names: t.Mapping[str, str]) -> dict[str, t.Any]:
    """What a declaration can say of a service."""
    seen = view(spec, names)
    seen["labels"] = {key: value for key, value in seen["labels"].items() if not key.startswith(OWN_PREFIX)}
    if seen["mode"] not in ("replicated", "global"):
        seen.pop("mode")
    return {key: value for key, value in seen.items() if value not in (None, "", (), [], {})}


def _service(spec: Raw, names: t.Mapping[str, str]) -> dict[str, t.Any]:
    return {"name": spec["Name"], **{key: plain(value) for key, value in fields_of(spec, names).items()}}


def beyond(spec: Raw, names: t.Mapping[str, str]) -> dict[str, t.Any]:
    """What of a service's specification a declaration cannot say: {path: value}."""
    ids = {name: network for network, name in names.items()}
    fields = fields_of(spec, names)
    known = [each for each in fields.get("networks", ()) if each.name in ids]
    said = new_spec(ServiceSpec(spec["Name"], "present", {**fields, "networks": tuple(known)}), ids)
    made = _leaves(said)
    return {
        path: value
        for path, value in _leaves(spec).items()
        if made.get(path) != value and path not in IGNORED and USUAL.get(path) != value
    }


def _leaves(value: t.Any, path: str = "") -> dict[str, t.Any]:
    """Every value below a specification by its path, without zeros and empty ones."""
    bare = _bare(value)
    if not isinstance(bare, dict) or path in WHOLE or not bare:
        return {} if bare in (None, "", 0, False, [], {}) else {path: bare}
    found: dict[str, t.Any] = {}
    for key, each in bare.items():
        if path == "" and key == "Labels":
            continue
        found.update(_leaves(each, f"{path}.{key}" if path else key))
    return found


def _bare(value: t.Any) -> t.Any:
    if isinstance(value, dict):
        found = {key: _bare(each) for key, each in value.items()}
        return {key: each for key, each in found.items() if each not in (None, "", 0, False, [], {})}
    if isinstance(value, list):
        return [_bare(each) for each in value]
    return value
