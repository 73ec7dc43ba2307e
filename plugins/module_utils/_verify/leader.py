# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What only a manager can do for a verification: make the run's objects, read the swarm's view, remove the objects.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import base64
import fnmatch
import time
from typing import Any

from .._engine import APIError, NotFound, explain, wait_until
from .._overlay.records import expected_records, is_running, task_addresses
from .._probe import certificate
from . import names

SECOND = 1000000000
IN_USE_PATIENCE = 30


def is_leader(client: Any, node_id: str) -> bool:
    """Whether this manager leads the swarm: exactly one node does, so it makes the objects."""
    return bool((client.inspect_node(node_id).get("ManagerStatus") or {}).get("Leader"))


def swarm_view(client: Any) -> dict:
    """The swarm as a plain summary: identity, trust, nodes."""
    swarm = client.inspect_swarm()
    return {
        "id": swarm["ID"],
        "data_port": swarm.get("DataPathPort") or names.DEFAULT_DATA_PORT,
        "rotating": bool(swarm.get("RootRotationInProgress")),
        "trust": _trust(swarm.get("TLSInfo") or {}),
        "nodes": [_node(node) for node in client.nodes()],
    }


def _trust(info: dict) -> dict:
    subject = info.get("CertIssuerSubject")
    return {
        "roots_digest": certificate.roots_digest(info.get("TrustRoot") or ""),
        "issuer_digest": certificate.digest(base64.b64decode(subject)) if subject else None,
        "issuer_key_digest": certificate.digest((info.get("CertIssuerPublicKey") or "").encode()),
    }


def _node(node: dict) -> dict:
    manager = node.get("ManagerStatus") or {}
    description = node["Description"]
    return {
        "id": node["ID"],
        "hostname": description["Hostname"],
        "role": node["Spec"]["Role"],
        "availability": node["Spec"]["Availability"],
        "state": node["Status"]["State"],
        "address": node["Status"].get("Addr"),
        "manager_address": manager.get("Addr"),
        "leader": bool(manager.get("Leader")),
        "engine": description["Engine"]["EngineVersion"],
        "trust": _trust(description.get("TLSInfo") or {}),
    }


def overlays(client: Any) -> list[dict]:
    """Every overlay network that people declared: neither ingress nor made by a verification."""
    found = []
    for network in client.networks(filters={"driver": "overlay"}):
        if network["Scope"] != "swarm" or network.get("Ingress") or names.RUN_LABEL in (network.get("Labels") or {}):
            continue
        found.append(describe(network))
    return sorted(found, key=lambda network: network["name"])


def describe(network: dict) -> dict:
    """A network as the checks see it."""
    options = network.get("Options") or {}
    numbers = [int(part) for part in (options.get(names.VNI_OPTION) or "").split(",") if part.strip().isdigit()]
    return {
        "id": network["Id"],
        "name": network["Name"],
        "attachable": bool(network.get("Attachable")),
        "internal": bool(network.get("Internal")),
        "encrypted": "encrypted" in options,
        "vni": numbers[0] if numbers else None,
        "subnets": [part["Subnet"] for part in (network.get("IPAM") or {}).get("Config") or [] if part.get("Subnet")],
    }


def select(networks: list[dict], patterns: list[str]) -> tuple[list[dict], list[str]]:
    """The networks that a pattern names, and the patterns that name none."""
    chosen = [item for item in networks if any(fnmatch.fnmatchcase(item["name"], pattern) for pattern in patterns)]
    empty = [p for p in patterns if p != "*" and not any(fnmatch.fnmatchcase(item["name"], p) for item in networks)]
    return chosen, empty


def make_objects(client: Any, plan: dict, selected: list[dict]) -> dict:
    """Create the networks and services of this run. What cannot be made is told under its name in ``refused``."""
    made: dict = {"twin": None, "lazy": None, "probe": None, "published": None, "refused": {}}
    run, needs = plan["run"], plan["needs"]
    if "twin" in needs:
        # Every network costs each node two namespaces; a plain one under test serves as the control as well.
        plain = [network["id"] for network in selected if not network["encrypted"] and network["vni"] is not None]
        made["twin"] = plain[0] if plain else _try(made, "twin", lambda: _create_network(client, run, "twin"))
    if "lazy" in needs:
        made["lazy"] = _try(made, "lazy", lambda: _create_network(client, run, "lazy"))
    if "probe" in needs:
        targets = names.with_twin([network["id"] for network in selected], made["twin"])
        made["probe"] = _try(made, "probe", lambda: _create_probe(client, plan, targets)) if targets else None
    if "published" in needs:
        made["published"] = _try(made, "published", lambda: _create_published(client, plan))
    return made


def _try(made: dict, part: str, create: Any) -> str | None:
    try:
        return create()
    except APIError as error:
        made["refused"][part] = explain(error)
        return None


def _create_network(client: Any, run: str, part: str) -> str:
    created = client.create_network(
        names.name(run, part), driver="overlay", attachable=True, labels=names.labels(run, part)
    )
    return created["Id"]


def _template(plan: dict, part: str, targets: list[str]) -> dict:
    return {
        "ContainerSpec": {
            "Image": plan["image"],
            "Labels": names.labels(plan["run"], part),
            "StopSignal": "SIGKILL",
            "StopGracePeriod": 0,
        },
        "Networks": [{"Target": target} for target in targets],
        "RestartPolicy": {"Condition": "any", "Delay": SECOND},
        "Placement": {"Constraints": ["node.platform.os==linux"]},
    }


