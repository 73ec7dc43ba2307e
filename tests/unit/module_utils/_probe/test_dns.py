# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import socket
import struct
import time

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import dns, work
from hypothesis import given
from hypothesis import strategies as st

LABEL = st.from_regex(r"\A[a-z0-9_-]{1,20}\Z")
ADDRESS = st.ip_addresses(v=4).map(str)


def response(query: bytes, addresses: list[str], code: int = 0, truncated: bool = False) -> bytes:
    flags = dns.RESPONSE | code | (dns.TRUNCATED if truncated else 0)
    header = query[:2] + struct.pack("!5H", flags, 1, len(addresses), 0, 0)
    records = b"".join(
        b"\xc0\x0c" + struct.pack("!2HIH", 1, 1, 600, 4) + socket.inet_aton(address) for address in addresses
    )
    return header + query[12:] + records


@given(st.lists(LABEL, min_size=1, max_size=6), st.lists(ADDRESS, max_size=20), st.integers(0, 65535))
def test_an_answer_gives_back_the_set_of_addresses(labels: list[str], addresses: list[str], number: int) -> None:
    query = dns.encode_query(".".join(labels), number)
    answer, truncated = dns.decode_answer(response(query, addresses), number)
    assert answer.kind == ("answer" if addresses else "empty")
    assert set(answer.addresses) == set(addresses)
    assert not truncated


@given(st.binary(max_size=200))
def test_any_bytes_are_an_answer_or_malformed(packet: bytes) -> None:
    with contextlib.suppress(dns.Malformed):
        dns.decode_answer(packet, 7)


@given(st.lists(ADDRESS, min_size=1, max_size=5), st.integers(13, 200))
def test_a_cut_answer_is_malformed(addresses: list[str], length: int) -> None:
    packet = response(dns.encode_query("web", 1), addresses)
    if length < len(packet):
        with pytest.raises(dns.Malformed):
            dns.decode_answer(packet[:length], 1)


def test_addresses_are_sorted_as_numbers() -> None:
    packet = response(dns.encode_query("web", 1), ["10.0.0.10", "10.0.0.9"])
    assert dns.decode_answer(packet, 1)[0].addresses == ("10.0.0.9", "10.0.0.10")


@pytest.mark.parametrize(("code", "kind"), [(3, "nxdomain"), (2, "error"), (5, "error")])
def test_refusals(code: int, kind: str) -> None:
    assert dns.decode_answer(response(dns.encode_query("web", 1), [], code), 1)[0] == dns.Answer(kind, ())


def test_a_truncated_answer_says_so() -> None:
    assert dns.decode_answer(response(dns.encode_query("web", 1), [], truncated=True), 1)[1]


def test_another_question_s_answer_is_not_taken() -> None:
    with pytest.raises(dns.Malformed):
        dns.decode_answer(response(dns.encode_query("web", 1), []), 2)


@pytest.mark.parametrize("name", ["", "a..b", "x" * 64, ".".join(["abcdefghij"] * 25)])
def test_names_that_cannot_be_asked(name: str) -> None:
    with pytest.raises(ValueError):
        dns.encode_query(name, 1)


@pytest.mark.parametrize(
    ("expected", "observed", "missing", "unexpected"),
    [
        ([], [], [], []),
        (["10.0.0.2"], ["10.0.0.2"], [], []),
        (["10.0.0.10", "10.0.0.9"], [], ["10.0.0.9", "10.0.0.10"], []),
        (["10.0.0.2"], ["10.0.0.3"], ["10.0.0.2"], ["10.0.0.3"]),
    ],
)
def test_difference(expected: list, observed: list, missing: list, unexpected: list) -> None:
    assert dns.difference(expected, observed) == {"missing": missing, "unexpected": unexpected}


def test_nobody_there_is_told_apart_from_silence() -> None:
    assert dns.ask("web", server="127.0.0.1", seconds=0.5).kind in ("unreachable", "timeout")


@pytest.mark.parametrize("name", ["a" * 64, "a..b", ".a", "", "\u00fc" * 64, ".".join(["a" * 60] * 5)])
def test_a_name_that_cannot_be_asked_for_is_an_observation_and_costs_no_other(name: str, monkeypatch) -> None:
    monkeypatch.setattr(dns, "ask", lambda _name, seconds: dns.Answer("answer", ("10.0.1.2",)))
    asked = [
        {"id": ident, "kind": "dns", "name": given, "expected": ["10.0.1.2"], "patience": 30}
        for ident, given in (("odd", name), ("web", "web"))
    ]
    began = time.monotonic()
    seen = work.perform(asked, work.Setting("r1", "vm1", 1.0))
    assert time.monotonic() - began < 5
    assert (
        seen["web"]["ok"]
        and not seen["odd"]["ok"]
        and seen["odd"]["kind"] == "unaskable"
        and seen["odd"]["error"]
        and seen["odd"]["addresses"] == []
    )
