# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is bad about a path, at each limit exactly and just beyond it."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks import _paths, _quality, _trains, dp_matrix
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._checks._quality import (
    CAPPED,
    CORRUPT,
    FLAPS,
    LOST,
    NARROW,
    REORDERED,
    REPEATED,
    SLOW,
    UNSTEADY,
    Path,
    Symptom,
)
from drafts import Draft
from sound import NETWORKS, PLAIN, healthy, train

GIVEN = {"loss": 2.5, "delay": 100.0, "jitter": 60.0, "rate": 5.0}  # NOTICEABLE of delay is 40, of jitter 24
DELAYS = list[float]  # least, median, most, worst


def on_time(**parts: object) -> dict:
    """A train whose processes were never late."""
    return train(**{"late_ms": 0, "dwell_ms": 0, **parts})


def path(source: str, target: str, **parts: object) -> Path:
    return Path(source, target, on_time(**parts))


def others(key: str, values: t.Iterable[object]) -> list[Path]:
    """Paths that differ in one value."""
    return [path("x", f"y{place}", **{key: value}) for place, value in enumerate(values)]


def flat(*delays: float) -> list[DELAYS]:
    """Delays without variation."""
    return [[delay] * 4 for delay in delays]


# --- Delay and its variation


@pytest.mark.parametrize(
    ("delay", "late", "dwell", "beside", "kind", "text"),
    [
        # The limit for itself.
        ([100, 100, 100, 100], 0, 0, [], None, None),
        ([101, 101, 101, 101], 0, 0, [], SLOW, "101 ms"),
        ([90, 101, 102, 103], 0, 0, [], SLOW, "101 ms"),
        ([90, 91, 150, 300], 0, 0, [], None, None),
        # Twice as much as a process was late is no delay of the path.
        ([102, 102, 102, 102], 1, 0, [], None, None),
        ([103, 103, 103, 103], 1, 0, [], SLOW, "103 ms"),
        ([102, 102, 102, 102], 0, 1, [], None, None),
        ([103, 103, 103, 103], 0, 1, [], SLOW, "103 ms"),
        ([106, 106, 106, 106], 1, 3, [], None, None),
        ([107, 107, 107, 107], 3, 1, [], SLOW, "107 ms"),
        # Far slower than others, and so slow that it matters.
        ([40, 40, 40, 40], 0, 0, flat(1), None, None),
        ([41, 41, 41, 41], 0, 0, flat(1), SLOW, "41 ms, others 1.0 ms"),
        ([41, 41, 41, 41], 0, 0, flat(0), SLOW, "41 ms, others 0.0 ms"),
        ([48, 48, 48, 48], 0, 0, flat(6), None, None),
        ([49, 49, 49, 49], 0, 0, flat(6), SLOW, "49 ms, others 6.0 ms"),
        ([50, 50, 50, 50], 1, 0, flat(6), None, None),
        ([51, 51, 51, 51], 1, 0, flat(6), SLOW, "51 ms, others 6.0 ms"),
        # The better half of the others counts, each by its median.
        ([49, 49, 49, 49], 0, 0, flat(9, 6, 1, 9), SLOW, "49 ms, others 6.0 ms"),
        ([49, 49, 49, 49], 0, 0, flat(9, 9, 7, 1), None, None),
        ([49, 49, 49, 49], 0, 0, [[0, 6, 7, 8]], SLOW, "49 ms, others 6.0 ms"),
        # Variation: from the least to the most, without the worst.
        ([0, 1, 60, 99], 0, 0, [], None, None),
        ([0, 1, 61, 99], 0, 0, [], UNSTEADY, "0 to 61 ms, at worst 99 ms"),
        ([30, 31, 90, 900], 0, 0, [], None, None),
        ([30, 31, 91, 900], 0, 0, [], UNSTEADY, "30 to 91 ms, at worst 900 ms"),
        ([0, 1, 62, 99], 1, 0, [], None, None),
        ([0, 1, 63, 99], 0, 1, [], UNSTEADY, "0 to 63 ms, at worst 99 ms"),
        # ... and beside that of the others.
        ([0, 1, 24, 25], 0, 0, flat(1), None, None),
        ([0, 1, 25, 25], 0, 0, flat(1), UNSTEADY, "0 to 25 ms, at worst 25 ms"),
        ([0, 1, 32, 33], 0, 0, [[3, 4, 7, 90]], None, None),
        ([0, 1, 33, 34], 0, 0, [[3, 4, 7, 90]], UNSTEADY, "0 to 33 ms, at worst 34 ms"),
        ([0, 1, 33, 34], 0, 0, [[3, 4, 8, 90]], None, None),
        ([0, 1, 33, 34], 0, 0, [[2, 4, 7, 9]], None, None),
        # A slow path is slow, however unsteady it is.
        ([0, 101, 300, 400], 0, 0, [], SLOW, "101 ms"),
    ],
)
def test_delays(
    delay: DELAYS, late: float, dwell: float, beside: list[DELAYS], kind: str | None, text: str | None
) -> None:
    found = _quality._delayed(on_time(delay_ms=delay, late_ms=late, dwell_ms=dwell), others("delay_ms", beside), GIVEN)
    assert found == (Symptom(kind, text) if kind else None)


