# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The quality of paths by layer, from trains of packets: what is bad about a path, and where it becomes bad. Pure.

Private to swarmlab.overlay. A layer is what traffic passes: the wire by ICMP, the wire at the data port, a network. A
path is judged by the limits of ``verify_quality``, against the layer below and against the other paths of its layer,
and less strictly by as much as the processes that measured it were late.
"""

from __future__ import annotations

import typing as t

from ...module_utils._probe.train import LATE, is_starved
from .._facts.model import Data, Facts, Network
from . import _paths, _requests
from ._blame import Pair

LIMITS: t.Final = {"loss": 1.0, "delay": 100.0, "jitter": 100.0, "rate": 5.0}
CHECK = "PATH-QUALITY"  # the check that asks for the trains
ICMP, WIRE = "icmp", "wire"  # layers of the underlay
MESH = "mesh"  # the layer of published ports
ASIDE = "aside"  # from hosts to nodes outside the run, by ICMP
FEW = 3  # packets: fewer lost, repeated or late ones prove nothing
OUTLIER = 8  # times as slow as the other paths of the layer
NOTICEABLE = 0.4  # share of a limit below which nothing is a concern, however much better other paths are
A_WHILE = 8  # packets in a row without an answer, and as many with one, are no chance
ALONE = (
    4  # a rate that no other path confirms must be so many times below the limit: a busy processor slows a burst too
)
BUSY = 100  # milliseconds: a process that was so late runs on a machine that orders packets by itself
JUMBLED = 0.1  # share of the packets that such a machine may reorder; a network that does, reorders more
PAUSE = 0.5  # seconds without an answer between two answers of a pulse, from which on a path goes and comes
MOSTLY = 0.8  # share of a pulse's losses that lie in such pauses: others are lost here and there
STEADY = 5  # packets that are answered in a row between them, on average
SIMILAR = 0.75  # share of the delay of a bad path that another one has for the same reason
SOUND, BROKEN = 0.8, 0.2  # shares of a size's packets that passed

LOST, SLOW, UNSTEADY, NARROW, CAPPED, CORRUPT, REPEATED, REORDERED, FLAPS = (
    "loses packets", "is slow", "is unsteady", "passes few bits", "passes no large packets", "corrupts packets",
    "repeats packets", "reorders packets", "goes and comes",
)  # fmt: skip

# Symptom -> another one of the same path, from which it follows. A full queue keeps the order of packets; what is late by chance stretches a burst.
FOLLOWS: t.Final = {NARROW: REORDERED}


class Symptom(t.NamedTuple):
    """What is bad about a path, in a word of this file, with its measure as text."""

    kind: str
    text: str


class Path(t.NamedTuple):
    """A measured path in a layer. ``train``: None where none was measured; ``gone``: when the pulse on it paused, as text.

    ``faint``: what is bad about a path on which hardly anything of the train came back, by the pulse, of which more did.
    ``unheard``: nothing of the train came back, the path carried other packets, and the process that answers was late.
    ``one_way``: the path from target to source is another one, as each node has a balancer of its own.
    """

    source: str
    target: str
    train: Data | None
    gone: str = ""
    faint: tuple[Symptom, ...] = ()
    unheard: bool = False
    one_way: bool = False

    @property
    def pair(self) -> Pair:
        """Its ends."""
        return self.source, self.target

    @property
    def dead(self) -> bool:
        """Whether nothing came back that could tell of the path."""
        return bool(self.train) and not t.cast(Data, self.train)["answered"] and not self.faint

    @property
    def starved(self) -> bool:
        """Whether answers lack, and a process at one of the ends was too late for that to prove a loss."""
        return self.train is not None and (self.unheard or is_starved(self.train))

    @property
    def cut(self) -> bool:
        """Whether nothing came back, and no late process is the reason: all were on time, or the kernel gave an error."""
        return self.dead and (not self.starved or bool(t.cast(Data, self.train).get("error")))


def ident(layer: str, target: str) -> str:
    """The id of a train."""
    return f"{CHECK}/{layer}/{target}"


def layer_of(network: Network) -> str:
    """The layer of a network."""
    return _requests.short(network)


def balanced(network: Network) -> str:
    """The layer of a network's virtual IP."""
    return f"vip-{layer_of(network)}"


