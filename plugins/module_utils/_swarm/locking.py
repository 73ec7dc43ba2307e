# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The lock of a manager of a swarm with autolock: open it, and tell with which version of the key its files are encrypted."""

from __future__ import annotations

import os
import re
import typing as t

from .._engine.client import Engine, Refused
from .._engine.transport import EngineError, wait_until
from .._host import read_text
from . import place

KEY_FILE = "swarm/certificates/swarm-node.key"  # below the engine's data root
VERSION = re.compile(r"^kek-version: *(\d+)", re.MULTILINE)


def key_version(text: str) -> int:
    """The version of the unlock key by which a manager's private key is encrypted; 0 when it is not. Pure."""
    found = VERSION.search(text)
    return int(found.group(1)) if found else 0


def is_encrypted(text: str) -> bool:
    """Whether a manager's private key is encrypted, which it is in a swarm with autolock alone. Pure."""
    return "ENCRYPTED" in text


def unlock(engine: Engine, keys: t.Sequence[str], timeout: int, check_mode: bool) -> dict[str, t.Any]:
    """Unlock this manager with the first key that fits, if it is locked; the module's result."""
    now = place.ask_when_started(engine, timeout) if keys else place.ask(engine)
    if now["state"] != "locked":
        return {"changed": False, "swarm": now}
    if not keys:
        raise EngineError(f"{now['hostname']} is locked, and no unlock key was given.")
    if check_mode:
        return {"changed": True, "swarm": now}
    if not any(_fits(engine, key) for key in keys):
        many = f"none of the {len(keys)} keys fits" if len(keys) > 1 else "the key does not fit"
        raise EngineError(
            f"{now['hostname']} is locked, and {many}. A manager that was down while the key was rotated needs the former key. It stays locked."
        )

    def look() -> tuple[bool, place.Place]:
        seen = place.ask(engine)
        return seen["state"] == "active" and seen["members"] is not None, seen

    waited = wait_until(look, timeout)
    if waited.seen["state"] != "active":
        told = waited.seen["error"] or "no reason given"
        raise EngineError(
            f"{now['hostname']} was unlocked, and after {timeout} s it is {waited.seen['state']} in its swarm ({told}). See its engine's log."
        )
    return {"changed": True, "swarm": waited.seen}


def _fits(engine: Engine, key: str) -> bool:
    """Whether the key opened the lock. The engine's refusal of a key is no error; all else is."""
    try:
        engine.call("POST", "/swarm/unlock", body={"UnlockKey": key})
    except Refused as error:
        if "key" not in error.message.lower() and "decode" not in error.message.lower():
            raise
        return False
    return True


def await_version(engine: Engine, newer_than: int, timeout: int) -> int:
    """Wait until this manager's files are encrypted with a later version of the key than ``newer_than``; the version."""
    path = os.path.join(engine.info()["DockerRootDir"], KEY_FILE)

    def look() -> tuple[bool, int]:
        version = key_version(read_text(path))
        return version > newer_than, version

    waited = wait_until(look, timeout if newer_than >= 0 else 0)
    if not waited.done and newer_than >= 0:
        raise EngineError(
            f"{path} is not encrypted with the new unlock key after {timeout} s. Restart no manager before it is. See the engine's log there, and run this"
            " again."
        )
    return waited.seen
