# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a node holds of its networks, read twice: what counts as present, missing, or told in gossip."""

from __future__ import annotations

import time

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._verify import gathering

RAW = {
    "Services": {
        "web": {
            "VIP": "10.0.1.5",
            "Tasks": [
                {"EndpointIP": "10.0.1.7", "Info": {"Host IP": "10.77.0.12"}},
                {"EndpointIP": "10.0.1.6", "Info": {"Host IP": "10.77.0.11"}},
            ],
        },
        "rr": {"VIP": "<nil>", "Tasks": [{"EndpointIP": "10.0.1.9", "Info": None}]},
        "idle": {"VIP": "", "Tasks": None},
    },
    "Containers": {
        "b": {"IPv4Address": "10.0.1.7/24", "MacAddress": "02:42:07"},
        "a": {"IPv4Address": "10.0.1.6/24", "MacAddress": "02:42:06"},
        "lb-front": {"IPv4Address": "", "MacAddress": "02:42:02"},
    },
}


def test_records_are_virtual_addresses_and_tasks_with_their_nodes() -> None:
    assert gathering.records(RAW) == [
        "rr 10.0.1.9 ",
        "web 10.0.1.6 10.77.0.11",
        "web 10.0.1.7 10.77.0.12",
        "web vip 10.0.1.5",
    ]
    assert gathering.records({"Services": None}) == []


def test_local_endpoints_are_those_with_an_address() -> None:
    assert gathering.local(RAW) == ["10.0.1.6 02:42:06", "10.0.1.7 02:42:07"]
    assert gathering.local({}) == []


def held(records: list, peers: list, local: list = (), mtu: int = 1450) -> dict:
    return {
        "vni": 4097, "port": 4789, "mtu": mtu, "balancer": None, "local": list(local), "peers": peers, "records": records,
    }  # fmt: skip


def test_only_what_both_readings_have_is_always_there() -> None:
    first, second = held(["a", "b"], ["p"], ["x", "y"]), held(["b", "c"], ["p", "q"], ["y", "z"], mtu=1400)
    found = gathering.settled({"n1": first, "gone": first}, {"n1": second, "new": second})
    assert set(found) == {"n1", "new"} and found["n1"]["mtu"] == 1400
    assert found["n1"]["records"] == {"always": ["b"], "ever": ["a", "b", "c"]}
    assert found["n1"]["peers"] == {"always": ["p"], "ever": ["p", "q"]}
    assert (found["n1"]["local"], found["n1"]["left"]) == (["y", "z"], ["x"])
    assert found["new"]["records"] == {"always": [], "ever": ["b", "c"]} and found["new"]["left"] == []


PLAN = {"needs": ["probe"], "network_ids": ["n1", "n2"], "probes": {"n1": ["10.0.1.6", "10.0.1.7"]}}


@pytest.mark.parametrize(
    ("records", "untold"),
    [
        (["web 10.0.1.6 10.77.0.11", "web 10.0.1.7 10.77.0.12"], []),
        (["web 10.0.1.6 10.77.0.11"], ["n1"]),
        (["web vip 10.0.1.7", "web 10.0.1.6 10.77.0.11"], ["n1"]),  # a virtual address is no task
        ([], ["n1"]),
    ],
)
def test_a_probe_without_a_record_is_untold(records: list, untold: list) -> None:
    seen = {"n1": held(records, []), "n2": held([], [])}
    assert gathering.untold(seen, PLAN) == untold


def test_a_run_that_needs_no_network_reads_none() -> None:
    assert gathering.look(None, {**PLAN, "needs": ["certificate"]}, "/nowhere") == {}


def readings(monkeypatch, rows: list) -> list:
    """Each reading takes the next row; the last one stays."""
    taken: list = []

    def look(*_given: object) -> dict:
        taken.append(rows[min(len(taken), len(rows) - 1)])
        return taken[-1]

    monkeypatch.setattr(gathering, "look", look)
    monkeypatch.setattr(gathering.time, "sleep", lambda _seconds: None)
    return taken


WHOLE = held(["web 10.0.1.6 h", "web 10.0.1.7 h"], ["10.0.1.7 02 h"], ["10.0.1.6 02"])


def test_the_second_reading_waits_for_gossip_and_for_the_kernel(monkeypatch) -> None:
    untold, unplugged = held(["web 10.0.1.6 h"], ["10.0.1.7 02 h"], ["10.0.1.6 02"]), dict(WHOLE, peers=[])
    taken = readings(monkeypatch, [{"n1": untold}, {"n1": unplugged}, {"n1": WHOLE}])
    assert gathering.look_again(None, PLAN, "", time.monotonic() + 60) == {"n1": WHOLE}
    assert len(taken) == 3


def test_the_second_reading_ends_at_its_deadline(monkeypatch) -> None:
    taken = readings(monkeypatch, [{"n1": held([], [])}])
    assert gathering.look_again(None, PLAN, "", time.monotonic() - 1) == {"n1": held([], [])}
    assert len(taken) == 1


def test_a_bad_request_or_a_lossy_train_casts_suspicion_on_its_network() -> None:
    seen = {
        "observations": {"DP-MATRIX/n1/vm2/tcp": {"ok": True}, "DP-MATRIX/n2/vm2/tcp": {"ok": False}},
        "trains": {
            "PATH-QUALITY/n3/vm2": {"sent": 9, "answered": 9},
            "PATH-QUALITY/n4/vm2": {"sent": 9, "answered": 8},
        },
    }
    assert [ident for ident, bad in gathering._outcomes(seen) if bad] == ["DP-MATRIX/n2/vm2/tcp", "PATH-QUALITY/n4/vm2"]
