# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Compare declared overlay networks with the engine's reports. Pure."""

from __future__ import annotations

import typing as t

from .._engine.transport import Raw
from .._terms import MANAGED_LABEL, PINNED_LABEL
from .spec import ENCRYPTED_OPTION, MTU_OPTION, OWN_LABELS, VXLAN_OPTION, NetworkSpec, Subnet, in_order

Description = t.Dict[str, t.Any]
AUTOMATIC = "automatic"


def describe(raw: Raw) -> Description:
    """An overlay's properties in our own terms. Equal networks have equal descriptions."""
    options = dict(raw.get("Options") or {})
    labels = dict(raw.get("Labels") or {})
    configs = (raw.get("IPAM") or {}).get("Config") or []
    vxlan_ids = tuple(int(part) for part in options.get(VXLAN_OPTION, "").split(",") if part.strip().isdigit())
    subnets, vxlan_ids = in_order(tuple(_subnet(config) for config in configs if config.get("Subnet")), vxlan_ids)
    return {
        "id": raw.get("Id"),
        "name": raw.get("Name"),
        "driver": raw.get("Driver"),
        "scope": raw.get("Scope"),
        "ingress": bool(raw.get("Ingress")),
        "allocated": is_allocated(raw),
        "managed": labels.get(MANAGED_LABEL) == "true",
        "pinned": [part for part in labels.get(PINNED_LABEL, "").split(",") if part],
        "encrypted": ENCRYPTED_OPTION in options,
        "attachable": bool(raw.get("Attachable")),
        "internal": bool(raw.get("Internal")),
        "ipv6": bool(raw.get("EnableIPv6")),
        "mtu": _number(options.get(MTU_OPTION)),
        "subnets": [dict(subnet._asdict()) for subnet in subnets],
        "vxlan_ids": list(vxlan_ids),
        "labels": {key: value for key, value in sorted(labels.items()) if key not in OWN_LABELS},
        "driver_options": {
            key: value
            for key, value in sorted(options.items())
            if key not in (ENCRYPTED_OPTION, MTU_OPTION, VXLAN_OPTION)
        },
    }


def is_allocated(raw: Raw) -> bool:
    """Whether swarm has allocated the network's subnet and VXLAN id. It is unusable without them."""
    return bool(raw.get("Driver")) and bool((raw.get("IPAM") or {}).get("Config"))


def differences(spec: NetworkSpec, current: Description) -> dict[str, dict[str, t.Any]]:
    """Every property that differs from the declaration. An undeclared property is compared with its default."""
    if not current["allocated"]:
        return {"allocated": {"before": False, "after": True}}
    before, after = _comparable(spec, current), _declared(spec)
    return {key: {"before": before[key], "after": after[key]} for key in after if before[key] != after[key]}


def diff_view(spec: NetworkSpec | None, current: Description | None) -> tuple[Description, Description]:
    """The two sides of one network's diff: the present state and the declared one."""
    before: Description = {}
    after: Description = {}
    if current is not None:
        before = _comparable(spec, current) if spec is not None else _plain(current)
    if spec is not None:
        after = _declared(spec)
    return before, after


def predicted(spec: NetworkSpec) -> Description:
    """The description that a network created from this declaration would have. Automatic values are unknown."""
    return {
        "id": None,
        "name": spec.name,
        "driver": "overlay",
        "scope": "swarm",
        "ingress": False,
        "allocated": False,
        "managed": True,
        "pinned": spec.pinned(),
        "encrypted": spec.encrypted,
        "attachable": spec.attachable,
        "internal": spec.internal,
        "ipv6": False,
        "mtu": spec.mtu,
        "subnets": [dict(subnet._asdict()) for subnet in spec.subnets],
        "vxlan_ids": list(spec.vxlan_ids),
        "labels": dict(sorted(spec.labels.items())),
        "driver_options": {},
    }


def subnets_of(current: Description) -> tuple[Subnet, ...]:
    """The subnets of a described network."""
    return tuple(Subnet(**subnet) for subnet in current["subnets"])


def _declared(spec: NetworkSpec) -> Description:
    return {
        "encrypted": spec.encrypted,
        "attachable": spec.attachable,
        "internal": spec.internal,
        "ipv6": False,
        "mtu": spec.mtu,
        "subnets": [_subnet_view(subnet, subnet.gateway) for subnet in spec.subnets] or AUTOMATIC,
        "vxlan_ids": list(spec.vxlan_ids) or AUTOMATIC,
        "labels": dict(sorted(spec.labels.items())),
        "driver_options": {},
    }


def _comparable(spec: NetworkSpec, current: Description) -> Description:
    """The present network for the comparison: values that the engine chose are shown as automatic unless declared."""
    view = _plain(current)
    if not spec.subnets and "subnets" not in current["pinned"]:
        view["subnets"] = AUTOMATIC
    else:
        gateways = {subnet.subnet: subnet.gateway for subnet in spec.subnets}
        view["subnets"] = [
            _subnet_view(subnet, _shown_gateway(subnet, gateways, current["pinned"])) for subnet in subnets_of(current)
        ]
    if not spec.vxlan_ids and "vxlan_ids" not in current["pinned"]:
        view["vxlan_ids"] = AUTOMATIC
    return view


def _shown_gateway(subnet: Subnet, declared: dict[str, str | None], pinned: list[str]) -> str | None:
    if declared.get(subnet.subnet) is None and f"gateway={subnet.subnet}" not in pinned:
        return None
    return subnet.gateway


def _plain(current: Description) -> Description:
    keys = ("encrypted", "attachable", "internal", "ipv6", "mtu", "subnets", "vxlan_ids", "labels", "driver_options")
    return {key: current[key] for key in keys}


def _subnet_view(subnet: Subnet, gateway: str | None) -> dict[str, str]:
    parts = {"subnet": subnet.subnet, "gateway": gateway, "ip_range": subnet.ip_range}
    return {key: value for key, value in parts.items() if value}


def _subnet(config: t.Mapping[str, t.Any]) -> Subnet:
    gateway = (config.get("Gateway") or "").split("/")[0]
    return Subnet(config["Subnet"], gateway or None, config.get("IPRange") or None)


def _number(text: str | None) -> int | str | None:
    """The text as a number if it is one. Any other text stays as it is and differs from every declared MTU."""
    return int(text) if text is not None and text.isdigit() else text
