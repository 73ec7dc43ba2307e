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
import os
import secrets
import signal
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(CHECKOUT))

try:
    import tornado.httpserver
    import tornado.netutil
    from _classroom import server, xterm
except ImportError as missing:
    raise SystemExit(f"classroom: {missing}. 'make classroom' installs what it needs.") from None

from _classroom.ears import Trouble  # noqa: E402  (found by the line above)
from _classroom.room import Classroom  # noqa: E402

from plugins.plugin_utils._lab import spec, state  # noqa: E402
from plugins.plugin_utils._lab.errors import LabError  # noqa: E402
from plugins.plugin_utils._lesson import lesson, swarm  # noqa: E402

LOCAL = ("127.0.0.1", "::1", "localhost")


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
    if xterm.script() is None:
        raise SystemExit("classroom: xterm.js is missing. Install it (Debian and Ubuntu: apt install node-xterm).")
    playbook = ["ansible-playbook", *(["-i", str(options.inventory)] if options.inventory else [])]
    os.environ.setdefault("SWARMLAB_LAB", record.name)
    try:
        sockets = tornado.netutil.bind_sockets(options.port, options.listen)
    except OSError as error:
        raise SystemExit(
            f"classroom: cannot listen on {options.listen}:{options.port}: {error.strerror}. Choose another with --port."
        ) from None
    room = Classroom(record, folder, options.language, playbook)
    try:
        await room.looks.begin()
        token = secrets.token_urlsafe(24)
        listening = tornado.httpserver.HTTPServer(server.application(room, token))
        listening.add_sockets(sockets)
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
