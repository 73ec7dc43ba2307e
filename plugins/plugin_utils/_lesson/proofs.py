# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves each step of the lesson: a function from what the nodes saw to a verdict with its evidence. Pure.

Private to swarmlab.overlay. Every step has one, and each can fail. Evidence is a key of the lesson's words with its values, so that it is
told in every language.
"""

from __future__ import annotations

import dataclasses
import re
import time
import typing as t

from ...module_utils._lesson import shapes
from .lesson import Step
from .places import OPEN_NETWORK, Places

CONFIRMED, CORRECTED, FAILED = "confirmed", "corrected", "failed"
SEALED_NETWORK, OWN_NETWORK = "cifrada", "my_overlay"
ADDRESS = re.compile(r"Address(?: \d+)?:\s+([0-9a-f.:]+?)(?:[:#]53)?\s*(?=\s|\Z)")
RESOLVER = "127.0.0.11"


class Evidence(t.NamedTuple):
    """One observation: the key of its words, its values, and whether it speaks for the step."""

    key: str
    values: dict[str, t.Any]
    good: bool


class Finding(t.NamedTuple):
    """The verdict about a step."""

    verdict: str
    evidence: list[Evidence]


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a round showed. Looks and answers are by host; ``before`` are the looks of the round before."""

    places: Places
    ready: t.Mapping[str, shapes.Ready]
    before: t.Mapping[str, shapes.Look]
    looks: t.Mapping[str, shapes.Look]
    letters: t.Mapping[str, shapes.Letter | None]
    said: t.Mapping[str, t.Mapping[str, list[shapes.Typed]]]

    @property
    def names(self) -> dict[str, str]:
        """The hostname of each host."""
        return {host: look["hostname"] for host, look in self.looks.items()}

    def hostname(self, node: str) -> str:
        """The hostname of a node."""
        return next((row["hostname"] for row in self.places.swarm["members"] if row["id"] == node), node)

    def knows(self, network: str, where: t.Mapping[str, shapes.Look] | None = None) -> list[str]:
        """The hostnames of nodes whose engine lists a network."""
        looks = self.looks if where is None else where
        return sorted(
            look["hostname"] for look in looks.values() if any(row["name"] == network for row in look["networks"])
        )

    def holds(self, network: str) -> list[str]:
        """The hostnames of nodes that have set a network up."""
        return sorted(
            look["hostname"]
            for look in self.looks.values()
            if any(row["name"] == network and row["held"] for row in look["networks"])
        )

    def runs_on(self, network: str) -> list[str]:
        """The hostnames of nodes where something of the lesson runs on a network."""
        return sorted(
            look["hostname"]
            for look in self.looks.values()
            if any(network in row["networks"] for row in look["containers"])
        )

    def workers(self) -> list[str]:
        """The hostnames of workers."""
        return sorted(look["hostname"] for look in self.looks.values() if look["role"] == "worker")


