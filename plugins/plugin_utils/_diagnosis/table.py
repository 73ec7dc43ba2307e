# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All known causes, the deepest first, with their rules, the checks that suffer from them, and the remedies. Pure.

Private to swarmlab.overlay. docs/diagnosis.md shows this table to users; a test keeps both in sync.
"""

from __future__ import annotations

from .._checks import _quality, _reasons, dp_task, lb_service, node_state, pre_reach
from . import name_rules, node_rules, path_rules, task_rules, told
from .model import Claim, Rule

EVERYTHING = (Claim("*"),)
PATHS = (
    *(
        Claim(pattern)
        for pattern in (
            "PRE-PORT",
            "PRE-REACH",
            "CP-TLS",
            "NET-*",
            "PATH-*",
            "DP-*",
            "LB-*",
            "MESH-*",
            "ENC-*",
            "MTU-*",
            "XFRM-*",
        )
    ),
    *(Claim(pattern, wide=True) for pattern in ("SD-*", "GOSSIP-*", "PEER-*")),
    Claim("*", wide=True, unsure=True),
)
# A manager that cannot reach a node considers its tasks dead.
MANAGED = (
    Claim("CP-TLS"),
    Claim("CP-TLS", wide=True, unsure=True),
    Claim("NET-*"),
    Claim("PRE-REACH", wide=True),
    Claim("SD-*", wide=True),
    Claim("GOSSIP-*", wide=True),
    Claim("DP-*", wide=True, unsure=True),
    Claim("LB-*", wide=True, unsure=True),
)
CONTROL = ("control-failed",)
DATA = (*told.DATA, *(Claim(check, reasons=CONTROL) for check in ("ENC-REJECT", "ENC-WIRE")))
ENCRYPTED = told.ENCRYPTED
# The paths between nodes and what rests on them, without what people's tasks may break by themselves.
BETWEEN_NODES = tuple(
    Claim(pattern)
    for pattern in ("DP-MATRIX", "LB-SPREAD", "LB-IPVS", "MESH-*", "MTU-*", "PATH-*", "ENC-*", "XFRM-*", "NET-EGRESS")
)
# What suffers from a node that forwards no packets, or has lost the device by which containers leave it.
LEAVING = (Claim("NODE-STATE"), Claim("MESH-*"), Claim("NET-EGRESS"), Claim("NET-GATEWAY"))
# Bad links lose answers of every kind now and then.
LINK = (*PATHS, Claim("CP-*"), Claim("SD-*", wide=True))
OTHERS_SETTING = "Give the node the setting of the others ('sysctl -w'), and find what sets it at boot."
LINKS = {
    "link-corrupts": (
        _quality.CORRUPT,
        "Look at the device, its driver and cable ('ethtool -S'), and at checksum offload ('ethtool -K DEVICE tx off rx off').",
    ),
    "link-capped": (
        _quality.NARROW,
        "Look for a shaper or policer ('tc -s qdisc', the cloud's limit for this machine), and at what else uses the link.",
    ),
    "link-flaps": (
        _quality.FLAPS,
        "Look for a cable, a transceiver or a bond that changes ('ip -s link', the kernel's log), and for a rule or an address that comes and goes.",
    ),
    "link-lossy": (
        _quality.LOST,
        "Look at the link's errors ('ip -s link', 'ethtool -S'), its queues ('tc -s qdisc') and rules that drop some packets; then at the switch.",
    ),
    "link-drops-large": (
        _quality.CAPPED,
        "Let every device on the way have the MTU that this node has, or give this node the smaller one.",
    ),
    "link-slow": (
        _quality.SLOW,
        "Look for a queue ('tc -s qdisc'), a tunnel or a detour on the way ('traceroute'), and at the load of the node.",
    ),
    "link-jitters": (
        _quality.UNSTEADY,
        "Look for a full queue ('tc -s qdisc'), power saving, and other traffic on the link.",
    ),
    "link-reorders": (
        _quality.REORDERED,
        "Look for several ways in turn (bonding in round-robin, ECMP for each packet) and for a queue that reorders ('tc -s qdisc').",
    ),
    "link-duplicates": (
        _quality.REPEATED,
        "Look for a loop or a mirror in the switches, and for a queue that repeats ('tc -s qdisc').",
    ),
}
GOSSIP = (
    Claim("SD-*", wide=True),
    Claim("GOSSIP-*", wide=True),
    Claim("NET-ATTACH", wide=True),
    Claim("PEER-*", wide=True),
    Claim("DP-*"),
    Claim("LB-*"),
    Claim("ENC-*"),
)

DOWN_WIDE = node_rules.DOWN[1:]
# What a node without a processor accounts for: what is inconclusive for it, and what failed by silence or was not seen where it takes part.
SILENT = (
    Claim("*", wide=True, reasons=("node-starved",)),
    Claim("*", reasons=_reasons.BY_SILENCE),
    Claim("*", unsure=True, reasons=("no-observation", "control-failed", "not-tried", "not-told")),
)
STARVED = "Give the nodes more processor time (an overcommitted host, a noisy neighbour, too many tasks), or verify when they have less to do."

# What the kernel's own errors mean (_foreign_words.KERNEL) -> what to do.
KERNEL: dict[str, str] = {
    "disk-read-only": node_state.HINTS["disk-read-only"],
    "limit-reached": "Compare the engine's limits with what it uses ('prlimit --pid $(pidof dockerd)', 'ls /proc/PID/fd', "
    "'systemctl show docker -p TasksMax'), raise them, and look at what uses them up.",
    "memory-short": node_state.HINTS["memory-short"] + " The kernel's log names what it killed ('journalctl -k').",
}

RULES: tuple[Rule, ...] = (
    Rule("node-starved", node_rules.problem("node-starved"), node_rules.DOWN, STARVED),
    Rule("node-starved", node_rules.starved, SILENT, STARVED),
    Rule("one-node-twice", node_rules.same_node, (Claim("*", wide=True),), pre_reach.ONE_NAME),
    Rule("task-stopped", task_rules.still, (), dp_task.STILL_HINT),
    *told.rules(told.READ),
    Rule("table-full", node_rules.state("table-full"), (Claim("*"), *DOWN_WIDE), ""),
    Rule(
        "engine-part-stopped",
        node_rules.problem("engine-part-stopped"),
        node_rules.DOWN,
        node_state.HINTS["engine-part-stopped"],
    ),
    Rule("engine-part-stopped", node_rules.state("engine-part-stopped"), (Claim("*"), *DOWN_WIDE), ""),
    Rule(
        "disk-full",
        node_rules.problem("disk-full"),
        node_rules.DOWN,
        "Make room: 'df -h' and 'df -i' show where nothing is left. Engine and containerd write to /run too, for every container.",
    ),
    *(Rule(reason, node_rules.problem(reason), node_rules.DOWN, todo) for reason, todo in KERNEL.items()),
    Rule("disk-full", node_rules.state("disk-full"), (Claim("*"), *DOWN_WIDE), ""),
    Rule("disk-read-only", node_rules.state("disk-read-only"), (Claim("*"), *DOWN_WIDE), ""),
    Rule("memory-short", node_rules.state("memory-short"), (Claim("*"), *DOWN_WIDE), ""),
    Rule(
        "no-leader",
        node_rules.problem("no-leader"),
        node_rules.DOWN,
        "Start the managers that are down; without a majority, run 'docker swarm init --force-new-cluster' on one that is left.",
    ),
    Rule(
        "node-frozen",
        node_rules.problem("node-frozen"),
        node_rules.DOWN,
        "Look at the machine's console and load; resume or restart it.",
    ),
    Rule(
        "node-unreachable",
        node_rules.problem("node-unreachable"),
        node_rules.DOWN,
        "Start the machine, repair its ssh, or take it out of the inventory.",
    ),
    Rule(
        "engine-hangs",
        node_rules.problem("engine-hangs"),
        node_rules.DOWN,
        "Look at the daemon's log and load ('journalctl -u docker'), and restart it.",
    ),
    Rule(
        "engine-stopped",
        node_rules.problem("engine-stopped"),
        node_rules.DOWN,
        "Start the engine ('systemctl start docker') and look at why it ended ('journalctl -u docker').",
    ),
    Rule(
        "not-in-swarm",
        node_rules.problem("not-in-swarm"),
        node_rules.DOWN,
        "Join it (role swarm), or take it out of the inventory.",
    ),
    Rule(
        "swarm-locked",
        node_rules.problem("swarm-locked"),
        node_rules.DOWN,
        "Run 'docker swarm unlock' on it with the swarm's key, which 'docker swarm unlock-key' tells on a manager that is not locked.",
    ),
    Rule(
        "join-pending",
        node_rules.problem("join-pending"),
        node_rules.DOWN,
        "Wait until a manager takes it in; if none does, look for 2377/tcp from it to the managers, for a majority of managers that is up, and at "
        "its own log. Let it not leave by force: it joins as soon as they answer.",
    ),
    Rule(
        "swarm-error",
        node_rules.problem("swarm-error"),
        node_rules.DOWN,
        "Mend what the engine says, restart it, and look at its log ('journalctl -u docker').",
    ),
    Rule("half-joined", node_rules.unfinished, (Claim("PRE-REACH"),), ""),
    Rule(
        "no-manager",
        node_rules.managers,
        EVERYTHING,
        "Let the play reach the swarm's leader: all managers belong in the inventory.",
    ),
    Rule(
        "clock-skew",
        node_rules.clock,
        (Claim("CP-TLS"), Claim("PRE-SKEW"), Claim("PRE-REACH")),
        "Set the clock and let a time service keep it; certificates are judged by it.",
    ),
    Rule(
        "certificate-expired",
        node_rules.expired,
        EVERYTHING,
        "Let the node leave the swarm and join again; a manager renews certificates only while they are valid.",
    ),
    Rule(
        "foreign-certificate",
        node_rules.foreign,
        (Claim("CP-TLS"), Claim("PRE-REACH"), Claim("NET-*")),
        "Let the node leave and join this swarm again, or rotate the swarm's root with 'docker swarm ca --rotate'.",
    ),
    Rule(
        "wrong-address",
        node_rules.address,
        EVERYTHING,
        "Let the node leave and join again with --advertise-addr (role swarm does): the address cannot be changed otherwise.",
    ),
    Rule(
        "address-gone",
        node_rules.address_gone,
        (*PATHS, *MANAGED, *EVERYTHING),
        "Give the machine that address again (a fixed one, or a reservation of DHCP). Else a worker, or a manager beside others, leaves and joins again; "
        "a lone manager runs 'docker swarm init --force-new-cluster --advertise-addr NEW'. If it is translated on the way, declare swarm_advertise_addr.",
    ),
    Rule(
        "duplicate-address",
        node_rules.address_taken,
        (*PATHS, *MANAGED, *EVERYTHING),
        "Take the address from the node that the swarm does not know by it ('ip address del'), and mend what gave it twice: a copied configuration, DHCP, an "
        "address set by hand.",
    ),
    *told.rules(told.DEEP),
    Rule("setting-wrong", node_rules.state("setting-wrong"), (Claim("NODE-STATE"), *PATHS), ""),
    Rule(
        "neighbour-wrong",
        path_rules.strange_neighbours,
        PATHS,
        "Remove the entry ('ip neigh del'), and look for a second machine with that address ('arping -D').",
    ),
    Rule(
        "route-wrong",
        path_rules.strange_routes,
        PATHS,
        "Compare 'ip route get ADDRESS' on the node with 'docker node inspect', and mend the route.",
    ),
    Rule(
        "mtu-too-small",
        path_rules.narrow_routes,
        (Claim("MTU-*"), Claim("PATH-*")),
        "Look at 'ip route get ADDRESS' there. With 'expires' the MTU was learned from an error on the way: find the place with the small MTU, then "
        "'ip route flush cache'. Else the route sets it.",
    ),
    Rule(
        "partition",
        path_rules.split,
        PATHS,
        "Mend the network between the groups: a switch, a route, a firewall between their segments.",
    ),
    Rule(
        "one-way-loss", path_rules.one_way, PATHS, "Look for a filter, a route or a broken link in that one direction."
    ),
    Rule(
        "cut-off",
        path_rules.cut_off,
        PATHS,
        "Look at its cable, its address and routes, and for a firewall that drops everything.",
    ),
    Rule(
        "rule-drops",
        path_rules.dropping_inside,
        ENCRYPTED,
        "Remove the rule: 'nsenter --net=/var/run/docker/netns/1-ID nft list ruleset' on the node, with the first ten letters of the network's id.",
    ),
    Rule("link-flaps", node_rules.state("carrier-lost"), (Claim("NODE-STATE", reasons=("carrier-lost",)), *LINK), ""),
    Rule(
        "setting-wrong",
        path_rules.unknown_to_others,
        LINK,
        OTHERS_SETTING,
    ),
    *(Rule(ident, path_rules.quality(symptom), LINK, todo) for ident, (symptom, todo) in LINKS.items()),
    # A device that goes down forgets its neighbours and forwarding entries (vxlan_stop, neigh_ifdown).
    Rule("device-down", node_rules.state("device-down"), (*LEAVING, *DATA, *ENCRYPTED, Claim("PEER-FDB")), ""),
    Rule("setting-wrong", node_rules.state("not-apart"), (Claim("NODE-STATE", reasons=("not-apart",)),), ""),
    Rule("not-forwarding", node_rules.state("not-forwarding"), LEAVING, ""),
    Rule(
        "kernel-lacks",
        node_rules.kernel,
        (),
        "Install the kernel's full module package (Debian: linux-image-amd64, Ubuntu: linux-modules-extra), or boot a kernel that has it.",
    ),
    Rule(
        "manager-port-blocked",
        path_rules.port("managers", lambda view: "the managers' port (tcp/2377)"),
        (Claim("PRE-PORT", ("managers",)), *MANAGED),
        "Allow 2377/tcp to the managers from every node.",
    ),
    Rule("manager-port-blocked", path_rules.manager_port, MANAGED, "Allow 2377/tcp to the managers from every node."),
    Rule(
        "gossip-udp-blocked",
        path_rules.port("gossip-udp", lambda view: "the gossip (udp/7946)"),
        (Claim("PRE-PORT", ("gossip-udp",)), *GOSSIP),
        "Allow 7946/udp between all nodes.",
    ),
    Rule(
        "gossip-tcp-blocked",
        path_rules.port("gossip-tcp", lambda view: "the gossip (tcp/7946)"),
        (Claim("PRE-PORT", ("gossip-tcp",)), *GOSSIP),
        "Allow 7946/tcp between all nodes.",
    ),
    *told.rules(told.TABLES),
    Rule(
        "data-port-blocked",
        path_rules.port("data", lambda view: f"VXLAN (udp/{view.data_port})"),
        (Claim("PRE-PORT", ("data",)), *DATA),
        "Allow the data-path port between all nodes, udp/4789 unless the swarm was made with another.",
    ),
    Rule(
        "setting-wrong",
        path_rules.odd_settings,
        (*BETWEEN_NODES, Claim("PRE-PORT"), Claim("CP-*")),
        OTHERS_SETTING,
    ),
    Rule(
        "data-port-blocked",
        path_rules.data_path,
        DATA,
        "Allow the data-path port between all nodes, udp/4789 unless the swarm was made with another, and see that no other product uses it.",
    ),
    Rule(
        "ipsec-policies-gone",
        path_rules.clear_text,
        ENCRYPTED,
        "Restart the node's engine, which sets its encryption up again; then find what flushes IPsec policies or the mangle table.",
    ),
    Rule(
        "ipsec-states-gone",
        path_rules.states_gone,
        ENCRYPTED,
        "Restart the node's engine, which sets its encryption up again; then find what flushes IPsec states ('ip xfrm state').",
    ),
    Rule(
        "esp-blocked",
        path_rules.port("esp", lambda view: "ESP (IP protocol 50)"),
        (Claim("PRE-PORT", ("esp",)), *ENCRYPTED),
        "Allow IP protocol 50 between all nodes, also in the firewall of a cloud.",
    ),
    Rule(
        "esp-blocked",
        path_rules.esp,
        ENCRYPTED,
        "Allow IP protocol 50 between all nodes, also in the firewall of a cloud; compare 'ip xfrm state' on both ends.",
    ),
    Rule(
        "rule-drops",
        path_rules.dropping,
        (*BETWEEN_NODES, Claim("SD-*"), Claim("CP-*"), Claim("PRE-PORT")),
        "Remove the rule, or put one before it that accepts what the nodes send each other.",
    ),
    *told.rules(told.LATE),
    Rule("task-cut", task_rules.cut, (), dp_task.HINT),
    Rule("task-deaf", task_rules.deaf, (), lb_service.DEAF),
    *told.rules(told.SERVICES),
    Rule(
        "addresses-exhausted",
        node_rules.task("addresses-exhausted"),
        EVERYTHING,
        "Make the network again with a larger subnet, or remove services from it: each takes an address, and so does each node.",
    ),
    Rule(
        "image-missing",
        node_rules.task("image-missing"),
        EVERYTHING,
        "Bring the image to every node, or leave verify_image empty.",
    ),
    Rule(
        "disk-full",
        node_rules.task("disk-full"),
        EVERYTHING,
        node_state.HINTS["disk-full"],
    ),
    *(Rule(reason, node_rules.task(reason), EVERYTHING, todo) for reason, todo in KERNEL.items()),
    Rule(
        "vni-taken",
        node_rules.vni_taken,
        EVERYTHING,
        "Leave the device to whoever made it (Calico, Flannel and others use VXLAN too), and keep the two apart: make the network again, which gives "
        "it another id, or give the swarm another port ('docker swarm init --data-path-port').",
    ),
    Rule(
        "network-left",
        node_rules.task("network-left"),
        EVERYTHING,
        "Look there for a network with that subnet ('docker network ls', 'docker network inspect') and remove it. If it is the rest of a swarm that "
        "the node left, restart its engine.",
    ),
    Rule(
        "tunnel-left",
        node_rules.task("tunnel-left"),
        EVERYTHING,
        "Seen after a restart of the engine: stop it ('systemctl stop docker.socket docker'), delete each device that "
        "'ip -br link show type vxlan' lists on the host under a name of the engine's, vx-... ('ip link delete'), and start it again. Others are not its.",
    ),
    Rule(
        "lost-by-managers",
        node_rules.lost,
        PATHS,
        "Look for 2377/tcp between the node and the managers, and at the node's own log; 'docker node ls' shows its state.",
    ),
    Rule(
        "network-broken",
        path_rules.one_network,
        DATA + ENCRYPTED,
        "The network's tunnels are not set up there: look at the engine's log, and let a service of the network start anew on these nodes.",
    ),
    Rule(
        "checksum-offload",
        path_rules.inside(
            (frozenset(["tcp"]), frozenset(["tcp", "udp"])),
            "{nodes} [loses|lose] TCP where ICMP passes: checksum offload, or a filter inside the overlay",
        ),
        DATA + ENCRYPTED,
        "Switch checksum offload off ('ethtool -K DEVICE tx-checksum-ip-generic off') and verify again.",
    ),
    Rule(
        "icmp-filtered",
        path_rules.inside((frozenset(["icmp"]),), "{nodes} [filters|filter] ICMP inside the overlay"),
        DATA + ENCRYPTED,
        "Find the rule inside the overlay's or the container's namespace; services work without ICMP, path MTU discovery does not.",
    ),
    Rule(
        "udp-filtered",
        path_rules.inside((frozenset(["udp"]),), "{nodes} [loses|lose] UDP where ICMP and TCP pass"),
        DATA + ENCRYPTED,
        "Find the rule inside the overlay's or the container's namespace.",
    ),
    Rule(
        "balancer-broken",
        path_rules.balancer,
        (Claim("DP-*", ("vip",)), Claim("LB-*"), Claim("MESH-*")),
        "Look into the network's lb_ namespace ('ipvsadm -ln', mangle marks); 'docker service update --force' sets a service's balancing up again.",
    ),
    Rule(
        "second-holder",
        name_rules.second_holder,
        (Claim("SD-*"),),
        "Find who holds the address ('docker network inspect --verbose'); take its alias or name away, or remove the dead record "
        "with 'docker service update --force'.",
    ),
    Rule(
        "old-names",
        name_rules.old_view,
        (Claim("SD-*"), Claim("NET-ATTACH"), Claim("GOSSIP-*")),
        "'docker service update --force SERVICE' writes records anew; look for 7946/udp blocked at the node.",
    ),
    Rule(
        "attach-refused",
        name_rules.attach,
        (Claim("NET-ATTACH"),),
        "Declare the network with 'attachable: true'; a timeout points at the worker's way to its manager (2377/tcp).",
    ),
    Rule("node-starved", node_rules.too_busy, (Claim("*"), Claim("*", wide=True, unsure=True)), STARVED),
    Rule(
        "task-missing",
        node_rules.task_missing,
        EVERYTHING,
        "'docker service ps' and the node's log say why a task does not start there.",
    ),
    Rule("node-unjudged", node_rules.unjudged, EVERYTHING, "Mend what the node says, and verify again."),
)
