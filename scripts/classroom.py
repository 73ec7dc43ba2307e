# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lesson, live: text on the left, a terminal on every node of a lab, and a picture of the swarm that changes while the student types.

Usage: python scripts/classroom.py [--lab LAB] [--language pt|en] [--port PORT] [--listen ADDRESS] [--directory FOLDER] [--inventory FILE]

It listens on this machine alone, and its address holds a token without which nobody gets in. Whoever has the address is root on the lab's
nodes. It needs terminado from PyPI and xterm.js from the package node-xterm; 'make classroom' sees to both.
"""

from __future__ import annotations

import argparse
import asyncio
import base64
import contextlib
import io
import json
import os
import re
import secrets
import shlex
import signal
import sys
import typing as t
import zipfile
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

try:
    import terminado
    import tornado.httpserver
    import tornado.ioloop
    import tornado.netutil
    import tornado.web
    import tornado.websocket
except ImportError as missing:
    raise SystemExit(f"classroom: {missing}. 'make classroom' installs what it needs.") from None

from plugins.module_utils._lesson import house, terminal  # noqa: E402  (found by the line above)
from plugins.plugin_utils._lab import entering, spec, state  # noqa: E402
from plugins.plugin_utils._lab.errors import LabError  # noqa: E402
from plugins.plugin_utils._lesson import drawing, exercises, keeping, lesson, places, proofs, story, stream, swarm  # noqa: E402

PAGES = Path(__file__).with_name("classroom")
# xterm.js of the distribution, newest layout first: one file for browsers (5), or modules of node.js (3, Debian 12).
XTERM = [Path(folder) for folder in ("/usr/share/nodejs/@xterm/xterm", "/usr/share/nodejs/xterm")]
STYLES = ("css/xterm.css", "lib/xterm.css", "dist/xterm.css")
LOADER = """"use strict";
window.Terminal = (() => {
  const known = {}, files = {%s};
  const load = name => {
    if (!(name in known)) { known[name] = {exports: {}}; files[name](known[name], known[name].exports, wanted => load(resolve(name, wanted))); }
    return known[name].exports;
  };
  const resolve = (from, wanted) => {
    const parts = from.split("/").slice(0, -1);
    for (const part of wanted.split("/")) { if (part === "..") parts.pop(); else if (part !== ".") parts.push(part); }
    return parts.join("/");
  };
  return load("xterm");
})();
"""
LOOK_EVERY = 2.0  # seconds
ANSWER_WITHIN = 15.0  # seconds for a look; a node that is slower counts as silent
TYPING_WITHIN = 90.0  # seconds for a line that is typed for the student
PROGRESS = "progress.json"
LOCAL = ("127.0.0.1", "::1", "localhost")
NODE_CODE = ("_engine/__init__.py", "_engine/client.py", "_engine/transport.py", "_host.py", "_terms.py")
NODE_ROOMS = ("_lesson", "_probe")
BASIC = "def env_fallback(*dummy, **unused):\n    raise KeyError\n"  # all that the node code takes of Ansible
BOOT = (
    "import sys, base64, os, tempfile; f = tempfile.NamedTemporaryFile(suffix='.zip', delete=False);"
    " f.write(base64.b64decode(sys.stdin.readline())); f.close(); sys.path.insert(0, f.name);"
    " import classroom_agent; os.unlink(f.name); classroom_agent.main()"
)


def xterm_style() -> bytes | None:
    """The style sheet of xterm.js; None where it is not installed."""
    return next((path.read_bytes() for folder in XTERM for name in STYLES if (path := folder / name).is_file()), None)


def xterm_script() -> bytes | None:
    """xterm.js for a browser, put together where the distribution has it in modules; None where it is not installed."""
    for folder in XTERM:
        main = folder / "lib" / "xterm.js"
        if not main.is_file():
            continue
        if not (folder / "lib" / "Terminal.js").is_file():
            return main.read_bytes()
        modules = {
            path.relative_to(main.parent).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(main.parent.rglob("*.js"))
            if not path.name.endswith(".test.js") and "addons" not in path.parts
        }
        files = ",\n".join(
            f"{json.dumps(name)}: (module, exports, require) => {{{text}\n}}" for name, text in modules.items()
        )
        return (LOADER % files).encode()
    return None


class Trouble(Exception):
    """Something that the student is told in one sentence."""


def archive() -> bytes:
    """The node code as an archive that Python imports from."""
    room = CHECKOUT / "plugins" / "module_utils"
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for package in ("ansible", "ansible/module_utils", "node"):
            made.writestr(f"{package}/__init__.py", "")
        made.writestr("ansible/module_utils/basic.py", BASIC)
        made.write(Path(__file__).with_name("classroom_agent.py"), "classroom_agent.py")
        for name in (
            *NODE_CODE,
            *(str(path.relative_to(room)) for own in NODE_ROOMS for path in sorted((room / own).glob("*.py"))),
        ):
            made.write(room / name, f"node/{name}")
    return buffer.getvalue()


class Ear:
    """The agent on a node: a process that answers one order after the other, started again when it is silent or gone."""

    def __init__(self, command: list[str]) -> None:
        self.command = command
        self.process: asyncio.subprocess.Process | None = None
        self.lock = asyncio.Lock()

    async def ask(self, phase: str, plan: t.Mapping[str, t.Any], seconds: float = ANSWER_WITHIN) -> t.Any:
        """What the node saw. Raises Trouble."""
        async with self.lock:
            try:
                return await asyncio.wait_for(self._ask(phase, plan), seconds)
            except (TimeoutError, OSError, ValueError) as error:
                self.end()
                raise Trouble(f"no answer: {error or 'it took too long'}") from error

    async def _ask(self, phase: str, plan: t.Mapping[str, t.Any]) -> t.Any:
        if self.process is None:
            self.process = await asyncio.create_subprocess_exec(
                *self.command,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                limit=1 << 24,
            )
            self._send(base64.b64encode(archive()))
        self._send(json.dumps({"phase": phase, "plan": plan}).encode())
        stdout = self.process.stdout
        line = await stdout.readline() if stdout else b""
        answer = json.loads(line)
        if "problem" in answer:
            raise Trouble(answer["problem"])
        return answer["seen"]

    def _send(self, line: bytes) -> None:
        if self.process and self.process.stdin:
            self.process.stdin.write(line + b"\n")

    def end(self) -> None:
        """End the agent."""
        if self.process and self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                self.process.kill()
        self.process = None


class Recorder:
    """Keeps what a terminal shows, beside the browsers."""

    size = (None, None)

    def __init__(self) -> None:
        self.text = ""

    def on_pty_read(self, text: str) -> None:
        """More text."""
        self.text = (self.text + text)[-(1 << 20) :]

    def forget(self) -> None:
        """Begin anew, with the prompt that stands there."""
        self.text = self.text[max(0, self.text.rfind(terminal.MARK, 0, self.text.rfind(terminal.MARK))) :]

    def on_pty_died(self) -> None:
        """The shell has ended; a new one is recorded anew."""
        self.text = ""


class Terminals(terminado.NamedTermManager):
    """A shell on each node."""

    def __init__(self, commands: dict[str, list[str]]) -> None:
        super().__init__(shell_command=["false"])
        self.commands = commands
        self.recorded: dict[str, Recorder] = {}

    def get_terminal(self, term_name: str) -> t.Any:
        """The node's shell, started when it is first needed."""
        if term_name not in self.commands:
            raise tornado.web.HTTPError(404)
        if term_name not in self.terminals:
            made = self.new_terminal(shell_command=self.commands[term_name])
            made.ptyproc.setwinsize(stream.ROWS, stream.COLUMNS)
            made.term_name = term_name
            self.terminals[term_name] = made
            self.recorded[term_name] = Recorder()
            made.clients.append(self.recorded[term_name])
            self.start_reading(made)
        return self.terminals[term_name]

    def lines(self, node: str) -> list[t.Any]:
        """What was typed there so far."""
        return stream.typed_lines(self.recorded[node].text, node) if node in self.recorded else []

    async def type(self, node: str, line: str) -> None:
        """Type a line for the student, and wait for the next prompt. What does not end by itself is ended."""
        shell = self.get_terminal(node)
        await self._prompt(node, TYPING_WITHIN)
        before = len(self.recorded[node].text)
        shell.ptyproc.write(line + "\n")
        endless = bool(terminal.PING.match(line))
        if not await self._prompt(node, terminal.WATCHED if endless else TYPING_WITHIN, before + len(line)):
            shell.ptyproc.write("\x03")
            await self._prompt(node, terminal.SETTLE)

    async def _prompt(self, node: str, seconds: float, since: int = 0) -> bool:
        """Whether a prompt stands at the end, with something new before it."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + seconds
        outer = re.compile(f"{terminal.MARK}\\d+{terminal.MARK}{re.escape(node)}# (?:\x1b\\[[0-9;?]*[A-Za-z])*\\Z")
        while loop.time() < deadline:
            text = self.recorded[node].text
            if len(text) > since and (outer.search(text) or terminal.INNER.search(text[-200:])):
                return True
            await asyncio.sleep(0.1)
        return False


class Classroom:
    """One lab, one student."""

    def __init__(self, record: state.LabRecord, folder: Path, language: str, playbook: list[str]) -> None:
        self.record, self.folder, self.language = record, folder, language
        self.lesson = lesson.load()
        self.run = f"class-{secrets.token_hex(4)}"
        names = entering.nodes(record)
        boot = f"python3 -c {shlex.quote(BOOT)}"
        self.ears = {name: Ear(entering.words(record, folder, name, boot, False)) for name in names}
        shells = {
            name: f"export PATH={house.BIN}:$PATH PS1={shlex.quote(stream.prompt_of(name))} TERM=xterm HISTFILE=; exec bash --norc --noprofile"
            for name in names
        }
        self.terminals = Terminals({name: entering.words(record, folder, name, shells[name], True) for name in names})
        self.looks: dict[str, t.Any] = {}
        self.ready: dict[str, t.Any] = {}
        self.candidate: dict[str, t.Any] = {}  # what may become the next line
        self.unused: dict[str, t.Any] = {}  # the last looks at my_overlay before anything ran on it
        self.letters: dict[str, t.Any] = {}
        self.silent: dict[str, str] = {}
        self.watchers: set[Live] = set()
        self.playbook = playbook
        self.busy = asyncio.Lock()
        self.progress: dict[str, str] = self._load()

    @property
    def plan(self) -> dict[str, t.Any]:
        """What every order has."""
        names = {kind: [*found, *exercises.names()[kind]] for kind, found in self.lesson.names.items()}
        return {"run": self.run, "lab": True, "seconds": 60.0, "names": names}

    def _load(self) -> dict[str, str]:
        try:
            told = json.loads((self.folder / "lesson" / PROGRESS).read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return {str(key): str(value) for key, value in told.items()} if isinstance(told, dict) else {}

    def note(self, what: str, verdict: str) -> None:
        """Keep the student's progress in the lab's folder."""
        self.progress[what] = verdict
        keeping.save(str(self.folder / "lesson"), PROGRESS, json.dumps(self.progress, indent=1) + "\n")

    async def begin(self) -> None:
        """Get the nodes ready: nothing of an earlier lesson is there, and what is made gets its label. Raises Trouble."""
        names = list(self.ears)
        seen = await asyncio.gather(*(self.ears[name].ask("ready", self.plan, 90) for name in names))
        self.ready = dict(zip(names, seen, strict=True))
        self.letters, self.unused, self.candidate = {}, {}, {}
        swarm.require_fit(self.ready, True)
        self.looks = {name: found["look"] for name, found in self.ready.items()}

    async def restart(self) -> None:
        """From the beginning."""
        await self.begin()
        for recorder in self.terminals.recorded.values():
            recorder.forget()
        self.progress = {}
        keeping.save(str(self.folder / "lesson"), PROGRESS, "{}\n")

    @property
    def places(self) -> places.Places:
        """Where the tasks are now."""
        manager = swarm.manager(self.ready)
        return places.Places({look["node"]: name for name, look in self.looks.items()}, manager, self.looks[manager])

    async def watch(self) -> None:
        """Look at every node again and again, and tell the browsers."""
        while True:
            await asyncio.gather(*(self._look(name) for name in self.ears))
            self._remember(sure=False)
            self.tell()
            await asyncio.sleep(LOOK_EVERY)

    async def _look(self, name: str) -> None:
        try:
            self.looks[name] = await self.ears[name].ask("look", self.plan)
            self.silent.pop(name, None)
        except Trouble as error:
            self.silent[name] = str(error)

    def _remember(self, sure: bool) -> None:
        """Keep the looks at my_overlay from before anything ran on it. Looks of different moments only count once nothing has come between."""
        own = proofs.OWN_NETWORK
        known = any(row["name"] == own for look in self.looks.values() for row in look["networks"])
        used = any(own in row["networks"] for look in self.looks.values() for row in look["containers"])
        if not known or used or any(row["ours"] for row in self.places.swarm["services"]):
            self.candidate = {}
            return
        self.unused = dict(self.looks) if sure else self.candidate or self.unused
        self.candidate = dict(self.looks)

    def now(self) -> dict[str, t.Any]:
        """What the browsers show."""
        drawn = drawing.draw(story.picture(self.looks), "swarm") if self.looks else ""
        return {"picture": drawn, "values": self.places.values(), "silent": self.silent, "progress": self.progress}

    def tell(self) -> None:
        """Tell all browsers."""
        for watcher in list(self.watchers):
            watcher.say(self.now())

    def told(self) -> dict[str, t.Any]:
        """The lesson for the browser."""
        place = exercises.stage(self.looks)
        return {
            "language": self.language,
            "nodes": list(self.ears),
            "size": [stream.ROWS, stream.COLUMNS],
            "title": self.lesson.title,
            "page": self.lesson.page,
            "verdicts": self.lesson.verdicts,
            "parts": [
                {"title": part.title, "steps": [self._told(step) for step in part.steps]} for part in self.lesson.parts
            ],
            "exercises": [
                {
                    "id": found.id,
                    "title": found.title,
                    "scene": place.filled_in(dict(found.scene)),
                    "question": place.filled_in(dict(found.question)),
                    "hints": [place.filled_in(dict(hint)) for hint in found.hints],
                }
                for found in exercises.load().values()
            ],
        }

    @staticmethod
    def _told(step: lesson.Step) -> dict[str, t.Any]:
        words = {key: getattr(step, key) for key in ("text", "belief", "proves", "picture", "question", "answer")}
        sentences = {language: step.sentence(language) for language in lesson.LANGUAGES}
        typed = [{"at": typing.at, "lines": typing.lines} for typing in step.typed]
        return {"id": step.id, "number": step.number, "sentence": sentences, "typed": typed, **words}

    def step(self, name: str) -> lesson.Step:
        """A step by its id. Raises Trouble."""
        found = next((step for step in self.lesson.steps if step.id == name), None)
        if found is None:
            raise Trouble(f"there is no step {name}")
        return found

    async def type(self, name: str) -> None:
        """Type a step for the student, where it belongs."""
        step = self.step(name)
        async with self.busy:
            if step.change:
                manager = swarm.manager(self.ready)
                clear = {
                    "services": list(step.change.clear.get("services", [])),
                    "networks": list(step.change.clear.get("networks", [])),
                }
                await self.ears[manager].ask("change", {**self.plan, "clear": clear, "scripts": []}, 90)
                for line in step.changing:
                    await self.terminals.type(manager, places.filled(line, self.places.values()))
                settled = {**self.plan, "settled": dict(step.change.settled), "scripts": []}
                await self.ears[manager].ask("change", settled, 90)
                await asyncio.gather(*(self._look(node) for node in self.ears))
                self._remember(sure=True)
            for typing in step.watching:
                for node in self.places.at(typing.at):
                    for line in typing.lines:
                        values = self.places.values()
                        if not places.known(line, values):
                            raise Trouble(f"{line}: make first what it needs, in the steps before")
                        await self.terminals.type(node, places.filled(line, values))
                    if terminal.INNER.search(self.terminals.recorded[node].text[-200:]):
                        await self.terminals.type(node, "exit")

    async def prove(self, name: str) -> dict[str, t.Any]:
        """The verdict about a step, from what the student typed and what the nodes know now."""
        step = self.step(name)
        async with self.busy:
            if step.letter:
                await self._write()
            await asyncio.gather(*(self._look(node) for node in self.ears))
            said, missing = self.said(step)
            if missing:
                return {"verdict": "skipped", "missing": missing, "evidence": []}
            seen = proofs.Seen(self.places, self.ready, self.unused, self.looks, self.letters, said)
            finding = proofs.prove(seen, step)
        self.note(step.id, finding.verdict)
        evidence = [
            {
                "good": row.good,
                **{language: self.lesson.said(language, row.key, **row.values) for language in lesson.LANGUAGES},
            }
            for row in finding.evidence
        ]
        self.tell()
        return {"verdict": finding.verdict, "missing": [], "evidence": evidence}

    def said(self, step: lesson.Step) -> tuple[dict[str, dict[str, list[t.Any]]], list[str]]:
        """What was typed of a step by node, and what is still missing."""
        found: dict[str, dict[str, list[t.Any]]] = {}
        missing = []
        values = self.places.values()
        for typing in step.typed:
            for node in self.places.at(typing.at) or [typing.at]:
                for line in typing.lines:
                    wanted = places.filled(line, values) if places.known(line, values) else line
                    row = stream.last(self.terminals.lines(node), wanted)
                    if row:
                        found.setdefault(node, {}).setdefault(step.id, []).append(row)
                    else:
                        missing.append(f"{node}# {wanted}")
        return found, missing

    async def _write(self) -> None:
        async def one(node: str) -> None:
            plan = {**self.plan, "letter": self.places.letter(node), "scripts": []}
            self.letters[node] = (await self.ears[node].ask("watch", plan, 60))["letter"]

        await asyncio.gather(*(one(node) for node in self.ears))

    async def exercise(self, name: str, wanted: str, language: str) -> dict[str, t.Any]:
        """Give an exercise, check it, mend it or take it back, by the playbook."""
        if name not in exercises.load() or wanted not in exercises.STATES:
            raise Trouble(f"there is no exercise {name}, or it has no state {wanted}")
        variables = {"lesson_exercise": name, "lesson_exercise_state": wanted, "lesson_language": language}
        async with self.busy:
            process = await asyncio.create_subprocess_exec(
                *self.playbook,
                "-e",
                json.dumps(variables),
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
            output, dummy = await process.communicate()
            if wanted == "absent":
                await self.begin()
        good = process.returncode == 0
        if wanted == "checked":
            self.note(f"exercise {name}", "confirmed" if good else "failed")
        text = output.decode("utf-8", "replace")
        answer = exercises.stage(self.looks).filled(exercises.find(name).answer[language]) if wanted == "mended" else ""
        return {"good": good, "output": "" if good or wanted == "checked" else text[-1500:], "answer": answer}

    async def end(self) -> None:
        """Leave nothing of the lesson on the nodes."""
        await asyncio.gather(*(ear.ask("end", self.plan, 60) for ear in self.ears.values()), return_exceptions=True)
        for ear in self.ears.values():
            ear.end()
        await self.terminals.kill_all()


class Guarded(tornado.web.RequestHandler):
    """Nobody gets in without the token, which the address has and then a cookie."""

    def prepare(self) -> None:
        given = self.get_argument("token", "") or self.get_cookie("classroom", "") or ""
        if not secrets.compare_digest(given.encode(), self.settings["token"].encode()):
            raise tornado.web.HTTPError(403)

    @property
    def room(self) -> Classroom:
        """The classroom."""
        found: Classroom = self.settings["room"]
        return found


class Page(Guarded):
    """The page itself."""

    def get(self) -> None:
        self.set_cookie("classroom", self.settings["token"], httponly=True, samesite="Strict")
        self.set_header(
            "Content-Security-Policy",
            "default-src 'self'; img-src data:; style-src 'self' 'unsafe-inline'; frame-ancestors 'none'",
        )
        self.set_header("Referrer-Policy", "no-referrer")
        self.write((PAGES / "page.html").read_text(encoding="utf-8"))


class Told(Guarded):
    """The lesson as data."""

    def get(self) -> None:
        self.write(self.room.told())


class Static(Guarded):
    """Files of the page, and xterm.js of the distribution."""

    def get(self, name: str) -> None:
        found: dict[str, t.Callable[[], bytes | None]] = {
            "xterm.js": xterm_script,
            "xterm.css": xterm_style,
            "classroom.js": (PAGES / "classroom.js").read_bytes,
            "classroom.css": (PAGES / "classroom.css").read_bytes,
        }
        content = found[name]() if name in found else None
        if content is None:
            raise tornado.web.HTTPError(404)
        self.set_header("Content-Type", "text/css" if name.endswith(".css") else "text/javascript")
        self.write(content)


class Order(Guarded):
    """What the buttons do. A page of somebody else cannot: the cookie is not sent along, and the body has to be JSON."""

    async def post(self, what: str) -> None:
        if not (self.request.headers.get("Content-Type") or "").startswith("application/json"):
            raise tornado.web.HTTPError(415)
        given = json.loads(self.request.body)
        try:
            if what == "type":
                await self.room.type(given["step"])
                self.write({})
            elif what == "prove":
                self.write(await self.room.prove(given["step"]))
            elif what == "exercise":
                self.write(await self.room.exercise(given["exercise"], given["state"], given["language"]))
            else:
                await self.room.restart()
                self.write({})
        except (Trouble, swarm.Unfit) as error:
            self.set_status(409)
            self.write({"problem": str(error)})


class Live(Guarded, tornado.websocket.WebSocketHandler):
    """The picture, as it changes."""

    def open(self, *_unused: str, **_unused2: str) -> None:
        self.room.watchers.add(self)
        self.say(self.room.now())

    def say(self, told: dict[str, t.Any]) -> None:
        """Tell this browser."""
        with contextlib.suppress(tornado.websocket.WebSocketClosedError):
            self.write_message(told)

    def on_close(self) -> None:
        self.room.watchers.discard(self)


class Shell(Guarded, terminado.TermSocket):
    """A terminal."""


def application(room: Classroom, token: str) -> tornado.web.Application:
    """The server's addresses."""
    return tornado.web.Application(
        [
            (r"/", Page),
            (r"/lesson.json", Told),
            (r"/static/([a-z.]+)", Static),
            (r"/order/(type|prove|exercise|restart)", Order),
            (r"/live", Live),
            (r"/terminal/(vm\d+)", Shell, {"term_manager": room.terminals}),
        ],
        room=room,
        token=token,
    )