@pytest.mark.parametrize(
    ("values", "usual"),
    [([], None), ([5], 5), ([3, 2], 2), ([3, 2, 1], 1), ([4, 3, 2, 1], 2), ([1, 2, 3, 4, 5, 6, 7, 8], 3)],
)
def test_what_is_usual_is_a_quarter_from_the_best(values: list, usual: float | None) -> None:
    assert _quality._usual(others("delay_ms", flat(*values)), lambda delay: delay[1]) == usual


@pytest.mark.parametrize(
    ("value", "usual", "beyond"),
    [(100, None, False), (100.1, None, True), (100.1, 99, True), (40, 1, False), (40.1, 1, True), (48, 6, False), (48.1, 6, True), (99, 0, True)],
)  # fmt: skip
def test_beyond_a_limit_or_far_beyond_the_others(value: float, usual: float | None, beyond: bool) -> None:
    assert _quality._beyond(value, usual, 100.0) is beyond


# --- Rates and queues


CAP = {"100": [20, 17], "600": [20, 20], "1450": [20, 0]}


@pytest.mark.parametrize(
    ("answered", "delay", "sizes", "text"),
    [
        (57, [1, 26, 40, 50], None, "a queue fills up, from 1 to 50 ms, and overflows"),
        (58, [1, 26, 40, 50], None, None),  # two lost packets are chance
        (57, [1, 25, 40, 48], None, None),  # a rise of 24 ms is just not noticeable
        (57, [1, 26, 40, 51], None, None),  # as far to the median as from there to the worst: no queue
        (57, [1, 26, 70, 40], None, "a queue fills up, from 1 to 40 ms, and overflows"),
        (40, [1, 26, 40, 50], {**CAP, "100": [20, 20]}, None),  # only those that never pass are lost
        (37, [1, 26, 40, 50], CAP, "a queue fills up, from 1 to 50 ms, and overflows"),
        (38, [1, 26, 40, 50], CAP, None),
    ],
)
def test_a_queue_that_overflows(answered: int, delay: DELAYS, sizes: dict | None, text: str | None) -> None:
    measured = on_time(answered=answered, delay_ms=delay, **({"sizes": sizes} if sizes else {}))
    assert _quality._narrow(measured, [], GIVEN) == (Symptom(NARROW, text) if text else None)


@pytest.mark.parametrize(
    ("rate", "beside", "text"),
    [
        (None, [90.0], None),  # not measured
        (0, [90.0], None),
        (5, [90.0], None),
        (4.9, [90.0], "4.9 Mbit/s, others 90"),
        # Eight times below the others, a quarter from the best of them.
        (4.5, [36.0], "4.5 Mbit/s, others 36"),
        (4.5, [35.9], None),
        (4.5, [10.0, 20.0, 90.0], "4.5 Mbit/s, others 90"),
        (4.5, [20.0, 90.0, 36.0, 10.0], "4.5 Mbit/s, others 36"),
        (4.5, [20.0, 90.0, 35.0, 10.0], None),
        (4.5, [1.0, 2.0, 3.0, 4.0, 5.0, 36.0, 90.0, 91.0], "4.5 Mbit/s, others 36"),
        # Without another rate it must be four times below the limit.
        (1.25, [], None),
        (1.24, [], "1.24 Mbit/s"),
        (1.25, [None, 0], None),
        (1.24, [None, 0], "1.24 Mbit/s"),
        (4.5, [None, 0, 36.0], "4.5 Mbit/s, others 36"),
    ],
)
def test_a_rate_below_the_limit_and_far_below_the_others(rate: float | None, beside: list, text: str | None) -> None:
    found = _quality._narrow(on_time(mbit=rate), others("mbit", beside), GIVEN)
    assert found == (Symptom(NARROW, text) if text else None)


