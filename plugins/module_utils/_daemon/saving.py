# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The state of a manager as an archive for root alone: what a swarm is, with its CA and its secrets."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import socket
import tarfile
import time
import typing as t

from .._engine.client import Engine
from .._host import HostError, read_text, split_port
from .._swarm import locking, place
from .._swarm.membership import is_own

FORMAT = 1  # of the manifest
STATE = "swarm"  # the folder of the swarm's state, below the engine's data root
FOLDER = "swarmlab-backup"  # beside it: archives on their way from or to the controller
ASIDE = "swarm.before-restore"  # what was there before a restoration
SETTINGS = "docker-state.json"  # the engine's own addresses in the swarm
NAME = re.compile(r"[A-Za-z0-9-]+\.tar\.gz\Z")
PRIVATE_FOLDER, PRIVATE = 0o700, 0o600
SPARE = 64 * 1024 * 1024  # bytes that must stay free on the disk
Manifest = t.Dict[str, t.Any]


def settings_of(text: str) -> dict[str, t.Any]:
    """The addresses and ports in the engine's own file; empty when it is none. Pure."""
    try:
        found = json.loads(text)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def look(engine: Engine) -> dict[str, t.Any]:
    """What a backup and a restoration must know of this host, without any secret."""
    info = engine.info()
    root = info["DockerRootDir"]
    return {
        "swarm": place.ask(engine),
        "engine_version": info["ServerVersion"],
        "data_root": root,
        "settings": settings_of(read_text(os.path.join(root, STATE, SETTINGS))),
        "autolock": locking.is_encrypted(read_text(os.path.join(root, locking.KEY_FILE))),
        "size": size_of(os.path.join(root, STATE)),
        "free": shutil.disk_usage(root).free if os.path.isdir(root) else 0,
    }


def owns(address: str) -> bool:
    """Whether the address, perhaps with a port, is on one of this host's interfaces."""
    try:
        return is_own(split_port(address)[0])
    except ValueError:
        return False


def size_of(folder: str) -> int:
    """Bytes of the files below a folder."""
    found = 0
    for place_of, dummy, files in os.walk(folder):
        for name in files:
            with contextlib.suppress(FileNotFoundError):  # the engine goes on writing
                found += os.lstat(os.path.join(place_of, name)).st_size
    return found


def manifest(seen: t.Mapping[str, t.Any], moment: float) -> Manifest:
    """What the archive is of. ``moment`` in seconds since 1970. Pure."""
    swarm = seen["swarm"]
    return {
        "format": FORMAT,
        "swarm_id": swarm["swarm_id"],
        "node_id": swarm["node_id"],
        "hostname": swarm["hostname"],
        "address": seen["settings"].get("AdvertiseAddr") or swarm["node_address"],
        "engine_version": seen["engine_version"],
        "autolock": seen["autolock"],
        "managers": [
            {"id": member["id"], "hostname": member["hostname"], "address": member["manager_address"]}
            for member in swarm["members"] or []
            if member["reachability"]
        ],
        "time": time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment)),
    }


def refusal(seen: t.Mapping[str, t.Any], node_id: str) -> str:
    """Why this host's state cannot be copied now; empty when it can. Pure."""
    swarm = seen["swarm"]
    if swarm["state"] != "active" or not swarm["manager"] or swarm["members"] is None:
        return f"it cannot manage a swarm (its engine says: {swarm['error'] or swarm['state']})"
    if swarm["node_id"] != node_id:
        return f"it is node {swarm['node_id']} of its swarm, not {node_id}"
    if seen["free"] < seen["size"] + SPARE:
        needed = (seen["size"] + SPARE) // (1024 * 1024)
        return (
            f"the disk of {seen['data_root']} has {seen['free'] // (1024 * 1024)} MB free, and {needed} MB are needed"
        )
    return ""


def path_of(root: str, name: str) -> str:
    """Where an archive is on its way. Makes the folder, for root alone. Raises HostError for a name that is none."""
    if not NAME.match(name):
        raise HostError(f"{name!r} is not the name of an archive")
    folder = os.path.join(root, FOLDER)
    os.makedirs(folder, mode=PRIVATE_FOLDER, exist_ok=True)
    os.chmod(folder, PRIVATE_FOLDER)
    return os.path.join(folder, name)