def paths(facts: Facts, layer: str, pairs: list[Pair]) -> list[Path]:
    """The paths of these pairs in a layer."""
    found = []
    for source, target in pairs:
        train = facts.trains.get(source, {}).get(ident(layer, target))
        gone = _gone(facts, source, target) if layer == WIRE else ""
        hardly = layer == WIRE and not gone and train is not None and train["answered"] < A_WHILE
        faint = _faint(facts, source, target) if hardly else ()
        unheard = train is not None and not train["answered"] and _unheard(facts, layer, source, target)
        found.append(Path(source, target, train, gone, faint, unheard))
    return found


def _unheard(facts: Facts, layer: str, source: str, target: str) -> bool:
    """Whether a train without any answer tells of a late process at its end, and not of the path: that carried the other packets."""
    late = 1000 * facts.late.get(target, {}).get("ports" if layer == WIRE else "responder", 0.0)
    if layer != WIRE:
        asked = _paths.seen(facts, source, str(_requests.Path(_requests.MATRIX, layer, target, "udp")))
        return late > LATE and asked is not None and bool(asked["ok"])
    pulse = _paths.pulse(facts, source, target)
    if pulse is None or pulse["sent"] < A_WHILE or pulse["answered"] < SOUND * pulse["sent"]:
        return False
    return bool(max(late, pulse["dwell_ms"]) > LATE)


def _gone(facts: Facts, source: str, target: str) -> str:
    """When nothing came back from a node for a while that was there before and afterwards, in the whole run; empty if that never was.

    A pause that the processes' own delays may explain is none. Losses here and there leave short pauses, and are not meant.
    """
    mine, theirs = _paths.pulse(facts, source, target), _paths.pulse(facts, target, source)
    if mine is None:
        return ""
    late = max(mine["late_ms"], mine["dwell_ms"], (theirs or mine)["late_ms"])
    late = max(late, *(1000 * facts.late.get(host, {}).get("ports", 0) for host in (source, target))) / 1000
    found = [row for row in mine["pauses"] if row[0] >= max(PAUSE, 2 * late)]
    lost, inside = mine["sent"] - mine["answered"], sum(packets for _seconds, packets in found)
    if not found or inside < MOSTLY * lost or mine["answered"] < STEADY * (len(found) + 1):
        return ""
    times = f", {len(found)} times" if len(found) > 1 else ""
    return f"no answer for {found[0][0]:.1f} s of {mine['seconds']:.0f} s{times}"


def _faint(facts: Facts, source: str, target: str) -> tuple[Symptom, ...]:
    """What small packets, one at a time, tell of a path on which a train was lost nearly altogether: it carries so little, or so late."""
    pulse = _paths.pulse(facts, source, target)
    if pulse is None or pulse["answered"] < A_WHILE or not pulse.get("delay_ms"):
        return ()
    given = limits(facts)
    share = 100 * (pulse["sent"] - pulse["answered"]) / pulse["sent"]
    median = pulse["delay_ms"][1]
    noise = 2 * max(pulse["late_ms"], pulse["dwell_ms"])
    if median - noise > given["delay"]:
        full = _overflowing(pulse["delay_ms"], given) if share > given["loss"] else None
        return (full or Symptom(SLOW, f"{median:.0f} ms"),)
    return (Symptom(LOST, f"{share:.0f} % lost"),) if share > given["loss"] and noise < LATE else ()


def _overflowing(delay: list[float], given: dict[str, float]) -> Symptom | None:
    """Of a path that loses packets: whether most of them waited about as long as the one that waited longest, as in a queue that is full."""
    least, median, _most, worst = delay
    if median - least <= max(NOTICEABLE * given["jitter"], worst - median):
        return None
    return Symptom(NARROW, f"a queue fills up, from {least:.0f} to {worst:.0f} ms, and overflows")


def limits(facts: Facts) -> dict[str, float]:
    """The limits of this run."""
    return {**LIMITS, **(facts.settings.get("quality") or {})}


def symptoms(facts: Facts, layer: list[Path]) -> dict[Pair, list[Symptom]]:
    """What is bad about each path of a layer that carries anything; sound paths are left out."""
    measured = [path for path in layer if path.train and path.train["answered"]]
    found = {path.pair: [Symptom(FLAPS, path.gone)] for path in layer if path.gone and path.dead}
    found.update((path.pair, list(path.faint)) for path in layer if path.faint and path not in measured)
    for path in measured:
        others = [other for other in measured if not set(other.pair) & set(path.pair)] or [
            other for other in measured if set(other.pair) != set(path.pair)
        ]
        bad = _of_path(path, measured, others, limits(facts))
        if bad:
            found[path.pair] = bad
    return found


