# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backups of a swarm on the controller: their names and manifests, their encryption, and where one fits. Controller only.

Private to the collection swarmlab.overlay.
"""

from __future__ import annotations

import json
import os
import re
import shlex
import subprocess
import typing as t

from ..module_utils._daemon.saving import FORMAT, SPARE

Manifest = dict[str, t.Any]
ARCHIVE, VARIABLES, MANIFEST = ".tar.gz", ".yml", ".json"
VAULTED, SEALED = ".vault", ".enc"  # encrypted by Ansible Vault, by a command
COMMAND_SECONDS = 600
MB = 1024 * 1024
KEYS: dict[str, type] = {
    "format": int, "swarm_id": str, "node_id": str, "hostname": str, "address": str, "engine_version": str, "autolock": bool,
    "managers": list, "time": str, "size": int, "sha256": str,
}  # fmt: skip


class Unfit(Exception):
    """The backup cannot be made, or is not what it should be; the text has the reason and the remedy."""


class Vault(t.Protocol):
    """Ansible's vault, as far as it is used here."""

    secrets: t.Any

    def encrypt(self, plaintext: bytes) -> bytes:
        """The encrypted text."""

    def decrypt(self, vaulttext: bytes) -> bytes:
        """The plain text."""


def stem(manifest: Manifest) -> str:
    """The beginning of the names of a backup's files."""
    return f"swarm-{manifest['swarm_id']}-{re.sub('[^0-9TZ]', '', manifest['time'])}"


def parse(text: str, path: str) -> Manifest:
    """A manifest. Raises Unfit for all else."""
    try:
        data = json.loads(text)
    except ValueError:
        data = None
    if not isinstance(data, dict) or any(not isinstance(data.get(key), kind) for key, kind in KEYS.items()):
        raise Unfit(f"{path} is not the manifest of a backup. Nothing was changed.")
    if data["format"] != FORMAT:
        raise Unfit(
            f"{path} was written by another version of this collection (format {data['format']}; this version reads {FORMAT})."
            " Nothing was changed."
        )
    return t.cast(Manifest, data)


def manifest_of(archive: str) -> str:
    """The path of the manifest that lies beside an archive. Raises Unfit for a name that is none of an archive."""
    name = archive
    for ending in (VAULTED, SEALED):
        name = name.removesuffix(ending)
    if not name.endswith(ARCHIVE):
        raise Unfit(
            f"{archive} is not the name of a backup ({ARCHIVE}, perhaps with {VAULTED} or {SEALED}). Nothing was changed."
        )
    return name.removesuffix(ARCHIVE) + MANIFEST


def outdated(manifests: t.Sequence[Manifest], swarm_id: str, keep: int) -> list[str]:
    """The stems of this swarm's backups beyond the newest ``keep``. Backups of other swarms are never among them."""
    ours = sorted((each for each in manifests if each["swarm_id"] == swarm_id), key=lambda each: str(each["time"]))
    return [stem(each) for each in ours[: max(len(ours) - keep, 0)]]


def known(folder: str) -> list[Manifest]:
    """The manifests in a folder. What is none is left alone."""
    found = []
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if re.fullmatch(r"swarm-[a-z0-9]+-[0-9TZ]+\.json", name) and os.path.isfile(path):
            try:
                with open(path, encoding="utf-8") as handle:
                    found.append(parse(handle.read(), path))
            except Unfit:
                continue
    return found


def files_of(folder: str, beginning: str) -> list[str]:
    """The files of one backup, its manifest last."""
    names = [name for name in os.listdir(folder) if name.partition(".")[0] == beginning]
    return [os.path.join(folder, name) for name in sorted(names, key=lambda name: (name.endswith(MANIFEST), name))]


def check_sealing(vault: Vault, command: str, plain: bool, what: str) -> None:
    """Raise Unfit where the files would hold secrets without encryption, and nobody accepted that."""
    if not command and not plain and not vault.secrets:
        raise Unfit(
            f"{what} would hold the swarm's CA, keys and secrets without encryption, because Ansible was given no vault password. Give one"
            " (--vault-password-file), or a command that encrypts (swarm_backup_encrypt), or accept it (swarm_backup_plain)."
            " Nothing was done."
        )


