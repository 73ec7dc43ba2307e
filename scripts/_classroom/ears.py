# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The node code on each node: what it is made of, and how it is asked."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import io
import json
import typing as t
import zipfile
from pathlib import Path

MODULE_UTILS = Path(__file__).resolve().parents[2] / "plugins" / "module_utils"
ANSWER_WITHIN = 15.0  # seconds for a look; a node that is slower counts as silent
NODE_CODE = ("_engine/__init__.py", "_engine/client.py", "_engine/transport.py", "_host.py", "_terms.py")
NODE_ROOMS = ("_lesson", "_probe")
BASIC = "def env_fallback(*dummy, **unused):\n    raise KeyError\n"  # all that the node code takes of Ansible
BOOT = (
    "import sys, base64, os, tempfile; f = tempfile.NamedTemporaryFile(suffix='.zip', delete=False);"
    " f.write(base64.b64decode(sys.stdin.readline())); f.close(); sys.path.insert(0, f.name);"
    " import classroom_agent; os.unlink(f.name); classroom_agent.main()"
)


class Trouble(Exception):
    """Something that the student is told in one sentence."""


def archive() -> bytes:
    """The node code as an archive that Python imports from."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as made:
        for package in ("ansible", "ansible/module_utils", "node"):
            made.writestr(f"{package}/__init__.py", "")
        made.writestr("ansible/module_utils/basic.py", BASIC)
        made.write(Path(__file__).with_name("agent.py"), "classroom_agent.py")
        for name in (
            *NODE_CODE,
            *(
                str(path.relative_to(MODULE_UTILS))
                for own in NODE_ROOMS
                for path in sorted((MODULE_UTILS / own).glob("*.py"))
            ),
        ):
            made.write(MODULE_UTILS / name, f"node/{name}")
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
                raise Trouble(f"no answer: {str(error) or 'it took too long'}") from error

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
        if "msg" in answer:
            raise Trouble(answer["msg"])
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
