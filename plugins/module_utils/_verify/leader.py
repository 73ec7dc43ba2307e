# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manager-side steps: create, inspect and remove the run's objects.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import base64
import fnmatch
import functools
import ipaddress
import time
import typing as t

from .._discovery.records import endpoint_mode, expected_records, is_running, task_addresses
from .._engine.client import Engine, NotFound, Refused
from .._engine.transport import Raw, moment, wait_until
from .._probe import certificate, sockets
from .._terms import DATA_PATH_PORT, RUN_LABEL
from . import local, objects, people, shapes

SECOND = 1000000000
IN_USE_PATIENCE = 30
NOT_ARRIVED = ("new", "pending", "allocated", "assigned")  # states of a task of which its node knows nothing yet
ENDED = ("complete", "failed", "rejected", "shutdown", "orphaned", "remove")
LATELY = 60
RESERVED = 3  # of each subnet: the network address, the gateway, and broadcast


def is_leader(engine: Engine, node_id: str) -> bool:
    """Whether this manager leads the swarm. Exactly one node does, and creates the objects."""
    return bool((engine.inspect_node(node_id).get("ManagerStatus") or {}).get("Leader"))


def swarm_view(engine: Engine) -> shapes.Swarm:
    """The swarm as a plain summary: identity, trust, nodes."""
    swarm = engine.inspect_swarm()
    return {
        "id": swarm["ID"],
        "data_port": swarm.get("DataPathPort") or DATA_PATH_PORT,
        "rotating": bool(swarm.get("RootRotationInProgress")),
        "trust": _trust(swarm.get("TLSInfo") or {}),
        "autolock": bool(((swarm.get("Spec") or {}).get("EncryptionConfig") or {}).get("AutoLockManagers")),
        "nodes": [_node(node, time.time()) for node in engine.nodes()],
    }


def _trust(info: Raw) -> shapes.Trust:
    subject = info.get("CertIssuerSubject")
    return {
        "roots_digest": certificate.roots_digest(info.get("TrustRoot") or ""),
        "issuer_digest": certificate.digest(base64.b64decode(subject)) if subject else None,
        "issuer_key_digest": certificate.digest((info.get("CertIssuerPublicKey") or "").encode()),
    }


def _node(node: Raw, now: float) -> shapes.SwarmNode:
    """A node in the form of the checks. One that has not finished its join has no description."""
    manager, spec, status, description = (
        node.get(key) or {} for key in ("ManagerStatus", "Spec", "Status", "Description")
    )
    return {
        "id": node["ID"],
        "hostname": description.get("Hostname"),
        "role": spec.get("Role"),
        "availability": spec.get("Availability"),
        "state": status.get("State"),
        "seconds": now - moment(node["CreatedAt"]) if node.get("CreatedAt") else None,
        "address": status.get("Addr"),
        "manager_address": manager.get("Addr"),
        "leader": bool(manager.get("Leader")),
        "engine": (description.get("Engine") or {}).get("EngineVersion"),
        "trust": _trust(description.get("TLSInfo") or {}),
    }


def overlays(engine: Engine) -> list[shapes.Network]:
    """Every overlay network of the users: neither ingress nor a verification's own."""
    found = []
    for network in engine.networks({"driver": "overlay"}):
        if network["Scope"] != "swarm" or network.get("Ingress") or RUN_LABEL in (network.get("Labels") or {}):
            continue
        found.append(describe(network))
    return sorted(found, key=lambda network: network["name"])


def describe(network: Raw) -> shapes.Network:
    """A network in the form of the checks."""
    options = network.get("Options") or {}
    numbers = [int(part) for part in (options.get(objects.VNI_OPTION) or "").split(",") if part.strip().isdigit()]
    return {
        "id": network["Id"],
        "name": network["Name"],
        "attachable": bool(network.get("Attachable")),
        "internal": bool(network.get("Internal")),
        "encrypted": "encrypted" in options,
        "vni": numbers[0] if numbers else None,
        "options": options,
        "subnets": _subnets(network),
    }


def _subnets(network: Raw) -> list[str]:
    return [part["Subnet"] for part in (network.get("IPAM") or {}).get("Config") or [] if part.get("Subnet")]


