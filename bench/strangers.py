# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Faults that nobody prepared the diagnosis for, made up from a seed. Pure: each fault is data, and one seed always gives the same.

A fault is a list of steps that make it and a list that undoes it, the nodes that are at fault, and the causes that a right report may
name: those of today and those that are wanted. Families below; one entry in ``FAMILIES`` and one function make a new one.

In a step's text ``@vm2@`` is the node's address, ``@dev:vm2@`` the device that has it, ``@subnet@`` the subnet of the plain network.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass

PLAIN, OTHER, SECRET, WEB = "faults-plain", "faults-other", "faults-secret", "faults-web"
TWO_AT_ONCE = 0.2  # share of seeds with two faults
DEVELOPED = 1000  # rules may be developed on smaller seeds; of the others nobody looks at more than the table


# Causes that a report should name and that no rule knew when these faults were written.
WANTED = {
    "link-lossy", "link-slow", "link-jitters", "link-capped", "link-corrupts", "link-duplicates", "link-reorders", "link-flaps",
    "link-drops-large", "rule-drops", "device-down", "setting-wrong", "not-forwarding", "table-full", "limit-reached", "node-starved",
    "disk-full", "disk-read-only", "engine-part-stopped", "task-broken", "alias-shared", "neighbour-wrong", "route-wrong",
    "address-duplicate",
}  # fmt: skip

# How a step is done: on the node; in an overlay's namespace there; in that of the overlay's balancer; in that of the service's task; at its
# cable (``wire.py``, or netem on machines); by module lab_fault; on this machine, about the node's container, whose name stands for {}.
HOWS = ("shell", "network", "balancer", "task", "wire", "lab", "host")


@dataclass(frozen=True)
class Step:
    """One thing to do. ``how``: one of ``HOWS``."""

    how: str
    node: str
    text: str
    where: str = ""  # the network


@dataclass(frozen=True)
class Stranger:
    """One fault. ``needs``: vm, container, ip_vs, esp4. ``renew``: the lab is made anew after it, as undoing takes longer."""

    family: str
    what: str
    nodes: tuple[str, ...]
    causes: tuple[str, ...]
    make: tuple[Step, ...]
    mend: tuple[Step, ...] = ()
    needs: tuple[str, ...] = ()
    renew: bool = False


@dataclass(frozen=True)
class Scenario:
    """What one seed gives: one fault, or two on different nodes."""

    seed: int
    faults: tuple[Stranger, ...]

    @property
    def family(self) -> str:
        return self.faults[0].family if len(self.faults) == 1 else "two at once"

    @property
    def what(self) -> str:
        return "; and ".join(fault.what for fault in self.faults)

    @property
    def needs(self) -> set[str]:
        return {need for fault in self.faults for need in fault.needs}

    @property
    def data(self) -> dict:
        return {"seed": self.seed, "family": self.family, "faults": [asdict(fault) for fault in self.faults]}


class Place:
    """Where a fault may be, and chance. A node and another one are chosen once."""

    def __init__(self, chance: random.Random, nodes: Sequence[str]) -> None:
        self.chance = chance
        self.nodes = tuple(nodes)
        self.node, self.peer = chance.sample(list(nodes), 2)
        self.network = chance.choice([PLAIN, OTHER])
        self.pick = chance.choice

    @property
    def both(self) -> tuple[str, ...]:
        return tuple(sorted((self.node, self.peer)))

    def between(self, low: int, high: int) -> int:
        """A number, small ones as likely as large ones in proportion."""
        return round(low * (high / low) ** self.chance.random())


Maker = Callable[[Place], Stranger]


def shell(node: str, text: str) -> tuple[Step, ...]:
    return (Step("shell", node, text),)


# --- the link between nodes -------------------------------------------------------------------------------------------------------------


def wired(place: Place, what: str, told: dict, causes: tuple[str, ...], everywhere: bool = False) -> Stranger:
    """A link that does something to packets: of a node in one direction or both, or between two nodes."""
    mine, theirs = f"@{place.node}@", f"@{place.peer}@"
    sorts = {
        f"what {place.node} sends": [[mine, None]],
        f"what {place.node} is sent": [[None, mine]],
        f"everything from and to {place.node}": [[mine, None], [None, mine]],
        f"what {place.node} sends {place.peer}": [[mine, theirs]],
        f"everything between {place.node} and {place.peer}": [[mine, theirs], [theirs, mine]],
    }
    side = place.pick(list(sorts))
    if everywhere:
        side = f"everything from and to {place.node}"
    order = json.dumps({"links": sorts[side], **told, "seed": place.chance.randrange(1 << 16)})
    return Stranger(
        "link",
        f"link: {side}: {what}",
        place.both if place.peer in side else (place.node,),
        causes,
        (Step("wire", place.node, order),),
        (Step("wire", place.node, ""),),
        # Neither is in netem.
        needs=("container",) if {"flap", "largest"} & set(told) else (),
    )


def lossy(place: Place) -> Stranger:
    share = place.between(8, 75)
    return wired(place, f"{share} % lost", {"loss": share / 100}, ("link-lossy", "link-flaps"))


def slow(place: Place) -> Stranger:
    delay, jitter = place.between(60, 1200), place.pick([0, 10, 50])
    return wired(
        place,
        f"{delay} ms late, give or take {jitter}",
        {"delay": delay / 1000, "jitter": jitter / 1000},
        ("link-slow",),
    )