def pack(root: str, path: str) -> None:
    """Write the archive, readable by root alone from its first byte on. The engine must not run meanwhile."""
    clear(path)
    try:
        with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as handle:
            with tarfile.open(fileobj=handle, mode="w:gz", compresslevel=6) as tar:
                tar.add(os.path.join(root, STATE), arcname=STATE)
            handle.flush()
            os.fsync(handle.fileno())
    except OSError:  # a half archive has secrets too, and keeps a full disk full
        clear(path)
        raise


def unpack(root: str, path: str) -> str:
    """Put the archive's state in place of the host's own, which is moved aside; where that is now. The engine must not run meanwhile."""
    fresh, now = os.path.join(root, FOLDER, "unpacked"), os.path.join(root, STATE)
    shutil.rmtree(fresh, ignore_errors=True)
    with tarfile.open(path, mode="r:gz") as tar:
        members = tar.getmembers()
        wrong = [member.name for member in members if not fits(member)]
        if wrong or not members:
            raise HostError(f"the archive does not hold a swarm's state ({', '.join(wrong[:3]) or 'it is empty'})")
        os.mkdir(fresh, PRIVATE_FOLDER)
        try:
            for member in members:
                _place(tar, member, fresh)
        except OSError:
            shutil.rmtree(fresh, ignore_errors=True)
            raise
    aside = ""
    if os.path.isdir(now):
        aside = os.path.join(root, f"{ASIDE}-{int(time.time())}")
        os.rename(now, aside)
    try:
        os.rename(os.path.join(fresh, STATE), now)
    except OSError:
        if aside:
            os.rename(aside, now)
        raise
    shutil.rmtree(fresh, ignore_errors=True)
    return aside


def fits(member: tarfile.TarInfo) -> bool:
    """Whether a member of an archive is a file or folder of a swarm's state, and stays below it. Pure."""
    within = member.name == STATE or member.name.startswith(f"{STATE}/")
    return (member.isfile() or member.isdir()) and within and not {"", ".", ".."} & set(member.name.split("/"))


def _place(tar: tarfile.TarFile, member: tarfile.TarInfo, folder: str) -> None:
    """One file or folder, with its owner and mode."""
    path = os.path.join(folder, member.name)
    if member.isdir():
        os.mkdir(path, PRIVATE_FOLDER)
    else:
        source = tar.extractfile(member)
        if source is None:
            raise HostError(f"{member.name} in the archive cannot be read")
        with source, open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, PRIVATE), "wb") as handle:
            shutil.copyfileobj(source, handle)
            handle.flush()
            os.fsync(handle.fileno())
    os.chown(path, member.uid, member.gid)
    os.chmod(path, member.mode & 0o777)


def digest(path: str) -> tuple[int, str]:
    """Size in bytes and SHA-256 of a file."""
    found = hashlib.sha256()
    with open(path, "rb") as handle:
        for part in iter(lambda: handle.read(1024 * 1024), b""):
            found.update(part)
    return os.path.getsize(path), found.hexdigest()


def read(path: str, offset: int, size: int) -> bytes:
    """A part of a file."""
    with open(path, "rb") as handle:
        handle.seek(offset)
        return handle.read(size)


def write(path: str, offset: int, data: bytes) -> None:
    """Add a part to a file, which the first part makes, for root alone."""
    if offset == 0:
        clear(path)
    flags = os.O_WRONLY | (os.O_CREAT | os.O_EXCL if offset == 0 else 0)
    with open(os.open(path, flags, PRIVATE), "r+b" if offset else "wb") as handle:
        if os.fstat(handle.fileno()).st_size != offset:
            raise HostError(f"{path} on {socket.gethostname()} does not have the expected size")
        handle.seek(offset)
        handle.write(data)


def clear(path: str) -> None:
    """Remove an archive, if it is there."""
    with contextlib.suppress(FileNotFoundError):
        os.unlink(path)
