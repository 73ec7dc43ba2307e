# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab, one student: what the buttons do, and what every browser is told."""

from __future__ import annotations

import asyncio
import json
import shlex
import typing as t
from pathlib import Path

from plugins.module_utils._lesson import house, terminal
from plugins.plugin_utils._lab import entering, snapshot, state
from plugins.plugin_utils._lesson import drawing, exercises, lesson, places, proofs, story, stream

from . import telling
from .ears import Trouble
from .looks import Looks
from .progress import Progress
from .shells import Terminals

PLAYBOOKS = Path(__file__).resolve().parents[2] / "playbooks"
LOOK_EVERY = 2.0  # seconds


class Watcher(t.Protocol):
    """A browser that is told of everything."""

    def say(self, told: dict[str, t.Any]) -> None:
        """Tell it."""


class Classroom:
    """One lab, one student."""

    def __init__(self, record: state.LabRecord, folder: Path, language: str, playbook: list[str]) -> None:
        """:param playbook: the words of a command that runs the playbook whose name is put behind them"""
        self.language = language
        self.folder = folder
        self.lesson = lesson.load()
        self.looks = Looks(record, folder, self.lesson)
        self.progress = Progress(folder)
        shells = {
            name: f"export PATH={house.BIN}:$PATH PS1={shlex.quote(stream.prompt_of(name))} TERM=xterm HISTFILE=; exec bash --norc --noprofile"
            for name in self.looks.ears
        }
        self.terminals = Terminals(
            {name: entering.words(record, folder, name, shell, True) for name, shell in shells.items()}
        )
        self.watchers: set[Watcher] = set()
        self.playbook = playbook
        self.busy = asyncio.Lock()

    async def restart(self) -> None:
        """From the beginning. Raises Trouble."""
        await self.looks.begin()
        for recorder in self.terminals.recorded.values():
            recorder.forget()
        self.progress.forget()

    @property
    def snapshots(self) -> list[str]:
        """The lab's snapshots, oldest first; labs of containers have none."""
        return [found.name for found in snapshot.manifests(self.folder)]

    async def reset(self, name: str) -> None:
        """Bring the whole lab back to a snapshot, with new shells. Raises Trouble."""
        if name not in self.snapshots:
            raise Trouble(f"there is no snapshot {name} of this lab (make snapshot)")
        async with self.busy:
            self.looks.deaf()
            await self.terminals.kill_all()
            good, output = await self._play("snapshot.yml", {"lab_snapshot": name, "lab_snapshot_state": "restored"})
            if not good:
                raise Trouble(f"the lab did not come back to {name}: {output[-1500:]}")
            await self.restart()

    async def _play(self, name: str, variables: dict[str, str]) -> tuple[bool, str]:
        """Whether a playbook succeeded, and what it printed."""
        program, *words = self.playbook
        process = await asyncio.create_subprocess_exec(
            program,
            *words,
            str(PLAYBOOKS / name),
            "-e",
            json.dumps(variables),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, dummy = await process.communicate()
        return process.returncode == 0, output.decode("utf-8", "replace")

    async def watch(self) -> None:
        """Look at every node again and again, and tell the browsers."""
        while True:
            await self.looks.again()
            self.tell()
            await asyncio.sleep(LOOK_EVERY)

    def now(self) -> dict[str, t.Any]:
        """What the browsers show."""
        drawn = drawing.draw(story.picture(self.looks.now), "swarm") if self.looks.now else ""
        return {
            "picture": drawn,
            "values": self.looks.places.values(),
            "silent": self.looks.silent,
            "progress": self.progress.verdicts,
        }

    def tell(self) -> None:
        """Tell all browsers."""
        for watcher in list(self.watchers):
            watcher.say(self.now())

    def step(self, name: str) -> lesson.Step:
        """A step by its id. Raises Trouble."""
        found = next((step for step in self.lesson.steps if step.id == name), None)
        if found is None:
            raise Trouble(f"there is no step {name}")
        return found

    async def type(self, name: str) -> None:
        """Type a step for the student, where it belongs. Raises Trouble."""
        step = self.step(name)
        async with self.busy:
            if step.change:
                await self._change(step, step.change)
            for typing in step.watching:
                for node in self.looks.places.at(typing.at):
                    await self._type(node, typing.lines)

    async def _change(self, step: lesson.Step, change: lesson.Change) -> None:
        """What a step changes begins from nothing, and is waited for."""
        manager = self.looks.manager
        clear = {kind: list(change.clear.get(kind, [])) for kind in ("services", "networks")}
        await self.looks.change(clear=clear)
        for line in step.changing:
            await self.terminals.type(manager, places.filled(line, self.looks.places.values()))
        await self.looks.change(settled=dict(change.settled))
        await self.looks.again(sure=True)

    async def _type(self, node: str, lines: t.Iterable[str]) -> None:
        for line in lines:
            values = self.looks.places.values()
            if not places.known(line, values):
                raise Trouble(f"{line}: make first what it needs, in the steps before")
            await self.terminals.type(node, places.filled(line, values))
        if terminal.INNER.search(self.terminals.recorded[node].text[-200:]):
            await self.terminals.type(node, "exit")

    async def prove(self, name: str) -> dict[str, t.Any]:
        """The verdict about a step, from what the student typed and what the nodes know now. Raises Trouble."""
        step = self.step(name)
        async with self.busy:
            if step.letter:
                await self.looks.watch()
            await self.looks.all()
            said, missing = self.said(step)
            if missing:
                return {"verdict": "skipped", "missing": missing, "evidence": []}
            finding = proofs.prove(self.looks.seen(said), step)
        self.progress.note(step.id, finding.verdict)
        self.tell()
        return {"verdict": finding.verdict, "missing": [], "evidence": telling.evidence(self.lesson, finding)}

    def said(self, step: lesson.Step) -> tuple[dict[str, dict[str, list[t.Any]]], list[str]]:
        """What was typed of a step by node, and what is still missing."""
        found: dict[str, dict[str, list[t.Any]]] = {}
        missing = []
        values = self.looks.places.values()
        for typing in step.typed:
            for node in self.looks.places.at(typing.at) or [typing.at]:
                for line in typing.lines:
                    wanted = places.filled(line, values) if places.known(line, values) else line
                    row = stream.last(self.terminals.lines(node), wanted)
                    if row:
                        found.setdefault(node, {}).setdefault(step.id, []).append(row)
                    else:
                        missing.append(f"{node}# {wanted}")
        return found, missing

    async def exercise(self, name: str, wanted: str, language: str) -> dict[str, t.Any]:
        """Give an exercise, check it, mend it or take it back, by the playbook. Raises Trouble.

        Where the proof can name what is broken, it is asked before that is mended: ``causes`` are what it found, else None.
        """
        if name not in exercises.load() or wanted not in exercises.STATES:
            raise Trouble(f"there is no exercise {name}, or it has no state {wanted}")
        variables = {"lesson_exercise": name, "lesson_exercise_state": wanted, "lesson_language": language}
        async with self.busy:
            good, output = await self._play("exercise.yml", variables)
            if wanted == "absent":
                await self.looks.begin()
        if wanted == "checked":
            self.progress.note(f"exercise {name}", "confirmed" if good else "failed")
        place = exercises.stage(self.looks.now)
        answer = place.filled(exercises.find(name).answer[language]) if wanted == "mended" else ""
        return {
            "good": good,
            "output": "" if good or wanted == "checked" else output[-1500:],
            "answer": answer,
            "causes": self.progress.diagnosis() if answer and good and exercises.find(name).diagnosis else None,
        }

    async def end(self) -> None:
        """Leave nothing of the lesson on the nodes, and no shell."""
        await self.looks.end()
        await self.terminals.kill_all()