def jittery(place: Place) -> Stranger:
    jitter = place.between(50, 500)
    return wired(
        place, f"0 to {jitter} ms late", {"delay": jitter / 2000, "jitter": jitter / 2000},
        ("link-slow", "link-jitters", "link-reorders"),
    )  # fmt: skip


def doubled(place: Place) -> Stranger:
    share = place.between(20, 95)
    return wired(place, f"{share} % arrive twice", {"duplicate": share / 100}, ("link-duplicates",))


def reordered(place: Place) -> Stranger:
    share, gap = place.between(15, 60), place.between(15, 80)
    return wired(
        place, f"{share} % overtake the others, which are {gap} ms late", {"reorder": share / 100, "gap": gap / 1000},
        ("link-reorders", "link-slow", "link-jitters"),
    )  # fmt: skip


def damaging(place: Place) -> Stranger:
    share = place.between(4, 40)
    return wired(place, f"{share} % with a wrong bit", {"corrupt": share / 100}, ("link-corrupts", "link-lossy"))


def narrow(place: Place) -> Stranger:
    rate = place.between(12, 400)
    return wired(place, f"{rate} kbit/s at most", {"rate": rate * 1000}, ("link-capped", "link-slow", "link-lossy"))


def flapping(place: Place) -> Stranger:
    up, down = place.between(1, 8), place.between(1, 5)
    return wired(place, f"{up} s up and {down} s down in turns", {"flap": [up, down]}, ("link-flaps", "link-lossy"))


def hole(place: Place) -> Stranger:
    size = place.between(400, 1490)
    return wired(
        place, f"packets of more than {size} bytes vanish", {"largest": size}, ("mtu-too-small", "link-drops-large")
    )


PORTS = {
    "VXLAN (udp/4789)": ([17, 4789], ("data-port-blocked",)),
    "gossip (udp/7946)": ([17, 7946], ("gossip-udp-blocked",)),
    "gossip (tcp/7946)": ([6, 7946], ("gossip-tcp-blocked",)),
    "the managers' port (tcp/2377)": ([6, 2377], ("manager-port-blocked", "lost-by-managers")),
    "all UDP": ([17], ("data-port-blocked",)),
    "all TCP": ([6], ("manager-port-blocked", "gossip-tcp-blocked", "cut-off", "lost-by-managers")),
    "ESP": ([50], ("esp-blocked",)),
}


def walled(place: Place) -> Stranger:
    """A security group between the nodes, which none of them can see."""
    name = place.pick(list(PORTS))
    protocol, causes = PORTS[name]
    found = wired(place, f"{name} dropped on the way", {"protocol": protocol}, causes, everywhere=protocol[-1] == 2377)
    return Stranger("wall", found.what.replace("link", "wall", 1), found.nodes, causes, found.make, found.mend,
                    ("esp4",) if name == "ESP" else ())  # fmt: skip


# --- rules that somebody added ----------------------------------------------------------------------------------------------------------

IN = ("raw PREROUTING", "mangle PREROUTING", "mangle INPUT", "filter INPUT")
OUT = ("raw OUTPUT", "mangle OUTPUT", "filter OUTPUT", "mangle POSTROUTING")


def matched(place: Place, inward: bool) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Words of iptables that something matches, the causes, and the nodes at fault."""
    end, alone = "-s" if inward else "-d", (place.node,)
    size, share = place.between(400, 1400), place.between(15, 80)
    return place.pick([
        ("-p udp --dport 4789", ("data-port-blocked",), alone),
        (f"-p udp --dport 4789 {end} @{place.peer}@", ("data-port-blocked",), place.both),
        ("-p udp --dport 7946", ("gossip-udp-blocked",), alone),
        ("-p tcp --dport 7946", ("gossip-tcp-blocked",), alone),
        ("-p udp ! -i lo" if inward else "-p udp ! -o lo", ("data-port-blocked", "gossip-udp-blocked"), alone),
        (f"{end} @{place.peer}@", ("one-way-loss", "cut-off"), place.both),
        (f"-p udp --dport 4789 -m length --length {size}:65535", ("mtu-too-small",), alone),
        (f"-p udp --dport 4789 -m statistic --mode random --probability 0.{share}", ("data-port-blocked", "link-lossy"), alone),
        (f"-m statistic --mode random --probability 0.{share} {end} @{place.peer}@", ("link-lossy",), place.both),
    ])  # fmt: skip


def ruled(place: Place) -> Stranger:
    """A rule of iptables on any chain that sees the traffic of overlays."""
    inward = place.chance.random() < 0.5
    table, dummy, chain = place.pick(IN if inward else OUT).partition(" ")
    match, causes, nodes = matched(place, inward)
    action = "REJECT" if table == "filter" and place.chance.random() < 0.3 else "DROP"
    words = f"{chain} {match} -j {action}"
    return Stranger(
        "rule", f"rule on {place.node}: iptables -t {table} -I {words}", nodes, ("rule-drops", "egress-broken", *causes),
        shell(place.node, f"iptables -w -t {table} -I {words}"),
        shell(place.node, f"iptables -w -t {table} -D {words}"),
    )  # fmt: skip


def tabled(place: Place) -> Stranger:
    """A table of nftables with a chain of any priority, also where frames come in."""
    port, causes = place.pick([
        ("udp dport 4789", ("data-port-blocked",)), ("udp dport 7946", ("gossip-udp-blocked",)),
        ("tcp dport 7946", ("gossip-tcp-blocked",)), (f"ip saddr @{place.peer}@", ("one-way-loss", "cut-off")),
    ])  # fmt: skip
    family, hook = place.pick([
        ("inet", "prerouting"), ("inet", "input"), ("ip", "prerouting"), ("ip", "input"),
        ("netdev", f"ingress device @dev:{place.node}@"),
    ])  # fmt: skip
    priority = place.pick([-400, -301, -150, 0, 1, 100])
    rules = (
        f"table {family} tuning {{ chain c {{ type filter hook {hook} priority {priority}; {port} counter drop; }}; }}"
    )
    return Stranger(
        "rule", f"rule on {place.node}: nft {rules}", place.both if "saddr" in port else (place.node,),
        ("rule-drops", "egress-broken", *causes), shell(place.node, f"nft '{rules}'"), shell(place.node, f"nft delete table {family} tuning"),
    )  # fmt: skip


def forwarding_rule(place: Place) -> Stranger:
    """A rule about what is forwarded: published ports and tasks' ways out."""
    chain = place.pick(["filter DOCKER-USER", "filter FORWARD", "mangle FORWARD", "raw PREROUTING"])
    table, dummy, name = chain.partition(" ")
    side = "-i" if name == "PREROUTING" else place.pick(["-i", "-o"])
    words = f"{name} {side} docker_gwbridge -j DROP"
    return Stranger(
        "rule", f"rule on {place.node}: iptables -t {table} -I {words}", (place.node,),
        ("rule-drops", "egress-broken", "port-unreached"),
        shell(place.node, f"iptables -w -t {table} -I {words}"), shell(place.node, f"iptables -w -t {table} -D {words}"),
    )  # fmt: skip