def test_a_train_may_lack_a_rate() -> None:
    bare, beside = on_time(), path("x", "y")
    for measured in (bare, beside.train):
        del measured["mbit"]
    assert _quality._narrow(bare, [beside], GIVEN) is None
    assert _quality._narrow(on_time(mbit=1.24), [beside, Path("x", "z", None)], GIVEN) == Symptom(NARROW, "1.24 Mbit/s")


# --- Losses


def lossy(lost: int, **parts: object) -> dict:
    return on_time(answered=60 - lost, **parts)


@pytest.mark.parametrize(
    ("mine", "back", "kind", "text"),
    [
        (lossy(2), [], None, None),  # chance
        (lossy(3), [], LOST, "5 % lost"),
        (lossy(0), [lossy(9)], None, None),  # the other way's
        (lossy(1), [lossy(1)], None, None),
        (lossy(1), [lossy(2)], None, None),  # 3 of 120 are the limit
        (lossy(1), [lossy(3)], LOST, "2 % lost"),
        (lossy(1), [on_time(sent=58, answered=56)], LOST, "2 % lost"),  # 3 of 118 are more
        (on_time(sent=120, answered=117), [], None, None),
        (on_time(sent=119, answered=116), [], LOST, "3 % lost"),
        # One after the other, and not here and there.
        (lossy(14, gap=8), [], FLAPS, "23 % lost, 8 packets in a row"),
        (lossy(14, gap=7), [], LOST, "23 % lost"),
        (lossy(15, gap=8), [], FLAPS, "25 % lost, 8 packets in a row"),
        (lossy(16, gap=8), [], LOST, "27 % lost"),
        (lossy(16, gap=9), [], FLAPS, "27 % lost, 9 packets in a row"),
        (lossy(52, gap=40), [], FLAPS, "87 % lost, 40 packets in a row"),
        (lossy(53, gap=40), [], LOST, "88 % lost"),
        # What never passes for its size is another matter.
        (lossy(20, sizes={**CAP, "100": [20, 20]}), [], None, None),
        (lossy(22, sizes={**CAP, "100": [20, 18]}), [], None, None),
        (lossy(23, sizes=CAP), [], LOST, "5 % lost"),
        # A process without a processor proves no loss.
        (lossy(30, late_ms=1000), [], LOST, "50 % lost"),
        (lossy(30, late_ms=1001), [], None, None),
        (lossy(30, dwell_ms=1001), [], None, None),
        (on_time(sent=58, answered=56), [lossy(1, late_ms=1000)], LOST, "3 % lost"),
        (on_time(sent=58, answered=56), [lossy(1, late_ms=1001)], None, None),  # nor does it with others
    ],
)
def test_losses(mine: dict, back: list[dict], kind: str | None, text: str | None) -> None:
    found = _quality._lost(Path("a", "b", mine), [Path("b", "a", row) for row in back], GIVEN["loss"])
    assert found == (Symptom(kind, text) if kind else None)


@pytest.mark.parametrize(
    ("measured", "dead", "starved", "cut"),
    [
        (None, False, False, False),
        (on_time(), False, False, False),
        (on_time(late_ms=1001, dwell_ms=1001), False, False, False),  # nothing lacks
        (lossy(1, late_ms=1000, dwell_ms=1000), False, False, False),
        (lossy(1, late_ms=1001), False, True, False),
        (lossy(1, dwell_ms=1001, error="no route to host"), False, True, False),
        (lossy(60), True, False, True),
        (lossy(60, late_ms=1001), True, True, False),
        (lossy(60, late_ms=1001, error=None), True, True, False),
        (lossy(60, late_ms=1001, error="no route to host"), True, True, True),
    ],
)
def test_a_dead_path_a_starved_one_and_one_that_is_cut(
    measured: dict | None, dead: bool, starved: bool, cut: bool
) -> None:
    found = Path("a", "b", measured)
    assert (found.dead, found.starved, found.cut, found.pair) == (dead, starved, cut, ("a", "b"))


# --- Sizes


