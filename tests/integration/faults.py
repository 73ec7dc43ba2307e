# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that a lab can really be given, and what the diagnosis must say of each: the cause, the nodes, and nobody else.

``test_faults.py`` injects some on the shared swarm of container nodes; ``bench/detection.py`` all that its lab can make. Every fault
is real: rules that drop packets, devices that are down, engines that do not answer, records that nobody holds.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

PLAIN, OTHER, SECRET, WEB = "faults-plain", "faults-other", "faults-secret", "faults-web"
EVERY = ("every node",)
PATIENCE = 300  # seconds for a lab to be whole again


class Hands(Protocol):
    """What injecting a fault needs."""

    nodes: list[str]
    image: str

    def shell(self, host: str, command: str) -> str:
        """What a shell command prints on a node; it must succeed."""

    def fault(self, **arguments) -> object:
        """Run module lab_fault on the lab."""


Step = Callable[[Hands], object]


@dataclass(frozen=True)
class Fault:
    """One fault. ``needs``: esp4, ip_vs (modules of the nodes' kernel), or vm (machines of their own).

    ``also``: causes and their nodes that are made at the same time, and must be named too.
    """

    name: str
    what: str
    cause: str
    nodes: tuple[str, ...]
    make: Step
    mend: Step
    checks: tuple[str, ...] = ("PRE-REACH", "DP-MATRIX")
    networks: tuple[str, ...] = (PLAIN,)
    needs: tuple[str, ...] = ()
    more: tuple[tuple[str, object], ...] = ()
    smallest: int = 3  # nodes
    after: dict = field(default_factory=dict)  # variables that differ once it is mended
    also: tuple[tuple[str, tuple[str, ...]], ...] = ()

    @property
    def variables(self) -> dict:
        """Variables of role verify."""
        return {
            "verify_checks": list(self.checks),
            "verify_networks": list(self.networks),
            "verify_convergence_timeout": 4,
            "verify_timeout": 30,
            **dict(self.more),
        }


def on(host: str, command: str) -> Step:
    return lambda hands: hands.shell(host, command)


def lab(**fault) -> Step:
    return lambda hands: hands.fault(faults=[{"seconds": 900, **fault}])


def healed(hands: Hands) -> object:
    return hands.fault(state="absent")


def dropped(name: str, host: str, chain: str, match: str, what: str, cause: str, nodes: tuple = (), **more) -> Fault:
    """A rule of iptables that drops what a node receives or sends."""
    rule = f"{chain} {match} -j DROP"
    return Fault(
        name,
        what,
        cause,
        nodes or (host,),
        on(host, f"iptables -w -I {rule}"),
        on(host, f"iptables -w -D {rule}"),
        **more,
    )


def two_names(hands: Hands) -> None:
    """A worker does not know an overlay that it has no task on, so its engine takes the name for a network of its own."""
    hands.shell("vm1", "docker network create -d overlay --attachable faults-twice")
    hands.shell("vm2", "docker network create -d bridge --subnet 10.99.9.0/24 faults-twice")


def subnet(hands: Hands) -> str:
    return hands.shell("vm1", f"docker network inspect -f '{{{{(index .IPAM.Config 0).Subnet}}}}' {PLAIN}")


def between(action: str, match: str = "-p udp --dport 4789") -> Step:
    """A rule at vm3 about what vm1 sends."""
    return lambda hands: hands.shell(
        "vm3",
        "iptables -w {} INPUT -s {} {} -j DROP".format(
            action, hands.shell("vm1", "docker info -f '{{.Swarm.NodeAddr}}'"), match
        ),
    )


def both(*steps: Step) -> Step:
    """Several steps, one after the other."""
    return lambda hands: [step(hands) for step in steps]


def shared_alias(hands: Hands) -> None:
    """Two services of people's that chose one alias, with their tasks."""
    hands.shell("vm1", "; ".join(f"docker service create -q --no-resolve-image --name faults-alias-{number} --network name={PLAIN},alias=db"
                                 f" {hands.image} sleep 1d" for number in (1, 2)))  # fmt: skip


def namespace(network: str) -> str:
    """Shell words that run what follows in a network's own namespace on a node."""
    return f"nsenter --net=/var/run/docker/netns/1-$(docker network inspect -f '{{{{.Id}}}}' {network} | cut -c1-10) "