def bridged(place: Place) -> Stranger:
    """A rule inside an overlay, on its bridge."""
    match, causes = place.pick([
        ("ip protocol icmp", ("icmp-filtered",)), ("ip protocol tcp", ("checksum-offload",)),
        ("ip protocol udp", ("udp-filtered",)), ("ether type ip", ()),
        (f"meta length > {place.between(300, 1300)}", ("mtu-too-small",)),
        (f"numgen random mod 100 < {place.between(15, 80)}", ("link-lossy",)),
    ])  # fmt: skip
    rules = f"table bridge tuning {{ chain c {{ type filter hook forward priority 0; {match} counter drop; }}; }}"
    return Stranger(
        "inside", f"inside {place.network} on {place.node}: nft {rules}", (place.node,),
        ("rule-drops", "network-broken", *causes),
        (Step("network", place.node, f"nft '{rules}'", place.network),),
        (Step("network", place.node, "nft delete table bridge tuning", place.network),),
    )  # fmt: skip


# --- devices ----------------------------------------------------------------------------------------------------------------------------


def device_down(place: Place) -> Stranger:
    device = place.pick(["vxlan0", "br0"])
    return Stranger(
        "device", f"{device} of {place.network} down on {place.node}", (place.node,), ("device-down", "network-broken"),
        (Step("network", place.node, f"ip link set {device} down", place.network),),
        (Step("network", place.node, f"ip link set {device} up", place.network),), renew=device == "br0",
    )  # fmt: skip


def gateway_down(place: Place) -> Stranger:
    return Stranger(
        "device", f"docker_gwbridge down on {place.node}", (place.node,), ("device-down",),
        shell(place.node, "ip link set docker_gwbridge down"), shell(place.node, "ip link set docker_gwbridge up"),
    )  # fmt: skip


def port_down(place: Place) -> Stranger:
    """A port of an overlay's bridge, where a container or the balancer is plugged in."""
    act = "sh -c 'ip -o link | grep -o veth[0-9a-f]* | sort -u | {} | while read port; do ip link set $port {}; done'"
    return Stranger(
        "device", f"the first port of the bridge of {place.network} down on {place.node}", (place.node,),
        ("device-down", "network-broken", "task-broken", "task-cut", "task-deaf"),
        (Step("network", place.node, act.format("head -n 1", "down"), place.network),),
        (Step("network", place.node, act.format("cat", "up"), place.network),),
    )  # fmt: skip


def small_mtu(place: Place) -> Stranger:
    size = place.between(600, 1400)
    causes = ("mtu-too-small", "setting-wrong", "network-broken", "link-drops-large")
    if place.chance.random() < 0.5:
        return Stranger(
            "device", f"MTU of {place.node}'s underlay device {size}", (place.node,), causes,
            shell(place.node, f"ip link set @dev:{place.node}@ mtu {size}"),
            shell(place.node, f"ip link set @dev:{place.node}@ mtu 1500"),
        )  # fmt: skip
    return Stranger(
        "device", f"MTU of the tunnel of {place.network} {size} on {place.node}", (place.node,), causes,
        (Step("network", place.node, f"ip link set vxlan0 mtu {size}", place.network),),
        (Step("network", place.node, "ip link set vxlan0 mtu 1450", place.network),),
    )  # fmt: skip


