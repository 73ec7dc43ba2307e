# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The catalogue of a lab's errors: a stable id, the cause, and the remedy.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import dataclasses
import typing as t


@dataclasses.dataclass(frozen=True)
class Entry:
    """One kind of failure. ``cause`` is a template for ``str.format``; ``advice`` is the remedy for the user."""

    cause: str
    advice: str


CATALOGUE: dict[str, Entry] = {
    "LAB-E-OPTION": Entry(
        "{key}: {problem}",
        "Correct this option in the inventory, the variable or the environment that sets it.",
    ),
    "LAB-E-NOTOOL": Entry(
        "the program {tool} is needed to {purpose} and is not in PATH",
        "Install it (Debian and Ubuntu: apt install {package}), or run 'make setup'.",
    ),
    "LAB-E-NOQEMU": Entry(
        "{tool} is not in PATH, so no virtual machine can be started",
        "Install QEMU (Debian and Ubuntu: apt install {package}), run 'make setup', or set driver: container.",
    ),
    "LAB-E-OLDQEMU": Entry(
        "QEMU {found} is too old, the lab's segment needs {needed} or later",
        "Install a newer one (Debian 12 and Ubuntu 24.04 have it), or set driver: container.",
    ),
    "LAB-E-NOLIBRARY": Entry(
        "the Python package {package} is missing in {python}, the interpreter that runs Ansible",
        "Install it there: {python} -m pip install {package}",
    ),
    "LAB-E-NOKVM": Entry(
        "accel is 'kvm', but {reason}",
        "Give this user access to /dev/kvm (group kvm), enable virtualisation in the firmware, or set accel: auto.",
    ),
    "LAB-E-MEMORY": Entry(
        "{nodes} node(s) of {memory} MiB need {needed} MiB of memory and {available} MiB are available",
        "Set fewer nodes or less memory a node, or destroy another lab.",
    ),
    "LAB-E-DISK": Entry(
        "{directory} has {available} MiB free and {needed} MiB are needed to {purpose}",
        "Free some space there, or choose another folder (directory, cache).",
    ),
    "LAB-E-NOMIRROR": Entry(
        "no Debian package mirror was found in the apt sources of this machine",
        "Name one: image: {{mirror: URL}}.",
    ),
    "LAB-E-IMAGE": Entry(
        "building the image failed in step '{step}': {reason}",
        "The whole output is in {log}. Check that the mirror serves the suite, and that there is space.",
    ),
    "LAB-E-FORMAT": Entry(
        "{path} has format version {found}, this collection reads version {expected}",
        "Destroy the lab with the collection version that made it, or with this one: state absent works for any.",
    ),
    "LAB-E-BROKEN": Entry(
        "{path} cannot be read: {reason}",
        "The lab's record is damaged. Destroy the lab (state absent works without it) and create it again.",
    ),
    "LAB-E-DRIVERCHANGE": Entry(
        "the lab was made by driver '{found}' and driver '{wanted}' is asked for",
        "Destroy the lab first, or give the other one another name.",
    ),
    "LAB-E-SHRINK": Entry(
        "the lab has nodes {extra}, and only {wanted} node(s) are asked for",
        "The playbook lab (make lab) lets them leave the swarm first and then removes them. Here, ask for as many nodes as"
        " there are, or set surplus: remove, which ends them as they are.",
    ),
    "LAB-E-NOLAB": Entry(
        "there is no lab {name} in {directory}",
        "Make it first (make lab, playbook lab), or name another one (LAB=NAME, SWARMLAB_LAB).",
    ),
    "LAB-E-SUBNETCHANGE": Entry(
        "the lab's segment is {found} and {wanted} is asked for",
        "Addresses of a lab are fixed when it is made: destroy it first, or keep its subnet.",
    ),
    "LAB-E-LOCKED": Entry(
        "another process ({holder}) is working on {what}",
        "Wait until it has finished, then run this again.",
    ),
    "LAB-E-FOLDER": Entry(
        "{path} is not a folder that this lab can use: {reason}",
        "Remove what is there, or set another directory or name.",
    ),
    "LAB-E-IMAGEGONE": Entry(
        "the lab's disks are based on image {image}, which is no longer in {cache}",
        "The disks are lost without it: destroy the lab and create it again.",
    ),
    "LAB-E-START": Entry(
        "{node} did not start: {reason}",
        "Read {log}.",
    ),
    "LAB-E-GOLDEN": Entry(
        "the golden node, which new nodes wake up from, could not be made: {reason}",
        "Try again, or set golden: never, which boots every node by itself.",
    ),
    "LAB-E-CLONE": Entry(
        "{node} did not wake up from the golden node's memory: {reason}",
        "Try again, or set golden: never, which boots every node by itself.",
    ),
    "LAB-E-MONITOR": Entry(
        "the monitor of {node} did not carry out '{command}': {reason}",
        "QEMU may hang or have ended: stop the lab and start it again.",
    ),
    "LAB-E-SEGMENT": Entry(
        "the switch of the lab's own segment does not work: {reason}",
        "Read {log}; running the lab again starts the switch anew.",
    ),
    "LAB-E-NOSNAPSHOT": Entry(
        "nodes of driver '{driver}' cannot be saved and restored as a whole",
        "Use a lab of virtual machines (driver: vm); container nodes are made anew in seconds.",
    ),
    "LAB-E-NOSUCHSNAPSHOT": Entry(
        "there is no snapshot '{name}' of this lab; there are: {known}",
        "Name one of these, or save one first.",
    ),
    "LAB-E-SNAPSHOT": Entry(
        "snapshot '{name}': {reason}",
        "The lab itself is as it was before, unless nodes have ended: running the lab again starts those.",
    ),
    "LAB-E-CLOCK": Entry(
        "{node} was restored, and its clock could not be set: {reason}",
        "Set it before anything that looks at certificates runs, or restore the lab again.",
    ),
    "LAB-E-DIED": Entry(
        "{node} ended while it was booting: {reason}",
        "Its console is in {log}; set retain_failed to keep a new lab for a look.",
    ),
    "LAB-E-TIMEOUT": Entry(
        "{nodes} did not become ready within {seconds} s; waiting for: {waiting}",
        "Their consoles are in {log}. A slow or busy machine needs a larger boot_timeout.",
    ),
    "LAB-E-UNREADY": Entry(
        "{node} booted, but its Docker Engine did not become ready",
        "Its console is in {log}. Set retain_failed to keep a new lab for a look, read 'journalctl -u docker' on the"
        " node, and stop and start the lab to try again.",
    ),
    "LAB-E-NEIGHBOURS": Entry(
        "{nodes} container nodes share this machine's table of neighbours: {needed} entries are needed and it has room for {limit}",
        "Make it larger, as root: sysctl -w net.ipv4.neigh.default.gc_thresh3={more} net.ipv4.neigh.default.gc_thresh2={needed}; "
        "or make fewer nodes, or machines.",
    ),
    "LAB-E-NOENGINE": Entry(
        "the Docker Engine of this machine cannot be used: {reason}",
        "Start it ('systemctl start docker', or 'dockerd' as root), give this user access to it, or set driver: vm.",
    ),
    "LAB-E-ENGINE": Entry(
        "the Docker Engine of this machine refused to {action}: {reason}",
        "See the engine's own log. A subnet in use by another network needs another value of subnet.",
    ),
    "LAB-E-SUBNET": Entry(
        "this machine leads to the lab's subnet {subnet} through {interfaces} already",
        "Another lab or network has it: set another subnet. A bridge that an engine left behind goes with 'ip link delete {interface}'.",
    ),
    "LAB-E-SYSTEM": Entry(
        "the operating system refused something: {reason}",
        "Check permissions and free space of the lab's folder and of the image cache.",
    ),
    "LAB-E-STUCK": Entry(
        "{what} did not end within {seconds} s",
        "End it by hand, then run this again.",
    ),
}


class LabError(Exception):
    """The only exception of the lab. ``message`` is complete: id, cause, advice."""

    def __init__(self, error_id: str, **details: t.Any) -> None:
        entry = CATALOGUE[error_id]
        self.id = error_id
        self.details = details
        self.cause = entry.cause.format(**details)
        self.advice = entry.advice.format(**details)
        self.message = f"{error_id}: {self.cause}. {self.advice}"
        super().__init__(self.message)