class Case:
    """The evidence about one step, as it is gathered."""

    def __init__(self, seen: Seen, step: Step) -> None:
        self.seen = seen
        self.step = step
        self.evidence: list[Evidence] = []

    def good(self, key: str, **values: t.Any) -> None:
        """Something that speaks for the step."""
        self.evidence.append(Evidence(key, values, True))

    def bad(self, key: str, **values: t.Any) -> None:
        """Something that speaks against it."""
        self.evidence.append(Evidence(key, values, False))

    def note(self, holds: bool, good: str, bad: str, **values: t.Any) -> None:
        """One of the two."""
        self.evidence.append(Evidence(good if holds else bad, values, holds))

    def finding(self, verdict: str = CONFIRMED) -> Finding:
        """The verdict: failed as soon as anything speaks against the step."""
        return Finding(FAILED if any(not row.good for row in self.evidence) else verdict, self.evidence)

    def typed(self, pattern: str = "") -> list[tuple[str, shapes.Typed]]:
        """(hostname, line) of what this step typed and matches, and a piece of evidence for what could not be typed."""
        found = [
            (self.seen.names[host], line)
            for host, steps in self.seen.said.items()
            for line in steps.get(self.step.id, [])
            if re.search(pattern, line["line"])
        ]
        return sorted(found, key=lambda row: row[0])

    def came(self, pattern: str, text: str) -> bool:
        """Whether the lines that match were typed and their answers have the text, a pattern. Otherwise that is evidence against the step."""
        lines = self.typed(pattern)
        if not lines:
            self.bad("nobody", at=", ".join(typing.at for typing in self.step.typed))
        for node, line in lines:
            if line["late"]:
                self.bad("late", node=node, line=line["line"])
            elif not re.search(text, line["output"]):
                self.bad("missing-text", node=node, line=line["line"], text=text)
        return bool(lines)

    def went_well(self) -> None:
        """Everything that was typed must have ended in time and well."""
        if not self.typed() and self.step.typed:
            self.bad("nobody", at=", ".join(typing.at for typing in self.step.typed))
        for node, line in self.typed():
            if line["late"]:
                self.bad("late", node=node, line=line["line"])
            elif line["code"]:
                self.bad("exit", node=node, line=line["line"], code=line["code"], output=last(line["output"]))

    def tasks(self, service: str, wanted: int) -> list[shapes.Task]:
        """The running tasks of a service, with their nodes as evidence."""
        found = [row for row in self.seen.places.swarm["tasks"] if row["service"] == service]
        for row in found:
            self.good("task-on", task=row["name"], node=self.seen.hostname(row["node"]))
        if len(found) < wanted:
            self.bad("tasks-too-few", service=service, count=len(found), wanted=wanted)
        return found


def _network_list(case: Case) -> Finding:
    case.went_well()
    case.came("network ls", r"ingress +overlay +swarm")
    return _ingress_everywhere(case)


def _node_inspect(case: Case) -> Finding:
    case.went_well()
    case.came("node inspect", r"TLS Info:[\s\S]*BEGIN CERTIFICATE")
    return case.finding()


def _ingress_is_overlay(case: Case) -> Finding:
    case.went_well()
    case.came("network inspect", "overlay swarm ingress=true")
    return _ingress_everywhere(case)


def _ingress_everywhere(case: Case) -> Finding:
    lacking = [
        look["hostname"]
        for look in case.seen.looks.values()
        if not any(
            (row["name"], row["driver"], row["scope"]) == ("ingress", "overlay", "swarm") for row in look["networks"]
        )
    ]
    case.note(
        not lacking, "ingress-on", "ingress-missing", nodes=", ".join(lacking or sorted(case.seen.names.values()))
    )
    return case.finding()


def _data_encrypted(case: Case) -> Finding:
    """Clear on the one network, and nothing but ESP on the other. Without esp4 the second half is told, not proven."""
    case.went_well()
    for host, letter in sorted(case.seen.letters.items()):
        node = case.seen.names[host]
        if letter is None:
            case.bad("no-letter", node=node)
            continue
        for network, wanted in ((OPEN_NETWORK, True), (SEALED_NETWORK, False)):
            count = letter["clear"].get(network, 0)
            values = {"node": node, "network": network, "count": count}
            if bool(count) == wanted:
                case.good("clear-frames" if count else "clear-none", **values)
            else:
                case.bad("clear-frames" if count else "clear-none", **values)
        if letter["esp"]:
            case.good(
                "esp-frames", node=node, count=sum(letter["esp"].values()), nodes=", ".join(sorted(letter["esp"]))
            )
        elif "esp4" not in without_esp(case.seen.ready[host]):
            case.bad("esp-missing", node=node)
    unable = sorted(case.seen.names[host] for host, ready in case.seen.ready.items() if without_esp(ready))
    if unable:
        case.good("esp-impossible", nodes=", ".join(unable))
    return case.finding(CORRECTED)