@pytest.mark.parametrize(
    ("sizes", "capped", "lost", "text"),
    [
        ({"100": [10, 8], "1450": [10, 2]}, True, 8, "100 bytes pass, 1450 do not"),
        ({"100": [10, 7], "1450": [10, 2]}, False, 0, None),
        ({"100": [10, 8], "1450": [10, 3]}, False, 0, None),
        ({"1450": [10, 0]}, False, 0, None),
        ({}, False, 0, None),
        ({"100": [10, 10], "1450": [10, 10]}, False, 0, None),
        ({"1450": [10, 0], "600": [10, 3], "100": [10, 9]}, True, 10, "600 bytes pass, 1450 do not"),
        ({"1450": [10, 0], "600": [10, 2], "100": [10, 9]}, True, 18, "100 bytes pass, 1450 do not"),
    ],
)
def test_large_packets_that_never_pass(sizes: dict, capped: bool, lost: int, text: str | None) -> None:
    measured = on_time(sizes=sizes)
    assert _quality.is_capped(measured) is capped
    assert _quality._of_capped(measured) == lost
    assert _quality._capped(measured) == (Symptom(CAPPED, text) if text else None)


# --- Packets that are changed, repeated or out of order


@pytest.mark.parametrize(("key", "kind"), [("corrupt", CORRUPT), ("repeated", REPEATED), ("reordered", REORDERED)])
@pytest.mark.parametrize(
    ("mine", "back", "bad"), [(3, 0, True), (2, 0, False), (1, 2, True), (1, 1, False), (0, 9, False)]
)
def test_both_ways_are_counted_and_a_way_without_any_is_not_named(
    key: str, kind: str, mine: int, back: int, bad: bool
) -> None:
    here, there = path("a", "b", **{key: mine}), path("b", "a", **{key: back})
    found = _quality.symptoms(Draft(), [here, there])
    assert found.get(("a", "b")) == ([Symptom(kind, f"{mine} of 60")] if bad else None)


@pytest.mark.parametrize(("key", "bad"), [("corrupt", True), ("repeated", True), ("reordered", False)])
def test_a_busy_machine_neither_corrupts_nor_repeats(key: str, bad: bool) -> None:
    layer = [path("a", "b", late_ms=101, **{key: 5})]
    assert bool(_quality.symptoms(Draft(), layer)) is bad


@pytest.mark.parametrize(
    ("trains", "least"),
    [
        ([{}], 3),
        ([{"late_ms": 100}, {"dwell_ms": 100}], 3),
        ([{"late_ms": 101}, {}], 12),
        ([{}, {"dwell_ms": 101}], 12),
        ([{"late_ms": 101, "sent": 20}], 3),
        ([{"late_ms": 101, "sent": 40}], 4),
    ],
)
def test_a_busy_machine_may_reorder_a_tenth(trains: list[dict], least: float) -> None:
    assert _quality._jumble([on_time(**parts) for parts in trains]) == least


# --- Which paths a path is compared with


def delays(**medians: float) -> list[Path]:
    """Paths named by their ends, each with its delay."""
    return [path(*name, delay_ms=[delay] * 4) for name, delay in medians.items()]


def bad(layer: list[Path]) -> set[str]:
    return {"".join(pair) for pair in _quality.symptoms(Draft(), layer)}


def test_a_path_is_compared_with_those_of_other_nodes() -> None:
    assert bad(delays(ab=90, ac=90, bc=1, bd=1, cd=1)) == {"ab", "ac"}
    assert "ab" in bad(delays(ab=90, ac=90, ca=90, ad=90, da=90, cd=1)), (
        "most others are slow as well, by the same node"
    )
    assert bad(delays(ab=90, ac=90, ad=90, cd=1, bd=1, bc=1)) == {"ab", "ac", "ad"}
    assert bad(delays(ab=90, ac=90, ad=90, cd=80, bd=80, bc=80)) == set()


def test_without_such_paths_any_but_its_own_way_back_is_a_measure() -> None:
    assert bad(delays(ab=90, ba=90, ac=1, ca=1, bc=1, cb=1)) == {"ab", "ba"}
    assert "ab" not in bad(delays(ab=90, ba=1, ac=80))
    assert bad(delays(ab=90, ba=1)) == set()


def test_what_was_not_measured_or_is_dead_is_neither_bad_nor_a_measure() -> None:
    dead = path("c", "d", answered=0, delay_ms=[1, 1, 1, 1], corrupt=9)
    assert bad([*delays(ab=90), Path("c", "d", None), dead]) == set()