def select(networks: list[shapes.Network], patterns: list[str]) -> tuple[list[shapes.Network], list[str]]:
    """The networks that match a pattern, and the patterns that match none."""
    chosen = [item for item in networks if any(fnmatch.fnmatchcase(item["name"], pattern) for pattern in patterns)]
    empty = [p for p in patterns if p != "*" and not any(fnmatch.fnmatchcase(item["name"], p) for item in networks)]
    return chosen, empty


def make_objects(engine: Engine, plan: shapes.PreparePlan, selected: list[shapes.Network]) -> shapes.Made:
    """Create the networks and services of this run. ``refused`` has the engine's reason for each that it refused."""
    made: shapes.Made = {
        "twin": None,
        "lazy": None,
        "probe": None,
        "published": None,
        "refused": {},
        "speed": None,
        "crowded": [],
        "network_ids": [network["id"] for network in selected],
    }
    run, needs = plan["run"], plan["needs"]
    roomy = selected
    if "probe" in needs:
        roomy, made["crowded"] = with_room(engine, selected)
    if "twin" in needs:
        # Every network costs each node two namespaces. A plain network under test also serves as the control.
        plain = [network["id"] for network in roomy if not network["encrypted"] and network["vni"] is not None]
        made["twin"] = plain[0] if plain else _try(made, "twin", lambda: _create_network(engine, run, "twin"))
    if "lazy" in needs:
        made["lazy"] = _try(made, "lazy", lambda: _create_network(engine, run, "lazy"))
    speed = _create_speed_networks(engine, made, run) if "speed" in needs else []
    if "probe" in needs:
        targets = objects.with_twin([network["id"] for network in roomy], made["twin"])
        made["network_ids"] = objects.with_twin(made["network_ids"], made["twin"])
        made["probe"] = _try(made, "probe", lambda: _create_probe(engine, plan, targets + speed)) if targets else None
    if speed:
        made["speed"] = _try(made, "speed", lambda: _create_global(engine, plan, objects.SPEED, speed))
    if "published" in needs:
        made["published"] = _try(made, "published", lambda: _create_published(engine, plan))
    return made


def with_room(engine: Engine, networks: list[shapes.Network]) -> tuple[list[shapes.Network], list[str]]:
    """The networks with room for a probe on every node, and the ids of the others.

    A verification must not take the last addresses of a network in use, and one task without an address would hold up
    the probes on all other networks.
    """
    nodes = len(engine.nodes())
    services, tasks, attachments = engine.services(), engine.tasks(), engine.attachments()
    roomy, crowded = [], []
    for network in networks:
        used = {address for address, _who in _addresses(network["id"], services, [*tasks, *attachments])}
        # An address of IPv6 is never short, and comes on top of one of IPv4.
        subnets = [ipaddress.ip_network(subnet) for subnet in network["subnets"] if ":" not in subnet]
        size = sum(subnet.num_addresses - RESERVED for subnet in subnets)
        # A probe and a load balancer on each node, and one virtual IP.
        if network["subnets"] and size - len(used) < 2 * nodes + 1:
            crowded.append(network["id"])
        else:
            roomy.append(network)
    return roomy, crowded


def _try(made: shapes.Made, part: str, create: t.Callable[[], str]) -> str | None:
    try:
        return create()
    except Refused as error:
        made["refused"][part] = error.message
        return None


def _create_network(engine: Engine, run: str, part: str, options: dict[str, str] | None = None) -> str:
    return engine.create_network(
        {
            "Name": objects.name(run, part),
            "Driver": "overlay",
            "Attachable": True,
            "Labels": objects.labels(run, part),
            "Options": options or {},
        }
    )


def _create_speed_networks(engine: Engine, made: shapes.Made, run: str) -> list[str]:
    """Create the run's own networks for measurements; none when one is refused, with its reason in ``refused``."""
    found = []
    for way, part in objects.SPEED_NETWORKS.items():
        options = {"encrypted": ""} if way == "encrypted" else None
        found.append(_try(made, "speed", functools.partial(_create_network, engine, run, part, options)))
    return [network for network in found if network] if all(found) else []