def bridged(name: str, host: str, match: str, what: str, cause: str) -> Fault:
    """A rule inside the overlay itself: its bridge drops some protocol between containers and tunnel."""
    inside = namespace(PLAIN)
    rules = f"table bridge fault {{ chain forward {{ type filter hook forward priority 0; {match} drop; }}; }}"
    return Fault(
        name,
        what,
        cause,
        (host,),
        on(host, f"{inside} nft '{rules}'"),
        on(host, f"{inside} nft delete table bridge fault"),
    )


def device(name: str, host: str, what: str, words: str, undo: str, cause: str, **more) -> Fault:
    """Something done to a device inside one overlay, and undone."""
    inside = namespace(PLAIN)
    return Fault(name, what, cause, (host,), on(host, inside + words), on(host, inside + undo), **more)


def wiped(name: str, what: str, command: str) -> Fault:
    """Rules of the engine gone from a node's nat table, as after a reload of the host's firewall."""
    return Fault(
        name,
        what,
        "firewall-wiped",
        ("vm2",),
        on("vm2", f"iptables-save -t nat >/run/faults-nat && {command}"),
        on("vm2", "iptables-restore -w -T nat </run/faults-nat"),
        checks=("PRE-REACH", "FW-RULES", "MESH-ALL"),
        needs=("ip_vs",),
    )


def in_task(name: str, host: str, what: str, words: str, undo: str, cause: str) -> Fault:
    """Something done inside one task of the service, whose node is sound. $dev is its interface on the plain network."""
    look = f'{{{{.NetworkSettings.SandboxKey}}}} {{{{(index .NetworkSettings.Networks "{PLAIN}").IPAddress}}}}'
    enter = (
        f"set -- $(docker inspect -f '{look}' $(docker ps -q --filter name={WEB})); "
        'inside="nsenter --net=$1"; dev=$($inside ip -o -4 addr | grep " $2/" | awk \'{print $2}\'); $inside '
    )
    return Fault(
        name,
        what,
        cause,
        (host,),
        on(host, enter + words),
        on(host, enter + undo),
        checks=("PRE-REACH", "DP-MATRIX", "DP-TASK", "LB-SERVICE"),
    )


UNDERLAY = "dev=$(ip -o -4 address | grep \" $(docker info -f '{{.Swarm.NodeAddr}}')/\" | awk '{print $2}'); "
GOSSIP_DROP = "INPUT -p udp --dport 7946 -j DROP"
LOSING = "-m statistic --mode random --probability 0.4"
FLAPPING = (
    f"{UNDERLAY}nohup setsid sh -c 'while sleep 5; do iptables -w -t raw -I PREROUTING -i '$dev' -j DROP; sleep 1;"
    " iptables -w -t raw -D PREROUTING -i '$dev' -j DROP; done' >/dev/null 2>&1 & echo $! >/run/faults-flapping"
)
STEADY = f"kill $(cat /run/faults-flapping); sleep 1; {UNDERLAY}iptables -w -t raw -D PREROUTING -i $dev -j DROP 2>/dev/null; true"
SOCKET_AWAY = "mv /run/docker.sock /run/docker.sock.away"
SOCKET_BACK = "mv /run/docker.sock.away /run/docker.sock"
CERTIFICATES = "/var/lib/docker/swarm/certificates"
FOREIGN = (
    f"cd {CERTIFICATES} && cp -p swarm-root-ca.crt /root/kept.crt && openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256"
    " -nodes -keyout /dev/null -subj /CN=foreign -days 9 2>/dev/null >swarm-root-ca.crt"
)
SECOND = "docker run -d --name faults-second --network {0} --network-alias {1} {2} sleep 1d"

PORTS = ("PRE-REACH", "PRE-PORT", "DP-MATRIX", "SD-TASKS")
UPTIME = "$(cut -d. -f1 /proc/uptime)"