def last(output: str) -> str:
    """The last line of an answer, where commands tell what is wrong."""
    return output.strip().rpartition("\n")[2][:300]


def without_esp(ready: shapes.Ready) -> list[str]:
    """The modules that a node's kernel lacks for encrypted networks."""
    states = ready["modules"]["modules"]
    return [name for name in ("esp4",) if states.get(name) == "missing"]


def _certificates(case: Case) -> Finding:
    case.went_well()
    swarm = case.seen.places.swarm
    others = [row["hostname"] for row in swarm["members"] if row["trust_root"] != swarm["trust_root"]]
    for node in others:
        case.bad("other-root", node=node)
    if not others:
        case.good("one-root", root=swarm["trust_root"])
    for host, ready in sorted(case.seen.ready.items()):
        leaf, node = ready["certificate"], case.seen.names[host]
        if "error" in leaf:
            case.bad("certificate-unread", node=node, error=leaf["error"])
            continue
        own = (leaf["subject"].get("CN"), leaf["subject"].get("OU"))
        if own != (ready["look"]["node"], f"swarm-{ready['look']['role']}"):
            case.bad("certificate-foreign", node=node)
        until = time.strftime("%Y-%m-%d", time.gmtime(leaf["not_after"]))
        case.good("certificate", node=node, id=own[0], role=own[1], until=until)
    return case.finding()


def _hosts_of_a_cluster(case: Case) -> Finding:
    case.came("ping", "2 packets received|2 received")
    for host, letter in sorted(case.seen.letters.items()):
        node = case.seen.names[host]
        others = {name for name in case.seen.names.values() if name != node}
        answered = set((letter or {"answered": {}})["answered"].get(OPEN_NETWORK, []))
        if others & answered:
            case.good("answered", node=node, nodes=", ".join(sorted(others & answered)))
        if others - answered:
            case.bad("unanswered", node=node, nodes=", ".join(sorted(others - answered)))
    return case.finding()


def _hosts_running_docker(case: Case) -> Finding:
    case.went_well()
    for row in case.seen.places.swarm["members"]:
        if row["state"] != "ready":
            case.bad("member-down", node=row["hostname"], state=row["state"])
        else:
            case.good("member", node=row["hostname"], address=row["address"], engine=row["engine"], role=row["role"])
    return case.finding()


def _service_create(case: Case) -> Finding:
    case.went_well()
    case.came("service create", "converged")
    case.tasks("servico", 2)
    return case.finding()


def _service_list(case: Case) -> Finding:
    case.went_well()
    case.came("service ls", r"servico +replicated +2/2")
    return case.finding()


def _service_tasks(case: Case) -> Finding:
    case.went_well()
    case.came("service ps", r"servico\.1[\s\S]*servico\.2")
    case.tasks("servico", 2)
    return case.finding()


def _container_list(case: Case) -> Finding:
    case.went_well()
    task = case.seen.places.task("servico", 1)
    case.came("container ls", re.escape(task["name"]) if task else "servico")
    return case.finding()


def _ping_without_network(case: Case) -> Finding:
    case.came("exec -it", "")
    case.came("^ping", "bad address")
    return case.finding()


def _on_ingress(case: Case) -> Finding:
    case.went_well()
    found = [row for look in case.seen.looks.values() for row in look["containers"] if row["service"] == "servico"]
    if not found:
        case.bad("tasks-too-few", service="servico", count=0, wanted=2)
    for row in found:
        if list(row["networks"]) == ["bridge"]:
            case.good("only-bridge", task=row["name"], address=row["networks"]["bridge"])
        else:
            case.bad("on-networks", task=row["name"], networks=", ".join(row["networks"]) or "-")
    return case.finding(CORRECTED)


def _ip_only(case: Case) -> Finding:
    case.came("ping", "bad address")
    _on(case, "porta", "ingress")
    return case.finding(CORRECTED)