def _template(plan: shapes.Common, part: str, targets: list[Raw]) -> Raw:
    return {
        "ContainerSpec": {
            "Image": plan["image"],
            "Labels": objects.labels(plan["run"], part),
            "StopSignal": "SIGKILL",
            "StopGracePeriod": 0,
        },
        "Networks": targets,
        "RestartPolicy": {"Condition": "any", "Delay": SECOND},
        "Placement": {"Constraints": ["node.platform.os==linux"]},
    }


def _create_probe(engine: Engine, plan: shapes.Common, targets: list[str]) -> str:
    """A service with one task on every node, an interface on every network under test, and an alias."""
    return _create_global(engine, plan, "probe", targets, [objects.name(plan["run"], "alias")])


def _create_global(
    engine: Engine, plan: shapes.Common, part: str, targets: list[str], aliases: t.Sequence[str] = ()
) -> str:
    return engine.create_service(
        {
            "Name": objects.name(plan["run"], part),
            "Labels": objects.labels(plan["run"], part),
            "TaskTemplate": _template(plan, part, [{"Target": target, "Aliases": list(aliases)} for target in targets]),
            "Mode": {"Global": {}},
        }
    )


def home_of_published(nodes: list[Raw], hosts: int) -> list[str]:
    """The constraint that keeps the published task in the play, where the swarm has more nodes than that: on the leader. Pure."""
    able = _able(nodes)
    leaders = [node["ID"] for node in able if (node.get("ManagerStatus") or {}).get("Leader")]
    return [f"node.id=={ident}" for ident in leaders] if len(able) > hosts else []


def _create_published(engine: Engine, plan: shapes.PreparePlan) -> str:
    """A service with a published port and no network, which only ingress carries."""
    run, template = plan["run"], _template(plan, "published", [])
    template["Placement"]["Constraints"] += home_of_published(engine.nodes(), plan["hosts"])
    return engine.create_service(
        {
            "Name": objects.name(run, "published"),
            "Labels": objects.labels(run, "published"),
            "TaskTemplate": template,
            "Mode": {"Replicated": {"Replicas": 1}},
            "EndpointSpec": {
                "Mode": "vip",
                "Ports": [
                    {"Protocol": protocol, "TargetPort": sockets.PORT, "PublishMode": "ingress"}
                    for protocol in ("tcp", "udp")
                ],
            },
        }
    )


def may_run_tasks(engine: Engine, swarm: Raw) -> bool:
    """Whether swarm assigns tasks to this node, as far as it knows itself: a worker does not know."""
    if not swarm.get("ControlAvailable"):
        return True
    return runs_tasks(engine.inspect_node(swarm["NodeID"]))


def standing(node: Raw) -> shapes.Standing:
    """[state, availability] of a node in the engine's terms."""
    return [(node.get("Status") or {}).get("State"), (node.get("Spec") or {}).get("Availability")]


def _able(nodes: list[Raw]) -> list[Raw]:
    """The nodes to which swarm assigns tasks now."""
    return [node for node in nodes if standing(node) == ["ready", "active"]]


def runs_tasks(node: Raw) -> bool:
    """Whether swarm assigns tasks to the node while it is up."""
    return standing(node)[1] == "active"


def wait_for_tasks(engine: Engine, made: shapes.Made, timeout: float) -> tuple[shapes.Convergence, list[Raw]]:
    """Wait until the run's services have converged, at most ``timeout`` seconds, and not for tasks that will not come.

    Returns what became of them, and the tasks.
    """
    began = time.monotonic()
    services = [service for service in (made["probe"], made["published"], made["speed"]) if service]

    def look() -> tuple[bool, list[Raw]]:
        tasks = engine.tasks({"service": services}) if services else []
        vain = (
            refused(tasks)
            or (time.monotonic() - began > local.patience(timeout) and stuck(tasks))
            or local.left(turnout(tasks, time.time())) < 0
        )
        # A manager takes a while to see that a node is gone; one that is known to be is not waited for.
        node_ids = [node["ID"] for node in _able(engine.nodes())]
        return vain or _converged(tasks, made, node_ids), tasks

    seen = wait_until(look, timeout, interval=0.3)
    return {"seconds": seen.seconds, "errors": errors(seen.seen), "turnout": turnout(seen.seen, time.time())}, seen.seen