# --- settings ---------------------------------------------------------------------------------------------------------------------------

# name -> (wrong value, right value, causes, needs)
SETTINGS: dict[str, tuple[str, str, tuple[str, ...], tuple[str, ...]]] = {
    "net.ipv4.ip_forward": ("0", "1", ("not-forwarding",), ()),
    "net.ipv4.conf.docker_gwbridge.forwarding": ("0", "1", ("not-forwarding",), ()),
    "net.bridge.bridge-nf-call-iptables": ("0", "1", (), ()),
    "net.ipv4.conf.@dev@.arp_ignore": ("8", "0", ("cut-off", "one-way-loss"), ()),
    "net.ipv4.conf.@dev@.rp_filter": ("1", "0", ("not-forwarding", "one-way-loss"), ("vm",)),
    "net.ipv4.vs.conn_reuse_mode": ("1", "0", ("balancer-broken",), ("vm", "ip_vs")),
    "net.ipv4.vs.expire_nodest_conn": ("0", "1", ("balancer-broken",), ("vm", "ip_vs")),
    "net.ipv4.ip_local_port_range": ("61000 61001", "32768 60999", ("table-full", "manager-port-blocked"), ()),
    "net.netfilter.nf_conntrack_max": ("8", "262144", ("table-full",), ("vm",)),
    "net.ipv4.neigh.default.gc_thresh3": ("2", "1024", ("table-full",), ("vm",)),
    "net.ipv4.icmp_echo_ignore_all": ("1", "0", ("icmp-filtered",), ()),
}


def setting(place: Place) -> Stranger:
    name = place.pick(list(SETTINGS))
    wrong, right, causes, needs = SETTINGS[name]
    path = "/proc/sys/" + name.replace(".", "/").replace("@dev@", f"@dev:{place.node}@")
    peers = [node for node in place.nodes if node != place.node]
    forget = tuple(
        Step("shell", peer, f"ip neigh del @{place.node}@ dev @dev:{peer}@") for peer in peers if "arp" in name
    )
    return Stranger(
        "setting", f"{name.replace('@dev@', 'the underlay device')}={wrong} on {place.node}", (place.node,),
        ("setting-wrong", *causes), (*shell(place.node, f"echo '{wrong}' >{path}"), *forget),
        shell(place.node, f"echo '{right}' >{path}"), needs,
    )  # fmt: skip


# --- tables and limits ------------------------------------------------------------------------------------------------------------------

# What the kernel has not seen answered for two seconds it drops early, to make room. So each is answered, and asked once more. Then
# more come all the time, as on a node that is full because it is busy.
FLOOD = """\
import itertools, socket, struct, time
read = lambda name: int(open("/proc/sys/net/netfilter/nf_conntrack_" + name).read())
ask, answer = (socket.socket(socket.AF_INET, socket.SOCK_DGRAM) for dummy in "ab")
ask.bind(("127.0.0.1", 7001))
answer.bind(("0.0.0.0", 7002))
limit, end = read("max"), time.monotonic() + 900
def talk(number, both):
    place = struct.pack("!I", 0x7F410000 + number)
    try:
        ask.sendto(b"", (socket.inet_ntoa(place), 7002))
        if both:
            source = struct.pack("=I4s4s", 0, place, bytes(4))
            answer.sendmsg([b""], [(0, 8, source)], 0, ("127.0.0.1", 7001))
    except OSError:
        pass
for both in (True, False):
    for number in range(limit + 400):
        talk(number, both)
    time.sleep(2.2 * both)
for number in itertools.count(limit + 400):
    talk(number % (1 << 23), True)
    if not number % 50:
        time.sleep(0.1)
        if time.monotonic() > end:
            break
"""
TRACKING = "/proc/sys/net/netfilter/nf_conntrack_"


def tracked(place: Place) -> Stranger:
    """Connections of loopback until the kernel's table of connections is full, and more."""
    wait = f"for try in $(seq 80); do [ $(cat {TRACKING}count) -ge $(($(cat {TRACKING}max) - 2)) ] && sleep 5 && exit 0; sleep 1; done; exit 1"
    return Stranger(
        "table", f"conntrack table of {place.node} full", (place.node,), ("table-full",),
        shell(place.node, f"echo 900 >{TRACKING}udp_timeout; echo 900 >{TRACKING}udp_timeout_stream;"
                          f" nohup setsid python3 -c '{FLOOD}' >/dev/null 2>&1 & {wait}"),
        renew=True,
    )  # fmt: skip


def files(place: Place) -> Stranger:
    limit = place.between(20, 45)
    return Stranger(
        "table", f"dockerd of {place.node} may have {limit} open files", (place.node,),
        ("table-full", "engine-hangs", "engine-part-stopped", "engine-stopped", "limit-reached", "table-full"),
        shell(place.node, f"prlimit --pid $(pidof dockerd) --nofile={limit}:{limit}"), renew=True,
    )  # fmt: skip


def exhausted(place: Place) -> Stranger:
    bits = place.pick([30, 29])
    return Stranger(
        "table", f"a network of a /{bits}, its addresses used up", (), ("addresses-exhausted",),
        shell("vm1", f"docker network create -d overlay --attachable --subnet 10.99.7.0/{bits} faults-small;"
                     " for n in 1 2 3 4; do docker run -d --name faults-small-$n --network faults-small @image@ sleep 1d; done; true"),
        shell("vm1", "docker rm -f faults-small-1 faults-small-2 faults-small-3 faults-small-4;"
                     " for n in $(seq 60); do docker network rm faults-small && exit 0; sleep 0.5; done; exit 1"),
    )  # fmt: skip


