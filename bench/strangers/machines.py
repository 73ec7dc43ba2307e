# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A node of which a part stands still, is short, or is wrong: the engine's parts, processor, memory, disk, clock."""

from __future__ import annotations

import json

from .model import Place, Step, Stranger, shell


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


def starved(place: Place) -> Stranger:
    share = place.between(2, 12)
    return Stranger(
        "starved", f"{place.node} has {share} % of a processor", (place.node,), ("node-starved",),
        (Step("host", place.node, f"docker update --cpus 0.{share:02} {{}}"),),
        (Step("host", place.node, "docker update --cpus 2 {}"),), ("container",), remark="processor",
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


def clock(place: Place) -> Stranger:
    hours = place.between(2, 20000) * place.pick([1, -1])
    uptime = "$(cut -d. -f1 /proc/uptime)"
    return Stranger(
        "clock", f"the clock of {place.node} {hours:+} hours", (place.node,), ("clock-skew", "certificate-expired"),
        shell(place.node, f"echo $(($(date +%s) - {uptime})) >/run/faults-boot; date -s '{hours:+} hours'"),
        shell(place.node, f"date -s @$(($(cat /run/faults-boot) + {uptime}))"), ("vm",), renew=True,
    )  # fmt: skip