def _on(case: Case, service: str, network: str) -> None:
    """Every task of a service has an address on a network."""
    for row in case.tasks(service, 2):
        address = row["networks"].get(network, "")
        case.note(
            bool(address),
            "task-address",
            "on-networks",
            task=row["name"],
            network=network,
            address=address,
            networks=", ".join(row["networks"]),
        )


def _know_the_ip(case: Case) -> Finding:
    case.went_well()
    case.came("ping", "2 packets received|2 received")
    _apart(case, "porta")
    return case.finding()


def _apart(case: Case, service: str) -> None:
    """The two tasks of a service run on different nodes: otherwise nothing was seen of the way between nodes."""
    nodes = {row["node"] for row in case.seen.places.swarm["tasks"] if row["service"] == service}
    if len(nodes) == 1:
        case.bad("same-node", node=case.seen.hostname(nodes.pop()))


def _network_create(case: Case) -> Finding:
    case.went_well()
    case.note(
        bool(case.seen.knows(OWN_NETWORK)),
        "lists",
        "lists-not",
        network=OWN_NETWORK,
        nodes=", ".join(case.seen.knows(OWN_NETWORK)) or "-",
    )
    return case.finding()


def _network_list_again(case: Case) -> Finding:
    case.went_well()
    manager = case.seen.names[case.seen.places.manager]
    for node, line in case.typed("network ls"):
        if node == manager and OWN_NETWORK not in line["output"]:
            case.bad("missing-text", node=node, line=line["line"], text=OWN_NETWORK)
        if node in case.seen.workers() and OWN_NETWORK in line["output"]:
            case.bad("unexpected-text", node=node, line=line["line"], text=OWN_NETWORK)
    _only_managers_know(case)
    return case.finding()


def _only_managers_know(case: Case) -> None:
    knowing = case.seen.knows(OWN_NETWORK)
    early = [node for node in case.seen.workers() if node in knowing]
    case.note(
        case.seen.names[case.seen.places.manager] in knowing,
        "lists",
        "lists-not",
        network=OWN_NETWORK,
        nodes=", ".join(knowing) or "-",
    )
    if early:
        case.bad("too-early", nodes=", ".join(early), network=OWN_NETWORK)
    else:
        case.good("lists-not", network=OWN_NETWORK, nodes=", ".join(case.seen.workers()))


def _service_create_on_network(case: Case) -> Finding:
    case.went_well()
    case.came("service create", "converged")
    _on(case, "servico", OWN_NETWORK)
    return case.finding()


def _ping_by_name(case: Case) -> Finding:
    case.came("exec -it", "")
    case.came("^ping", r"seq=\d+ ttl=")
    _apart(case, "servico")
    return case.finding()


def _lazy(case: Case) -> Finding:
    """Nobody but managers before, and nodes with a task after."""
    case.went_well()
    early = [node for node in case.seen.knows(OWN_NETWORK, case.seen.before) if node in case.seen.workers()]
    case.note(not early, "before", "too-early", network=OWN_NETWORK, nodes=", ".join(early))
    knowing, running = case.seen.knows(OWN_NETWORK), case.seen.runs_on(OWN_NETWORK)
    workers = case.seen.workers()
    right = [node for node in knowing if node in workers] == [node for node in running if node in workers]
    case.note(
        right,
        "lists",
        "differs",
        network=OWN_NETWORK,
        nodes=", ".join(knowing),
        held=", ".join(knowing),
        tasks=", ".join(running),
    )
    return case.finding()


def _lazy_only_with_tasks(case: Case) -> Finding:
    held, running = case.seen.holds(OWN_NETWORK), case.seen.runs_on(OWN_NETWORK)
    values = {"network": OWN_NETWORK, "held": ", ".join(held) or "-", "tasks": ", ".join(running) or "-"}
    if held == running and held:
        case.good("holds", network=OWN_NETWORK, nodes=values["held"])
        case.good("with-tasks", network=OWN_NETWORK, nodes=values["tasks"])
    else:
        case.bad("differs", **values)
    return case.finding()


