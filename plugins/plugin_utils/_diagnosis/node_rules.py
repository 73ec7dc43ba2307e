# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Causes in a single node: its engine, its kernel, its certificate, its place in the swarm. Pure.

Private to swarmlab.overlay.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable

from .._checks import _paths, _reasons, _witness, cp_addr, node_state, pre_reach, pre_skew
from .._checks._result import count, listed
from .._facts.model import Facts
from .model import INFERRED, SEEN, Claim, Finding
from .told import BALANCED
from .view import View

HOUR = 3600
# The effects of a missing node: on everything at the node, and on the names that other nodes have from it or lack.
DOWN = (Claim("*"), Claim("SD-*", wide=True), Claim("GOSSIP-*", wide=True), Claim("PEER-*", wide=True))
# What comes of it where all others waited for a node until their helpers ended.
WAITED = (Claim("PRE-REACH", wide=True), Claim("*", wide=True, reasons=_reasons.BY_SILENCE))
# Reason of a node's problem, which is also the cause's id -> the cause in words.
PROBLEMS = {
    "node-frozen": "{nodes} [is|are] frozen: connections are taken and not answered",
    "node-starved": "{nodes} [has|have] hardly any processor: nothing was asked there",
    "node-unreachable": "{nodes} [does|do] not answer: the machine is off, or its ssh is broken",
    "disk-full": "Nothing can be written on {nodes}: no room is left",
    "disk-read-only": "A file system of {nodes} cannot be written",
    "limit-reached": "A limit of {nodes} is reached, such as that of the engine's open files",
    "memory-short": "{nodes} [has|have] no memory left",
    "engine-hangs": "The Docker Engine of {nodes} hangs",
    "engine-part-stopped": "A part of the engine of {nodes} is stopped",
    "engine-stopped": "The Docker Engine of {nodes} does not run",
    "not-in-swarm": "{nodes} [is|are] not in the swarm",
    "swarm-locked": "{nodes} [is|are] locked: the engine was restarted, and the swarm locks its managers (autolock)",
    "join-pending": "{nodes} [has|have] not been taken into the swarm yet",
    "swarm-error": "The engine of {nodes} cannot take part in its swarm",
    "no-leader": "The swarm has no leader: more than half of its managers are needed, {nodes} [finds|find] too few",
}
# Reason for which a task of the probes does not run -> the cause in words.
TASKS = {
    "addresses-exhausted": "The addresses of {networks} are used up",
    "image-missing": "The probes' image is missing on {nodes}",
    "disk-full": "The engine of {nodes} finds no room for a container",
    "disk-read-only": "The engine of {nodes} cannot write its data",
    "limit-reached": "The engine of {nodes} has reached a limit, such as that of its open files",
    "memory-short": "{nodes} [has|have] no memory left for a container",
    "network-left": "The engine of {nodes} holds another network in the subnet of {networks}: no task starts there",
    "tunnel-left": "The kernel of {nodes} holds a tunnel that is left over: no task starts there",
}
ENGINES_TUNNEL = "vx-"  # prefix of VXLAN devices before the engine moves them to their namespace (libnetwork)
# What a node tells of itself (reason of NODE-STATE, which is also the cause's id) -> the cause in words.
STATES = {
    "table-full": "A table in the kernel of {nodes} is full",
    "disk-full": "The disk of {nodes} is full",
    "disk-read-only": "The engine of {nodes} cannot write its data",
    "memory-short": "{nodes} [has|have] no memory left",
    "not-forwarding": "{nodes} [does|do] not forward packets",
    "setting-wrong": "A setting of the kernel of {nodes} breaks its networking",
    "not-apart": "{nodes} [does|do] not keep tasks of different networks apart",
    "device-down": "A device that overlays need on {nodes} is down or blocked",
    "carrier-lost": "The link of {nodes} goes and comes",
    "engine-part-stopped": "A part of the engine of {nodes} is stopped",
}
ON_ITS_WAY = ("accepted", "preparing", "ready", "starting")  # states of a task with which its node is busy
IDLE = "It had processor enough, so another cause made it wait: mend that one, and verify again."
SLOW = 45  # seconds: a call so long may outlive the helpers of other nodes, whose lease is hardly longer
FINAL = ("rejected", "failed")  # final states of a task
# Modules of one purpose, any of a tuple -> (the effects, whether only encrypted networks suffer; those need ESP too).
MODULES = (
    ((("vxlan",), ("bridge",), ("veth",)), (Claim("*"),), False),
    ((("ip_vs",), ("ip_vs_rr",)), (*BALANCED, Claim("FW-*")), False),
    (
        (("xfrm_user",), ("xt_bpf", "xt_u32"), ("xt_policy",)),
        (Claim("DP-*"), Claim("ENC-*"), Claim("LB-*"), Claim("MTU-*"), Claim("PATH-*"), Claim("XFRM-*"), Claim("FW-*")),
        True,
    ),
)