# --- the engine's parts -----------------------------------------------------------------------------------------------------------------


def engine_part(place: Place) -> Stranger:
    what, make, mend, causes, renew = place.pick([
        ("dockerd stopped in the middle", "pkill -STOP -x dockerd", "pkill -CONT -x dockerd", ("engine-hangs",), False),
        ("containerd stopped in the middle", "pkill -STOP -x containerd", "pkill -CONT -x containerd", ("engine-hangs",), True),
        ("the shims stopped in the middle", "pkill -STOP -f ^/usr/bin/containerd-shim", "pkill -CONT -f ^/usr/bin/containerd-shim",
         ("task-broken", "task-cut", "task-deaf", "engine-hangs"), True),
        ("runc gone", "mv $(command -v runc) /root/runc.away", "mv /root/runc.away /usr/sbin/runc", ("task-missing",), True),
        ("the engine's socket gone", "mv /run/docker.sock /run/docker.sock.away", "mv /run/docker.sock.away /run/docker.sock",
         ("engine-stopped",), False),
    ])  # fmt: skip
    return Stranger(
        "engine", f"{what} on {place.node}", (place.node,), ("engine-part-stopped", *causes),
        shell(place.node, make), shell(place.node, mend), renew=renew,
    )  # fmt: skip


def frozen(place: Place) -> Stranger:
    return Stranger(
        "engine", f"{place.node} frozen", (place.node,), ("node-frozen",),
        (Step("lab", place.node, json.dumps({"kind": "freeze", "nodes": [place.node], "seconds": 900})),),
        (Step("lab", place.node, ""),),
    )  # fmt: skip


# --- resources --------------------------------------------------------------------------------------------------------------------------


def starved(place: Place) -> Stranger:
    share = place.between(2, 12)
    return Stranger(
        "starved", f"{place.node} has {share} % of a processor", (place.node,), ("node-starved",),
        (Step("host", place.node, f"docker update --cpus 0.{share:02} {{}}"),),
        (Step("host", place.node, "docker update --cpus 2 {}"),), ("container",),
    )  # fmt: skip


def busy(place: Place) -> Stranger:
    loops = place.pick([4, 8, 16])
    return Stranger(
        "starved", f"{loops} loops of the highest priority on {place.node}", (place.node,), ("node-starved",),
        shell(place.node, f"for n in $(seq {loops}); do nohup nice -n -19 timeout 400 sh -c 'while :; do :; done' >/dev/null 2>&1 & done"),
        shell(place.node, "pkill -f 'timeout 400'"), ("vm",),
    )  # fmt: skip


def memory(place: Place) -> Stranger:
    left = place.between(4, 16)
    limit = f"docker stats --no-stream --format '{{{{.MemUsage}}}}' {{}} | awk '{{print int($1) + {left} \"m\"}}'"
    return Stranger(
        "starved", f"{place.node} has {left} MiB of memory left", (place.node,),
        ("node-starved", "memory-short", "engine-stopped", "node-unreachable", "node-frozen"),
        (Step("host", place.node, f"limit=$({limit}); docker update --memory $limit --memory-swap $limit {{}}"),),
        (), ("container",), renew=True,
    )  # fmt: skip


def disk_full(place: Place) -> Stranger:
    where, needs = place.pick([
        ("/run", ()), ("/var/lib/docker/containers", ("container",)), ("/var/lib/docker", ("vm",)),
    ])  # fmt: skip
    fill = f"cat /dev/zero >{where}/filler 2>/dev/null; true"
    make = {
        "/run": f"mount -o remount,size=$(( $(du -sk /run | cut -f1) + 8 ))k /run; {fill}",
        "/var/lib/docker/containers": f"mount -t tmpfs -o size=64k tmpfs /var/lib/docker/containers; {fill}",
    }.get(where, fill)
    return Stranger(
        "disk", f"{where} full on {place.node}", (place.node,), ("disk-full",), shell(place.node, make),
        shell(place.node, f"rm {where}/filler"), needs, renew=True,
    )  # fmt: skip


def inodes(place: Place) -> Stranger:
    return Stranger(
        "disk", f"no inode left in /run on {place.node}", (place.node,), ("disk-full",),
        shell(place.node, "n=0; mount -o remount,nr_inodes=$(( $(df -i /run | awk 'NR==2 {print $3}') + 2 )) /run;"
                          " while touch /run/filler.$n 2>/dev/null; do n=$((n+1)); done"),
        renew=True,
    )  # fmt: skip


def read_only(place: Place) -> Stranger:
    where = place.pick(["/var/lib/docker/containers", "/var/lib/docker/network", "/var/lib/docker/swarm"])
    return Stranger(
        "disk", f"{where} read-only on {place.node}", (place.node,), ("disk-full", "disk-read-only"),
        shell(place.node, f"mount --bind {where} {where} && mount -o bind,remount,ro {where}"), shell(place.node, f"umount {where}"),
        renew=True,
    )  # fmt: skip


