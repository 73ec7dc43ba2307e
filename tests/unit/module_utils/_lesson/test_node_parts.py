# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a lesson on a node: the screen, the shell that is typed into, the docker that adds labels, the letter."""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from pathlib import Path
from typing import ClassVar

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._lesson import house, letter, phases, screen, terminal
from ansible_collections.swarmlab.overlay.plugins.module_utils._probe import netns

PROGRESS = (
    "overall progress: 0 out of 2 tasks\r\n1/2:  \r\n2/2:  \r\n\x1b[3A\x1b[2K\roverall progress: 2 out of 2 tasks\r\n"
    "\x1b[2K\r1/2: running\r\n\x1b[2K\r2/2: running\r\nverify: Service x converged\r\n"
)


@pytest.mark.parametrize(
    ("stream", "shown"),
    [
        ("a\r\nb\r\n", "a\nb"),
        ("progress 10%\rprogress 99%\n", "progress 99%"),
        (PROGRESS, "overall progress: 2 out of 2 tasks\n1/2: running\n2/2: running\nverify: Service x converged"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("ab\b\bcd", "cd"),
        ("a\tb", "a       b"),
        ("long\r\x1b[Kx", "x"),
        ("one\r\ntwo\x1b[1A\x1b[Jx", "onex"),
        ("\x1b]0;title\x07text", "text"),
        ("\x1b[2Cx", "  x"),
        ("", ""),
    ],
)
def test_the_screen_shows_what_a_terminal_shows(stream: str, shown: str) -> None:
    assert screen.rendered(stream) == shown


def typed(tmp_path: Path, *lines: str, seconds: float = 20) -> list[dict]:
    with terminal.Terminal("vm1", str(tmp_path), seconds) as shell:
        return [shell.type(line) for line in lines]


def program(folder: Path, name: str, text: str) -> None:
    path = folder / name
    path.write_text("#!/bin/sh\n" + text, encoding="utf-8")
    path.chmod(0o755)


def test_lines_are_typed_and_their_answers_kept(tmp_path: Path) -> None:
    first, second, third = typed(tmp_path, "echo one; echo two", "false", "cd / && pwd")
    assert (first["prompt"], first["line"], first["output"], first["code"]) == (
        "vm1# ",
        "echo one; echo two",
        "one\ntwo",
        0,
    )
    assert (second["output"], second["code"]) == ("", 1)
    assert (third["output"], third["code"], third["late"]) == ("/", 0, False)


def test_the_lessons_programs_come_first(tmp_path: Path) -> None:
    program(tmp_path, "docker", 'echo "ours: $*"')
    assert typed(tmp_path, "docker service ls")[0]["output"] == "ours: service ls"


def test_a_shell_inside_is_entered_and_left(tmp_path: Path) -> None:
    program(
        tmp_path,
        "inner",
        'while printf \'/ # \' && read line; do [ "$line" = exit ] && exit; echo "inside: $line"; done',
    )
    with terminal.Terminal("vm1", str(tmp_path), 20) as shell:
        entered, asked = shell.type("inner"), shell.type("hello")
        shell.leave()
        after = shell.type("echo back")
    assert entered["code"] is None and asked["prompt"] == "/ # " and asked["output"] == "inside: hello"
    assert after["prompt"] == "vm1# " and after["output"] == "back"


def test_ping_is_ended_after_two_replies(tmp_path: Path) -> None:
    program(
        tmp_path,
        "ping",
        "trap 'echo statistics; exit 0' INT; i=0; while :; do echo \"64 bytes: seq=$i ttl=64\"; i=$((i+1)); sleep 0.2; done",
    )
    found = typed(tmp_path, "ping somebody", "echo next")
    assert "seq=1 ttl=64" in found[0]["output"] and "statistics" in found[0]["output"] and not found[0]["late"]
    assert found[1]["output"] == "next"


def test_what_does_not_end_is_late_and_the_shell_goes_on(tmp_path: Path) -> None:
    found = typed(tmp_path, "sleep 60", "echo next", seconds=1)
    assert found[0]["late"] and found[1]["output"] == "next"


def test_the_shell_ends_with_the_lesson(tmp_path: Path) -> None:
    with terminal.Terminal("vm1", str(tmp_path), 20) as shell:
        child = shell.child
    with pytest.raises(ProcessLookupError):
        os.kill(child, 0)


def called(tmp_path: Path, lab: bool, *words: str) -> str:
    """What the real docker is called with when these words are typed."""
    program(tmp_path, "real", 'echo "$@"')
    (tmp_path / "docker").write_text(house.wrapper(str(tmp_path / "real"), "run1", lab), encoding="utf-8")
    return subprocess.run(
        ["sh", str(tmp_path / "docker"), *words], capture_output=True, text=True, check=True
    ).stdout.strip()


LABEL = "--label swarmlab.overlay/lesson=run1"


@pytest.mark.parametrize(
    ("words", "real"),
    [
        ("network create -d overlay x", f"network create {LABEL} -d overlay x"),
        ("container run -d x", f"container run {LABEL} --stop-signal KILL -d x"),
        ("run --rm x ls", f"container run {LABEL} --stop-signal KILL --rm x ls"),
        ("create x", f"container create {LABEL} --stop-signal KILL x"),
        ("service ls", "service ls"),
        ("network rm x", "network rm x"),
        ("exec -it x sh", "exec -it x sh"),
        ("", ""),
    ],
)
def test_what_is_made_gets_the_label(tmp_path: Path, words: str, real: str) -> None:
    assert called(tmp_path, True, *words.split()) == real


def test_services_and_their_tasks_get_the_label(tmp_path: Path) -> None:
    told = called(tmp_path, False, "service", "create", "--name", "a b", "alpine", "sleep", "1d")
    assert (
        told
        == f"service create {LABEL} --container-label swarmlab.overlay/lesson=run1 --stop-signal KILL --update-monitor 1s --name a b alpine sleep 1d"
    )
    assert "--no-resolve-image" in called(tmp_path, True, "service", "create", "alpine")


def member(name: str, state: str = "ready", availability: str = "active") -> dict:
    return {"id": name, "state": state, "availability": availability}


@pytest.mark.parametrize(
    ("wanted", "tasks", "done"),
    [
        ({}, 0, True),
        ({"a": 2}, 1, False),
        ({"a": 2}, 2, True),
        ({"a": 0}, 1, False),
        ({"a": 0}, 2, True),
        ({"b": 1}, 5, False),
    ],
)
def test_a_change_is_settled_when_its_tasks_run(wanted: dict, tasks: int, done: bool) -> None:
    members = [member("1"), member("2"), member("3", "down"), member("4", "ready", "drain")]
    look = {"swarm": {"members": members, "tasks": [{"service": "a"}] * tasks}}
    assert phases.settled(look, wanted) is done


def vxlan(vni: int, content: bytes, port: int = 4789) -> bytes:
    """A frame of an overlay, without link header."""
    udp = (1).to_bytes(2, "big") + port.to_bytes(2, "big") + bytes(4)
    ip = bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 1, 10, 0, 0, 2])
    return ip + udp + bytes([8, 0, 0, 0]) + vni.to_bytes(3, "big") + b"\0" + content


