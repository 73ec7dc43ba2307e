# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab's ssh configuration, and its keys, made by ssh-keygen.

Private to the collection swarmlab.overlay.
"""

# pylint: disable=ansible-bad-function  # run_command belongs to modules; this runs in action plugins

from __future__ import annotations

import secrets
import subprocess
import typing as t
from pathlib import Path

from .imagespec import ROOT
from .ports import LOOPBACK
from .spec import LabSpec, NodeSpec
from .tools import write_private

CONFIG = "ssh_config"
KNOWN_HOSTS = "known_hosts"
USER_KEY = "id_ed25519"
PASSWORD = "password"  # the password file of users other than root


def render_config(spec: LabSpec, nodes: t.Iterable[tuple[NodeSpec, int]]) -> str:
    """ssh_config(5) for the given nodes and their ports."""
    nodes = list(nodes)
    aliases = {node.name: node.alias for node, port in nodes}
    blocks = [f"# Lab {spec.name}: ssh -F {spec.directory / CONFIG} vm1\n"]
    for node, port in nodes:
        settings = spec.settings_of(node.name)
        way = f"  HostName {LOOPBACK}\n  Port {port}\n"
        if settings.jump:
            # Like ProxyJump, which would not quote the path.
            jump = f"ssh -F '{spec.directory / CONFIG}' -W [%h]:%p {aliases.get(settings.jump, settings.jump)}"
            way = f"  HostName {node.address}\n  ProxyCommand {jump}\n"
        user = "" if settings.user == ROOT else f"  User {settings.user}\n"
        blocks.append(
            f"Host {node.name} {node.name}.{spec.name} {node.alias}\n{way}{user}  HostKeyAlias {node.alias}\n"
        )
    blocks.append(
        "Host *\n"
        "  User root\n"
        f'  IdentityFile "{spec.directory / USER_KEY}"\n'
        "  IdentitiesOnly yes\n"
        "  PreferredAuthentications publickey\n"
        f'  UserKnownHostsFile "{spec.directory / KNOWN_HOSTS}"\n'
        "  GlobalKnownHostsFile none\n"
        "  StrictHostKeyChecking yes\n"
        "  UpdateHostKeys no\n"
        "  LogLevel ERROR\n"
    )
    return "\n".join(blocks)


def render_known_hosts(entries: t.Iterable[tuple[NodeSpec, str]]) -> str:
    return "".join(f"{node.alias} {' '.join(key.split()[:2])}\n" for node, key in entries)


def make_key(path: Path, comment: str) -> None:
    """Create an ed25519 key pair; an existing complete pair is kept."""
    public = path.with_name(path.name + ".pub")
    if path.is_file() and public.is_file():
        return
    path.unlink(missing_ok=True)
    public.unlink(missing_ok=True)
    command = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", comment, "-f", str(path)]
    subprocess.run(command, check=True, stdin=subprocess.DEVNULL, capture_output=True)


def make_password(path: Path) -> str:
    """The password in this file, which is created when missing."""
    if not path.is_file():
        write_private(path, secrets.token_urlsafe(18) + "\n")
    return path.read_text(encoding="ascii").strip()


def write_if_changed(path: Path, content: str) -> bool:
    """Write a private file with this content. Returns whether it changed."""
    if path.is_file() and path.read_text(encoding="utf-8") == content:
        return False
    write_private(path, content)
    return True
