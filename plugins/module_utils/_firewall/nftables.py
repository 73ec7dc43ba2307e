# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nftables: a chain of our own in the table whose input chain drops, and a jump to it at the top of that chain.

An accept in another table would not help: the kernel evaluates every base chain of a hook, and a drop in any of them
is final. Tables that belong to firewalld, or to iptables with its nft variant, are not touched. Private to this
collection, standard library only.
"""

from __future__ import annotations

import fnmatch
import ipaddress
import json
import re
import typing as t

from .model import MARK, Command, Plan, Refusal, Wanted, nft_rules

CHAIN = "swarmlab_overlay"
FILE = "swarmlab-overlay.nft"
# The file that is loaded at boot, and the folder beside it for included files.
CONFIGS = (
    ("/etc/nftables.conf", "/etc/nftables.d"),
    ("/etc/sysconfig/nftables.conf", "/etc/nftables"),
    ("/etc/nftables.nft", "/etc/nftables.d"),
)
FAMILIES = {"ip": (4,), "ip6": (6,), "inet": (4, 6)}
FOREIGN = ("firewalld",)
IPTABLES = ("filter", "INPUT")
HARMLESS = ("counter", "log", "comment")
NUMBERS = {"tcp": 6, "udp": 17, "esp": 50}

Name = t.Tuple[str, str, str]  # family, table, chain
Expr = t.Dict[str, t.Any]


class Ruleset(t.NamedTuple):
    """A host's chains: their properties, and the rules of each."""

    chains: dict[Name, dict[str, t.Any]]
    rules: dict[Name, list[dict[str, t.Any]]]


class Seen(t.NamedTuple):
    """The loaded ruleset, and the ruleset that the file for the boot creates on an empty host.

    C(boot) is None when the file could not be tested in isolation. C(config) and C(text) are its path
    and text; C(own) is the text of our file, in C(folder)."""

    now: Ruleset
    boot: Ruleset | None
    config: str
    folder: str
    text: str
    own: str


def ruleset(text: str) -> Ruleset:
    """Parse the output of C(nft -j list ruleset)."""
    chains: dict[Name, dict[str, t.Any]] = {}
    rules: dict[Name, list[dict[str, t.Any]]] = {}
    for item in json.loads(text or "{}").get("nftables", []):
        if "chain" in item:
            chain = item["chain"]
            chains[chain["family"], chain["table"], chain["name"]] = chain
        elif "rule" in item:
            rule = item["rule"]
            rules.setdefault((rule["family"], rule["table"], rule["chain"]), []).append(rule)
    return Ruleset(chains, rules)


def closing(known: Ruleset, wanted: Wanted) -> list[Name]:
    """The input chains that may drop traffic of the nodes, by their policy or by a rule. Our own chain is ignored."""
    return sorted(
        name
        for name, chain in known.chains.items()
        if name[0] in FAMILIES
        and any(wanted.of(version) for version in FAMILIES[name[0]])
        and name[1] not in FOREIGN
        and name[1:] != IPTABLES
        and chain.get("hook") == "input"
        and chain.get("type") == "filter"
        and (chain.get("policy") == "drop" or _first_drop(known, name, wanted, ()) is not None)
    )


def _first_drop(known: Ruleset, name: Name, wanted: Wanted, above: tuple[Name, ...]) -> int | None:
    """The position of the first rule that drops traffic of the nodes."""
    for place, rule in enumerate(known.rules.get(name, [])):
        if any(_drops(known, name, rule["expr"], packet, wanted, above) for packet in _packets(wanted)):
            return place
    return None


def _packets(wanted: Wanted) -> list[tuple[str, int]]:
    return [(protocol, port) for protocol, ports in wanted.ports for port in (ports or (0,))]


def _drops(
    known: Ruleset, name: Name, expr: list[Expr], packet: tuple[str, int], wanted: Wanted, above: tuple[Name, ...]
) -> bool:
    """Whether a rule certainly drops this packet of some node. A rule with an unknown match is assumed not to."""
    for part in expr:
        kind = next(iter(part))
        if kind == "match":
            if not _fits(part["match"], packet, wanted):
                return False
        elif kind in ("drop", "reject"):
            return True
        elif kind in ("jump", "goto"):
            target = (name[0], name[1], part[kind]["target"])
            return target not in above and _first_drop(known, target, wanted, (*above, name)) is not None
        elif kind not in HARMLESS:
            return False
    return False


def _fits(match: Expr, packet: tuple[str, int], wanted: Wanted) -> bool:
    found = _fits_left(match["left"], match["right"], packet, wanted) if match["op"] in ("==", "in", "!=") else None
    return found is not None and found != (match["op"] == "!=")