def resolved(output: str) -> list[str]:
    """The addresses in an answer of nslookup, without that of the server."""
    return sorted({address for address in ADDRESS.findall(output) if not address.startswith(RESOLVER)})


def _asked(case: Case) -> tuple[str, list[str], list[str]]:
    """(name, the addresses it led to, those of the service's tasks)."""
    lines = case.typed("nslookup")
    if not lines:
        case.bad("nobody", at=", ".join(typing.at for typing in case.step.typed))
    name = lines[0][1]["line"].split()[-1] if lines else "servico"
    addresses = sorted({address for dummy, line in lines for address in resolved(line["output"])})
    tasks = sorted(
        row["networks"].get(OWN_NETWORK, "") for row in case.seen.places.swarm["tasks"] if row["service"] == "servico"
    )
    return name, addresses, tasks


def _by_name(case: Case) -> Finding:
    name, addresses, tasks = _asked(case)
    if len(addresses) == 1 and addresses[0] not in tasks:
        case.good("resolved", name=name, addresses=addresses[0])
    else:
        case.bad(
            "vip-is-task" if set(addresses) & set(tasks) else "resolved",
            name=name,
            addresses=", ".join(addresses) or "-",
        )
    return case.finding()


def _service_discovery(case: Case) -> Finding:
    name, addresses, tasks = _asked(case)
    case.note(
        addresses == tasks,
        "resolved",
        "resolved-wrong",
        name=name,
        addresses=", ".join(addresses) or "-",
        wanted=", ".join(tasks),
    )
    return case.finding()


def _standalone_refused(case: Case) -> Finding:
    case.came("container run", "not manually attachable")
    for node, line in case.typed("container run"):
        if line["code"] == 0:
            case.bad("exit", node=node, line=line["line"], code=0, output=last(line["output"]))
    return case.finding()


def _attachable(case: Case) -> Finding:
    case.went_well()
    _only_managers_know(case)
    return case.finding()


def _standalone_attached(case: Case) -> Finding:
    case.went_well()
    case.came("ping", "2 packets received|2 received")
    found = [
        (look["hostname"], row["networks"].get(OWN_NETWORK, ""))
        for look in case.seen.looks.values()
        for row in look["containers"]
        if row["name"] == "avulso"
    ]
    for node, address in found:
        case.note(bool(address), "attached", "not-attached", node=node, address=address)
    if not found:
        case.bad("not-attached", node=", ".join(case.seen.names[host] for host in case.seen.places.at("worker")) or "-")
    return _lazy_only_with_tasks(case)


PROOFS: dict[str, t.Callable[[Case], Finding]] = {
    "network-list": _network_list,
    "node-inspect": _node_inspect,
    "ingress-is-overlay": _ingress_is_overlay,
    "data-encrypted": _data_encrypted,
    "certificates": _certificates,
    "hosts-of-a-cluster": _hosts_of_a_cluster,
    "hosts-running-docker": _hosts_running_docker,
    "service-create": _service_create,
    "service-list": _service_list,
    "service-tasks": _service_tasks,
    "container-list": _container_list,
    "ping-without-network": _ping_without_network,
    "on-ingress": _on_ingress,
    "ip-only": _ip_only,
    "know-the-ip": _know_the_ip,
    "network-create": _network_create,
    "network-list-again": _network_list_again,
    "service-create-on-network": _service_create_on_network,
    "service-tasks-again": _service_tasks,
    "ping-by-name": _ping_by_name,
    "lazy": _lazy,
    "lazy-only-with-tasks": _lazy_only_with_tasks,
    "by-name": _by_name,
    "service-discovery": _service_discovery,
    "standalone-refused": _standalone_refused,
    "attachable": _attachable,
    "standalone-attached": _standalone_attached,
}


def prove(seen: Seen, step: Step) -> Finding:
    """The verdict about a step."""
    return PROOFS[step.id](Case(seen, step))
