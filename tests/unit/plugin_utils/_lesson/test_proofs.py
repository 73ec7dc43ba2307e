# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every step is proven by what a real lab told, and every proof can fail."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import lesson, proofs

from . import walked

STEPS = walked.LESSON.steps
CORRECTED = {"data-encrypted", "on-ingress", "ip-only"}
Change = Callable[[dict[str, Any], int], object]


def dones(walk: dict, number: int) -> Iterator[dict]:
    """What every host told in a round."""
    for rows in (walk["rounds"][number]["registered"].get(name, {}) for name in ("lesson_changed", "lesson_watched")):
        yield from (row["seen"] for row in rows.values() if row["seen"])


def answers(step: str, output: str, code: int | None = 0) -> Change:
    """Every line of a step gets another answer."""

    def change(walk: dict, number: int) -> None:
        for done in dones(walk, number):
            for line in done["said"].get(step, []):
                line.update(output=output, code=code)

    return change


def letters(**values: Any) -> Change:
    def change(walk: dict, number: int) -> None:
        for done in dones(walk, number):
            if done["letter"]:
                done["letter"].update(values)

    return change


def networks(host: str, network: str, back: int = 0, **values: Any) -> Change:
    """A host's view of a network is another one."""

    def change(walk: dict, number: int) -> None:
        look = walk["rounds"][number - back]["registered"]["lesson_watched"][host]["seen"]["look"]
        own = next((row for row in look["networks"] if row["name"] == network), None)
        if own is None:
            own = dict(look["networks"][0], name=network, ours=True)
            look["networks"].append(own)
        own.update(values)

    return change


def containers(**values: Any) -> Change:
    def change(walk: dict, number: int) -> None:
        for done in dones(walk, number):
            for row in done["look"]["containers"]:
                row.update(values)

    return change


def manager(change_swarm: Callable[[dict], object]) -> Change:
    """What the manager knows is something else."""

    def change(walk: dict, number: int) -> None:
        swarms = [done["look"]["swarm"] for done in dones(walk, number)]
        swarms += [row["seen"]["look"]["swarm"] for row in walk["rounds"][0]["registered"]["lesson_ready"].values()]
        for swarm in filter(None, swarms):
            change_swarm(swarm)

    return change


def ready(**values: Any) -> Change:
    return lambda walk, number: [
        row["seen"].update(values) for row in walk["rounds"][0]["registered"]["lesson_ready"].values()
    ]


def with_esp(walk: dict, number: int) -> None:
    for row in walk["rounds"][0]["registered"]["lesson_ready"].values():
        row["seen"]["modules"]["modules"]["esp4"] = "loaded"


def late(step: str) -> Change:
    def change(walk: dict, number: int) -> None:
        for done in dones(walk, number):
            for line in done["said"].get(step, []):
                line["late"] = True

    return change


def on_one_node(walk: dict, number: int) -> None:
    manager(lambda swarm: [row.update(node=swarm["members"][0]["id"]) for row in swarm["tasks"]])(walk, number)