def problem(reason: str) -> Callable[[View], Iterable[Finding]]:
    """The rule for one kind of node problem."""

    def find(view: View) -> Iterable[Finding]:
        texts = {host: found.text for host, found in view.facts.problems.items() if found.reason == reason}
        if not texts:
            return
        waited = reason == "node-starved" and _paths.ended(view.facts)
        blind = (Claim("*", wide=True, unsure=True),)
        claims = DOWN + (blind if reason == "no-leader" or waited or _may_lead(view, texts) else ())
        yield Finding(
            view.title(PROBLEMS[reason], view.ordered(texts)),
            view.ordered(texts),
            tuple(f"{host}: {text}" for host, text in sorted(texts.items())),
            claims=claims + (WAITED if waited else ()),
        )

    return find


def state(reason: str) -> Callable[[View], Iterable[Finding]]:
    """The rule for one kind of thing that is wrong with a node by itself, by its own testimony."""

    def find(view: View) -> Iterable[Finding]:
        told = [wrong for wrong in _witness.wrongs(view.facts) if wrong.kind == reason]
        # A device of one network explains that network; the rest of a node's state explains everything there.
        for network in sorted({wrong.network or "" for wrong in told}):
            rows = [wrong for wrong in told if (wrong.network or "") == network]
            nodes = view.ordered({wrong.host for wrong in rows})
            yield Finding(
                view.title(STATES[reason], nodes),
                nodes,
                tuple(f"{wrong.host}: {wrong.text}" for wrong in rows[:4]),
                (network,) if network else None,
                todo=node_state.HINTS[reason],
            )

    return find


def starved(view: View) -> Iterable[Finding]:
    """Nodes that had no processor for longer than a question may take."""
    told = _witness.starved(view.facts)
    if told:
        nodes = view.ordered(told)
        yield Finding(
            view.title("{nodes} had no processor: what was asked there is inconclusive", nodes),
            nodes,
            tuple(f"{host}: {told[host]}" for host in nodes[:4]),
        )
        return
    ended = _paths.ended(view.facts)
    slowest = max(view.hosts, key=lambda host: _longest(view, host)) if ended else ""
    if ended and _longest(view, slowest) >= SLOW:
        crowded = bool(_witness.crowd(view.facts, slowest))
        yield Finding(
            view.title(
                "{nodes} kept the run waiting until helpers elsewhere ended: what was asked there is inconclusive",
                (slowest,),
            ),
            (slowest,),
            (f"{slowest} took {_longest(view, slowest):.0f} s for a call", f"helpers ended on {view.names(ended)}"),
            todo=None if crowded else IDLE,
            follows=not crowded,
        )


def _longest(view: View, host: str) -> float:
    """Seconds of the longest call to a host."""
    return max((answered - asked for asked, answered, *_node in view.facts.clocks.get(host, [])), default=0.0)


def _may_lead(view: View, texts: dict[str, t.Any]) -> bool:
    """Whether the leader may be among the silent hosts: no leader answered, and all hosts that did are workers."""
    facts = view.facts
    silent = {host for host in view.hosts if host not in facts.nodes}
    return not facts.leader and silent <= set(texts) and all(node["role"] == "worker" for node in facts.nodes.values())


def task(reason: str) -> Callable[[View], Iterable[Finding]]:
    """The rule for one reason for which a probe's task does not run on a node."""

    def find(view: View) -> Iterable[Finding]:
        facts, errors = view.facts, view.facts.task_problems
        told = {_host(view, node): error.text for node, error in errors.items() if error.reason == reason}
        told.update({part: refusal.text for part, refusal in facts.refused.items() if refusal.reason == reason})
        if not told:
            return
        # Swarm retries all the time. A node whose task is in another state meanwhile waits for the same reason.
        other = {_host(view, node) for node, error in errors.items() if error.state in FINAL and error.reason != reason}
        nodes = view.ordered(set(_paths.unopened(view.facts)) - other)
        networks = tuple(network["name"] for network in facts.networks)
        yield Finding(
            view.title(TASKS[reason], nodes, networks),
            nodes,
            tuple(f"{where}: {text}" for where, text in sorted(told.items())),
            claims=(Claim("PRE-REACH"), Claim("*", wide=True, unsure=True)),
            told=bool(nodes),
        )

    return find