def open_lab(lab: str, directory: Path) -> tuple[state.LabRecord, Path]:
    """The lab's record and folder. Raises LabError or SystemExit."""
    spec.parse({"name": lab}, directory)  # a name that is none must not lead out of the folder
    folder = directory / ".lab" / lab
    record = state.load(folder)
    if record is None:
        raise SystemExit(f"classroom: there is no lab {lab} in {folder.parent}. Make it first: make lab LAB={lab}")
    return record, folder


async def hold(options: argparse.Namespace) -> None:
    """Hold the lesson until Ctrl-C, or until it is told to end; either way nothing of it stays on the nodes."""
    held = asyncio.current_task()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, held.cancel if held else lambda: None)
    record, folder = open_lab(options.lab, options.directory)
    if xterm_script() is None:
        raise SystemExit("classroom: xterm.js is missing. Install it (Debian and Ubuntu: apt install node-xterm).")
    playbook = [
        "ansible-playbook",
        *(["-i", str(options.inventory)] if options.inventory else []),
        str(CHECKOUT / "playbooks" / "exercise.yml"),
    ]
    os.environ.setdefault("SWARMLAB_LAB", record.name)
    os.environ.setdefault("SWARMLAB_DRIVER", record.driver)
    try:
        sockets = tornado.netutil.bind_sockets(options.port, options.listen)
    except OSError as error:
        raise SystemExit(
            f"classroom: cannot listen on {options.listen}:{options.port}: {error.strerror}. Choose another with --port."
        ) from None
    room = Classroom(record, folder, options.language, playbook)
    try:
        await room.begin()
        token = secrets.token_urlsafe(24)
        server = tornado.httpserver.HTTPServer(application(room, token))
        server.add_sockets(sockets)
        if options.listen not in LOCAL:
            print(
                f"WARNING: others can reach {options.listen}. Whoever knows the address below is root on the lab's nodes.",
                flush=True,
            )
        port = sockets[0].getsockname()[1]
        print(
            f"classroom: http://{options.listen}:{port}/?token={token}\nCtrl-C ends it and takes everything of the lesson away.",
            flush=True,
        )
        await room.watch()
    finally:
        await room.end()


def main(argv: list[str]) -> None:
    parser = argparse.ArgumentParser(prog="classroom", description="The lesson, live, on a lab.")
    parser.add_argument("--lab", default=os.environ.get("SWARMLAB_LAB") or "lab")
    parser.add_argument("--language", choices=lesson.LANGUAGES, default="pt")
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--listen", default="127.0.0.1")
    parser.add_argument("--directory", type=Path, default=CHECKOUT)
    parser.add_argument("--inventory", type=Path)
    try:
        asyncio.run(hold(parser.parse_args(argv)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        return
    except LabError as error:
        raise SystemExit(f"classroom: {error.message}") from None
    except (Trouble, swarm.Unfit) as error:
        raise SystemExit(f"classroom: {error}") from None


if __name__ == "__main__":
    main(sys.argv[1:])
