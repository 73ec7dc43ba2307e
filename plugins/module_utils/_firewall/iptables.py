# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""iptables without a front end: a chain of our own, and a jump to it in INPUT before the first rule that drops.

The jump is not at the top, because the engine's rules there drop clear text of encrypted networks. The file that is
loaded at boot was written by C(iptables-save). Only our rules are added to it, not the other rules that are loaded
now, such as the engine's.
Private to this collection, standard library only.
"""

from __future__ import annotations

import re
import shlex
import typing as t

from .model import Command, Plan, Refusal, Wanted

CHAIN = "SWARMLAB-OVERLAY"
FILES = {
    4: ("/etc/iptables/rules.v4", "/etc/sysconfig/iptables"),
    6: ("/etc/iptables/rules.v6", "/etc/sysconfig/ip6tables"),
}
PROGRAMS = {4: "iptables", 6: "ip6tables"}
JUMP = f"-A INPUT -j {CHAIN}"
DROPS = ("DROP", "REJECT")
WIDE = {"-i", "-m", "-p", "--comment", "--ctstate", "--state", "-j", "-g", "--reject-with"}
MODULES = ("conntrack", "state", "comment", "tcp", "udp", "multiport")


class Seen(t.NamedTuple):
    """The output of C(iptables-save -t filter), and the path and text of the file that is loaded at boot.

    None where missing.
    """

    now: str
    path: str | None
    text: str


def chain(text: str, name: str) -> list[str]:
    """The rules of a chain in table filter."""
    return [line for line in filter_table(text) if line.startswith(f"-A {name} ")]


def filter_table(text: str) -> list[str]:
    """The lines of table filter."""
    found = re.search(r"(?ms)^\*filter[ \t]*\n(.*?)^COMMIT", text)
    return found.group(1).splitlines() if found else []


def policy(text: str) -> str:
    found = next((line for line in filter_table(text) if line.startswith(":INPUT ")), ":INPUT ACCEPT")
    return found.split()[1]


def closes(text: str, wanted: Wanted) -> bool:
    """Whether INPUT may drop traffic of the nodes, by its policy or by a rule."""
    return policy(text) == "DROP" or first_drop(text, "INPUT", wanted, ()) is not None


def first_drop(text: str, name: str, wanted: Wanted, above: tuple[str, ...]) -> int | None:
    """The position of the first rule that drops traffic of the nodes."""
    for place, line in enumerate(chain(text, name)):
        target = _target(line, wanted)
        if target in DROPS:
            return place
        if target and target not in above and first_drop(text, target, wanted, (*above, name)) is not None:
            return place
    return None


def _target(line: str, wanted: Wanted) -> str | None:
    """The target of a rule for traffic of the nodes; None when it does not match, or has an unknown match."""
    words = shlex.split(line)[2:]
    target, protocol, no = None, None, False
    for place, word in enumerate(words):
        value = words[place + 1] if place + 1 < len(words) else ""
        if word == "!":
            no = True
            continue
        if not word.startswith("-"):
            continue
        if word in ("--dport", "--dports"):
            ports = [port for name, ports in wanted.ports for port in ports if protocol in (name, None)]
            if any(_within(value, port) for port in ports) == no:
                return None
        elif word not in WIDE or _narrow(word, value, no):
            return None
        if word in ("-j", "-g"):
            target = value
        protocol = value if word == "-p" else protocol
        no = False
    return target


def _narrow(word: str, value: str, no: bool) -> bool:
    """Whether a match of a known kind excludes the nodes."""
    if word == "-i":
        return (value == "lo") != no
    if word in ("--ctstate", "--state"):
        return ("NEW" in value.split(",")) == no
    if word == "-p":
        return (value in ("tcp", "udp", "esp", "all")) == no
    return word == "-m" and value not in MODULES


def _within(value: str, port: int) -> bool:
    for part in value.split(","):
        low, _colon, high = part.partition(":")
        if int(low or 0) <= port <= int(high or (low if not _colon else 65535)):
            return True
    return False


def rules(wanted: Wanted, version: int) -> list[str]:
    """Our rules in the notation of iptables-save."""
    found = []
    for address in wanted.of(version):
        for protocol, ports in wanted.ports:
            match = f" -m multiport --dports {','.join(str(port) for port in ports)}" if ports else ""
            found.append(f"-A {CHAIN} -s {address}/{32 if version == 4 else 128} -p {protocol}{match} -j ACCEPT")
    return found


def held(seen: Seen) -> list[str]:
    """The addresses in our present rules."""
    return re.findall(r" -s ([^/ ]+)/", "\n".join(chain(seen.now, CHAIN)))


def plan(wanted: Wanted | None, version: int, seen: Seen) -> Plan:
    """The steps for one IP version. Without C(wanted), or when nothing drops, all of our rules are removed."""
    goal = rules(wanted, version) if wanted and closes(seen.now, wanted) else []
    if goal and not (seen.path and wanted and closes(seen.text, wanted)):
        raise Refusal(
            f"no file restores the rules of {PROGRAMS[version]} at boot"
            f" ({', '.join(FILES[version])}: {'not there' if not seen.path else 'lets everything in'})"
        )
    ours, jumps = chain(seen.now, CHAIN), [line for line in chain(seen.now, "INPUT") if _is_jump(line)]
    script = _script(goal, seen.now, wanted)
    commands = (Command((f"{PROGRAMS[version]}-restore", "--noflush", "-w"), script),) if script else ()
    text = rewritten(seen.text, goal, wanted)
    files = ((seen.path, text),) if seen.path and text != seen.text else ()
    return Plan(files, commands, (*ours, *jumps), tuple([*goal, JUMP] if goal else []))


def _is_jump(line: str) -> bool:
    return bool(re.search(rf"-j {CHAIN}$", line))


def _place(lines: list[str], text: str, wanted: Wanted | None) -> int:
    """The position of the jump among these rules of INPUT, none of which is ours."""
    drop = first_drop(text, "INPUT", wanted, ()) if wanted else None
    return len(lines) if drop is None else drop


def _without(text: str) -> str:
    """The text without our rules."""
    return "".join(line for line in text.splitlines(keepends=True) if CHAIN not in line)


def _fits(text: str, goal: list[str], wanted: Wanted | None) -> bool:
    """Whether our chain is as planned, and exactly one jump stands before the first rule that drops."""
    lines = chain(text, "INPUT")
    found = [place for place, line in enumerate(lines) if _is_jump(line)]
    drop = first_drop(text, "INPUT", wanted, ()) if wanted else None
    there = any(line.startswith(f":{CHAIN} ") for line in filter_table(text))
    if not goal:
        return not found and not there
    return there and chain(text, CHAIN) == goal and len(found) == 1 and (drop is None or found[0] < drop)


def _script(goal: list[str], text: str, wanted: Wanted | None) -> str:
    """The input of iptables-restore for all changes at once; empty when nothing changes."""
    if _fits(text, goal, wanted):
        return ""
    rows = ["*filter", f":{CHAIN} - [0:0]", *[f"-D{line[2:]}" for line in chain(text, "INPUT") if _is_jump(line)]]
    if goal:
        bare = _without(text)
        rows += [*goal, f"-I INPUT {_place(chain(bare, 'INPUT'), bare, wanted) + 1} -j {CHAIN}"]
    else:
        rows += [f"-X {CHAIN}"]
    return "\n".join([*rows, "COMMIT"]) + "\n"


def rewritten(text: str, goal: list[str], wanted: Wanted | None) -> str:
    """The file for the boot with our chain and jump added, and everything else unchanged."""
    if _fits(text, goal, wanted):
        return text
    bare = _without(text)
    if not goal:
        return bare
    lines = bare.splitlines(keepends=True)
    start = next(place for place, line in enumerate(lines) if line.strip() == "*filter")
    commit = next(place for place in range(start, len(lines)) if lines[place].strip() == "COMMIT")
    inputs = [place for place in range(start, commit) if lines[place].startswith("-A INPUT ")]
    position = _place(chain(bare, "INPUT"), bare, wanted)
    before = inputs[position] if position < len(inputs) else (inputs[-1] + 1 if inputs else commit)
    declared = max(place for place in range(start, commit) if place == start or lines[place].startswith(":"))
    new = [
        *lines[: declared + 1],
        f":{CHAIN} - [0:0]\n",
        *lines[declared + 1 : before],
        f"{JUMP}\n",
        *lines[before:commit],
    ]
    return "".join([*new, *(f"{line}\n" for line in goal), *lines[commit:]])