def turnout(tasks: list[Raw], now: float) -> shapes.Turnout:
    """How many tasks run, and the seconds that the slowest of them took; how many do not, and the seconds since the youngest of them
    was made. All moments are of the leader's clock, which runs this. Pure."""
    took, waited = [], []
    for rows in _places(tasks):
        made = moment(rows[0]["CreatedAt"])
        if rows[-1]["Status"]["State"] == "running":
            took.append(moment(rows[-1]["UpdatedAt"]) - made)
        else:
            waited.append(now - made)
    return {
        "came": len(took), "took": max(took, default=0.0), "missing": len(waited), "waited": min(waited, default=0.0)
    }  # fmt: skip


def errors(tasks: list[Raw]) -> dict[str, str]:
    """Node -> why no task runs there, by the newest attempt; one that waits for its turn there does not know, and the one before it does. Pure."""
    running = {task.get("NodeID") for task in tasks if is_running(task)}
    found: dict[str, str] = {}
    failed: set[str] = set()
    for task in sorted(tasks, key=lambda item: str(item["CreatedAt"])):
        node, status = task.get("NodeID") or "unplaced", task["Status"]
        if status.get("Err"):
            failed.add(node)
        elif node in failed and status["State"] not in (*NOT_ARRIVED, *ENDED):
            continue
        found[node] = f"{status['State']}: {status.get('Err') or status.get('Message') or status['State']}"
    return {node: text for node, text in found.items() if node not in running}


def stuck(tasks: list[Raw]) -> bool:
    """Whether every task that does not run has not reached its node, or failed there again and again. Pure."""
    lacking = _lacking(tasks)
    return bool(lacking) and all(
        rows[-1]["State"] in NOT_ARRIVED or sum(row["State"] in ENDED for row in rows) >= local.ATTEMPTS
        for rows in lacking
    )


def refused(tasks: list[Raw]) -> bool:
    """Whether the kernel of its node refused every task that does not run, more than once. Pure."""
    lacking = _lacking(tasks)
    return bool(lacking) and all(
        sum(local.is_refused(row.get("Err") or "") for row in rows) >= local.REFUSED for rows in lacking
    )


def _lacking(tasks: list[Raw]) -> list[list[Raw]]:
    """The states of each place where no task runs, in order."""
    found = [[task["Status"] for task in rows] for rows in _places(tasks)]
    return [rows for rows in found if rows[-1]["State"] != "running"]


def _places(tasks: list[Raw]) -> list[list[Raw]]:
    """The tasks of each place, in order: of a node, or of a replica."""
    found: dict[tuple[str, t.Any], list[Raw]] = {}
    for task in sorted(tasks, key=lambda item: str(item["CreatedAt"])):
        found.setdefault((task["ServiceID"], task.get("Slot") or task.get("NodeID")), []).append(task)
    return list(found.values())


def _converged(tasks: list[Raw], made: shapes.Made, node_ids: list[str]) -> bool:
    running = [task for task in tasks if is_running(task)]
    everywhere = [service for service in (made["probe"], made["speed"]) if service]
    there = {service: {task["NodeID"] for task in running if task["ServiceID"] == service} for service in everywhere}
    published = any(task["ServiceID"] == made["published"] for task in running)
    return all(nodes >= set(node_ids) for nodes in there.values()) and (not made["published"] or published)


def views(engine: Engine, made: shapes.Made, tasks_of_run: list[Raw]) -> shapes.View:
    """The expected records of every network, the probes' addresses, and the node of the published service."""
    services, tasks, known = engine.services(), engine.tasks(), engine.networks()
    ids, ports, attachments = made["network_ids"], _ingress_ports(services), engine.attachments()
    published = [task for task in tasks_of_run if task["ServiceID"] == made["published"] and is_running(task)]
    return {
        "records": {network: expected_records(network, services, tasks) for network in ids},
        "owners": {network: _owners(network, services, tasks) for network in ids},
        "addresses": {network: _addresses(network, services, [*tasks, *attachments]) for network in ids},
        "probes": _probe_addresses(made, ids, tasks_of_run),
        "vips": _vips(engine, made),
        "published_networks": _networks_of(published),
        "published_on": published[0]["NodeID"] if published else None,
        "published_port": _published_port("tcp", ports, made),
        "published_udp": _published_port("udp", ports, made),
        "published": sorted(ports),
        "networks": [{**describe(raw), "room": room(raw)} for raw in _existing(engine, ids)],
        "lacking": unsettled(services, tasks),
        "all_networks": [[network["Name"], network["Id"], network["Scope"], _subnets(network)] for network in known],
        "unallocated": sorted(
            network["Name"] for network in known if network["Scope"] == "swarm" and not network.get("Driver")
        ),
        "services": people.services(ids, services, tasks),
        "ingress": _ingress(engine, known, services, tasks),
        "shared": {network: people.shared(network, services) for network in ids},
    }