FAULTS: tuple[Fault, ...] = (
    dropped(
        "data-port-in", "vm2", "INPUT", "-p udp --dport 4789", "udp/4789 dropped on its way in", "data-port-blocked"
    ),
    dropped(
        "data-port-out", "vm3", "OUTPUT", "-p udp --dport 4789", "udp/4789 dropped on its way out", "data-port-blocked"
    ),
    Fault(
        "data-port-between",
        "udp/4789 of one peer dropped on its way in",
        "data-port-blocked",
        ("vm3",),
        between("-I"),
        between("-D"),
    ),
    dropped(
        "data-port-everywhere",
        "vm1",
        "INPUT",
        "-p udp --dport 4789",
        "udp/4789 dropped at the manager",
        "data-port-blocked",
    ),
    bridged("icmp-inside", "vm2", "ip protocol icmp", "ICMP dropped inside the overlay", "rule-drops"),
    bridged("tcp-inside", "vm3", "ip protocol tcp", "TCP dropped inside the overlay", "rule-drops"),
    bridged("udp-inside", "vm2", "ip protocol udp", "UDP dropped inside the overlay", "rule-drops"),
    device(
        "tunnel-down",
        "vm2",
        "the VXLAN device of one network down",
        "ip link set vxlan0 down",
        "ip link set vxlan0 up",
        "device-down",
        networks=(PLAIN, OTHER),
    ),
    Fault(
        "engine-stopped",
        "the engine's socket gone",
        "engine-stopped",
        ("vm3",),
        on("vm3", SOCKET_AWAY),
        on("vm3", SOCKET_BACK),
    ),
    Fault(
        "leader-stopped",
        "the socket of the only manager's engine gone",
        "engine-stopped",
        ("vm1",),
        on("vm1", SOCKET_AWAY),
        on("vm1", SOCKET_BACK),
        checks=("PRE-REACH", "PRE-KMOD", "CP-TLS", "SD-VIP", "DP-MATRIX"),
    ),
    Fault("frozen", "the node frozen", "node-frozen", ("vm2",), lab(kind="freeze", nodes=["vm2"]), healed),
    Fault("killed", "the node's power cut", "node-unreachable", ("vm3",), lab(kind="kill", nodes=["vm3"]), healed),
    Fault(
        "second-holder",
        "a container that answers to a service's name",
        "second-holder",
        (),
        lambda hands: hands.shell("vm2", SECOND.format(PLAIN, WEB, hands.image)),
        on("vm2", "docker rm -f faults-second"),
        checks=("PRE-REACH", "SD-VIP"),
    ),
    in_task(
        "task-cut",
        "vm2",
        "the interface of one task down",
        "ip link set $dev down",
        "ip link set $dev up",
        "task-cut",
    ),
    in_task(
        "task-deaf",
        "vm3",
        "a rule in one task that drops what comes to its port",
        "iptables -w -A INPUT -i $dev -p tcp --dport 80 -j DROP",
        "iptables -w -D INPUT -i $dev -p tcp --dport 80 -j DROP",
        "task-deaf",
    ),
    in_task(
        "task-narrow",
        "vm3",
        "the interface of one task with a small MTU",
        "ip link set $dev mtu 300",
        "ip link set $dev mtu 1450",
        "task-cut",
    ),
    Fault(
        "task-still",
        "the processes of one task stopped",
        "task-stopped",
        ("vm2",),
        on("vm2", f"docker kill -s STOP $(docker ps -q --filter name={WEB})"),
        on("vm2", f"docker kill -s CONT $(docker ps -q --filter name={WEB})"),
        checks=("PRE-REACH", "DP-MATRIX", "DP-TASK", "LB-SERVICE"),
    ),
    Fault(
        "alias-shared",
        "two services with one alias",
        "alias-shared",
        (),
        shared_alias,
        on("vm1", "docker service rm faults-alias-1 faults-alias-2"),
        checks=("PRE-REACH", "SD-ALIAS"),
    ),
    Fault(
        "foreign-root",
        "another root of trust on the node",
        "foreign-certificate",
        ("vm2",),
        on("vm2", FOREIGN),
        on("vm2", f"mv /root/kept.crt {CERTIFICATES}/swarm-root-ca.crt"),
        checks=("PRE-REACH", "CP-TLS"),
    ),
    Fault(
        "image-missing",
        "an image for the probes that no node has",
        "image-missing",
        EVERY,
        on("vm1", "true"),
        on("vm1", "true"),
        more=(("verify_image", "localhost/no/such:image"), ("verify_timeout", 12)),
        after={"verify_image": ""},
    ),
    Fault(
        "addresses-exhausted",
        "a network with fewer addresses than it needs",
        "addresses-exhausted",
        (),
        on("vm1", "docker network create -d overlay --attachable --subnet 10.99.7.0/30 faults-small"),
        on("vm1", "docker network rm faults-small"),
        checks=("PRE-REACH", "DP-MATRIX", "IPAM-HEADROOM"),
        networks=("faults-small",),
        after={"verify_networks": [PLAIN]},
    ),
    Fault(
        "not-in-swarm",
        "the node left the swarm",
        "not-in-swarm",
        ("vm3",),
        on("vm3", "docker swarm leave"),
        lambda hands: rejoin(hands, "vm3"),
    ),
    dropped(
        "gossip-udp",
        "vm2",
        "INPUT",
        "-p udp --dport 7946",
        "udp/7946 dropped on its way in",
        "gossip-udp-blocked",
        checks=PORTS,
    ),
    dropped(
        "gossip-tcp",
        "vm3",
        "INPUT",
        "-p tcp --dport 7946",
        "tcp/7946 dropped on its way in",
        "gossip-tcp-blocked",
        checks=PORTS,
    ),
    dropped(
        "manager-port-closed",
        "vm1",
        "INPUT",
        "-p tcp --dport 2377 ! -i lo",
        "tcp/2377 dropped at the manager",
        "manager-port-blocked",
        checks=PORTS,
    ),
    dropped(
        "data-port-by-port",
        "vm2",
        "INPUT",
        "-p udp --dport 4789",
        "udp/4789 dropped, the ports looked at too",
        "data-port-blocked",
        checks=PORTS,
    ),
    dropped(
        "esp-by-port",
        "vm2",
        "INPUT",
        "-p esp",
        "ESP dropped, the ports looked at too",
        "esp-blocked",
        checks=PORTS,
        networks=(PLAIN, SECRET),
        needs=("esp4",),
    ),
    Fault("cut", "the node's cable cut", "cut-off", ("vm3",), lab(kind="cut", nodes=["vm3"]), healed, checks=PORTS),
    Fault(
        "one-way",
        "everything from one node to another lost",
        "one-way-loss",
        ("vm1", "vm2"),
        lab(kind="one_way", **{"from": ["vm1"]}, to=["vm2"]),
        healed,
        checks=PORTS,
    ),
    Fault(
        "deaf",
        "everything to the node lost",
        "one-way-loss",
        ("vm2",),
        lab(kind="one_way", **{"from": ["vm1", "vm3", "vm4"]}, to=["vm2"]),
        healed,
        checks=PORTS,
        smallest=4,
    ),
    Fault(
        "partition",
        "two groups that do not hear each other",
        "partition",
        ("vm1", "vm2", "vm3", "vm4"),
        lab(kind="partition", groups=[["vm1", "vm2"], ["vm3", "vm4"]]),
        healed,
        checks=PORTS,
        smallest=4,
    ),
    Fault(
        "mtu",
        "the underlay's MTU too small",
        "mtu-too-small",
        ("vm2",),
        on("vm2", UNDERLAY + "ip link set $dev mtu 1400"),
        on("vm2", UNDERLAY + "ip link set $dev mtu 1500"),
        checks=("PRE-REACH", "DP-MATRIX", "MTU-FIT"),
    ),
    device(
        "no-entries",
        "vm2",
        "the forwarding entries of one network gone",
        'sh -c \'bridge fdb show dev vxlan0 | grep "dst " >/run/faults-fdb; while read mac rest; do bridge fdb del $mac dev vxlan0 self; done'
        " </run/faults-fdb'",
        "sh -c 'while read mac word dst rest; do bridge fdb replace $mac dev vxlan0 dst $dst self permanent; done"
        " </run/faults-fdb'",
        "peers-stale",
        checks=("PRE-REACH", "DP-MATRIX", "PEER-FDB"),
    ),
    device(
        "stale-entry",
        "vm3",
        "a forwarding entry for an endpoint that is gone",
        "sh -c 'bridge fdb add 02:42:0a:00:63:63 dev vxlan0 dst 192.0.2.9 self permanent;"
        " ip neigh add 10.0.99.99 lladdr 02:42:0a:00:63:63 dev vxlan0 nud permanent'",
        "sh -c 'ip neigh del 10.0.99.99 dev vxlan0; bridge fdb del 02:42:0a:00:63:63 dev vxlan0 self'",
        "peers-stale",
        checks=("PRE-REACH", "PEER-FDB"),
    ),
    Fault(
        "overlap",
        "a route of the host into an overlay's subnet",
        "subnet-overlap",
        ("vm2",),
        lambda hands: hands.shell("vm2", f"ip route add {subnet(hands)} dev lo"),
        lambda hands: hands.shell("vm2", f"ip route del {subnet(hands)} dev lo"),
        checks=("PRE-REACH", "SUBNET-OVERLAP"),
    ),
    Fault(
        "resolver",
        "a name server inside an overlay's subnet",
        "resolver-shadowed",
        ("vm3",),
        lambda hands: hands.shell(
            "vm3",
            (
                f"cp /etc/resolv.conf /run/faults-resolv; echo nameserver {subnet(hands).replace('.0/24', '.53')} "
                ">>/etc/resolv.conf"
            ),
        ),
        on("vm3", "cat /run/faults-resolv >/etc/resolv.conf"),
        checks=("PRE-REACH", "DNS-SHADOW"),
    ),
    Fault(
        "options",
        "a network with driver options that mean nothing",
        "option-misspelt",
        (),
        on("vm1", "docker network create -d overlay --attachable -o com.docker.network.driver.mtuu=1400 faults-odd"),
        on("vm1", "docker network rm faults-odd"),
        checks=("PRE-REACH", "OPT-LINT"),
        networks=("faults-odd",),
        after={"verify_networks": [PLAIN]},
    ),
    Fault(
        "two-names",
        "a local network with an overlay's name",
        "duplicate-network",
        ("vm2",),
        two_names,
        lambda hands: (
            hands.shell("vm2", "docker network rm faults-twice"),
            hands.shell("vm1", "docker network rm faults-twice"),
        ),
        checks=("PRE-REACH", "NAME-DUP"),
        networks=("faults-twice",),
        after={"verify_networks": [PLAIN]},
    ),
    # The verification publishes a port of its own, and with that the engine writes some of this anew.
    wiped("chain", "the chain of published ports flushed", "iptables -w -t nat -F DOCKER-INGRESS"),
    wiped(
        "chain-unused",
        "nothing leads to the chain of published ports",
        "rule=$(iptables -t nat -S PREROUTING | grep DOCKER-INGRESS | head -n 1) && iptables -w -t nat -D ${rule#-A }",
    ),
    dropped(
        "manager-port",
        "vm3",
        "OUTPUT",
        "-p tcp --dport 2377",
        "tcp/2377 dropped on its way to the managers",
        "manager-port-blocked",
        checks=("PRE-REACH", "CP-TLS"),
    ),
    dropped(
        "manager-port-in",
        "vm1",
        "INPUT",
        "-p tcp --dport 2377 ! -i lo",
        "tcp/2377 dropped at the manager",
        "manager-port-blocked",
        checks=("PRE-REACH", "CP-TLS"),
    ),
    dropped(
        "esp-in",
        "vm2",
        "INPUT",
        "-p esp",
        "ESP dropped on its way in",
        "esp-blocked",
        checks=("PRE-REACH", "DP-MATRIX", "ENC-WIRE"),
        networks=(PLAIN, SECRET),
        needs=("esp4",),
    ),
    dropped(
        "esp-out",
        "vm3",
        "OUTPUT",
        "-p esp",
        "ESP dropped on its way out",
        "esp-blocked",
        checks=("PRE-REACH", "DP-MATRIX", "ENC-WIRE"),
        networks=(PLAIN, SECRET),
        needs=("esp4",),
    ),
    Fault(
        "xfrm-states",
        "the IPsec states flushed",
        "ipsec-states-gone",
        ("vm2",),
        on("vm2", "ip xfrm state flush"),
        on("vm2", "systemctl restart docker"),
        checks=("PRE-REACH", "DP-MATRIX", "ENC-SA-AGREE", "ENC-WIRE"),
        networks=(PLAIN, SECRET),
        needs=("esp4", "vm"),
    ),
    Fault(
        "xfrm-policies",
        "the IPsec policies flushed",
        "ipsec-policies-gone",
        ("vm2",),
        on("vm2", "ip xfrm policy flush"),
        on("vm2", "systemctl restart docker"),
        checks=("PRE-REACH", "DP-MATRIX", "ENC-SA-AGREE", "ENC-WIRE"),
        networks=(PLAIN, SECRET),
        needs=("esp4", "vm"),
    ),
    Fault(
        "clock",
        "the clock a year ahead",
        "clock-skew",
        ("vm3",),
        on("vm3", f"echo $(($(date +%s) - {UPTIME})) >/run/faults-boot; date -s '+1 year'"),
        on("vm3", f"date -s @$(($(cat /run/faults-boot) + {UPTIME}))"),
        checks=("PRE-REACH", "CP-TLS"),
        needs=("vm",),
    ),
    dropped(
        "lossy-link",
        "vm2",
        "INPUT",
        "-i eth0 -m statistic --mode random --probability 0.15",
        "one packet in seven lost on the node's link",
        "link-lossy",
        checks=("PRE-REACH", "PATH-QUALITY"),
    ),
    Fault(
        "narrow-link",
        "the node's link limited to 2 Mbit/s",
        "link-capped",
        ("vm3",),
        on("vm3", "tc qdisc add dev eth0 root tbf rate 2mbit burst 4kb latency 200ms"),
        on("vm3", "tc qdisc del dev eth0 root"),
        checks=("PRE-REACH", "PATH-QUALITY"),
    ),
    Fault(
        "flapping-link",
        "the node's link down for one second in six",
        "link-flaps",
        ("vm2",),
        on("vm2", FLAPPING),
        on("vm2", STEADY),
        checks=("PRE-REACH", "PATH-QUALITY"),
    ),
    Fault(
        "rule-beside-a-lossy-link",
        "udp/7946 dropped at one node, and four in ten packets lost between two others",
        "gossip-udp-blocked",
        ("vm2",),
        both(on("vm2", f"iptables -w -I {GOSSIP_DROP}"), between("-I", LOSING)),
        both(on("vm2", f"iptables -w -D {GOSSIP_DROP}"), between("-D", LOSING)),
        checks=(*PORTS, "PATH-QUALITY"),
        also=(("link-lossy", ("vm3",)),),  # whose rule it is
    ),
    Fault(
        "tasks-not-apart",
        "the kernel asks no rule about what stays on a bridge, as after a hardening role",
        "setting-wrong",
        ("vm3",),
        on("vm3", "sysctl -qw net.bridge.bridge-nf-call-iptables=0"),
        on("vm3", "sysctl -qw net.bridge.bridge-nf-call-iptables=1"),
        checks=("PRE-REACH", "NODE-STATE"),
    ),
    Fault(
        "not-forwarding",
        "forwarding switched off, as by a hardening role",
        "not-forwarding",
        ("vm3",),
        on("vm3", "sysctl -qw net.ipv4.ip_forward=0"),
        on("vm3", "sysctl -qw net.ipv4.ip_forward=1"),
        checks=("PRE-REACH", "NODE-STATE"),
    ),
    Fault(
        "gateway-down",
        "docker_gwbridge down",
        "device-down",
        ("vm2",),
        on("vm2", "ip link set docker_gwbridge down"),
        on("vm2", "ip link set docker_gwbridge up"),
        checks=("PRE-REACH", "NODE-STATE"),
    ),
    device(
        "bridge-down",
        "vm3",
        "the bridge inside one overlay down",
        "ip link set br0 down",
        "ip link set br0 up",
        "device-down",
        checks=("PRE-REACH", "NODE-STATE", "DP-MATRIX"),
    ),
    Fault(
        "containerd-stopped",
        "containerd stopped in the middle",
        "engine-part-stopped",
        ("vm2",),
        on("vm2", "pkill -STOP -x containerd"),
        on("vm2", "pkill -CONT -x containerd"),
    ),
    Fault(
        "engine-hangs",
        "the engine's process stopped in the middle",
        "engine-part-stopped",
        ("vm2",),
        on("vm2", "pkill -STOP -x dockerd"),
        on("vm2", "pkill -CONT -x dockerd"),
    ),
)


