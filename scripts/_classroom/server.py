# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the browser asks for, and who may."""

from __future__ import annotations

import contextlib
import json
import secrets
import typing as t
from pathlib import Path

import tornado.web
import tornado.websocket
from terminado.websocket import TermSocket

from plugins.plugin_utils._lesson import swarm

from . import telling, xterm
from .ears import Trouble
from .room import Classroom

PAGES = Path(__file__).with_name("page")


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
        self.write(telling.told(self.room.lesson, self.room.looks.now, self.room.language, self.room.snapshots))


class Static(Guarded):
    """Files of the page, and xterm.js of the distribution."""

    def get(self, name: str) -> None:
        found: dict[str, t.Callable[[], bytes | None]] = {
            "xterm.js": xterm.script,
            "xterm.css": xterm.style,
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
            elif what == "reset":
                await self.room.reset(given["snapshot"])
                self.write({})
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


class Shell(Guarded, TermSocket):
    """A terminal."""


def application(room: Classroom, token: str) -> tornado.web.Application:
    """The server's addresses."""
    return tornado.web.Application(
        [
            (r"/", Page),
            (r"/lesson.json", Told),
            (r"/static/([a-z.]+)", Static),
            (r"/order/(type|prove|exercise|reset|restart)", Order),
            (r"/live", Live),
            (r"/terminal/(vm\d+)", Shell, {"term_manager": room.terminals}),
        ],
        room=room,
        token=token,
    )