def _ingress(engine: Engine, known: list[Raw], services: list[Raw], tasks: list[Raw]) -> shapes.Ingress | None:
    """The network of the routing mesh; None when somebody removed it."""
    for raw in known:
        if raw.get("Ingress"):
            found: shapes.Ingress = {**describe(raw), "used": people.used(raw["Id"], services, tasks, engine.nodes())}
            for seen in _existing(engine, [raw["Id"]]):
                found["room"] = room(seen)
            return found
    return None


def unsettled(services: list[Raw], tasks: list[Raw]) -> shapes.Lacking:
    """User service -> the number of its running tasks, for services that want more."""
    found = {}
    for service in services:
        if RUN_LABEL in (service["Spec"].get("Labels") or {}):
            continue
        mine = [
            task for task in tasks if task.get("ServiceID") == service["ID"] and task.get("DesiredState") == "running"
        ]
        mode = service["Spec"].get("Mode") or {}
        wanted = mode["Replicated"].get("Replicas", 1) if "Replicated" in mode else len(mine) if "Global" in mode else 0
        running = len([task for task in mine if is_running(task)])
        if running < wanted:
            found[service["Spec"]["Name"]] = f"{running} of {wanted} tasks run"
    return found


def _existing(engine: Engine, networks: list[str]) -> list[Raw]:
    """The networks that still exist."""
    found = []
    for network in networks:
        try:
            found.append(engine.inspect_network(network))
        except NotFound:
            continue
    return found


def last_view(engine: Engine, networks: list[str]) -> shapes.LastView:
    """The present expected records of every network, and the addresses of tasks that ended within the last minute."""
    services, tasks = engine.services(), engine.tasks()
    now = time.time()
    recent = [task for task in tasks if ended_lately(task, now)]
    return {
        "mesh": {
            port: oldest([task for task in tasks if task.get("ServiceID") == service], now)
            for port, service in _ingress_ports(services).items()
        },
        "carried": {network: _carried(network, tasks, now) for network in networks},
        "records": {network: expected_records(network, services, tasks) for network in networks},
        "retired": {
            network: sorted({address for task in recent for address in task_addresses(task, network)})
            for network in networks
        },
        "serving": people.serving(services, tasks),
    }


def ended_lately(task: Raw, now: float) -> bool:
    """Whether a task changed within the last minute and does not run.

    Other nodes' tables may still have its address.
    """
    return now - moment(task["UpdatedAt"]) < LATELY and not is_running(task)


def oldest(tasks: list[Raw], now: float) -> float | None:
    """The age in seconds, since creation, of the oldest running task; None when none runs."""
    return max((now - moment(task["CreatedAt"]) for task in tasks if is_running(task)), default=None)


def _carried(network: str, tasks: list[Raw], now: float) -> dict[str, float | None]:
    """The nodes with a running task on the network, and the age of the oldest one on each."""
    there: dict[str, list[Raw]] = {}
    for task in tasks:
        if is_running(task) and task_addresses(task, network):
            there.setdefault(task["NodeID"], []).append(task)
    return {node: oldest(found, now) for node, found in there.items()}


def _ingress_ports(services: list[Raw]) -> dict[str, str]:
    """The ports that the routing mesh publishes, as 'tcp/8080', and the id of each one's service."""
    return {
        f"{port['Protocol']}/{port['PublishedPort']}": service["ID"]
        for service in services
        for port in (service.get("Endpoint") or {}).get("Ports") or []
        if port.get("PublishMode") == "ingress" and port.get("PublishedPort")
    }


def _published_port(protocol: str, ports: dict[str, str], made: shapes.Made) -> int | None:
    """The port that the swarm chose for the run's published service."""
    own = [port for port, service in ports.items() if service == made["published"]]
    return next((int(port.partition("/")[2]) for port in own if port.startswith(f"{protocol}/")), None)