def _fits_left(left: t.Any, right: t.Any, packet: tuple[str, int], wanted: Wanted) -> bool | None:
    """Whether the packet satisfies a match; None when that is unknown."""
    protocol, port = packet
    kind = next(iter(left)) if isinstance(left, dict) else ""
    values = (
        right["set"] if isinstance(right, dict) and "set" in right else right if isinstance(right, list) else [right]
    )
    if kind == "meta":
        key = left["meta"].get("key")
        if key in ("iif", "iifname", "iifgroup", "iifkind", "iiftype"):
            return "lo" not in values
        if key == "l4proto":
            return protocol in values or NUMBERS[protocol] in values
        return True if key == "nfproto" else None
    if kind == "ct":
        return "new" in values if left["ct"].get("key") == "state" else None
    if kind != "payload":
        return None
    field = (left["payload"].get("protocol"), left["payload"].get("field"))
    if field[1] == "dport":
        # A port match implies its protocol, also when it is negated.
        return any(_within(value, port) for value in values) if field[0] in (protocol, "th") and port else None
    if field in (("ip", "protocol"), ("ip6", "nexthdr")):
        return protocol in values or NUMBERS[protocol] in values
    if field in (("ip", "saddr"), ("ip6", "saddr")):
        nodes = wanted.of(4 if field[0] == "ip" else 6)
        known = [_network(value) for value in values]
        return (
            None
            if None in known
            else any(ipaddress.ip_address(node) in network for node in nodes for network in known if network)
        )
    return None


def _within(value: t.Any, port: int) -> bool:
    if isinstance(value, dict) and "range" in value:
        low, high = value["range"]
        return bool(low <= port <= high)
    return bool(value == port)


def _network(value: t.Any) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    if isinstance(value, dict) and "prefix" in value:
        value = f"{value['prefix']['addr']}/{value['prefix']['len']}"
    try:
        return ipaddress.ip_network(value, strict=False)
    except (ValueError, TypeError):
        return None


def jumps(known: Ruleset, name: Name) -> list[tuple[int, int]]:
    """Position and handle of each jump to our chain."""
    return [
        (place, rule["handle"])
        for place, rule in enumerate(known.rules.get(name, []))
        if any(
            part.get("jump", {}).get("target") == CHAIN for part in rule["expr"] if isinstance(part.get("jump"), dict)
        )
    ]


def own_chains(known: Ruleset) -> list[Name]:
    return sorted(name for name in known.chains if name[2] == CHAIN)


def shapes(rules: t.Iterable[dict[str, t.Any]]) -> list[t.Any]:
    """Rules in a comparable form: protocol, field and values of each match."""
    return [_shape(rule) for rule in rules]


def _shape(rule: dict[str, t.Any]) -> tuple[t.Any, ...] | None:
    parts: list[tuple[t.Any, ...]] = []
    for part in rule["expr"]:
        match = part.get("match")
        if match and match["op"] == "==" and isinstance(match["left"], dict):
            right = match["right"]
            values = right["set"] if isinstance(right, dict) and "set" in right else [right]
            field = match["left"].get("payload") or match["left"].get("meta") or {}
            parts.append((field.get("protocol"), field.get("field") or field.get("key"), frozenset(map(str, values))))
        else:
            parts.append((next(iter(part)),))
    return tuple(parts)


def _goal(wanted: Wanted, family: str) -> list[t.Any]:
    """The comparable form of the rules that C(nft_rules) writes."""
    found = []
    for version in FAMILIES[family]:
        nodes = frozenset(wanted.of(version))
        for protocol, ports in wanted.ports if nodes else ():
            source = ("ip" if version == 4 else "ip6", "saddr", nodes)
            match = (
                (protocol, "dport", frozenset(map(str, ports))) if ports else (None, "l4proto", frozenset([protocol]))
            )
            found.append((source, match, ("accept",)))
    return found


def fits(known: Ruleset, name: Name, wanted: Wanted) -> bool:
    """Whether a closing chain is open as planned: one jump to our rules, before the first rule that drops."""
    found = jumps(known, name)
    drop = _first_drop(known, name, wanted, ())
    return (
        len(found) == 1
        and (drop is None or found[0][0] < drop)
        and shapes(known.rules.get((name[0], name[1], CHAIN), [])) == _goal(wanted, name[0])
    )


def held(known: Ruleset) -> list[str]:
    """The addresses in our present rules."""
    return [
        value
        for name in own_chains(known)
        for shape in shapes(known.rules.get(name, []))
        for part in shape
        if part[1:2] == ("saddr",)
        for value in part[2]
    ]


def _opened(name: Name, wanted: Wanted) -> list[str]:
    """The nft statements that open one chain."""
    table = f"{name[0]} {name[1]}"
    rows = [f"add chain {table} {CHAIN}", f"flush chain {table} {CHAIN}"]
    rows += [f'add rule {table} {CHAIN} {rule} comment "{MARK}"' for rule in nft_rules(wanted, FAMILIES[name[0]])]
    return [*rows, f'insert rule {table} {name[2]} jump {CHAIN} comment "{MARK}"']