def seal(data: bytes, vault: Vault, command: str, plain: bool) -> tuple[bytes, str]:
    """The data encrypted by a command, else by Ansible's vault, else as they are; and the ending of their name."""
    if command:
        sealed = run(command, data)
        if data[:64] in sealed:
            raise Unfit(f"'{command}' gave back what it was to encrypt. Nothing was kept.")
        return sealed, SEALED
    if vault.secrets and not plain:
        return vault.encrypt(data), VAULTED
    return data, ""


def unseal(data: bytes, name: str, vault: Vault, command: str) -> bytes:
    """The data as they were. Raises Unfit, without anything of them in the text."""
    if name.endswith(VAULTED):
        if not vault.secrets:
            raise Unfit(f"{name} is encrypted by Ansible Vault, and no vault password was given. Nothing was changed.")
        return vault.decrypt(data)
    if name.endswith(SEALED):
        if not command:
            raise Unfit(
                f"{name} is encrypted, and swarm_restore_decrypt names no command that decrypts. Nothing was changed."
            )
        return run(command, data)
    return data


def run(command: str, data: bytes) -> bytes:
    """What a command makes of the data. Raises Unfit with its last line of complaint."""
    try:
        done = subprocess.run(
            shlex.split(command), input=data, capture_output=True, timeout=COMMAND_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise Unfit(
            f"'{command}' cannot be run: {shlex.split(command)[0]} is not installed on the controller. Nothing was kept or changed."
        ) from error
    except (OSError, ValueError, subprocess.TimeoutExpired) as error:
        raise Unfit(f"'{command}' cannot be run: {error.__class__.__name__}. Nothing was kept or changed.") from error
    if done.returncode or not done.stdout:
        told = (
            done.stderr.decode("utf-8", "replace").strip().splitlines()
            or [f"exit code {done.returncode}, and no output"]
        )[-1]
        raise Unfit(f"'{command}' failed: {told}. Nothing was kept or changed.")
    return done.stdout


def version(text: str) -> tuple[int, ...]:
    """The numbers of an engine's version."""
    found = re.match(r"\d+(?:\.\d+)*", text)
    return tuple(int(part) for part in found.group().split(".")) if found else ()


def unpacked(data: bytes) -> int:
    """Bytes that a gzip archive has when it is unpacked, as its last four bytes say; modulo 4 GiB."""
    return int.from_bytes(data[-4:], "little")


def misfit(manifest: Manifest, seen: t.Mapping[str, t.Any], host: str, needed: int) -> str:
    """Why a backup cannot be restored on a host; empty when it can.

    :param seen: what stage C(look) of module swarm_archive told of the host
    :param needed: bytes that must be free on the disk of its engine
    """
    place = seen["swarm"]
    if place["state"] != "inactive":
        same = place["node_id"] == manifest["node_id"] or place["swarm_id"] == manifest["swarm_id"]
        whose = (
            "the swarm of the backup"
            if same
            else "another swarm than that of the backup"
            if place["node_id"]
            else "a swarm"
        )
        return (
            f"{host} is in {whose} (its engine says: {place['state']}, node {place['node_id'] or 'unknown'}). If a restoration was interrupted here, or its"
            " managers lost their majority, run playbook recover. If that swarm is no longer needed, run 'docker swarm leave --force' there and run this again"
        )
    if not seen["own_address"]:
        return (
            f"{host} does not have the address {manifest['address']} of the manager in the backup. A manager's address is part of the swarm's state and"
            " cannot be changed. Give the host that address, or declare a new swarm from the variables beside the backup"
        )
    if version(seen["engine_version"]) < version(manifest["engine_version"]):
        return (
            f"{host} has Docker Engine {seen['engine_version']}, and the backup is from {manifest['engine_version']}. An older engine cannot read it. Install"
            " that version or a newer one"
        )
    if seen["problem"]:
        return f"{host}: {seen['problem']}"
    if seen["free"] < needed + SPARE:
        return f"{host}: the disk of {seen['data_root']} has {seen['free'] // MB} MB free, and {(needed + SPARE) // MB} MB are needed"
    return ""