def vni_taken(view: View) -> Iterable[Finding]:
    """A foreign tunnel with the id of a network. The kernel allows each id once per port."""
    for finding in task("tunnel-left")(view):
        devices = {
            host: [
                row
                for row in (view.facts.opened.get(host, {}).get("host") or {}).get("vxlans") or []
                if row["port"] == view.data_port and not row["device"].startswith(ENGINES_TUNNEL)
            ]
            for host in finding.nodes
        }
        hosts = view.ordered([host for host, rows in devices.items() if rows])
        if hosts:
            lines = [
                f"{host} has {row['device']} (id {row['vni']}, port {row['port']}), which is not the engine's"
                for host in hosts
                for row in devices[host]
            ]
            yield finding._replace(
                title=view.title("Another program's tunnel on {nodes} has the VXLAN id of a network", hosts),
                nodes=hosts,
                because=(*lines[:3], *finding.because),
            )


def _host(view: View, node: str) -> str:
    return next((name for name, known in view.facts.nodes.items() if known["id"] == node), "the swarm")


def task_missing(view: View) -> Iterable[Finding]:
    """A probe that did not start, for a reason of its own node."""
    facts, busy = view.facts, _busy(view)
    waiting = view.ordered(host for host in _paths.unopened(view.facts) if host not in busy)
    if not waiting:
        return
    ids = {host: facts.nodes[host]["id"] for host in waiting if host in facts.nodes}
    said = {host: facts.task_problems.get(ident) or facts.problems[host] for host, ident in ids.items()}
    because = tuple(f"{host}: {found.text}" for host, found in said.items())
    yield Finding(
        view.title("No probe starts on {nodes}", waiting),
        waiting,
        because,
        certainty=INFERRED,
        claims=(Claim("*"), Claim("*", wide=True, unsure=True)),
    )


def too_busy(view: View) -> Iterable[Finding]:
    """Nodes that have their probe's task and have not come to start it, as many other programs wait for their processors."""
    told = _busy(view)
    if told:
        nodes = view.ordered(told)
        because = tuple(f"{host}: {told[host]}" for host in nodes[:4])
        yield Finding(
            view.title("{nodes} [is|are] too busy to start a probe in time", nodes), nodes, because, certainty=INFERRED
        )


def _busy(view: View) -> dict[str, str]:
    """Hosts whose probe was on its way when the run went on, with how crowded they are."""
    facts, found = view.facts, {}
    for host in _paths.unopened(facts):
        task = facts.task_problems.get(facts.nodes[host]["id"]) if host in facts.nodes else None
        crowd = _witness.crowd(facts, host)
        if task and task.state in ON_ITS_WAY and crowd:
            found[host] = f"its task is {task.state}{crowd}"
    return found


def same_node(view: View) -> Iterable[Finding]:
    """Hosts of the play that are the same node, so that their results are doubled or from another machine."""
    for hosts in pre_reach.same_node(view.facts).values():
        yield Finding(
            f"{' and '.join(hosts)} are {pre_reach.together(view.facts, hosts)}",
            view.ordered(hosts),
            tuple(f"the engine of {host} says that it is node {view.facts.nodes[host]['id']}" for host in hosts),
        )


def unfinished(view: View) -> Iterable[Finding]:
    """Nodes whose join was interrupted."""
    ids = [node["id"] for node in pre_reach.unfinished(view.facts)]
    if ids:
        yield Finding(
            (
                f"A join broke off: the swarm lists {'a node' if len(ids) == 1 else count(len(ids), 'node')} that "
                "never told who it is"
            ),
            (),
            tuple(f"node {ident} has no host name" for ident in ids),
            todo=pre_reach.REMOVE % " ".join(ids),
        )


def address_gone(view: View) -> Iterable[Finding]:
    """Nodes without the address that the swarm has for them."""
    nodes = view.ordered([host for host in view.facts.nodes if cp_addr.gone(view.facts, host)])
    if nodes:
        yield Finding(
            view.title("The address of {nodes} has changed: the swarm goes on using the old one", nodes),
            nodes,
            tuple(
                (
                    f"{host} is known as {view.facts.nodes[host]['address']}, and its interfaces have {listed(cp_addr.usable_here(view.facts, host), 4)}"
                )
                for host in nodes
            ),
            certainty=INFERRED if any(cp_addr.is_declared(view.facts, host) for host in nodes) else SEEN,
        )


def address_taken(view: View) -> Iterable[Finding]:
    """Nodes that have the address of another one, too."""
    for own in cp_addr.taken(view.facts):
        yield Finding(
            f"{own.host} has the address of {own.owner}, too",
            view.ordered({own.host, own.owner}),
            (f"{own.host} {own.text}",),
        )