def rejoin(hands: Hands, host: str) -> None:
    """Let a node that left join again, and forget the place that it had."""
    token, address = (
        hands.shell("vm1", "docker swarm join-token -q worker; docker info -f '{{.Swarm.NodeAddr}}'")
    ).split()
    own = hands.shell(host, f"ip -4 -o route get {address}").split(" src ")[1].split()[0]
    hands.shell(host, f"docker swarm join --advertise-addr {own} --token {token} {address}:2377")
    hands.shell(
        "vm1",
        "for id in $(docker node ls --filter role=worker -q); do"
        " [ \"$(docker node inspect -f '{{.Status.State}}' $id)\" = down ] && docker node rm -f $id; done; true",
    )


def until(what: str, look: Callable[[], bool], patience: float = PATIENCE) -> None:
    deadline = time.monotonic() + patience
    while not look():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what} within {patience:.0f} s")
        time.sleep(1)


def whole(hands: Hands) -> bool:
    """Every node is ready, and the service has a running task on each."""
    states = hands.shell("vm1", "docker node ls --format '{{.Status}}'").split()
    tasks = hands.shell(
        "vm1", f"docker service ps --filter desired-state=running --format '{{{{.Node}}}} {{{{.CurrentState}}}}' {WEB}"
    )
    running = {line.split()[0] for line in tasks.splitlines() if line.split()[1] == "Running"}
    return states == ["Ready"] * len(hands.nodes) and len(running) == len(hands.nodes)