def _of_path(path: Path, measured: list[Path], others: list[Path], given: dict[str, float]) -> list[Symptom]:
    train = t.cast(Data, path.train)
    back = _back(path, measured)
    rows: list[Symptom | None] = [*path.faint]
    if not rows:  # else so few came back that the train tells little of times and losses
        rows = [Symptom(FLAPS, path.gone) if path.gone else _lost(path, back, given["loss"])]
        rows += [_delayed(train, others, given), _narrow(train, others, given)]
    rows.append(_capped(train))
    both = [train, *(t.cast(Data, other.train) for other in back)]
    for key, kind in (("corrupt", CORRUPT), ("repeated", REPEATED), ("reordered", REORDERED)):
        least = _jumble(both) if kind == REORDERED else FEW
        if train[key] and sum(one[key] for one in both) >= least:
            rows.append(Symptom(kind, f"{train[key]} of {train['sent']}"))
    shown = {row.kind for row in rows if row}
    return [row for row in rows if row and FOLLOWS.get(row.kind) not in shown]


def suspicion(facts: Facts, layer: str, kind: str, bad: list[Pair]) -> t.Callable[[str], float]:
    """Which ends of bad paths have the same towards other nodes: on the wire to nodes outside the run, in a network below it on the wire,
    where late processes may keep that from being judged.

    A delay is the only symptom that a path has in common with every path of the same node below it.
    """
    if layer == WIRE:
        rows = aside(facts)
        shown = symptoms(facts, rows)
        same = {path.pair for path in rows if kind in [row.kind for row in shown.get(path.pair, [])]}
        return lambda node: float(_throughout(rows, node, lambda path: path.pair in same))
    slow = _delays(facts, layer, bad) if kind == SLOW else {}
    wire = _delays(facts, WIRE, _paths.host_pairs(facts)) if slow else {}

    def suspected(node: str) -> float:
        elsewhere = [delay for pair, delay in wire.items() if node in pair and pair not in bad]
        return float(bool(elsewhere) and min(elsewhere) >= SIMILAR * min(slow.values()))

    return suspected


def aside(facts: Facts) -> list[Path]:
    """The paths from hosts to nodes outside the run of which any host got an answer: others may answer nobody."""
    found = [
        Path(source, name.rpartition("/")[2], train)
        for source, told in facts.trains.items()
        for name, train in told.items()
        if name.startswith(ident(ASIDE, ""))
    ]
    alive = {path.target for path in found if not path.dead}
    return [path for path in found if path.target in alive]


def is_alone(facts: Facts, host: str) -> bool:
    """Whether a host gets no answer from nodes outside the run that answer another host."""
    return _throughout(aside(facts), host, lambda path: path.dead)


def _throughout(paths: list[Path], host: str, bad: t.Callable[[Path], bool]) -> bool:
    """Whether all paths of a host are bad, if it has any."""
    mine = [bad(path) for path in paths if path.source == host]
    return bool(mine) and all(mine)


def _delays(facts: Facts, layer: str, pairs: list[Pair]) -> dict[Pair, float]:
    """The median round trips in milliseconds of the paths that carry anything."""
    return {
        path.pair: float(path.train["delay_ms"][1])
        for path in paths(facts, layer, pairs)
        if path.train and path.train["answered"]
    }


def _jumble(trains: list[Data]) -> float:
    """How many packets out of order are more than chance: a busy kernel reorders what waited in its queues."""
    late = max(max(train["late_ms"], train["dwell_ms"]) for train in trains)
    return FEW if late <= BUSY else max(FEW, JUMBLED * sum(train["sent"] for train in trains))


def unproven(facts: Facts, layer: list[Path]) -> set[Pair]:
    """The paths of a layer with losses that a late process may be the reason of: they would be bad, were all on time."""
    limit = limits(facts)["loss"]
    return {path.pair for path in layer if path.starved and _losses(path, _back(path, layer), limit)}


def _back(path: Path, layer: list[Path]) -> list[Path]:
    return [] if path.one_way else [other for other in layer if other.pair == path.pair[::-1] and other.train]


def _lost(path: Path, back: list[Path], limit: float) -> Symptom | None:
    """Losses that are more than chance, where no late process may be their reason."""
    return None if path.starved else _losses(path, [one for one in back if not one.starved], limit)


