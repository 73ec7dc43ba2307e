# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the nodes show: asked again and again, and remembered where a proof needs what was before."""

from __future__ import annotations

import asyncio
import secrets
import shlex
import typing as t
from pathlib import Path

from plugins.plugin_utils._lab import entering, state
from plugins.plugin_utils._lesson import exercises, lesson, places, proofs, swarm

from .ears import BOOT, Ear, Trouble


class Looks:
    """The nodes of a lab, and the last look at each."""

    def __init__(self, record: state.LabRecord, folder: Path, taught: lesson.Lesson) -> None:
        boot = f"python3 -c {shlex.quote(BOOT)}"
        self.ears = {name: Ear(entering.words(record, folder, name, boot, False)) for name in entering.nodes(record)}
        names = {kind: [*found, *exercises.names()[kind]] for kind, found in taught.names.items()}
        # What every order has.
        self.plan = {"run": f"class-{secrets.token_hex(4)}", "lab": True, "seconds": 60.0, "names": names}
        self.now: dict[str, t.Any] = {}
        self.ready: dict[str, t.Any] = {}
        self.candidate: dict[str, t.Any] = {}  # what may become the next line
        self.unused: dict[str, t.Any] = {}  # the last looks at my_overlay before anything ran on it
        self.letters: dict[str, t.Any] = {}
        self.silent: dict[str, str] = {}

    async def begin(self) -> None:
        """Get the nodes ready: nothing of an earlier lesson is there, and what is made gets its label. Raises Trouble."""
        names = list(self.ears)
        seen = await asyncio.gather(*(self.ears[name].ask("ready", self.plan, 90) for name in names))
        self.ready = dict(zip(names, seen, strict=True))
        self.letters, self.unused, self.candidate = {}, {}, {}
        swarm.require_fit(self.ready, True)
        self.now = {name: found["look"] for name, found in self.ready.items()}

    @property
    def manager(self) -> str:
        return swarm.manager(self.ready)

    @property
    def places(self) -> places.Places:
        """Where the tasks are now."""
        return places.Places(
            {look["node"]: name for name, look in self.now.items()}, self.manager, self.now[self.manager]
        )

    async def again(self, sure: bool = False) -> None:
        """Look at every node. ``sure``: nothing is done to the swarm while we look."""
        await self.all()
        self._remember(sure)

    async def all(self) -> None:
        """Look at every node, with nothing remembered."""
        await asyncio.gather(*(self._look(name) for name in self.ears))

    async def _look(self, name: str) -> None:
        try:
            self.now[name] = await self.ears[name].ask("look", self.plan)
            self.silent.pop(name, None)
        except Trouble as error:
            self.silent[name] = str(error)

    def _remember(self, sure: bool) -> None:
        """Keep the looks at my_overlay from before anything ran on it. Looks of different moments only count once nothing has come between."""
        own = proofs.OWN_NETWORK
        known = any(row["name"] == own for look in self.now.values() for row in look["networks"])
        used = any(own in row["networks"] for look in self.now.values() for row in look["containers"])
        if not known or used or any(row["ours"] for row in self.places.swarm["services"]):
            self.candidate = {}
            return
        self.unused = dict(self.now) if sure else self.candidate or self.unused
        self.candidate = dict(self.now)

    async def change(self, **more: t.Any) -> None:
        """Have the manager change something, as the lesson does between its steps. Raises Trouble."""
        await self.ears[self.manager].ask("change", {**self.plan, **more, "scripts": []}, 90)

    async def watch(self) -> None:
        """Have the letter on the wire watched, on every node at once. Raises Trouble."""
        await asyncio.gather(*(self._watch(node) for node in self.ears))

    async def _watch(self, node: str) -> None:
        plan = {**self.plan, "letter": self.places.letter(node), "scripts": []}
        self.letters[node] = (await self.ears[node].ask("watch", plan, 60))["letter"]

    def seen(self, said: dict[str, dict[str, list[t.Any]]]) -> proofs.Seen:
        """What a proof is made from."""
        return proofs.Seen(self.places, self.ready, self.unused, self.now, self.letters, said)

    async def end(self) -> None:
        """Leave nothing of the lesson on the nodes."""
        await asyncio.gather(*(ear.ask("end", self.plan, 60) for ear in self.ears.values()), return_exceptions=True)
        self.deaf()

    def deaf(self) -> None:
        """End the agents; the next order starts them again."""
        for ear in self.ears.values():
            ear.end()
