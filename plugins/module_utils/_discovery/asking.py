# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Service discovery on one network as its local endpoints see it: ask, compare, report differences.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import functools
import ipaddress
import os
import typing as t

from .._engine.sdk import APIClient, EngineError, NotFound, Refused, explain
from .._probe import dns, netns, pause, shapes, work

LABEL = "swarmlab.overlay/discovery"
SLACK = 15


class Endpoint(t.NamedTuple):
    """A local container on the network."""

    name: str
    namespace: str


class Record(t.TypedDict):
    """A name's expected addresses, and those that one endpoint resolved it to."""

    missing: list[str]
    unexpected: list[str]
    name: str
    expected: list[str]
    observed: list[str]
    endpoint: str
    answer: str
    ok: bool
    seconds: float


def wanted_records(expected: t.Mapping[str, t.Any], names: list[str] | None, absent: list[str]) -> dict[str, list[str]]:
    """Name -> sorted expected addresses: the chosen names, and the absent names without any. Raises EngineError."""
    unknown = [name for name in names or [] if name not in expected]
    if unknown:
        raise EngineError(
            f"Nothing is known about the name {', '.join(unknown)} on this network, so there is nothing to "
            f"compare with. Known: {', '.join(sorted(expected)) or 'none'}."
        )
    chosen = {name: expected[name] for name in (names or expected)}
    both = sorted(set(chosen) & set(absent))
    if both:
        raise EngineError(f"{', '.join(both)} is both expected and listed in 'absent'; choose one.")
    chosen.update({name: [] for name in absent})
    return {name: check_addresses(name, addresses) for name, addresses in sorted(chosen.items())}


def check_addresses(name: str, addresses: t.Any) -> list[str]:
    """The sorted IPv4 addresses. Raises EngineError when one is invalid."""
    if not isinstance(addresses, (list, tuple)):
        raise EngineError(f"expected: the value of {name} must be a list of addresses, not {addresses!r}.")
    for address in addresses:
        try:
            ipaddress.IPv4Address(address)
        except ValueError as error:
            raise EngineError(f"expected: {address!r} of {name} is not an IPv4 address.") from error
    return sorted(addresses, key=dns.address_key)


def network_id(client: APIClient, network: str) -> str:
    """The id of the network with exactly this name. The engine also accepts the beginning of an id as a name."""
    for found in client.networks(names=[network]):
        if found["Name"] == network:
            return str(found["Id"])
    raise no_such_network(network)


def no_such_network(network: str) -> EngineError:
    """The error for a network that does not exist."""
    return EngineError(f"There is no network called {network} in the swarm.")


def endpoints(client: APIClient, network: str) -> list[Endpoint]:
    """The running local containers on the network of exactly this name."""
    found = []
    for container in client.containers(filters={"network": network}):
        try:
            details = client.inspect_container(container["Id"])
        except NotFound:
            continue
        namespace = details["NetworkSettings"]["SandboxKey"]
        if details["State"]["Running"] and namespace and network in details["NetworkSettings"]["Networks"]:
            found.append(Endpoint(details["Name"].lstrip("/"), namespace))
    return sorted(found)


def attach(client: APIClient, network: str) -> str:
    """Attach a temporary container to the network. Returns its id; the caller removes it."""
    try:
        if not client.images(name=pause.IMAGE):
            client.import_image_from_data(
                pause.archive(os.uname().machine),
                repository=pause.REPOSITORY,
                tag=pause.VERSION,
                changes=list(pause.CHANGES),
            )
        created = client.create_container(
            pause.IMAGE,
            labels={LABEL: "true"},
            host_config=client.create_host_config(network_mode=network),
        )
    except ValueError as error:
        raise EngineError(str(error)) from error
    try:
        client.start(created["Id"])
    except Refused as error:
        client.remove_container(created["Id"], force=True)
        raise EngineError(
            f"No local container is on network {network}, and a temporary one cannot be attached: "
            f"{explain(error)}. Make the network attachable, or run this where one of its tasks runs."
        ) from error
    return str(created["Id"])


def ask(places: list[Endpoint], network: str, wanted: t.Mapping[str, list[str]], timeout: int) -> list[Record]:
    """Ask every endpoint for every name until all answers are right or ``timeout`` seconds have passed."""
    setting = work.Setting("", "", 3.0)
    jobs = []
    for place in places:
        requests: list[shapes.Request] = [
            {"id": name, "kind": "dns", "name": qualified(name, network), "expected": addresses, "patience": timeout}
            for name, addresses in wanted.items()
        ]
        jobs.append((place, netns.begin(place.namespace, functools.partial(work.perform, requests, setting))))
    records = []
    for place, job in jobs:
        try:
            seen = netns.finish(job, timeout + SLACK)
        except netns.ProbeError as error:
            raise EngineError(f"Asking from container {place.name} failed: {error}") from error
        records += [record(name, wanted[name], place.name, seen[name]) for name in wanted]
    return records


def qualified(name: str, network: str) -> str:
    """The name with its network. Otherwise the resolver of a container on several networks answers from the first."""
    return f"{name}.{network}"


def record(name: str, expected: list[str], endpoint: str, seen: shapes.Observation) -> Record:
    """One line of the result."""
    differences = dns.difference(expected, seen["addresses"])
    return {
        "missing": differences["missing"],
        "unexpected": differences["unexpected"],
        "name": name,
        "expected": list(expected),
        "observed": seen["addresses"],
        "endpoint": endpoint,
        "answer": seen["kind"],
        "ok": seen["ok"],
        "seconds": seen["seconds"],
    }


def explain_records(records: list[Record]) -> str:
    """The wrong records as a message."""
    parts = []
    for row in records:
        if row["ok"]:
            continue
        words = [f"missing {', '.join(row['missing'])}"] if row["missing"] else []
        words += [f"unexpected {', '.join(row['unexpected'])}"] if row["unexpected"] else []
        parts.append(f"{row['name']} from {row['endpoint']}: {' and '.join(words) or 'answer ' + row['answer']}")
    rest = len(parts) - 5
    return "; ".join(parts[:5]) + (f"; and {rest} more" if rest > 0 else "")


def diff(records: list[Record]) -> dict[str, str]:
    """Expected and observed addresses, as Ansible shows a diff."""

    def text(of: t.Callable[[Record], list[str]]) -> str:
        return "".join(
            f"{row['name']} @{row['endpoint']}: {' '.join(of(row)) or '-'}\n" for row in records if not row["ok"]
        )

    return {
        "before_header": "expected",
        "after_header": "observed",
        "before": text(lambda row: row["expected"]),
        "after": text(lambda row: row["observed"]),
    }