def esp(spi: int) -> bytes:
    return (
        bytes([0x45, 0, 0, 0, 0, 0, 0, 0, 64, 50, 0, 0, 10, 0, 0, 1, 10, 0, 0, 3]) + spi.to_bytes(4, "big") + bytes(80)
    )


def test_the_letter_counts_what_can_be_read_and_what_cannot() -> None:
    post = {"service": "carta", "networks": {"clara": 4097, "cifrada": 4098}, "to": {}, "port": 4789}
    seen = letter._Seen("run1", post)
    for packet in (
        vxlan(4097, b"head" + letter.words("run1", "clara").encode()),
        vxlan(4097, b"something of others"),
        vxlan(4098, letter.words("run1", "cifrada").encode()),
        vxlan(4097, letter.words("run1", "clara").encode(), port=53),
        esp(77),
        esp(78),
        b"",
    ):
        seen.add(packet)
    assert seen.letter["clear"] == {"clara": 1, "cifrada": 1} and seen.letter["esp"] == {"10.0.0.3": 2}
    kinds = {frame["kind"]: bytes.fromhex(frame["bytes"]) for frame in seen.letter["frames"]}
    assert set(kinds) == {"clara", "cifrada", "esp"} and len(kinds["esp"]) == 64
    assert b"swarmlab run1 clara" in kinds["clara"] and b"of others" not in b"".join(kinds.values())


def test_a_letter_that_is_sent_late_is_still_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(netns, "enter", lambda namespace: None)
    out, wire = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)

    def send() -> None:
        time.sleep(2.2)  # a busy node starts the process late
        out.send(b"the letter")

    class Seen:
        taken: ClassVar[list[bytes]] = []

        def take(self, channel: socket.socket) -> None:
            with contextlib.suppress(TimeoutError):
                self.taken.append(channel.recv(100))

    with out, wire:
        wire.settimeout(0.1)
        letter._watch(wire, netns.begin("here", send), Seen())
    assert Seen.taken == [b"the letter"]


@pytest.mark.parametrize(
    ("leaf", "role", "other"),
    [
        ({"subject": {"OU": "swarm-worker"}}, "worker", False),
        ({"subject": {"OU": "swarm-manager"}}, "worker", True),
        ({"subject": {"OU": "swarm-worker"}}, "manager", True),
        ({"subject": {}}, "manager", True),
        ({"error": "not there"}, "manager", False),
    ],
)
def test_the_certificate_of_a_new_role_comes_a_moment_later(leaf: dict, role: str, other: bool) -> None:
    assert phases.of_another_role(leaf, role) is other