def _create_probe(client: Any, plan: dict, targets: list[str]) -> str:
    """One task on every node, with an interface on every network under test."""
    run = plan["run"]
    created = client.create_service(
        _template(plan, "probe", targets),
        name=names.name(run, "probe"),
        labels=names.labels(run, "probe"),
        mode={"Global": {}},
    )
    return created["ID"]


def _create_published(client: Any, plan: dict) -> str:
    """A service with a published port and no network: only ingress carries it."""
    run = plan["run"]
    created = client.create_service(
        _template(plan, "published", []),
        name=names.name(run, "published"),
        labels=names.labels(run, "published"),
        mode={"Replicated": {"Replicas": 1}},
        endpoint_spec={"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishMode": "ingress"}]},
    )
    return created["ID"]


def wait_for_tasks(client: Any, made: dict, node_ids: list[str], timeout: float) -> dict:
    """Wait until the run's services have converged; say how long it took and what did not come."""
    services = [made[part] for part in ("probe", "published") if made[part]]

    def look() -> tuple[bool, list[dict]]:
        tasks = client.tasks(filters={"service": services}) if services else []
        return _converged(tasks, made, node_ids), tasks

    waited = wait_until(look, timeout, interval=0.3)
    errors = {}
    for task in sorted(waited.seen, key=lambda item: item["CreatedAt"]):
        message = task["Status"].get("Err") or task["Status"].get("Message") or task["Status"]["State"]
        errors[task.get("NodeID") or "unplaced"] = "%s: %s" % (task["Status"]["State"], message)
    running = {task.get("NodeID") for task in waited.seen if is_running(task)}
    return {
        "seconds": waited.seconds,
        "errors": {node: text for node, text in errors.items() if node not in running},
        "tasks": waited.seen,
    }


def _converged(tasks: list[dict], made: dict, node_ids: list[str]) -> bool:
    running = [task for task in tasks if is_running(task)]
    probes = {task["NodeID"] for task in running if task["ServiceID"] == made["probe"]}
    published = any(task["ServiceID"] == made["published"] for task in running)
    return (not made["probe"] or probes >= set(node_ids)) and (not made["published"] or published)


def views(client: Any, made: dict, network_ids: list[str], tasks_of_run: list[dict]) -> dict:
    """Expected records of every network, the probes' addresses, and where the published service landed."""
    services, tasks = client.services(), client.tasks()
    return {
        "records": {network: expected_records(network, services, tasks) for network in network_ids},
        "owners": {network: _owners(network, services, tasks) for network in network_ids},
        "probes": _probe_addresses(made, network_ids, tasks_of_run),
        "vips": _vips(client, made),
        "published_networks": _published_networks(made, tasks_of_run),
        "networks": [describe(client.inspect_network(network)) for network in network_ids],
    }


def _owners(network: str, services: list[dict], tasks: list[dict]) -> dict:
    """Name on the network -> [service it belongs to, kind of name]: service, tasks, task or alias."""
    owners = {}
    for service in services:
        own = service["Spec"]["Name"]
        mine = [task for task in tasks if task.get("ServiceID") == service["ID"]]
        for name in expected_records(network, [service], mine):
            owners[name] = [own, _kind(name, own)]
    return owners


def _kind(name: str, service: str) -> str:
    if name == service:
        return "service"
    if name.startswith("tasks."):
        return "tasks"
    return "task" if name.startswith(service + ".") else "alias"


def _probe_addresses(made: dict, network_ids: list[str], tasks: list[dict]) -> dict:
    """Node id -> network id -> address of the probe there."""
    found: dict = {}
    for task in tasks:
        if task["ServiceID"] != made["probe"] or not is_running(task):
            continue
        for network in network_ids:
            addresses = task_addresses(task, network)
            if addresses:
                found.setdefault(task["NodeID"], {})[network] = addresses[0]
    return found


def _vips(client: Any, made: dict) -> dict:
    if not made["probe"]:
        return {}
    endpoint = client.inspect_service(made["probe"]).get("Endpoint") or {}
    return {item["NetworkID"]: item["Addr"].split("/")[0] for item in endpoint.get("VirtualIPs") or [] if item.get("Addr")}


def _published_networks(made: dict, tasks: list[dict]) -> list[str]:
    mine = [task for task in tasks if task["ServiceID"] == made["published"] and is_running(task)]
    return sorted({item["Network"]["Spec"]["Name"] for task in mine for item in task.get("NetworksAttachments") or []})


def remove_objects(client: Any, keep_run: str | None = None) -> list[str]:
    """Remove services and networks of verifications, but for those of ``keep_run``. Returns what would not go."""
    services = [item for item in client.services(filters={"label": names.RUN_LABEL})
                if item["Spec"]["Labels"][names.RUN_LABEL] != keep_run]
    networks = [item for item in client.networks(filters={"label": names.RUN_LABEL})
                if item["Labels"][names.RUN_LABEL] != keep_run]
    for service in services:
        client.remove_service(service["ID"])
    deadline = time.monotonic() + IN_USE_PATIENCE
    return [network["Name"] for network in networks if not _remove_network(client, network["Id"], deadline)]


def _remove_network(client: Any, network: str, deadline: float) -> bool:
    """Swarm refuses while a task of a removed service still ends; ask again for a while."""
    while True:
        try:
            client.remove_network(network)
            return True
        except NotFound:
            return True
        except APIError:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.3)