def furnish(hands: Hands, encrypted: bool, published: bool = False, program: str = "httpd -f -p 80") -> None:
    """The networks and the service that faults are about; with a published port where the kernels can balance."""
    names = [PLAIN, OTHER] + ([SECRET] if encrypted else [])
    for name in names:
        hands.shell(
            "vm1", f"docker network create -d overlay --attachable {'-o encrypted ' if name == SECRET else ''}{name}"
        )
    joined = " ".join([f"--network {name}" for name in names] + ["--publish 18080:80"] * published)
    hands.shell(
        "vm1",
        f"docker service create -q -d --no-resolve-image --name {WEB} --mode global {joined} {hands.image} {program}",
    )
    until("the lab was not furnished", lambda: whole(hands))


def clear(hands: Hands) -> None:
    """Take the furniture away again, if there is any."""
    hands.shell("vm1", f"docker service rm {WEB} 2>/dev/null || true")
    for name in (PLAIN, OTHER, SECRET):
        hands.shell(
            "vm1",
            f'for try in $(seq 120); do [ -z "$(docker network ls -q --filter name={name})" ] && exit 0;'
            f" docker network rm {name} >/dev/null 2>&1; sleep 0.5; done; exit 1",
        )


def loose(report: dict) -> list[dict]:
    """Bad results that no cause explains."""
    folded = {place for cause in report["causes"] for place in cause["explains"]}
    return [
        item
        for place, item in enumerate(report["checks"])
        if item["status"] in ("fail", "inconclusive") and place not in folded
    ]


def fresh(report: dict, before: set) -> list[dict]:
    """The causes that were not there before, at these nodes or at more."""
    return [
        cause
        for cause in report["causes"]
        if not any(cause["id"] == ident and set(cause["nodes"]) <= set(nodes) for ident, nodes in before)
    ]


def judged(fault: Fault, report: dict, before: set) -> dict[str, bool]:
    """What the diagnosis got right: detected, the cause, its nodes, and no other node blamed by a cause or a result without one."""
    causes = fresh(report, before)
    rest = loose(report)
    every = {node["name"] for node in report["nodes"]}
    wanted = [(fault.cause, every if fault.nodes == EVERY else set(fault.nodes))]
    wanted += [(cause, set(nodes)) for cause, nodes in fault.also]
    named = [next((set(cause["nodes"]) for cause in causes if cause["id"] == ident), None) for ident, dummy in wanted]
    blamed = {node for cause in causes for node in cause["nodes"]} | {node for item in rest for node in item["nodes"]}
    return {
        "detected": not report["summary"]["ok"] and bool(causes or rest),
        "right cause": None not in named,
        "right nodes": named == [nodes for dummy, nodes in wanted],
        "no other node": blamed <= set().union(*(nodes for dummy, nodes in wanted)),
    }
