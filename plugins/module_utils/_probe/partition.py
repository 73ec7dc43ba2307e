# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Drop everything that Swarm sends and receives on this node, and nothing else; and take that back.

Private to swarmlab.overlay. Standard library only. The rules stand in a chain (iptables) or a table (nft) of one fixed name, so that they
are found again whoever made them.
"""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import shutil
import subprocess

CHAIN = "SWARMLAB-PARTITION"
TABLE = "swarmlab_partition"
SECONDS = 15


def matches(ports: dict) -> list[tuple]:
    """(protocol, direction of the port, port) of all that is dropped; ESP has no ports. Both ends, since answers come from the port."""
    found: list[tuple] = [(protocol, end, port) for protocol in ("tcp", "udp") for port in ports[protocol] for end in ("sport", "dport")]
    return [*found, ("esp", None, None)]


def iptables(ports: dict) -> list[list[str]]:
    """The commands that make the chain and jump to it."""
    rules = [["-A", CHAIN, "-p", protocol, *(["--" + end, str(port)] if end else []), "-j", "DROP"] for protocol, end, port in matches(ports)]
    jumps = [["-I", "INPUT", "!", "-i", "lo", "-j", CHAIN], ["-I", "OUTPUT", "!", "-o", "lo", "-j", CHAIN]]
    return [["iptables", "-w", *words] for words in [["-N", CHAIN], *rules, *jumps]]


def iptables_undo() -> list[list[str]]:
    """The commands that remove it."""
    words = [["-D", "INPUT", "!", "-i", "lo", "-j", CHAIN], ["-D", "OUTPUT", "!", "-o", "lo", "-j", CHAIN], ["-F", CHAIN], ["-X", CHAIN]]
    return [["iptables", "-w", *row] for row in words]


def nft(ports: dict) -> str:
    """The table, as nft reads it."""
    rules = "".join("%s drop; " % ("%s %s %d" % match if match[1] else "ip protocol esp") for match in matches(ports))
    chains = "".join("chain %s { type filter hook %s priority -300; %sname \"lo\" accept; %s}\n" % (hook, hook, device, rules)
                     for hook, device in (("input", "iif"), ("output", "oif")))
    return "table inet %s {\n%s}\n" % (TABLE, chains)


def _run(command: list[str], text: str = "") -> str | None:
    """None when it succeeded, else why not."""
    try:
        done = subprocess.run(command, input=text.encode(), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return str(error)
    return None if done.returncode == 0 else done.stderr.decode("utf-8", "replace").strip() or "exit code %d" % done.returncode


def tool() -> str | None:
    """What this node filters with: iptables, which every engine but the newest needs, or nft."""
    return next((name for name in ("iptables", "nft") if shutil.which(name)), None)


def cut(ports: dict) -> str | None:
    """Put the rules in place. Returns why that failed; then none is left."""
    name = tool()
    if name is None:
        return "neither iptables nor nft is there"
    mend()
    problem = _run(["nft", "-f", "-"], nft(ports)) if name == "nft" else next(filter(None, map(_run, iptables(ports))), None)
    if problem:
        mend()
    return problem


def mend() -> str | None:
    """Take the rules away, if there are any. Returns what is left of them, in words."""
    if tool() == "nft":
        _run(["nft", "delete", "table", "inet", TABLE])
        left = _run(["nft", "list", "table", "inet", TABLE]) is None
    else:
        for command in iptables_undo():
            _run(command)
        left = _run(["iptables", "-w", "-n", "-L", CHAIN]) is None
    return "the rules of the partition could not be removed" if left else None
