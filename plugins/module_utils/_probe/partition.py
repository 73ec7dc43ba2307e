# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop all of Swarm's traffic on this node, and nothing else; and remove that again.

Private to swarmlab.overlay. Standard library only. The rules are in a chain (iptables) or a table (nft) of a fixed
name, so that any process can find and remove them.
"""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import os
import shutil
import subprocess
import typing as t

if t.TYPE_CHECKING:
    from . import shapes

Match = t.Tuple[str, t.Optional[str], t.Optional[int]]  # protocol, direction of the port, port

CHAIN = "SWARMLAB-PARTITION"
TABLE = "swarmlab_partition"
SECONDS = 15
IPV6 = "/proc/net/if_inet6"  # missing when the kernel was booted without IPv6


def matches(ports: shapes.Ports) -> list[Match]:
    """(protocol, direction of the port, port) of all dropped packets; ESP has no ports.

    Both directions are matched, since answers come from the port.
    """
    both = {"tcp": ports["tcp"], "udp": ports["udp"]}
    found: list[Match] = [
        (protocol, end, port) for protocol in both for port in both[protocol] for end in ("sport", "dport")
    ]
    return [*found, ("esp", None, None)]


def iptables(ports: shapes.Ports) -> list[list[str]]:
    """The arguments of iptables that create the chain and the jump to it."""
    rules = [
        ["-A", CHAIN, "-p", protocol, *(["--" + end, str(port)] if end else []), "-j", "DROP"]
        for protocol, end, port in matches(ports)
    ]
    jumps = [["-I", "INPUT", "!", "-i", "lo", "-j", CHAIN], ["-I", "OUTPUT", "!", "-o", "lo", "-j", CHAIN]]
    return [["-N", CHAIN], *rules, *jumps]


def iptables_undo() -> list[list[str]]:
    """The arguments of iptables that remove both."""
    return [
        ["-D", "INPUT", "!", "-i", "lo", "-j", CHAIN],
        ["-D", "OUTPUT", "!", "-o", "lo", "-j", CHAIN],
        ["-F", CHAIN],
        ["-X", CHAIN],
    ]


def nft(ports: shapes.Ports) -> str:
    """The table in nft's notation."""
    rules = "".join(
        f"{protocol} {side} {port} drop; " if side else "meta l4proto esp drop; "
        for protocol, side, port in matches(ports)
    )
    chains = "".join(
        f'chain {hook} {{ type filter hook {hook} priority -300; {device}name "lo" accept; {rules}}}\n'
        for hook, device in (("input", "iif"), ("output", "oif"))
    )
    return f"table inet {TABLE} {{\n{chains}}}\n"


def _run(command: list[str], text: str = "") -> str | None:
    """Run a command. Returns None when it succeeded, else the error."""
    try:
        done = subprocess.run(
            command,
            input=text.encode(),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            timeout=SECONDS,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return (
        None
        if done.returncode == 0
        else done.stderr.decode("utf-8", "replace").strip() or f"exit code {done.returncode}"
    )


def tools() -> list[str]:
    """This node's packet filter commands: iptables for each family of its kernel, or nft.

    Every engine but the newest needs iptables.
    """
    families = ("iptables", "ip6tables") if os.path.exists(IPV6) else ("iptables",)
    found = [name for name in families if shutil.which(name)]
    return found or [name for name in ("nft",) if shutil.which(name)]


def cut(ports: shapes.Ports) -> str | None:
    """Add the rules. Returns the reason of a failure; then no rule is left."""
    names = tools()
    if not names:
        return "neither iptables nor nft is there"
    mend()
    if names == ["nft"]:
        problem = _run(["nft", "-f", "-"], nft(ports))
    else:
        commands = [[name, "-w", *words] for name in names for words in iptables(ports)]
        problem = next(filter(None, map(_run, commands)), None)
    if problem:
        mend()
    return problem


def mend() -> str | None:
    """Remove the rules, if there are any. Returns the error for rules that are left."""
    left = False
    for name in tools():
        if name == "nft":
            _run(["nft", "delete", "table", "inet", TABLE])
            left = left or _run(["nft", "list", "table", "inet", TABLE]) is None
            continue
        for words in iptables_undo():
            _run([name, "-w", *words])
        left = left or _run([name, "-w", "-n", "-L", CHAIN]) is None
    return "the rules of the partition could not be removed" if left else None