def kernel(view: View) -> Iterable[Finding]:
    """Modules that a node's kernel lacks, by purpose."""
    for modules, claims, encrypted in MODULES:
        if encrypted:
            modules = ((_paths.esp(view.facts),), *modules)
        lacking: dict[tuple[str, ...], list[str]] = {}
        for host in view.hosts:
            states = _paths.kernel(view.facts, host)
            gone = tuple(
                " or ".join(names)
                for names in modules
                if states and all(states.get(name) == "missing" for name in names)
            )
            if gone:
                lacking.setdefault(gone, []).append(host)
        for names, hosts in lacking.items():
            yield Finding(
                view.title(f"The kernel of {{nodes}} lacks {listed(names)}", hosts),
                tuple(hosts),
                (f"neither loaded, built in nor on disk: {listed(names)}",),
                networks=view.networks(True) if encrypted else None,
                claims=(Claim("PRE-KMOD", names), *claims),
            )


def clock(view: View) -> Iterable[Finding]:
    """A certificate that is invalid because the node's clock is hours off."""
    facts, told = view.facts, {}
    times = {host: opened["time"] for host, opened in facts.opened.items() if opened.get("time")}
    for host, now in times.items():
        away = now - pre_skew.middle([other for name, other in times.items() if name != host], now)
        if abs(away) > HOUR and not _valid(facts, host):
            told[host] = f"{host}: its clock is {round(away / HOUR)} h from the others'"
    if told:
        yield Finding(
            view.title("The clock of {nodes} is wrong", view.ordered(told)), view.ordered(told), tuple(told.values())
        )


def expired(view: View) -> Iterable[Finding]:
    """A node's certificate that is invalid now."""
    bad = view.ordered([host for host in view.facts.opened if not _valid(view.facts, host)])
    if bad:
        yield Finding(
            view.title("The certificate of {nodes} is not valid now", bad), bad, ("CP-TLS: by the node's own clock",)
        )


def _valid(facts: Facts, host: str) -> bool:
    leaf, now = _leaf(facts, host), facts.opened[host].get("time")
    return not leaf or not now or leaf["not_before"] <= now < leaf["not_after"]


def _leaf(facts: Facts, host: str) -> dict[str, t.Any] | None:
    leaf = facts.opened[host].get("certificate")
    return leaf if leaf and "error" not in leaf else None


def foreign(view: View) -> Iterable[Finding]:
    """A node that trusts another root than the swarm, or has its certificate from another swarm."""
    facts, told = view.facts, {}
    trust = facts.swarm.get("trust") or {}
    for host in facts.opened:
        leaf = _leaf(facts, host)
        differs = [key for key in ("issuer_digest", "roots_digest") if leaf and trust and leaf[key] != trust[key]]
        if differs:
            told[host] = f"{host}: other {' and '.join(key.split('_')[0] for key in differs)} than the swarm's"
    if told:
        yield Finding(
            view.title("{nodes} [has|have] a certificate of another root", view.ordered(told)),
            view.ordered(told),
            tuple(told.values()),
        )


def lost(view: View) -> Iterable[Finding]:
    """Nodes that answer Ansible and not the managers. Where none of them reaches a manager's port, the reason is what closes that."""
    gone = view.lost
    if gone:
        nodes = view.ordered(gone)
        yield Finding(
            view.title("The managers have lost {nodes}", nodes),
            nodes,
            tuple(f"the swarm says that {host} is {state}; it answers Ansible" for host, state in sorted(gone.items())),
            certainty=INFERRED,
            follows=set(gone) <= view.unmanaged or _weakly_managed(view, set(gone)),
        )


def _weakly_managed(view: View, gone: set[str]) -> bool:
    """Whether a wire loses so many packets, at a manager or at all of these nodes, that managers lose nodes for it."""
    weak = {node for pair in view.weak for node in pair}
    return gone <= weak or any(node["role"] == "manager" and host in weak for host, node in view.facts.nodes.items())


def address(view: View) -> Iterable[Finding]:
    """An address that no other node can use."""
    bad = {host: _paths.address(view.facts, host) for host in view.facts.nodes}
    bad = {host: text for host, text in bad.items() if cp_addr.unusable(text) or cp_addr.is_local(text)}
    if bad:
        yield Finding(
            view.title("{nodes} [advertises|advertise] an address that nobody can reach", view.ordered(bad)),
            view.ordered(bad),
            tuple(f"{host}: {text or 'none'}" for host, text in sorted(bad.items())),
        )


def unjudged(view: View) -> Iterable[Finding]:
    """Any other reason for which a node could not be judged in full."""
    problems = view.facts.problems
    for host in view.ordered(problems):
        yield Finding(f"{host} gave no full answer", (host,), (f"{host}: {problems[host].text}",), certainty=INFERRED)


def managers(view: View) -> Iterable[Finding]:
    """No host of the play leads the swarm, although all of them answered."""
    facts = view.facts
    if not facts.leader and len(facts.nodes) == len(view.hosts):
        yield Finding(
            "The leader of the swarm is not in this play",
            (),
            (f"{count(len(view.hosts), 'node')} answered, and none leads",),
            claims=(Claim("*", wide=True, unsure=True),),
        )
