# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Settings of a swarm: read from its specification, and compared with a declaration. Pure."""

from __future__ import annotations

import ipaddress
import json
import typing as t

from .._engine.transport import Raw
from .._terms import DATA_PATH_PORT, OWN_PREFIX

SECOND = 1000000000  # the engine's durations are nanoseconds
HOUR = 3600 * SECOND
# Option of module swarm: section and key of the specification, and the engine's units in one of ours.
KEYS: dict[str, tuple[str, str, int]] = {
    "autolock": ("EncryptionConfig", "AutoLockManagers", 1),
    "heartbeat": ("Dispatcher", "HeartbeatPeriod", SECOND),
    "keep_old_snapshots": ("Raft", "KeepOldSnapshots", 1),
    "log_entries_for_slow_followers": ("Raft", "LogEntriesForSlowFollowers", 1),
    "node_cert_expiry": ("CAConfig", "NodeCertExpiry", HOUR),
    "snapshot_interval": ("Raft", "SnapshotInterval", 1),
    "task_history": ("Orchestration", "TaskHistoryRetentionLimit", 1),
}
LOWEST = {
    "heartbeat": 1,
    "keep_old_snapshots": 0,
    "log_entries_for_slow_followers": 1,
    "node_cert_expiry": 1,
    "snapshot_interval": 1,
    "task_history": 0,
}
FIXED = ("default_addr_pool", "subnet_size", "data_path_port")
DEFAULT_POOL, DEFAULT_SUBNET_SIZE = ["10.0.0.0/8"], 24  # of engines that report none

Options = t.Mapping[str, t.Any]


def read(swarm: Raw) -> dict[str, t.Any]:
    """The settings of a swarm, in the options of module swarm."""
    spec = swarm.get("Spec") or {}
    told: dict[str, t.Any] = {
        option: _number((spec.get(section) or {}).get(key), unit) for option, (section, key, unit) in KEYS.items()
    }
    told["autolock"] = bool(told["autolock"])
    return {
        **told,
        "labels": {key: value for key, value in (spec.get("Labels") or {}).items() if not key.startswith(OWN_PREFIX)},
        "default_addr_pool": list(swarm.get("DefaultAddrPool") or DEFAULT_POOL),
        "subnet_size": swarm.get("SubnetSize") or DEFAULT_SUBNET_SIZE,
        "data_path_port": swarm.get("DataPathPort") or DATA_PATH_PORT,
    }


def _number(value: t.Any, unit: int) -> t.Any:
    """A value in our unit. It stays a fraction where somebody else declared one."""
    count = value or 0
    return count if unit == 1 else count // unit if count % unit == 0 else round(count / unit, 6)


def problems(wanted: Options) -> list[str]:
    """What is wrong with the declaration itself."""
    found = [
        f"{option} is {wanted[option]}; it must be at least {lowest}"
        for option, lowest in LOWEST.items()
        if wanted.get(option) is not None and wanted[option] < lowest
    ]
    for pool in wanted.get("default_addr_pool") or ():
        try:
            ipaddress.ip_network(pool)
        except ValueError as error:
            found.append(f"default_addr_pool: {error}")
    found += [
        f"labels: {key} begins with {OWN_PREFIX}, which the collection keeps for itself"
        for key in wanted.get("labels") or ()
        if key.startswith(OWN_PREFIX)
    ]
    return found


def fixed(swarm: Raw, wanted: Options) -> list[str]:
    """Declared values that differ from what was fixed when the swarm was made, in words."""
    present = read(swarm)
    return [
        f"{option} is {_words(present[option])}, declared is {_words(wanted[option])}"
        for option in FIXED
        if wanted.get(option) and _comparable(present[option]) != _comparable(wanted[option])
    ]


def _comparable(value: t.Any) -> t.Any:
    return [str(ipaddress.ip_network(pool)) for pool in value] if isinstance(value, list) else value


def _words(value: t.Any) -> str:
    return ", ".join(value) if isinstance(value, list) else str(value)


def merged(spec: Raw, wanted: Options) -> Raw:
    """The whole specification with the declared values in it. What is not declared stays exactly as it is."""
    new = json.loads(json.dumps(spec))
    for option, (section, key, unit) in KEYS.items():
        if wanted.get(option) is not None and _number((spec.get(section) or {}).get(key), unit) != wanted[option]:
            new.setdefault(section, {})[key] = wanted[option] * unit if unit != 1 else wanted[option]
    if wanted.get("labels") is not None:
        kept = {key: value for key, value in (spec.get("Labels") or {}).items() if key.startswith(OWN_PREFIX)}
        new["Labels"] = {**kept, **wanted["labels"]}
    return t.cast(Raw, new)


def differs(spec: Raw, new: Raw) -> bool:
    """Whether two specifications differ. No labels and an empty dictionary of them are the same."""
    return {**spec, "Labels": spec.get("Labels") or {}} != {**new, "Labels": new.get("Labels") or {}}