def own_file(names: list[Name], wanted: Wanted) -> str:
    """The text of our file, which the file for the boot includes at its end."""
    head = ["# Made by the Ansible collection swarmlab.overlay: what the nodes of a Docker Swarm may reach here."]
    return "\n".join([*head, *(row for name in names for row in _opened(name, wanted))]) + "\n"


def include(path: str) -> str:
    return f'include "{path}" # {MARK}\n'


def included(text: str, path: str) -> bool:
    """Whether a file includes ours, by name or by pattern."""
    return any(fnmatch.fnmatch(path, pattern) for pattern in re.findall(r'(?m)^\s*include\s+"([^"]+)"', text))


def _without_include(text: str) -> str:
    return "".join(
        line for line in text.splitlines(keepends=True) if not (line.lstrip().startswith("include") and MARK in line)
    )


def _same_table(name: Name, names: t.Iterable[Name]) -> bool:
    return any(other[:2] == name[:2] for other in names)


def plan(wanted: Wanted | None, seen: Seen) -> Plan:
    """The files and the single transaction. Without C(wanted) all of our rules are removed."""
    names = closing(seen.now, wanted) if wanted else []
    script: list[str] = []
    for name in sorted(seen.now.chains):
        if name in names and wanted and fits(seen.now, name, wanted):
            continue
        script += [
            f"delete rule {name[0]} {name[1]} {name[2]} handle {handle}" for _place, handle in jumps(seen.now, name)
        ]
        if name in names and wanted:
            script += _opened(name, wanted)
    for name in own_chains(seen.now):
        if not _same_table(name, names):
            script += [f"flush chain {' '.join(name)}", f"delete chain {' '.join(name)}"]
    commands = (Command(("nft", "-f", "-"), "\n".join(script) + "\n"),) if script else ()
    before = [
        f"{' '.join(name)}: {_words(rule)}" for name in own_chains(seen.now) for rule in seen.now.rules.get(name, [])
    ]
    after = (
        [f"{name[0]} {name[1]} {CHAIN}: {rule}" for name in names for rule in nft_rules(wanted, FAMILIES[name[0]])]
        if wanted
        else []
    )
    return Plan(_files(names, wanted, seen), commands, tuple(before), tuple(dict.fromkeys(after)))


def _words(rule: dict[str, t.Any]) -> str:
    """A rule of ours in the notation of C(nft_rules); one that was edited is shown as nft's JSON."""
    words = []
    for part in _shape(rule) or ():
        if len(part) == 1:
            words.append(part[0])
        elif part[1] == "l4proto":
            words.append(f"meta l4proto {', '.join(sorted(part[2]))}")
        else:
            values = (
                sorted(part[2], key=lambda value: (len(value), value)) if part[1] == "dport" else _addresses(part[2])
            )
            words.append(f"{part[0]} {part[1]} {{ {', '.join(values)} }}")
    return " ".join(words)


def _addresses(values: t.Iterable[str]) -> list[str]:
    return sorted(values, key=_place)


def _place(value: str) -> tuple[bool, int | str]:
    """A sort key that orders addresses as numbers, before any other text."""
    network = _network(value)
    return (True, value) if network is None else (False, int(network.network_address))


def _files(names: list[Name], wanted: Wanted | None, seen: Seen) -> tuple[tuple[str, str | None], ...]:
    """Our file, and the line that includes it.

    Refuses a chain that the file for the boot does not create: it would be lost at boot.
    """
    if not seen.config:
        if names:
            raise Refusal(
                f"no file creates {told(names)} at boot ({', '.join(path for path, _folder in CONFIGS)} do not exist)"
            )
        return ()
    path = f"{seen.folder}/{FILE}"
    if not names or wanted is None:
        rest = _without_include(seen.text)
        return tuple(([(seen.config, rest)] if rest != seen.text else []) + ([(path, None)] if seen.own else []))
    missing = [name for name in names if not _made_at_boot(name, seen)]
    if missing:
        raise Refusal(f"{seen.config} does not create {told(missing)}, so the ports would be closed again after a boot")
    text = own_file(names, wanted)
    files: list[tuple[str, str | None]] = [(path, text)] if text != seen.own else []
    if not included(seen.text, path):
        end = "" if seen.text.endswith("\n") else "\n"
        files.append((seen.config, f"{seen.text}{end}{include(path)}"))
    return tuple(files)


def _made_at_boot(name: Name, seen: Seen) -> bool:
    if seen.boot is not None:
        return name in seen.boot.chains
    return bool(re.search(rf"(?m)^\s*chain\s+{re.escape(name[2])}\b", seen.text))


def told(names: t.Iterable[Name]) -> str:
    return ", ".join(f"chain {name[2]} of table {name[0]} {name[1]}" for name in names)