def test_the_limits_of_the_run_win() -> None:
    assert _quality.limits(Draft()) == _quality.LIMITS
    facts = Draft(settings={"quality": {"delay": 5.0}})
    assert _quality.limits(facts) == {**_quality.LIMITS, "delay": 5.0}
    layer = delays(ab=6)
    assert _quality.symptoms(facts, layer) == {("a", "b"): [Symptom(SLOW, "6 ms")]}
    assert _quality.symptoms(Draft(), layer) == {}


def test_each_limit_is_used_for_its_own_measure() -> None:
    layer = [path("a", "b", delay_ms=[10, 50, 90, 95], mbit=4.0, answered=54)]  # 10 % are lost
    sound = {"loss": 10.0, "delay": 50.0, "jitter": 80.0, "rate": 16.0}
    assert _quality.symptoms(Draft(settings={"quality": sound}), layer) == {}
    for key, value, kind in (
        ("loss", 9.9, LOST),
        ("delay", 49.9, SLOW),
        ("jitter", 79.9, UNSTEADY),
        ("rate", 16.1, NARROW),
    ):
        found = _quality.symptoms(Draft(settings={"quality": {**sound, key: value}}), layer)
        assert [row.kind for row in found["a", "b"]] == [kind]


def test_large_packets_that_do_not_pass_are_a_symptom_of_their_own() -> None:
    layer = [path("a", "b", answered=40, sizes={**CAP, "100": [20, 20]})]
    assert _quality.symptoms(Draft(), layer) == {("a", "b"): [Symptom(CAPPED, "600 bytes pass, 1450 do not")]}


def test_paths_of_a_layer_are_those_of_its_pairs_measured_or_not() -> None:
    here, there = on_time(mbit=1), on_time(mbit=2)
    facts = Draft(trains={"a": {_quality.ident("wire", "b"): here, _quality.ident("icmp", "b"): there}})
    pairs = [("a", "b"), ("a", "c"), ("d", "a")]
    assert _quality.paths(facts, "wire", pairs) == [Path("a", "b", here), Path("a", "c", None), Path("d", "a", None)]
    assert _quality.paths(facts, "icmp", pairs[:1]) == [Path("a", "b", there)]


# --- The cell of a matrix


@pytest.mark.parametrize(
    ("measured", "symptoms", "cell"),
    [
        (None, None, None),
        (on_time(delay_ms=[1, 2.34567, 3, 4]), None, 0.00235),
        (lossy(60, error="network is unreachable"), None, "network is unreachable"),
        (lossy(60, error=None), None, "no answer"),
        (lossy(60), None, "no answer"),
        (on_time(), [Symptom("is slow", "9 ms"), Symptom("repeats packets", "3 of 60")], "is slow: 9 ms; repeats packets: 3 of 60"),
    ],
)  # fmt: skip
def test_a_cell_is_the_delay_in_seconds_or_what_is_bad(measured: dict | None, symptoms: list | None, cell) -> None:
    assert _quality.cell(Path("a", "b", measured), symptoms) == cell


# --- What is sent


def test_trains_of_a_swarm() -> None:
    wire = {"address": "10.77.0.12", "where": "host", "packets": 58}
    rows = _trains.requests(healthy())["vm1"]
    assert [row for row in rows if row["id"].endswith("/vm2")] == [
        {**wire, "id": "PATH-QUALITY/wire/vm2", "kind": "udp", "port": 4789},
        {**wire, "id": "PATH-QUALITY/icmp/vm2", "kind": "icmp"},
        {
            **wire, "id": "PATH-QUALITY/mesh/vm2", "kind": "udp", "port": 30001, "plain": True, "most": 1450, "packets": 29,
            "patience": _trains.SET_UP,
        },
        *(
            {
                "address": network["subnets"][0].replace("0/24", "11"), "port": 19747, "kind": "udp", "where": "probe",
                "id": f"PATH-QUALITY/{network['id'][:12]}/vm2", "packets": 58,
            }
            for network in NETWORKS
        ),
    ]  # fmt: skip
    vip = f"PATH-QUALITY/vip-{PLAIN['id'][:12]}"
    assert [
        (row["id"], row["address"], row["plain"], row["patience"]) for row in rows if row["id"].startswith(vip)
    ] == [(f"{vip}/{number}", healthy().vips[PLAIN["id"]], True, _trains.SET_UP) for number in range(3)]


