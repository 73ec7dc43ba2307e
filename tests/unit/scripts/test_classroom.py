# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The classroom without a lab: its agent, a shell, the student's progress, what the browser gets, and who gets in."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import sys
import types
import typing as t
from pathlib import Path
from unittest import mock

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lesson import lesson, stream
from tornado.httpclient import AsyncHTTPClient, HTTPClientError
from tornado.httpserver import HTTPServer
from tornado.testing import bind_unused_port

CHECKOUT = Path(__file__).resolve().parents[3]
ENDED = 0.3  # seconds until the loop has seen that a killed process is gone
SHELL = ["bash", "--norc", "--noprofile"]


@pytest.fixture(scope="module")
def part() -> t.Iterator[t.Callable[[str], types.ModuleType]]:
    """A part of the classroom by its name."""
    paths = [str(CHECKOUT / "scripts"), str(CHECKOUT)]
    sys.path[:0] = paths
    yield lambda name: importlib.import_module(f"_classroom.{name}")
    for path in paths:
        sys.path.remove(path)


def test_the_agent_has_all_that_it_needs_and_says_what_is_wrong(part) -> None:
    ears = part("ears")

    async def asked() -> None:
        ear = ears.Ear([sys.executable, "-I", "-S", "-c", ears.BOOT])
        with pytest.raises(ears.Trouble, match="docker.sock|Docker"):
            await ear.ask("look", {"run": "r", "lab": True, "seconds": 1.0, "names": {}}, 30)
        assert ear.process is not None and ear.process.returncode is None, "a problem does not end the agent"
        ear.end()
        await asyncio.sleep(ENDED)

    if Path("/var/run/docker.sock").exists():
        pytest.skip("an engine runs here")
    asyncio.run(asked())


def test_a_node_that_does_not_answer_is_silent_and_asked_anew(part) -> None:
    ears = part("ears")

    async def asked() -> None:
        ear = ears.Ear(["sleep", "60"])
        with pytest.raises(ears.Trouble, match="no answer: it took too long"):
            await ear.ask("look", {}, 0.2)
        assert ear.process is None
        gone = ears.Ear(["true"])
        with pytest.raises(ears.Trouble, match="no answer"):
            await gone.ask("look", {}, 10)
        await asyncio.sleep(ENDED)

    asyncio.run(asked())


def test_a_line_is_typed_shown_and_found_again(part) -> None:
    shells = part("shells")

    async def typed() -> tuple[list, str]:
        command = ["env", f"PS1={stream.prompt_of('vm1')}", "TERM=xterm", "HISTFILE=", *SHELL]
        terminals = shells.Terminals({"vm1": command})
        assert terminals.lines("vm1") == []
        await terminals.type("vm1", "echo seen; false")
        found = terminals.lines("vm1")
        terminals.recorded["vm1"].forget()
        left = terminals.recorded["vm1"].text
        await terminals.kill_all()
        return found, left

    found, left = asyncio.run(typed())
    assert [(row["line"], row["output"].strip(), row["code"]) for row in found] == [("echo seen; false", "seen", 1)]
    assert left.startswith("\x1e1\x1e") and "seen" not in left, "a new beginning keeps the prompt alone"


def test_no_terminal_on_an_unknown_node(part) -> None:
    terminals = part("shells").Terminals({})
    with pytest.raises(Exception, match="404"):
        terminals.get_terminal("vm9")


def test_progress_is_kept_and_forgotten(part, tmp_path: Path) -> None:
    progress = part("progress")
    first = progress.Progress(tmp_path)
    assert first.verdicts == {}
    first.note("ip-only", "confirmed")
    first.note("exercise blocked-port", "failed")
    again = progress.Progress(tmp_path)
    assert again.verdicts == {"ip-only": "confirmed", "exercise blocked-port": "failed"}
    again.forget()
    assert progress.Progress(tmp_path).verdicts == {}


@pytest.mark.parametrize("text", ["", "[1]", "{", "null"])
def test_a_damaged_file_of_progress_is_an_empty_one(part, tmp_path: Path, text: str) -> None:
    (tmp_path / "lesson").mkdir()
    (tmp_path / "lesson" / "progress.json").write_text(text, encoding="utf-8")
    assert part("progress").Progress(tmp_path).verdicts == {}