# --- clock ------------------------------------------------------------------------------------------------------------------------------


def clock(place: Place) -> Stranger:
    hours = place.between(2, 20000) * place.pick([1, -1])
    uptime = "$(cut -d. -f1 /proc/uptime)"
    return Stranger(
        "clock", f"the clock of {place.node} {hours:+} hours", (place.node,), ("clock-skew", "certificate-expired"),
        shell(place.node, f"echo $(($(date +%s) - {uptime})) >/run/faults-boot; date -s '{hours:+} hours'"),
        shell(place.node, f"date -s @$(($(cat /run/faults-boot) + {uptime}))"), ("vm",), renew=True,
    )  # fmt: skip


# --- names ------------------------------------------------------------------------------------------------------------------------------


def second_name(place: Place) -> Stranger:
    network = place.network
    return Stranger(
        "names", f"a container on {place.node} answers to {WEB} on {network}", (), ("second-holder", "alias-shared"),
        shell(place.node, f"docker run -d --name faults-second --network {network} --network-alias {WEB} @image@ sleep 1d"),
        shell(place.node, "docker rm -f faults-second"),
    )  # fmt: skip


def shared_alias(place: Place) -> Stranger:
    alias = place.pick(["api", "db", "Backend", WEB])
    made = f"docker service create -q -d --no-resolve-image --name faults-alias-{{0}} --network name={place.network},alias={alias} @image@ sleep 1d"
    return Stranger(
        "names", f"two services with the alias {alias} on {place.network}", (), ("second-holder", "alias-shared"),
        shell("vm1", "; ".join(made.format(n) for n in (1, 2)) + "; sleep 4"),
        shell("vm1", "docker service rm faults-alias-1 faults-alias-2"),
    )  # fmt: skip


def resolver(place: Place) -> Stranger:
    line = place.pick(
        ["nameserver @inside@", "nameserver @inside@ # the office", "options ndots:0\nnameserver @inside@"]
    )
    return Stranger(
        "names", f"a name server of {place.node} lies inside an overlay", (place.node,), ("resolver-shadowed",),
        shell(place.node, f"cp /etc/resolv.conf /root/resolv.kept; printf '%s\\n' '{line}' >>/etc/resolv.conf"),
        shell(place.node, "cat /root/resolv.kept >/etc/resolv.conf"),
    )  # fmt: skip


def one_name_two_networks(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "names", f"a local network of {node} with an overlay's name", (node,), ("duplicate-network",),
        (*shell("vm1", "docker network create -d overlay --attachable faults-twice"),
         *shell(node, "docker network create -d bridge --subnet 10.99.9.0/24 faults-twice")),
        (*shell(node, "docker network rm faults-twice"), *shell("vm1", "docker network rm faults-twice")),
    )  # fmt: skip


# --- addresses and routes ---------------------------------------------------------------------------------------------------------------

LOST_WAY = ("one-way-loss", "cut-off", "partition")


def neighbour(place: Place) -> Stranger:
    return Stranger(
        "address", f"{place.node} has a wrong hardware address for {place.peer}, for good", place.both,
        ("neighbour-wrong", "duplicate-address", *LOST_WAY),
        shell(place.node, f"ip neigh replace @{place.peer}@ lladdr 02:00:00:00:be:ef dev @dev:{place.node}@ nud permanent"),
        shell(place.node, f"ip neigh del @{place.peer}@ dev @dev:{place.node}@"),
    )  # fmt: skip


def route(place: Place) -> Stranger:
    words = place.pick(["route {} blackhole", "route {} unreachable", "route {} prohibit", "rule"])
    act = (
        words.replace("{} ", "add ") + f" @{place.peer}@" if words != "rule" else f"rule add to @{place.peer}@ prohibit"
    )
    undo = act.replace(" add ", " del ")
    return Stranger(
        "address", f"on {place.node}: ip {act.replace(f'@{place.peer}@', place.peer)}", place.both, ("route-wrong", *LOST_WAY),
        shell(place.node, f"ip {act}"), shell(place.node, f"ip {undo}"),
    )  # fmt: skip


def overlapping(place: Place) -> Stranger:
    device = place.pick(["lo", f"@dev:{place.node}@"])
    return Stranger(
        "address", f"a route of {place.node} into an overlay's subnet", (place.node,), ("subnet-overlap",),
        shell(place.node, f"ip route add @subnet@ dev {device}"), shell(place.node, f"ip route del @subnet@ dev {device}"),
    )  # fmt: skip


def twice(place: Place) -> Stranger:
    """Two nodes with one address; the others are told of the second by what it sends."""
    third = next(node for node in place.nodes if node not in place.both)
    return Stranger(
        "address", f"{place.node} took the address of {place.peer} too", place.both,
        ("address-duplicate", "duplicate-address", "wrong-address", "one-node-twice", *LOST_WAY),
        (*shell(place.node, f"ip addr add @{place.peer}@/24 dev @dev:{place.node}@"),
         *shell(third, f"ip neigh replace @{place.peer}@ lladdr @mac:{place.node}@ dev @dev:{third}@ nud stale")),
        renew=True,
    )  # fmt: skip


