# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The kind of engine on this host, by the package that owns its program, never by its version."""

from __future__ import annotations

import os
import re
import shutil
import typing as t

from .process import FOLDERS, Process, run

PACKAGES = {
    "docker.io": "docker.io",
    "docker-ce": "docker-ce",
    "docker-ee": "docker-ce",
    "moby-engine": "moby-engine",
    "docker": "docker",  # SUSE, Arch, Amazon
    "docker-stable": "docker",  # SUSE
    "docker-engine": "docker",  # Alpine
}
SNAP = ("/snap/", "/var/lib/snapd/")
ASKED = (
    (("dpkg-query", "-S"), re.compile(r"^([^\s:,]+)(?::\w+)?: /", re.MULTILINE)),
    (("rpm", "-qf", "--qf", "%{NAME}\\n"), re.compile(r"^(\S+)$", re.MULTILINE)),
    (("pacman", "-Qoq"), re.compile(r"^(\S+)$", re.MULTILINE)),
    (("apk", "info", "--who-owns"), re.compile(r"is owned by (\S+?)-\d", re.MULTILINE)),
)
ROOTLESS = "name=rootless"


def owner(path: str) -> str:
    """The package that owns the file; empty when no package manager knows it."""
    for argv, pattern in ASKED:
        if not shutil.which(argv[0]):
            continue
        # On hosts where /bin is /usr/bin, the package database may list the file under the other path.
        for name in dict.fromkeys((path, os.path.realpath(path), re.sub(r"^/usr(?=/s?bin/)", "", path))):
            code, out = run(*argv, name)
            found = pattern.search(out) if code == 0 else None
            if found:
                return found.group(1)
    return ""


def flavour(path: str, package: str, rootless: bool, podman: bool) -> str:
    """The kind of engine.

    :param path: the engine's program, empty when there is none
    :param package: the package that owns the program
    :param rootless: whether the running engine is rootless
    :param podman: whether the command docker is Podman's
    """
    if path.startswith(SNAP):
        return "snap"
    if path and rootless:
        return "rootless"
    if path:
        return PACKAGES.get(package, "unknown")
    return "podman-docker" if podman else ""


def is_podman() -> bool:
    """Whether this host's command docker is Podman's."""
    docker = shutil.which("docker", path=os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS]))
    if not docker:
        return False
    if "podman" in os.path.basename(os.path.realpath(docker)):
        return True
    with open(docker, "rb") as handle:
        start = handle.read(2048)
    return start.startswith(b"#!") and b"podman" in start


def rootless(running: Process | None, info: t.Mapping[str, t.Any] | None) -> bool:
    """Whether the engine runs in rootless mode, by its own /info or by its process."""
    told = any(ROOTLESS in option for option in (info or {}).get("SecurityOptions") or [])
    return told or bool(running and running.rootless)


def refusal(kind: str, host: str, path: str) -> str:
    """Why this kind of engine cannot serve a swarm; empty when it can."""
    if kind == "snap":
        return (
            f"{host} runs Docker Engine as a snap ({path}): this collection cannot reach the files and namespaces of a snap, "
            "and snapd restarts it at any time. Remove the snap and install a package (docker-ce, docker.io), "
            "or remove this host from the inventory. Nothing was changed"
        )
    if kind == "rootless":
        return (
            f"{host} runs Docker Engine in rootless mode ({path}): overlay networks do not work in that mode. Run an engine as root on it, "
            "or name that engine's socket in docker_host. Nothing was changed"
        )
    if kind == "podman-docker":
        return (
            f"The program docker on {host} is Podman, which has no swarm mode. Installing Docker Engine would replace it. "
            "Remove podman-docker yourself if nothing needs it, or remove this host from the inventory. Nothing was changed"
        )
    return ""
