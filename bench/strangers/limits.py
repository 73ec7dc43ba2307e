# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tables that are full, and limits that are reached."""

from __future__ import annotations

from .model import Place, Stranger, shell

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