def moved(place: Place) -> Stranger:
    return Stranger(
        "address", f"the address of {place.node} changed, its engine began anew", (place.node,), ("address-gone", "wrong-address"),
        (*shell(place.node, f"ip addr del @{place.node}@/24 dev @dev:{place.node}@; ip addr add @free@/24 dev @dev:{place.node}@; @restart@"),
         *shell(place.node, "sleep 25")), renew=True,
    )  # fmt: skip


# --- records ----------------------------------------------------------------------------------------------------------------------------

ENTRIES = 'bridge fdb show dev vxlan0 | grep "dst @{0}@" | while read mac rest; do {1}; done'


def records(place: Place) -> Stranger:
    act, what = place.pick([
        ("bridge fdb del $mac dev vxlan0 self", "gone"),
        ("bridge fdb replace $mac dev vxlan0 dst 192.0.2.9 self permanent", "to a wrong node"),
    ])  # fmt: skip
    return Stranger(
        "records", f"forwarding entries of {place.node} to {place.peer} {what} on {place.network}", place.both,
        ("peers-stale", "network-broken"),
        (Step("network", place.node, f"sh -c '{ENTRIES.format(place.peer, act)}'", place.network),), renew=True,
    )  # fmt: skip


def hardware(place: Place) -> Stranger:
    act = "ip neigh show dev vxlan0 | while read ip rest; do ip neigh replace $ip lladdr 02:42:de:ad:be:ef dev vxlan0 nud permanent; done"
    return Stranger(
        "records", f"neighbours of {place.network} wrong on {place.node}", (place.node,), ("peers-stale", "network-broken"),
        (Step("network", place.node, f"sh -c '{act}'", place.network),), renew=True,
    )  # fmt: skip


def ipsec(place: Place) -> Stranger:
    what, cause = place.pick([("state", "ipsec-states-gone"), ("policy", "ipsec-policies-gone")])
    part = place.pick(["flush", "flush", f"deleteall dst @{place.peer}@"])
    return Stranger(
        "records", f"ip xfrm {what} {part.partition(' @')[0]} on {place.node}", place.both if "@" in part else (place.node,),
        (cause, "ipsec-states-differ"), shell(place.node, f"ip xfrm {what} {part}"), (), ("esp4", "vm"), renew=True,
    )  # fmt: skip


def balancer(place: Place) -> Stranger:
    act, what = place.pick([
        ("iptables -w -t mangle -F", "marks gone"),
        ("ip -o link | grep -o eth[0-9]* | sort -u | head -n 1 | while read device; do ip link set $device down; done", "interface down"),
    ])  # fmt: skip
    return Stranger(
        "records", f"the balancer of {place.network} on {place.node}: {what}", (place.node,), ("balancer-broken", "device-down"),
        (Step("balancer", place.node, f"sh -c '{act}'", place.network),), (), ("ip_vs",), renew=True,
    )  # fmt: skip


# --- a task of people, alone ------------------------------------------------------------------------------------------------------------


WRONG = "sh -c 'for n in $(seq 2 60); do ip neigh replace @prefix:{0}@.$n lladdr 02:42:de:ad:be:ef dev @task:{0}@ nud permanent; done'"


def task(place: Place) -> Stranger:
    """Something wrong with one task of a service, while the network and all else on the node work."""
    kept = "/root/task.kept"
    what, make, mend, causes = place.pick([
        ("drops TCP that comes in", "iptables -w -I INPUT -p tcp -j DROP", "iptables -w -D INPUT -p tcp -j DROP", ()),
        ("drops all that comes in", "iptables -w -I INPUT -j DROP", "iptables -w -D INPUT -j DROP", ()),
        ("sends nothing", "iptables -w -I OUTPUT -j DROP", "iptables -w -D OUTPUT -j DROP", ()),
        ("has an interface down", f"ip link set @task:{place.network}@ down", f"ip link set @task:{place.network}@ up", ("device-down",)),
        ("has an MTU of 300", f"ip link set @task:{place.network}@ mtu 300", f"ip link set @task:{place.network}@ mtu 1450",
         ("mtu-too-small", "setting-wrong")),
        ("has no way out", f"sh -c 'ip route show default >{kept}; ip route del default'", f"sh -c 'ip route add $(cat {kept})'", ("route-wrong",)),
        ("has no address", f"ip addr flush dev @task:{place.network}@", "", ()),
        ("has wrong neighbours", WRONG.format(place.network), f"ip neigh flush dev @task:{place.network}@ nud permanent", ("neighbour-wrong",)),
    ])  # fmt: skip
    return Stranger(
        "task", f"the task of {WEB} on {place.node} {what}", (place.node,), ("task-broken", "task-cut", "task-deaf", *causes),
        (Step("task", place.node, make),), (Step("task", place.node, mend),) if mend else (), renew=not mend,
    )  # fmt: skip


def task_still(place: Place) -> Stranger:
    what, make, mend = place.pick([
        ("does not run on: its process is stopped", "kill -STOP @pid@", "kill -CONT @pid@"),
        ("asks another resolver", "sed -i.kept s/127.0.0.11/192.0.2.53/ /proc/@pid@/root/etc/resolv.conf",
         "sed -i s/192.0.2.53/127.0.0.11/ /proc/@pid@/root/etc/resolv.conf"),
    ])  # fmt: skip
    return Stranger(
        "task", f"the task of {WEB} on {place.node} {what}", (place.node,), ("task-broken", "task-cut", "task-deaf", "resolver-shadowed"),
        (Step("task", place.node, make),), (Step("task", place.node, mend),), renew=False,
    )  # fmt: skip


