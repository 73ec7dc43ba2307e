# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checks whose failure is a cause by itself, because they test something basic. Pure.

Private to swarmlab.overlay. One line each; a check that is not part of the run finds nothing.
"""

from __future__ import annotations

import typing as t
from collections.abc import Callable, Iterable

from .._checks import dp_ipv6, dp_task, net_egress, net_gateway, net_ingress, sd_alias
from .model import Claim, Finding, Rule
from .view import View

DATA = (Claim("DP-*"), Claim("LB-*"), Claim("MESH-*"), Claim("MTU-*"), Claim("PATH-*"))
ENCRYPTED = (*DATA, Claim("ENC-*"), Claim("XFRM-*"))
# What a balancer carries; the tasks of people's services answer without it.
BALANCED = (
    Claim("DP-*", ("vip",)),
    Claim("LB-IPVS"),
    Claim("LB-SPREAD"),
    Claim("LB-SERVICE", ("vip",)),
    Claim("MESH-*"),
)


class Line(t.NamedTuple):
    """One cause. ``reasons``: results with one of them have this cause; without reasons, all failures of the check.

    ``encrypted``: a result without a network concerns those that are encrypted, and not all.
    """

    id: str
    check: str
    title: str
    todo: str
    reasons: tuple[str, ...] = ()
    suffers: tuple[Claim, ...] = ()
    encrypted: bool = False


# What is there to be read, whatever else is broken: no path, kernel or engine explains it.
READ = (
    Line(
        "alias-shared",
        "SD-ALIAS",
        "Several services of {networks} answer to one name",
        sd_alias.SHARED,
        ("name-shared",),
    ),
    Line(
        "resolver-replaced",
        "DP-TASK",
        "Tasks or containers on {nodes} ask another name server than the engine's",
        dp_task.RESOLVER_HINT,
        ("resolver-replaced",),
    ),
)
# The foundations of other causes, tested before ports and paths.
DEEP = (
    Line(
        "network-missing",
        "NET-EXISTS",
        "A network that was asked for does not exist",
        "Declare it (role overlays), or correct verify_networks.",
        ("network-missing",),
    ),
    Line(
        "network-undone",
        "NET-EXISTS",
        "A network that the inventory declares does not exist",
        "Run role overlays, or take it out of overlays_networks.",
        ("network-undone",),
    ),
    Line(
        "network-otherwise",
        "NET-EXISTS",
        "{networks} differs from what the inventory declares",
        "Run role overlays with --check --diff to see what would change; or correct overlays_networks.",
        ("network-otherwise",),
    ),
    Line(
        "service-missing",
        "NET-EXISTS",
        "A service that was asked for is on none of the networks",
        "Correct verify_services or verify_networks.",
        ("service-missing",),
    ),
    Line(
        "clock-skew",
        "PRE-SKEW",
        "The clock of {nodes} is wrong",
        "Set the clock and let a time service keep it; certificates are judged by it.",
        ("clock-skew",),
        (Claim("CP-TLS"),),
    ),
    Line(
        "certificate-expiring",
        "CP-TLS",
        "The certificate of {nodes} ends soon",
        "Let the node reach a manager at 2377/tcp and restart its engine. If it keeps the old certificate, run 'docker swarm ca --rotate' on a manager.",
        ("certificate-expiring",),
    ),
    Line(
        "engine-skew",
        "PRE-SKEW",
        "{nodes} [runs|run] an engine whose encryption does not fit that of the others",
        "Run one engine version on all nodes.",
        ("engine-skew",),
        ENCRYPTED,
    ),
    Line(
        "wrong-address",
        "CP-ADDR",
        "{nodes} [is|are] known by a wrong address",
        "Let the node leave and join again with --advertise-addr, and --data-path-addr where traffic has a network of its own.",
        ("wrong-address",),
        ENCRYPTED,
    ),
    Line(
        "subnet-overlap",
        "SUBNET-OVERLAP",
        "The subnet of {networks} is in use elsewhere too",
        "Make the network again in a subnet of its own, or give the swarm another address pool.",
        (),
        (*DATA, Claim("SD-*")),
    ),
    Line(
        "subnet-overlap",
        "NET-INGRESS",
        "The subnet of ingress is in use elsewhere too",
        net_ingress.HINT,
        ("subnet-overlap",),
        (Claim("MESH-*"),),
    ),
    Line(
        "subnet-overlap",
        "NET-GATEWAY",
        "The subnet of docker_gwbridge is in use elsewhere on {nodes}",
        net_gateway.HINT,
        ("subnet-overlap",),
        (Claim("NET-EGRESS"),),
    ),
    Line(
        "resolver-shadowed",
        "NET-INGRESS",
        "A name server of {nodes} lies inside the subnet of ingress",
        net_ingress.HINT,
        ("resolver-shadowed",),
    ),
    Line(
        "resolver-shadowed",
        "NET-GATEWAY",
        "A name server of {nodes} lies inside the subnet of docker_gwbridge",
        net_gateway.HINT,
        ("resolver-shadowed",),
    ),
    Line(
        "gateway-missing",
        "NET-GATEWAY",
        "{nodes} [has|have] no docker_gwbridge: tasks have no way out, and published ports no way in",
        net_gateway.MISSING % "the node",
        ("gateway-missing",),
        (Claim("MESH-*"), Claim("NET-EGRESS")),
    ),
    Line(
        "resolver-shadowed",
        "DNS-SHADOW",
        "A name server of {nodes} lies inside the subnet of {networks}",
        "Make the network again in another subnet: containers on it cannot reach that name server.",
    ),
    Line(
        "duplicate-network",
        "NAME-DUP",
        "Two networks have one name",
        "Remove one of them; until then use ids.",
        (),
        (Claim("NET-*"), Claim("SD-*")),
    ),
    Line(
        "option-misspelt",
        "OPT-LINT",
        "{networks} has a driver option that does not do what it says",
        "Make the network again with the right option.",
    ),
    Line(
        "name-unaskable",
        "SD-*",
        "A service of {networks} has a name that no program can look up",
        "Give the service another name or alias.",
        ("name-unaskable",),
    ),
    Line(
        "duplicate-address",
        "DUP-IP",
        "One address of {networks} has two holders",
        "Let the services of the network start anew, one of the two at least; look at the engines' logs for a failed allocation.",
        (),
        (*DATA, Claim("SD-*")),
    ),
)
# Differences in the engine's own tables. They explain failing paths, and may result from closed gossip ports.
TABLES = (
    Line(
        "gossip-differs",
        "GOSSIP-HASH",
        "{nodes} [does|do] not know what others know of {networks}",
        "Look for 7946 tcp and udp between the nodes and at the engine's log ('healthscore', 'Bulk sync'); 'docker service update --force' "
        "writes records anew.",
        (),
        (Claim("SD-*", wide=True), Claim("PEER-*"), *DATA),
    ),
    Line(
        "peers-stale",
        "PEER-FDB",
        "The kernel of {nodes} holds forwarding entries that do not fit {networks}",
        "Let the services of the network start anew there, or restart the node's engine.",
        (),
        (*DATA, Claim("ENC-*")),
    ),
    Line(
        "egress-broken",
        "NET-EGRESS",
        "Tasks on {nodes} reach nothing outside of the overlay networks",
        net_egress.HINT,
        ("egress-lost",),
        (Claim("MESH-*"),),
    ),
    Line(
        "firewall-wiped",
        "FW-RULES",
        "The engine's firewall rules on {nodes} are gone",
        "Restart the node's engine, which writes its rules again; find what flushes them: a reload of firewalld (with FirewallBackend=iptables "
        "or direct rules), a restart of nftables.service, a script.",
        (),
        (Claim("MESH-*"), Claim("ENC-*")),
    ),
)
# Possible effects of a closed port or a broken path. They count only when no such cause explains them.
LATE = (
    Line(
        "mtu-too-small",
        "MTU-FIT",
        "The MTU on the way to {nodes} is smaller than {networks} needs",
        "Let the underlay's MTU be 50 more than the overlay's, 76 with encryption, each 20 more over IPv6, or make the network with option "
        "com.docker.network.driver.mtu, which is the wire's (less 20 over IPv6): the engine takes its overhead off it.",
    ),
    Line(
        "mtu-too-small",
        "NET-INGRESS",
        "Packets of full size of ingress do not pass the way to {nodes}",
        net_ingress.FULL % "the node",
        ("mtu-too-small", "full-size-lost"),
        (Claim("MESH-*"),),
    ),
    Line(
        "addresses-exhausted",
        "NET-INGRESS",
        "The addresses of ingress are used up, or nearly",
        net_ingress.HINT,
        ("addresses-exhausted",),
    ),
    Line(
        "addresses-exhausted",
        "NET-GATEWAY",
        "The addresses of docker_gwbridge on {nodes} are used up, or nearly",
        net_gateway.HINT,
        ("addresses-exhausted",),
    ),
    Line(
        "ipv6-broken",
        "DP-IPV6",
        "IPv6 does not work on {networks}",
        dp_ipv6.HINT,
        ("duplicate-address", "no-ipv4-address", "no-ipv6-address", "paths-lost"),
        (*DATA, Claim("SD-*", wide=True)),
    ),
    Line(
        "addresses-exhausted",
        "IPAM-HEADROOM",
        "The addresses of {networks} are used up, or nearly",
        "Make the network again with a larger subnet: each task, service and node takes an address.",
    ),
    Line(
        "ipsec-policies-gone",
        "ENC-SA-AGREE",
        "{nodes} had lost [its|their] IPsec policies, until this verification set up probes",
        "Find what flushes IPsec policies ('ip xfrm policy'): a new task on the network, or a restart of the engine, sets them up again.",
        ("policies-lost",),
        encrypted=True,
    ),
    Line(
        "ipsec-states-gone",
        "ENC-SA-AGREE",
        "{nodes} had lost [its|their] IPsec states, until this verification set up probes",
        "Find what flushes IPsec states ('ip xfrm state'): a new task on the network, or a restart of the engine, sets them up again.",
        ("states-lost",),
        encrypted=True,
    ),
    Line(
        "ipsec-states-differ",
        "ENC-SA-AGREE",
        "IPsec states or policies of {nodes} do not fit those of its peers",
        "Restart the node's engine, which sets its encryption up again; compare engine versions.",
        ("states-differ", "states-differed"),
        ENCRYPTED,
        encrypted=True,
    ),
    Line(
        "clear-text-accepted",
        "ENC-REJECT",
        "{nodes} [accepts|accept] clear text for {networks}",
        "Restart the node's engine, which writes its rules again; look for '--pol none' in 'iptables -S INPUT'.",
    ),
    Line(
        "balancer-broken",
        "LB-IPVS",
        "The balancer (IPVS) of {nodes} does not hold the tasks of {networks}",
        "'docker service update --force SERVICE' sets a service's balancing up again.",
        (),
        BALANCED,
    ),
    Line(
        "xfrm-errors",
        "XFRM-DELTA",
        "The kernel of {nodes} drops packets for reasons of IPsec",
        "Compare 'ip xfrm state' on both ends, and engine versions.",
        ("errors-rose",),
        ENCRYPTED,
        encrypted=True,
    ),
)
# What people's services suffer by themselves, when nothing below explains it.
SERVICES = (
    Line(
        "balancer-broken",
        "LB-SERVICE",
        "The balancer (IPVS) of {nodes} does not lead to the tasks of a service on {networks}",
        "'docker service update --force SERVICE' sets its balancing up again; look into the network's lb_ namespace ('ipvsadm -ln', mangle marks).",
        ("virtual-ip-silent",),
        BALANCED,
    ),
    Line(
        "port-unreached",
        "MESH-SERVICE",
        "Published ports of people's services do not answer on {nodes}",
        "Look for a rule of the host's that drops them (DOCKER-USER, raw, mangle, nft), and for the chain DOCKER-INGRESS.",
    ),
)


def told(line: Line) -> Callable[[View], Iterable[Finding]]:
    """The rule for one line of the table."""

    def find(view: View) -> Iterable[Finding]:
        found = [item for item in view.failed(line.check) if not line.reasons or item["reason"] in line.reasons]
        nodes = view.ordered({node for item in found for node in item["nodes"]})
        networks = tuple(sorted({item["network"] for item in found if item["network"]}))
        if found:
            because = tuple(dict.fromkeys(f"{item['id']}: {item['evidence']['summary']}" for item in found))
            concerned = networks or (view.networks(True) if line.encrypted else None)
            yield Finding(view.title(line.title, nodes, networks), nodes, because[:4], concerned)

    return find


def rules(lines: tuple[Line, ...]) -> tuple[Rule, ...]:
    """A rule for each line."""
    return tuple(
        Rule(
            line.id,
            told(line),
            (Claim(line.check, reasons=line.reasons), *line.suffers),
            line.todo,
        )
        for line in lines
    )