def _losses(path: Path, back: list[Path], limit: float) -> Symptom | None:
    """Losses that are more than chance: of this path and its way back together, sizes that never pass left out."""
    trains = [t.cast(Data, one.train) for one in (path, *back)]
    lost = [train["sent"] - train["answered"] - _of_capped(train) for train in trains]
    if lost[0] < 1 or sum(lost) < FEW:
        return None
    share = 100 * sum(lost) / sum(train["sent"] for train in trains)
    if share <= limit:
        return None
    text = f"{100 * lost[0] / trains[0]['sent']:.0f} % lost"
    if _flaps(trains[0], lost[0]):
        return Symptom(FLAPS, f"{text}, {trains[0]['gap']} packets in a row")
    return Symptom(LOST, text)


def loss(path: Path) -> float:
    """The share of a path's packets that got no answer, without sizes that never pass; none where a late process may be the reason."""
    if path.train is None or path.starved or not path.train["sent"]:
        return 0.0
    return float((path.train["sent"] - path.train["answered"] - _of_capped(path.train)) / path.train["sent"])


def _flaps(train: Data, lost: int) -> bool:
    """Whether the losses came together: a path that goes and comes, not one that loses here and there."""
    return bool(train["gap"] >= A_WHILE and train["gap"] > lost // 2 and train["answered"] >= A_WHILE)


def _sizes(train: Data) -> list[tuple[int, float]]:
    return sorted((int(size), back / sent) for size, (sent, back) in train["sizes"].items())


def is_capped(train: Data) -> bool:
    """Whether small packets pass and the largest do not."""
    rows = _sizes(train)
    return len(rows) > 1 and rows[0][1] >= SOUND and rows[-1][1] <= BROKEN


def _of_capped(train: Data) -> int:
    """The lost packets of sizes that never pass, where small ones do."""
    if not is_capped(train):
        return 0
    return sum(sent - back for sent, back in train["sizes"].values() if back / sent <= BROKEN)


def _capped(train: Data) -> Symptom | None:
    if not is_capped(train):
        return None
    rows = _sizes(train)
    passes = max(size for size, share in rows if share > BROKEN)
    return Symptom(CAPPED, f"{passes} bytes pass, {rows[-1][0]} do not")


def _delayed(train: Data, others: list[Path], given: dict[str, float]) -> Symptom | None:
    """A delay or its variation that is beyond the limit, or far beyond that of other paths."""
    least, median, most, worst = train["delay_ms"]
    noise = 2 * max(train["late_ms"], train["dwell_ms"])
    usual = _usual(others, lambda delay: delay[1])
    if _beyond(median - noise, usual, given["delay"]):
        return Symptom(SLOW, f"{median:.0f} ms" + (f", others {usual:.1f} ms" if usual is not None else ""))
    if _beyond(most - least - noise, _usual(others, lambda delay: delay[2] - delay[0]), given["jitter"]):
        return Symptom(UNSTEADY, f"{least:.0f} to {most:.0f} ms, at worst {worst:.0f} ms")
    return None


def _beyond(value: float, usual: float | None, limit: float) -> bool:
    return value > limit or (usual is not None and value > NOTICEABLE * limit and value > OUTLIER * usual)


def _usual(others: list[Path], value: t.Callable[[list[float]], float]) -> float | None:
    """A value of the other paths' delays, of the better half of them; None without others."""
    rows = sorted(value(t.cast(Data, other.train)["delay_ms"]) for other in others)
    return rows[len(rows) // 4] if rows else None


def _narrow(train: Data, others: list[Path], given: dict[str, float]) -> Symptom | None:
    """A rate below the limit and far below that of other paths, or a queue that fills up and overflows."""
    lost = train["sent"] - train["answered"] - _of_capped(train)
    full = _overflowing(train["delay_ms"], given) if lost >= FEW else None
    if full:
        return full
    rate = train.get("mbit")
    rates = sorted(other.train["mbit"] for other in others if other.train and other.train.get("mbit"))
    limit = given["rate"] / (1 if rates else ALONE)
    if not rate or rate >= limit or (rates and rate * OUTLIER > rates[-1 - len(rates) // 4]):
        return None
    return Symptom(NARROW, f"{rate:g} Mbit/s" + (f", others {rates[-1 - len(rates) // 4]:g}" if rates else ""))


def cell(path: Path, bad: list[Symptom] | None) -> float | str | None:
    """The path as a cell of the matrix: seconds of its median round trip, or what is bad about it."""
    if path.train is None:
        return None
    if not path.train["answered"] and not bad:
        return str(path.train.get("error") or "no answer")
    if bad:
        return "; ".join(f"{row.kind}: {row.text}" for row in bad)
    return float(round(path.train["delay_ms"][1] / 1000, 5))