GARBAGE = [(step.id, answers(step.id, "something else", 1)) for step in STEPS if step.typed]
LATE = [(step.id, late(step.id)) for step in STEPS if step.typed and step.id not in ("by-name", "service-discovery")]
SPOILT: list[tuple[str, Change]] = [
    *GARBAGE,
    *LATE,
    ("network-list", networks("vm2", "ingress", driver="bridge")),
    ("ingress-is-overlay", networks("vm3", "ingress", name="other")),
    ("data-encrypted", letters(clear={"clara": 0, "cifrada": 0})),
    ("data-encrypted", letters(clear={"clara": 9, "cifrada": 1})),
    ("data-encrypted", with_esp),
    ("certificates", manager(lambda swarm: swarm["members"][1].update(trust_root="other"))),
    ("certificates", ready(certificate={"error": "no such file"})),
    ("certificates", ready(certificate={"subject": {"CN": "somebody", "OU": "swarm-worker"}, "not_after": 0})),
    ("hosts-of-a-cluster", letters(answered={"clara": ["vm1"]})),
    ("hosts-running-docker", manager(lambda swarm: swarm["members"][2].update(state="down"))),
    ("service-create", manager(lambda swarm: swarm["tasks"].clear())),
    ("ping-without-network", answers("ping-without-network", "64 bytes from 10.0.1.3: seq=0 ttl=64", None)),
    ("on-ingress", containers(networks={"ingress": "10.0.0.9"})),
    ("on-ingress", containers(service="other")),
    ("ip-only", manager(lambda swarm: [row.update(networks={}) for row in swarm["tasks"]])),
    ("know-the-ip", on_one_node),
    ("network-create", networks("vm1", "my_overlay", name="other")),
    ("network-list-again", networks("vm2", "my_overlay")),
    ("service-create-on-network", manager(lambda swarm: [row.update(networks={}) for row in swarm["tasks"]])),
    ("ping-by-name", answers("ping-by-name", "ping: bad address", None)),
    ("ping-by-name", on_one_node),
    ("lazy", networks("vm2", "my_overlay", back=1)),
    ("lazy", containers(networks={})),
    ("lazy-only-with-tasks", containers(networks={})),
    ("lazy-only-with-tasks", networks("vm2", "my_overlay", held=True)),
    ("by-name", answers("by-name", "Server: 127.0.0.11\nAddress: 127.0.0.11:53\n\nName: servico\nAddress: 10.0.3.2\nAddress: 10.0.3.3\n")),
    ("service-discovery", answers("service-discovery", "Server: 127.0.0.11\n\nName: tasks.servico\nAddress: 10.0.3.99\n")),
    ("standalone-refused", answers("standalone-refused", "not manually attachable", 0)),
    ("attachable", networks("vm3", "my_overlay")),
    ("standalone-attached", containers(networks={})),
    ("standalone-attached", containers(name="other")),
]  # fmt: skip


def verdict(walk: dict, step: lesson.Step) -> proofs.Finding:
    return proofs.prove(walked.seen(walk, walked.number_of(step.id)), step)


def test_every_step_has_a_proof() -> None:
    assert list(proofs.PROOFS) == [step.id for step in STEPS]


@pytest.mark.parametrize("step", STEPS, ids=lambda step: step.id)
def test_a_real_lab_proves_the_step(step: lesson.Step) -> None:
    finding = verdict(walked.load(), step)
    assert finding.verdict == ("corrected" if step.id in CORRECTED else "confirmed"), finding.evidence


@pytest.mark.parametrize(
    ("step", "change"), SPOILT, ids=[f"{step}-{number}" for number, (step, dummy) in enumerate(SPOILT)]
)
def test_every_proof_can_fail(step: str, change: Change) -> None:
    walk = walked.load()
    change(walk, walked.number_of(step))
    finding = verdict(walk, next(row for row in STEPS if row.id == step))
    assert finding.verdict == "failed", finding.evidence
    for row in finding.evidence:
        for language in lesson.LANGUAGES:
            assert walked.LESSON.said(language, row.key, **row.values)


def test_every_proof_is_spoilt_once() -> None:
    assert {step for step, dummy in SPOILT} == {step.id for step in STEPS}


def test_the_words_of_the_evidence_are_those_that_are_used() -> None:
    text = "".join(Path(module.__file__).read_text(encoding="utf-8") for module in (proofs, walked.story))
    used = set(re.findall(r'"([a-z-]+)"', text))
    assert set(walked.LESSON.words) <= used, set(walked.LESSON.words) - used


def test_esp_is_the_second_half_where_the_kernel_has_it() -> None:
    walk = walked.load()
    with_esp(walk, 1)
    letters(esp={"10.81.7.12": 9})(walk, 1)
    step = next(row for row in STEPS if row.id == "data-encrypted")
    finding = verdict(walk, step)
    assert finding.verdict == "corrected"
    assert "esp-frames" in [row.key for row in finding.evidence]
    assert "esp-impossible" not in [row.key for row in finding.evidence]


@pytest.mark.parametrize(
    ("output", "addresses"),
    [
        ("Server:         127.0.0.11\nAddress:        127.0.0.11:53\n\nName:   servico\nAddress: 10.0.3.2\n", ["10.0.3.2"]),
        ("Server:    127.0.0.11\nAddress 1: 127.0.0.11\n\nName:      tasks\nAddress 1: 10.0.1.3 a.b\nAddress 2: 10.0.1.4 c.d", ["10.0.1.3", "10.0.1.4"]),
        ("** server can't find x: NXDOMAIN", []),
    ],
)  # fmt: skip
def test_answers_of_nslookup(output: str, addresses: list[str]) -> None:
    assert proofs.resolved(output) == addresses
