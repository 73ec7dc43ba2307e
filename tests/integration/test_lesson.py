# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson on a real swarm: walked from end to end, refused, interrupted by a fault, and nothing of it left behind."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import exercises, keeping, lesson
from conftest import CHECKOUT

STEPS = [step.id for step in lesson.load().steps]
CORRECTED = {"data-encrypted", "on-ingress", "ip-only"}
LABELLED = "label=swarmlab.overlay/lesson"


def leftovers(swarm) -> list[str]:
    """What of the lesson is still on the nodes."""
    left = [swarm.docker(host, "container", "ls", "-aq", "--filter", LABELLED) for host in swarm.nodes]
    left += [swarm.docker(host, "network", "ls", "-q", "--filter", LABELLED) for host in swarm.nodes]
    left += [swarm.docker("vm1", "service", "ls", "-q", "--filter", LABELLED)]
    left += [swarm.docker(host, "image", "ls", "-q", "alpine") for host in swarm.nodes]
    left += [swarm.shell(host, "ls -d /run/swarmlab-lesson 2>/dev/null || true") for host in swarm.nodes]
    return [row for row in left if row]


def story(folder: Path) -> dict:
    return json.loads((folder / "lesson.json").read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def folder(swarm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A whole lesson."""
    made = tmp_path_factory.mktemp("lesson")
    code, output = swarm.playbook("swarmlab.overlay.lesson", {"lesson_directory": str(made), "lesson_language": "en"})
    assert code == 0, output[-4000:]
    assert f"page: {made}/lesson.html" in output and "27/27 proven" in output
    yield made


def test_every_sentence_is_proven_or_corrected(folder: Path) -> None:
    told = {step["id"]: step["verdict"] for step in story(folder)["steps"]}
    assert told == {step: "corrected" if step in CORRECTED else "confirmed" for step in STEPS}


def test_the_wire_shows_the_open_network_in_clear_and_the_sealed_one_not(swarm, folder: Path) -> None:
    step = next(step for step in story(folder)["steps"] if step["id"] == "data-encrypted")
    told = [(piece["key"], piece["values"].get("node"), piece["values"].get("network")) for piece in step["evidence"]]
    for node in swarm.nodes:
        assert ("clear-frames", node, "clara") in told and ("clear-none", node, "cifrada") in told
    assert {key for key, _node, _network in told} & {"esp-frames", "esp-impossible"}
    frame = next(frame for frame in step["frames"] if frame["kind"] == "clara")
    assert b"anyone can read" in bytes.fromhex(frame["bytes"]) or b"swarmlab" in bytes.fromhex(frame["bytes"])


def test_laziness_happens_before_our_eyes(folder: Path) -> None:
    pictures = {step["id"]: step["picture"]["nodes"] for step in story(folder)["steps"]}
    workers = {step: [node for node in nodes if node["role"] == "worker"] for step, nodes in pictures.items()}
    assert not any("my_overlay" in node["known"] for node in workers["network-create"])
    running = {node["name"] for node in pictures["lazy"] if node["containers"]}
    assert {node["name"] for node in pictures["lazy"] if "my_overlay" in node["held"]} == running
    assert not any("my_overlay" in node["known"] for node in workers["attachable"])


def test_the_page_is_there(folder: Path) -> None:
    text = (folder / "lesson.html").read_text(encoding="utf-8")
    assert text.startswith("<!DOCTYPE html>") and text.count('class="picture"') == len(STEPS)
    assert (folder / "lesson.html").stat().st_mode & 0o777 == 0o600


def test_nothing_is_left(swarm, folder: Path) -> None:
    assert leftovers(swarm) == []


def test_check_mode_prints_the_script_and_does_nothing(swarm, tmp_path: Path) -> None:
    code, output = swarm.playbook(
        "swarmlab.overlay.lesson", {"lesson_directory": str(tmp_path / "none"), "lesson_steps": ["20"]}, "--check"
    )
    assert code == 0 and "ping {task1}" in output and "docker network create -d overlay my_overlay" in output
    assert "docker service ls" not in output and not (tmp_path / "none").exists() and leftovers(swarm) == []


def test_a_step_that_does_not_exist(swarm, tmp_path: Path) -> None:
    code, output = swarm.playbook(
        "swarmlab.overlay.lesson", {"lesson_directory": str(tmp_path), "lesson_steps": ["99"]}, "--check"
    )
    assert code != 0 and "no step '99'" in output and "Traceback" not in output


def test_names_of_others_are_left_alone(swarm, tmp_path: Path) -> None:
    swarm.docker("vm1", "network", "create", "-d", "overlay", "my_overlay")
    try:
        code, output = swarm.playbook(
            "swarmlab.overlay.lesson", {"lesson_directory": str(tmp_path), "lesson_steps": ["1"]}
        )
        told = " ".join(output.split())
        assert code != 0 and "vm1 has network my_overlay" in told and "Nothing was changed" in told, output
        assert swarm.docker("vm1", "network", "ls", "-q", "--filter", "name=my_overlay")
    finally:
        swarm.docker("vm1", "network", "rm", "my_overlay")
    assert leftovers(swarm) == []


def test_a_swarm_that_is_no_lab_is_asked_first(swarm, tmp_path: Path) -> None:
    """Nobody answers here; then somebody agrees, and the image is the swarm's own."""
    other = swarm.given(tmp_path, {"swarm_managers": {"m1": "vm1"}, "swarm_workers": {"w1": "vm2", "w2": "vm3"}})
    told = {"lesson_directory": str(tmp_path / "lesson"), "lesson_steps": ["hosts-of-a-cluster"]}
    code, output = other.playbook("swarmlab.overlay.lesson", told)
    said = " ".join(output.split())
    assert code != 0 and "This swarm is not a lab, and the lesson was not agreed to" in said, output
    assert leftovers(swarm) == [] and not (tmp_path / "lesson").exists()
    code, output = other.playbook("swarmlab.overlay.lesson", {**told, "lesson_agreed": True})
    assert code != 0 and "alpine" in output and leftovers(swarm) == [], output
    for host in swarm.nodes:
        swarm.docker(host, "tag", swarm.image, "alpine")
    try:
        code, output = other.playbook("swarmlab.overlay.lesson", {**told, "lesson_agreed": True})
        assert code == 0 and (tmp_path / "lesson" / "lesson.html").exists(), output
        assert all(swarm.docker(host, "images", "-q", "alpine") for host in swarm.nodes), "it was not the lesson's"
    finally:
        for host in swarm.nodes:
            swarm.docker(host, "rmi", "alpine")
    assert leftovers(swarm) == []


def test_an_exercise_is_for_labs_alone(swarm, tmp_path: Path) -> None:
    other = swarm.given(tmp_path, {"swarm_managers": {"m1": "vm1"}, "swarm_workers": {"w1": "vm2", "w2": "vm3"}})
    code, output = other.playbook("swarmlab.overlay.exercise", {"lesson_exercise": "blocked-port"})
    assert code != 0 and "given on labs alone" in " ".join(output.split()), output


@pytest.mark.rare
@pytest.mark.long
def test_a_fault_stops_the_lesson_with_its_cause(swarm, tmp_path: Path) -> None:
    rule = "INPUT -p udp --dport 4789 -j DROP"
    swarm.shell("vm2", f"iptables -w -I {rule}")
    try:
        told = {"lesson_directory": str(tmp_path), "lesson_steps": ["hosts-of-a-cluster"], "lesson_language": "en"}
        code, output = swarm.playbook("swarmlab.overlay.lesson", told)
    finally:
        swarm.shell("vm2", f"iptables -w -D {rule}")
    assert code != 0 and "The lesson stopped at step" in output and "CAUSE: " in output and "4789" in output
    kept = story(tmp_path)
    assert kept["stopped"] == "hosts-of-a-cluster" and any("vm2" in cause for cause in kept["causes"])
    assert "The lesson stopped at step" in (tmp_path / "lesson.html").read_text(encoding="utf-8")
    assert leftovers(swarm) == []


def exercise(swarm, name: str, state: str) -> tuple[int, str]:
    variables = {"lesson_exercise": name, "lesson_exercise_state": state, "lesson_language": "en"}
    return swarm.playbook("swarmlab.overlay.exercise", variables)


@pytest.mark.long
@pytest.mark.rare
@pytest.mark.parametrize("name", exercises.load())
def test_an_exercise_is_broken_until_it_is_mended(swarm, name: str) -> None:
    try:
        for state, good, words in (
            ("broken", True, exercises.find(name).title["en"]),
            ("checked", False, "It is not solved yet."),
            ("mended", True, "Solved!"),
            ("checked", True, "Solved!"),
        ):
            code, output = exercise(swarm, name, state)
            assert (code == 0) is good and words in output, f"{state}: {output[-3000:]}"
            diagnosed = state == "mended" and exercises.find(name).diagnosis
            assert ("What the proof found:" in output) is diagnosed
            if diagnosed:  # kept where the classroom looks for it, and nowhere else
                assert keeping.read_diagnosis(swarm.folder / "lesson") and not (CHECKOUT / keeping.DIAGNOSIS).exists()
    finally:
        code, output = exercise(swarm, name, "absent")
    assert code == 0, output
    assert leftovers(swarm) == [] and swarm.fault(state="listed")["faults"] == []


def test_an_exercise_that_does_not_exist(swarm) -> None:
    code, output = exercise(swarm, "nonsense", "broken")
    assert code != 0 and "no exercise 'nonsense'" in output and "blocked-port" in output and "Traceback" not in output
    assert not re.search(r"^changed:|changed=[1-9]", output, re.MULTILINE)
