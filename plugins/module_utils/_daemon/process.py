# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The engine's program, process and service on this host. Read-only."""

# pylint: disable=ansible-bad-function  # run_command has no time limit

from __future__ import annotations

import glob
import os
import re
import shlex
import shutil
import subprocess
import typing as t

PROGRAM = "dockerd"
UNIT = "docker.service"
# A task's PATH is often shorter than a shell's. These folders have manually installed programs and services' ones.
FOLDERS = (
    "/usr/bin",
    "/usr/sbin",
    "/usr/local/bin",
    "/usr/local/sbin",
    "/opt/bin",
    "/usr/libexec/docker",
    "/snap/docker/current/bin",
    "/var/lib/snapd/snap/docker/current/bin",  # where the distribution has no /snap: Fedora, RHEL, Arch
)
COMMAND_SECONDS = 120


class Process(t.NamedTuple):
    """A running dockerd."""

    pid: int
    path: str
    flags: list[str]
    state: str
    rootless: bool


class Service(t.NamedTuple):
    """The engine's systemd service. ``known``: the unit exists."""

    known: bool = False
    pid: int = 0
    command: list[str] = []


def run(*argv: str, timeout: float = COMMAND_SECONDS) -> tuple[int, str]:
    """Run a program in the C locale; its exit code and its whole output. ``timeout`` in seconds."""
    environment = {**os.environ, "LC_ALL": "C", "LANGUAGE": "C"}
    try:
        done = subprocess.run(
            argv,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            env=environment,
            timeout=timeout,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return 124, f"'{' '.join(argv)}' did not end within {timeout:.0f} s"
    except OSError as error:
        return 127, str(error)
    return done.returncode, done.stdout.decode("utf-8", "replace").strip()


def has_systemd() -> bool:
    """Whether systemd runs this host."""
    return os.path.isdir("/run/systemd/system")


def service() -> Service:
    """The engine's service as systemd reports it."""
    if not has_systemd():
        return Service()
    code, out = run("systemctl", "show", UNIT, "-p", "LoadState,MainPID,ExecStart,Environment,EnvironmentFiles")
    return parse_service(out, _read) if code == 0 else Service()


def parse_service(text: str, read: t.Callable[[str], str]) -> Service:
    """Parse the output of systemctl show.

    :param read: returns a file's text, empty when there is no file
    """
    shown: dict[str, list[str]] = {}
    for line in text.splitlines():
        name, dummy, value = line.partition("=")
        shown.setdefault(name, []).append(value)
    if shown.get("LoadState") != ["loaded"]:
        return Service()
    variables = dict(word.partition("=")[::2] for line in shown.get("Environment", []) for word in _words(line))
    for line in shown.get("EnvironmentFiles", []):
        variables.update(_assignments(read(line.split(" (ignore_errors")[0])))
    command = re.search(r"argv\[\]=(.*?) ; ignore_errors=", " ".join(shown.get("ExecStart", [])))
    pid = shown.get("MainPID", ["0"])[0]
    return Service(
        True, int(pid) if pid.isdigit() else 0, expand(_words(command.group(1)), variables) if command else []
    )


def _assignments(text: str) -> dict[str, str]:
    """The variables in a systemd environment file."""
    found = {}
    for line in text.splitlines():
        name, equals, value = line.strip().partition("=")
        if equals and not name.startswith(("#", ";")):
            found[name.strip()] = " ".join(_words(value))
    return found


def _words(text: str) -> list[str]:
    try:
        return shlex.split(text)
    except ValueError:  # an unclosed quotation mark
        return text.split()


def expand(words: t.Sequence[str], variables: t.Mapping[str, str]) -> list[str]:
    """A command expanded as systemd does: $NAME as a word becomes several words, ${NAME} stays in its word."""
    expanded: list[str] = []
    for word in words:
        whole = re.match(r"\$(\w+)\Z", word)
        if whole:
            expanded += _words(variables.get(whole.group(1), ""))
        else:
            expanded.append(re.sub(r"\$\{(\w+)\}", lambda match: variables.get(match.group(1), ""), word))
    return expanded


def processes(proc: str = "/proc") -> list[Process]:
    """The engines that run on this host.

    Engines inside containers, which have other process ids there, are left out.
    """
    found = []
    here = _namespaces(proc, "self")
    for folder in glob.glob(f"{proc}/[0-9]*"):
        pid = os.path.basename(folder)
        words = [word.decode("utf-8", "replace") for word in _bytes(f"{folder}/cmdline").split(b"\0")[:-1]]
        state = _read(f"{folder}/stat").rpartition(")")[2].split()[:1]
        if not words or not state or os.path.basename(words[0]) != PROGRAM:
            continue
        # Only root can read other users' processes.
        there = _namespaces(proc, pid)
        if there[0] in ("", here[0]):
            path = _link(f"{folder}/exe").replace(" (deleted)", "") or words[0]
            found.append(Process(int(pid), path, words[1:], state[0], there[1] not in ("", here[1])))
    return sorted(found)


def _namespaces(proc: str, pid: str) -> tuple[str, str]:
    return _link(f"{proc}/{pid}/ns/pid"), _link(f"{proc}/{pid}/ns/user")


def _link(path: str) -> str:
    try:
        return os.readlink(path)
    except OSError:
        return ""


def chosen(running: t.Sequence[Process], service_pid: int, holders: t.Container[int]) -> Process | None:
    """The process to use: the service's, else the holder of the socket, else the first that is not rootless."""
    ranked = sorted(
        running, key=lambda each: (each.pid != service_pid, each.pid not in holders, each.rootless, each.pid)
    )
    return ranked[0] if ranked else None


def holders(path: str, running: t.Sequence[Process]) -> set[int]:
    """The processes among ``running`` that listen on a UNIX socket."""
    rows = [line.split() for line in _read("/proc/net/unix").splitlines()[1:]]
    sockets = {
        f"socket:[{row[6]}]" for row in rows if len(row) > 7 and os.path.realpath(row[7]) == os.path.realpath(path)
    }
    return {each.pid for each in running if sockets & {_link(file) for file in glob.glob(f"/proc/{each.pid}/fd/*")}}


def program(running: Process | None, unit: Service) -> str:
    """Path of the engine's program: the process's, else the service's, else an installed one; empty without one."""
    path = os.pathsep.join([os.environ.get("PATH", ""), *FOLDERS])
    started = unit.command[0] if unit.command and os.path.exists(unit.command[0]) else ""
    return (running.path if running else "") or started or shutil.which(PROGRAM, path=path) or ""


def _bytes(path: str) -> bytes:
    try:
        with open(path, "rb") as handle:
            return handle.read()
    except OSError:
        return b""


def _read(path: str) -> str:
    return _bytes(path).decode("utf-8", "replace")