def room(raw: Raw) -> list[shapes.Room] | None:
    """Used and free addresses by subnet, from engines that report them (API 1.52)."""
    status = ((raw.get("Status") or {}).get("IPAM") or {}).get("Subnets")
    if not status:
        return None
    return [
        {"subnet": subnet, "used": row.get("IPsInUse"), "free": row.get("DynamicIPsAvailable")}
        for subnet, row in sorted(status.items())
    ]


def _addresses(network: str, services: list[Raw], tasks: list[Raw]) -> list[list[str]]:
    """[address, holder] of every virtual IP and of every unfinished task on the network."""
    named = {service["ID"]: service["Spec"]["Name"] for service in services}
    found = [
        [item["Addr"].split("/")[0], "virtual IP of " + service["Spec"]["Name"]]
        for service in services
        for item in (service.get("Endpoint") or {}).get("VirtualIPs") or []
        if item.get("NetworkID") == network and item.get("Addr")
    ]
    for task in tasks:
        if task["Status"]["State"] in ("starting", "running") and task.get("DesiredState") == "running":
            found += [
                [address, f"task {task['ID'][:12]} of {named.get(task.get('ServiceID'), 'no service')}"]
                for address in task_addresses(task, network)
            ]
    return found


def _owners(network: str, services: list[Raw], tasks: list[Raw]) -> dict[str, list[str]]:
    """Name on the network -> [service, kind of name]: service, dnsrr, tasks, task or alias."""
    owners = {}
    for service in services:
        own = service["Spec"]["Name"]
        mine = [task for task in tasks if task.get("ServiceID") == service["ID"]]
        for name in expected_records(network, [service], mine):
            owners[name] = [own, "dnsrr" if name == own and endpoint_mode(service) == "dnsrr" else _kind(name, own)]
    return owners


def _kind(name: str, service: str) -> str:
    if name == service:
        return "service"
    if name.startswith("tasks."):
        return "tasks"
    return "task" if name.startswith(service + ".") else "alias"


def _probe_addresses(made: shapes.Made, network_ids: list[str], tasks: list[Raw]) -> dict[str, dict[str, str]]:
    """Node id -> network id -> address of the probe there."""
    found: dict[str, dict[str, str]] = {}
    for task in tasks:
        if task["ServiceID"] != made["probe"] or not is_running(task):
            continue
        for network in network_ids:
            addresses = task_addresses(task, network)
            if addresses:
                found.setdefault(task["NodeID"], {})[network] = addresses[0]
    return found


def _vips(engine: Engine, made: shapes.Made) -> dict[str, str]:
    if not made["probe"]:
        return {}
    endpoint = engine.inspect_service(made["probe"]).get("Endpoint") or {}
    return {
        item["NetworkID"]: item["Addr"].split("/")[0] for item in endpoint.get("VirtualIPs") or [] if item.get("Addr")
    }


def _networks_of(tasks: list[Raw]) -> list[str]:
    return sorted({item["Network"]["Spec"]["Name"] for task in tasks for item in task.get("NetworksAttachments") or []})


def remove_objects(engine: Engine, keep: str | None = None, only: str | None = None) -> list[str]:
    """Remove services and networks of verifications: all except the run ``keep``, or those of the run ``only``.

    Returns the objects that could not be removed.
    """

    def ours(labels: dict[str, str]) -> bool:
        return labels[RUN_LABEL] != keep and only in (None, labels[RUN_LABEL])

    services = [item for item in engine.services({"label": RUN_LABEL}) if ours(item["Spec"]["Labels"])]
    networks = [item for item in engine.networks({"label": RUN_LABEL}) if ours(item["Labels"])]
    for service in services:
        engine.remove_service(service["ID"])
    deadline = time.monotonic() + IN_USE_PATIENCE
    return [network["Name"] for network in networks if not _remove_network(engine, network["Id"], deadline)]


def _remove_network(engine: Engine, network: str, deadline: float) -> bool:
    """Remove a network. Swarm refuses while a task of a removed service is ending, so ask again until the deadline."""
    while True:
        try:
            engine.remove_network(network)
            return True
        except NotFound:
            return True
        except Refused:
            if time.monotonic() > deadline:
                return False
            time.sleep(0.3)