def test_trains_need_an_address_and_icmp_needs_ipv4() -> None:
    facts = healthy()
    facts.under_test = []
    facts.nodes["vm2"]["address"], facts.nodes["vm3"]["address"] = "fd00::12", None
    assert [row["id"] for row in _trains.requests(facts)["vm1"]] == ["PATH-QUALITY/wire/vm2"]
    facts.nodes["vm2"]["address"] = "eth7"
    assert "vm1" not in _trains.requests(facts)
    facts = healthy()
    facts.swarm = {}
    facts.under_test, facts.vips = [PLAIN], {}
    assert [row["id"].split("/")[1:] for row in _trains.requests(facts)["vm1"]] == [
        [PLAIN["id"][:12], other] for other in ("vm2", "vm3")
    ]


@pytest.mark.parametrize(("number", "packets"), [(4, 60), (15, 60), (16, 56), (45, 20), (50, 18), (90, 20)])
def test_a_node_with_many_paths_sends_shorter_trains(number: int, packets: int) -> None:
    facts = Draft(
        hosts=["a", "b"],
        under_test=[dict(PLAIN, id=f"n{place}") for place in range(number)],
        probes={host: {f"n{place}": "10.0.9.9" for place in range(number)} for host in ("a", "b")},
    )
    assert {row["packets"] for row in _trains.requests(facts)["a"]} == {packets}


def test_a_kernel_that_balances_nothing_is_asked_nothing_through_balancers() -> None:
    facts = healthy()
    facts.opened["vm2"]["kernel"]["modules"]["ip_vs"] = "missing"
    rows = {host: {row["id"].split("/")[1] for row in found} for host, found in _trains.requests(facts).items()}
    assert not any(layer.startswith("vip-") for layer in rows["vm2"])
    assert any(layer.startswith("vip-") for layer in rows["vm1"])
    asked = {host: dp_matrix.balanced(facts, PLAIN, host)[0] for host in ("vm1", "vm2")}
    assert asked["vm2"]["count"] == 2 and "count" not in asked["vm1"]
    ids = {row["id"] for found in _trains.requests(facts).values() for row in found}
    assert "PATH-QUALITY/mesh/vm2" not in ids and "PATH-QUALITY/mesh/vm3" in ids
    facts.published_udp = None
    assert not any("/mesh/" in row["id"] for found in _trains.requests(facts).values() for row in found)


def crowd(hosts: int, networks: int) -> Draft:
    """A swarm of this size, as far as trains are concerned."""
    facts = healthy()
    names = [f"vm{number}" for number in range(1, hosts + 1)]
    facts.update(
        hosts=names,
        nodes={host: dict(facts.nodes["vm1"], address=f"10.77.0.{place}") for place, host in enumerate(names, 11)},
        opened=dict.fromkeys(names, facts.opened["vm1"]),
        under_test=[dict(PLAIN, id=f"n{place}") for place in range(networks)],
        probes={host: {f"n{place}": "10.0.9.9" for place in range(networks)} for host in names},
        vips={f"n{place}": "10.0.9.2" for place in range(networks)},
    )
    return facts


@pytest.mark.parametrize(("hosts", "networks"), [(3, 2), (3, 40), (10, 3), (20, 10), (50, 1), (50, 20)])
def test_a_large_swarm_measures_some_paths_inside_networks_and_all_of_the_wire(hosts: int, networks: int) -> None:
    facts = crowd(hosts, networks)
    sent = _trains.requests(facts)
    for host, rows in sent.items():
        bursts = sum(20 for row in rows if not row.get("plain") and row["kind"] == "udp")
        assert sum(row["packets"] / (3 if row["kind"] == "icmp" else 1) for row in rows) + bursts <= 2000, host
        wire = {row["id"].rpartition("/")[2] for row in rows if "/wire/" in row["id"]}
        assert wire == {target for source, target in _paths.host_pairs(facts) if source == host}
    asked: set[tuple[str, str]] = set()
    for network in facts.under_test:
        found = _trains.pairs(facts, network)
        assert {pair[::-1] for pair in found} == set(found)  # a loss counts with the way back
        asked.update(found)
    if networks >= 10:
        assert asked == set(_paths.pairs(facts, "n0"))  # each pair on some network
    if (hosts, networks) in ((3, 2), (10, 3), (50, 1)):
        assert all(_trains.pairs(facts, network) == _paths.pairs(facts, network["id"]) for network in facts.under_test)
