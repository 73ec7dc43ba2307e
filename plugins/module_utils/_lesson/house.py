# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a lesson needs on a node, and what it leaves there: nothing.

Private to swarmlab.overlay. Whatever is typed in the lesson's shell makes labelled objects, because a small program of the name docker
stands before the real one there and adds the label. So the lesson's commands stay as they are, and all they made is found again.
"""

# pylint: disable=ansible-bad-function  # run_command needs the module, which is not at hand here

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import time

from .._engine.client import Engine, NotFound, Refused
from .._engine.transport import EngineError
from .._terms import LESSON_LABEL

ROOT = "/run/swarmlab-lesson"
BIN = f"{ROOT}/bin"
TAGGED = f"{ROOT}/tagged"
IMAGE = "alpine"
LAB_IMAGE = "localhost/swarmlab/busybox:local"
PLACES = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin:/snap/bin"
WRAPPER = """#!/bin/sh
# The docker of the lesson: what it makes carries a label, by which it is removed at the end. Tasks of the lesson end at once, and a service
# that has converged is watched for one second instead of five.
case "$1 $2" in
    "service create") shift 2; exec {docker} service create {resolve}--label {label} --container-label {label} --stop-signal KILL --update-monitor 1s "$@" ;;
    "network create") shift 2; exec {docker} network create --label {label} "$@" ;;
    "container run" | "container create") verb=$2; shift 2; exec {docker} container "$verb" --label {label} --stop-signal KILL "$@" ;;
    "run "* | "create "*) verb=$1; shift; exec {docker} container "$verb" --label {label} --stop-signal KILL "$@" ;;
esac
exec {docker} "$@"
"""
PAUSE = 0.25  # seconds
REGISTRY_SECONDS = 20


def docker() -> str:
    """The docker command of this node. Raises EngineError when there is none."""
    found = shutil.which("docker", path=PLACES)
    if not found:
        raise EngineError(
            f"{os.uname().nodename} has no command docker, which the lesson types. Install the client (docker-cli)."
        )
    return found


def wrapper(command: str, run: str, lab: bool) -> str:
    """The text of the program that stands before ``command``. In a lab no registry is asked for the image. Pure."""
    return WRAPPER.format(docker=command, label=f"{LESSON_LABEL}={run}", resolve="--no-resolve-image " if lab else "")


def furnish(run: str, lab: bool) -> None:
    """Put the program in its place."""
    os.makedirs(BIN, mode=0o755, exist_ok=True)
    path = f"{BIN}/docker"
    temporary = f"{path}.{os.getpid()}"
    with open(temporary, "w", encoding="utf-8") as handle:
        handle.write(wrapper(docker(), run, lab))
    os.chmod(temporary, 0o755)
    os.replace(temporary, path)


def name_image(engine: Engine, lab: bool) -> str:
    """Make sure of the lesson's image: present, named (a lab's own image got the name), pullable, or absent."""
    if engine.has_image(IMAGE):
        return "named" if os.path.exists(TAGGED) else "present"
    if not lab:
        return "pullable" if engine.within(REGISTRY_SECONDS).can_pull(IMAGE) else "absent"
    if not engine.has_image(LAB_IMAGE):
        return "absent"
    with open(TAGGED, "w", encoding="ascii") as handle:
        handle.write(IMAGE)
    engine.tag_image(LAB_IMAGE, IMAGE, "latest")
    return "named"


def device_of(address: str) -> str:
    """The device that has an address, in other words the one that leads to the other nodes; empty when none has."""
    told = subprocess.run(["ip", "-o", "address"], stdout=subprocess.PIPE, check=False).stdout.decode()
    words = (line.split() for line in told.splitlines())
    return next((row[1] for row in words if len(row) > 3 and row[3].partition("/")[0] == address), "")


def remove_services(engine: Engine, names: list[str] | None = None) -> list[str]:
    """Remove the lesson's services (of these names). Their names are free at once, their tasks go in a moment. Returns ids."""
    removed = []
    for service in engine.services({"label": LESSON_LABEL}):
        if names is None or service["Spec"]["Name"] in names:
            engine.remove_service(service["ID"])
            removed.append(service["ID"])
    return removed


def await_gone(engine: Engine, services: list[str], seconds: float) -> None:
    """Wait until no task of these removed services is left, for so many seconds at most."""
    deadline = time.monotonic() + seconds
    while services and time.monotonic() < deadline and any(task["ServiceID"] in services for task in engine.tasks()):
        time.sleep(PAUSE)


def remove_networks(engine: Engine, seconds: float, names: list[str] | None = None) -> list[str]:
    """Remove the lesson's networks (of these names). One that is still in use is tried again for so many seconds."""
    deadline = time.monotonic() + seconds
    waiting = [row for row in engine.networks({"label": LESSON_LABEL}) if names is None or row["Name"] in names]
    removed = []
    while waiting:
        network = waiting[0]
        try:
            engine.remove_network(network["Id"])
            removed.append(network["Name"])
        except NotFound:
            pass  # another manager was faster
        except Refused:
            if time.monotonic() > deadline:
                raise
            time.sleep(PAUSE)
            continue
        waiting.pop(0)
    return removed


def await_forgotten(engine: Engine, names: list[str], seconds: float) -> None:
    """Wait until this engine lists none of these networks: it forgets one that it held a moment after the swarm does."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline and any(row["Name"] in names for row in engine.networks()):
        time.sleep(PAUSE)


def remove_containers(engine: Engine) -> list[str]:
    """Remove the lesson's standalone containers on this node."""
    removed = []
    for found in engine.containers({"label": LESSON_LABEL}, every=True):
        if "com.docker.swarm.service.id" not in (found.get("Labels") or {}):
            engine.remove_container(found["Id"])
            removed.append(found["Names"][0].lstrip("/"))
    return removed


def await_nothing(engine: Engine, seconds: float) -> None:
    """Wait until this node has nothing of the lesson any more: tasks and networks go a moment after a manager removed them."""
    deadline = time.monotonic() + seconds
    ours = {"label": LESSON_LABEL}
    while time.monotonic() < deadline and (engine.containers(ours, every=True) or engine.networks(ours)):
        time.sleep(PAUSE)


def clear_out(engine: Engine) -> None:
    """Take back the image's name, and the program."""
    if os.path.exists(TAGGED):
        with contextlib.suppress(NotFound):
            engine.untag_image(IMAGE)
    shutil.rmtree(ROOT, ignore_errors=True)