# --- places in the swarm ----------------------------------------------------------------------------------------------------------------


def left(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "swarm", f"{node} left the swarm", (node,), ("not-in-swarm",), shell(node, "docker swarm leave"), renew=True
    )


def locked(place: Place) -> Stranger:
    return Stranger(
        "swarm", "the swarm is locked, and vm1 began anew", ("vm1",), ("swarm-locked", "no-leader"),
        (*shell("vm1", "docker swarm update --autolock=true; @restart@"), *shell("vm1", "sleep 15")), renew=True,
    )  # fmt: skip


def expelled(place: Place) -> Stranger:
    node = place.pick([node for node in place.nodes if node != "vm1"])
    return Stranger(
        "swarm", f"the certificate of {node} is gone and its engine began anew", (node,),
        ("not-in-swarm", "foreign-certificate", "swarm-error", "engine-stopped"),
        (*shell(node, "mv /var/lib/docker/swarm/certificates /root/certificates; @restart@"), *shell(node, "sleep 10")), renew=True,
    )  # fmt: skip


def netem(told: dict | None, host: str, words: dict[str, str]) -> str:
    """Shell commands for a machine: what it sends over these links becomes bad; without ``told`` all is good again.

    A kernel with netem needs no program beside the nodes. Loss, delay, copies, order, damage, width and filters are possible.
    """
    device = words[f"dev:{host}"]
    clear = f"tc qdisc del dev {device} root 2>/dev/null || true"
    mine = words[host]
    links = [link for link in (told or {}).get("links", []) if link[0] in (None, mine) and link[1] != mine]
    if not told or not links:
        return clear
    words_of = {
        "loss": lambda value: f"loss {value:.1%}", "delay": lambda value: f"delay {value * 1000:.0f}ms {told.get('jitter', 0) * 1000:.0f}ms",
        "duplicate": lambda value: f"duplicate {value:.1%}", "corrupt": lambda value: f"corrupt {value:.1%}",
        "reorder": lambda value: f"delay {told['gap'] * 1000:.0f}ms reorder {value:.1%}", "rate": lambda value: f"rate {value}bit",
        "protocol": lambda value: "loss 100%",
    }  # fmt: skip
    bad = " ".join(words_of[name](value) for name, value in told.items() if name in words_of)
    port = told.get("protocol", [])
    only = f" match ip protocol {port[0]} 0xff" if port else ""
    ends = [f" match ip {end} {port[1]} 0xffff" for end in ("dport", "sport")] if len(port) > 1 else [""]
    lines = [
        clear,
        f"tc qdisc add dev {device} root handle 1: prio bands 4",
        f"tc qdisc add dev {device} parent 1:4 netem {bad}",
    ]
    for link in links:
        target = f" match ip dst {link[1]}/32" if link[1] else " match u32 0 0"
        lines += [f"tc filter add dev {device} parent 1: protocol ip u32{target}{only}{end} flowid 1:4" for end in ends]
    return " && ".join(lines)


FAMILIES: dict[str, tuple[Maker, ...]] = {
    "link": (lossy, slow, jittery, doubled, reordered, damaging, narrow, flapping, hole),
    "wall": (walled,),
    "rule": (ruled, ruled, ruled, tabled, tabled, forwarding_rule),
    "inside": (bridged,),
    "device": (device_down, gateway_down, port_down, small_mtu),
    "setting": (setting,),
    "table": (tracked, files, exhausted),
    "engine": (engine_part, engine_part, frozen),
    "starved": (starved, busy, memory),
    "disk": (disk_full, inodes, read_only),
    "clock": (clock,),
    "names": (second_name, shared_alias, resolver, one_name_two_networks),
    "address": (neighbour, route, overlapping, twice, moved),
    "records": (records, hardware, ipsec, balancer),
    "task": (task, task, task_still),
    "swarm": (left, locked, expelled),
}
# A link is most of what goes wrong between nodes, and it has most parameters.
WEIGHTS = {"link": 4, "rule": 3, "task": 2, "setting": 2, "clock": 0.5, "swarm": 0.7}


def one(chance: random.Random, nodes: Sequence[str]) -> Stranger:
    """One fault of any family."""
    names = list(FAMILIES)
    family = chance.choices(names, [WEIGHTS.get(name, 1) for name in names])[0]
    return chance.choice(FAMILIES[family])(Place(chance, nodes))


def scenario(seed: int, nodes: Sequence[str]) -> Scenario:
    """What a seed gives on these nodes. Two faults have no node in common, so that each can be told from the other."""
    if len(nodes) < 3:
        raise ValueError("three nodes at least: of two nobody can tell which one is at fault")
    chance = random.Random(seed)
    first = one(chance, nodes)
    if chance.random() >= TWO_AT_ONCE:
        return Scenario(seed, (first,))
    for dummy in range(100):
        second = one(chance, nodes)
        if (
            first.nodes
            and second.nodes
            and not set(first.nodes) & set(second.nodes)
            and not {"wire"} <= {step.how for step in first.make} & {step.how for step in second.make}
        ):
            return Scenario(seed, (first, second))
    return Scenario(seed, (first,))