def recorded() -> types.ModuleType:
    """What a lab told during a whole lesson."""
    path = CHECKOUT / "tests" / "unit" / "plugin_utils" / "_lesson" / "walked.py"
    spec = importlib.util.spec_from_file_location("walked", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_browser_gets_the_whole_lesson(part) -> None:
    taught = lesson.load()
    looks = recorded().seen(recorded().load(), 0).looks
    told = part("telling").told(taught, looks, "en", ["saved"])
    assert json.loads(json.dumps(told))["nodes"] == ["vm1", "vm2", "vm3"]
    assert told["snapshots"] == ["saved"]
    steps = [step for one in told["parts"] for step in one["steps"]]
    assert [step["id"] for step in steps] == [step.id for step in taught.steps]
    assert all(set(step["sentence"]) == set(lesson.LANGUAGES) and all(step["sentence"].values()) for step in steps)
    assert [line for step in steps for row in step["typed"] for line in row["lines"]] == [
        line for step in taught.steps for row in step.typed for line in row.lines
    ]
    assert told["exercises"] and all(row["question"]["en"] and row["hints"] for row in told["exercises"])


def test_xterm_of_the_distribution_in_both_of_its_layouts(part, tmp_path: Path, monkeypatch) -> None:
    xterm = part("xterm")
    one, many = tmp_path / "one", tmp_path / "many"
    monkeypatch.setattr(xterm, "XTERM", [one, many])
    assert xterm.script() is None and xterm.style() is None
    (many / "lib" / "common").mkdir(parents=True)
    (many / "lib" / "addons").mkdir()
    for name in ("xterm.js", "Terminal.js", "common/a.js", "a.test.js", "addons/b.js"):
        (many / "lib" / name).write_text(f"// {name}", encoding="utf-8")
    text = xterm.script().decode()
    assert [name in text for name in ('"xterm"', '"common/a"', "a.test", "addons/b")] == [True, True, False, False]
    (one / "lib").mkdir(parents=True)
    (one / "lib" / "xterm.js").write_text("// one file", encoding="utf-8")
    (one / "css").mkdir()
    (one / "css" / "xterm.css").write_text("/* style */", encoding="utf-8")
    assert xterm.script() == b"// one file" and xterm.style() == b"/* style */", "the newest layout first"


@pytest.mark.parametrize(
    ("path", "method", "headers", "code"),
    [
        ("/", "GET", {}, 403),
        ("/?token=wrong", "GET", {}, 403),
        ("/?token=right", "GET", {}, 200),
        ("/static/classroom.js", "GET", {"Cookie": "classroom=right"}, 200),
        ("/static/secret.js", "GET", {"Cookie": "classroom=right"}, 404),
        ("/order/restart", "POST", {}, 403),
        # A form of another page can have no JSON.
        ("/order/restart", "POST", {"Cookie": "classroom=right", "Content-Type": "text/plain"}, 415),
        ("/order/type", "POST", {"Cookie": "classroom=right", "Content-Type": "application/json"}, 409),
    ],
)
def test_nobody_gets_in_without_the_token(part, path: str, method: str, headers: dict[str, str], code: int) -> None:
    server, ears, shells = part("server"), part("ears"), part("shells")

    async def refuse(step: str) -> None:
        raise ears.Trouble(f"there is no step {step}")

    async def got() -> tuple[int, bytes]:
        room = types.SimpleNamespace(terminals=shells.Terminals({}), type=refuse)
        socket, port = bind_unused_port()
        listening = HTTPServer(server.application(room, "right"))
        listening.add_sockets([socket])
        body = '{"step": "none"}' if method == "POST" else None
        try:
            done = await AsyncHTTPClient().fetch(
                f"http://127.0.0.1:{port}{path}", method=method, headers=headers, body=body
            )
            return done.code, done.body
        except HTTPClientError as error:
            return error.code, error.response.body
        finally:
            listening.stop()

    found, body = asyncio.run(got())
    assert found == code
    assert code != 409 or json.loads(body) == {"problem": "there is no step none"}


class Replayed:
    """A node of the recorded lesson, at one of its rounds."""

    def __init__(self, name: str, walked: types.ModuleType, walk: dict[str, t.Any]) -> None:
        self.name, self.walked, self.walk, self.round = name, walked, walk, 0
        self.orders: list[str] = []
        self.ended = False

    async def ask(self, phase: str, plan: dict[str, t.Any], seconds: float = 0) -> t.Any:
        self.orders.append(phase)
        if phase == "ready":
            return self.walked.moment(self.walk, 0).ready[self.name]
        seen = self.walked.seen(self.walk, self.round)
        return {"look": seen.looks[self.name], "watch": {"letter": seen.letters.get(self.name)}}.get(phase)

    def end(self) -> None:
        self.ended = True


@pytest.fixture
def room(part, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """A classroom on the recorded lesson; what was typed then was typed by the student."""
    state = importlib.import_module("plugins.plugin_utils._lab.state")
    looks, walked = part("looks"), recorded()
    walk = walked.load()
    monkeypatch.setattr(looks.entering, "nodes", lambda record: walk["settings"]["hosts"])
    monkeypatch.setattr(looks.entering, "words", lambda record, folder, node, script, terminal: [node])
    made = part("room").Classroom(state.LabRecord("lab", "container", "10.0.0.0/24"), tmp_path, "en", ["true"])
    made.looks.ears = {name: Replayed(name, walked, walk) for name in walk["settings"]["hosts"]}
    monkeypatch.setattr(made.terminals, "lines", lambda node: typed(made, node))
    return made


def typed(room, node: str) -> list:
    ear = room.looks.ears[node]
    said = ear.walked.seen(ear.walk, ear.round).said.get(node, {})
    return [row for rows in said.values() for row in rows]


def test_the_student_gets_the_verdicts_of_the_recorded_lesson(room, tmp_path: Path) -> None:
    browser = mock.Mock()
    room.watchers.add(browser)
    ears = room.looks.ears.values()

    async def lesson_held() -> dict[str, str]:
        await room.looks.begin()
        await room.looks.again()
        found = {}
        for number, steps in enumerate(lesson.rounds(room.lesson.steps)):
            for ear in ears:
                ear.round = number
            if any(step.change for step in steps):
                await room.looks.again(sure=True)
            found |= {step.id: (await room.prove(step.id))["verdict"] for step in steps}
        await room.end()
        return found

    walked = recorded()
    expected = {step["id"]: step["verdict"] for step in walked.tell(walked.load())["steps"]}
    found = asyncio.run(lesson_held())
    proven = {step: verdict for step, verdict in found.items() if verdict != "skipped"}
    assert proven == {step: expected[step] for step in proven} and len(proven) > len(expected) / 2, found
    assert json.loads((tmp_path / "lesson" / "progress.json").read_text(encoding="utf-8")) == proven
    told = browser.say.call_args.args[0]
    assert told["progress"] == proven and "<svg" in told["picture"] and told["silent"] == {}
    assert all(ear.ended and ear.orders[-1] == "end" for ear in ears)


def saved(folder: Path, name: str) -> None:
    """A snapshot of the lab as its manifest tells it."""
    (folder / "snapshots").mkdir()
    told = {"name": name, "created": 1.0, "qemu": "7.2", "accel": "tcg", "nodes": {}}
    (folder / "snapshots" / f"{name}.json").write_text(json.dumps(told), encoding="utf-8")


def test_the_lab_comes_back_to_its_snapshot_with_new_shells(room, tmp_path: Path) -> None:
    saved(tmp_path, "fresh")
    room.progress.note("ip-only", "confirmed")

    async def reset() -> None:
        await room.looks.begin()
        await room.reset("fresh")

    asyncio.run(reset())
    assert room.snapshots == ["fresh"] and room.progress.verdicts == {}
    assert all(ear.ended and ear.orders == ["ready", "ready"] for ear in room.looks.ears.values())


@pytest.mark.parametrize(("name", "told"), [("none", "no snapshot none"), ("fresh", "did not come back to fresh")])
def test_a_lab_that_cannot_come_back_is_told(room, tmp_path: Path, name: str, told: str) -> None:
    saved(tmp_path, "fresh")
    room.playbook = ["false"]
    with pytest.raises(Exception, match=told):
        asyncio.run(room.reset(name))


@pytest.mark.parametrize(
    ("name", "program", "state", "causes"),
    [
        ("blocked-port", "true", "mended", ["vm2 drops VXLAN"]),
        ("blocked-port", "true", "checked", None),
        ("blocked-port", "false", "mended", None),
        ("not-attachable", "true", "mended", None),  # nothing is broken that the proof could name
    ],
)
def test_an_exercise_is_diagnosed_before_it_is_mended(
    room, name: str, program: str, state: str, causes: list[str] | None
) -> None:
    keeping = importlib.import_module("plugins.plugin_utils._lesson.keeping")

    async def mended() -> dict[str, t.Any]:
        await room.looks.begin()
        keeping.save_diagnosis(str(room.progress.folder), ["vm2 drops VXLAN"])
        room.playbook = [program]
        return await room.exercise(name, state, "en")

    told = asyncio.run(mended())
    assert told["causes"] == causes and told["good"] is (program == "true")
