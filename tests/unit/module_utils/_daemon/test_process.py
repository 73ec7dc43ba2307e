# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which engine is meant, how it is started, and whose it is."""

from __future__ import annotations

import json
import os
import socket
import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import flavour, look
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.process import (
    Process,
    Service,
    chosen,
    expand,
    parse_service,
    processes,
    program,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.transport import EngineError

SHOWN = """MainPID=436
ExecStart={ path=/usr/sbin/dockerd ; argv[]=/usr/sbin/dockerd -H fd:// --containerd=/run/containerd/containerd.sock $DOCKER_OPTS ; ignore_errors=no ; pid=436 }
Environment=ONE=1 "TWO=a b"
EnvironmentFiles=/etc/default/docker (ignore_errors=yes)
LoadState=loaded
"""


def test_the_service_of_the_engine() -> None:
    files = {"/etc/default/docker": '# a comment\nDOCKER_OPTS="--config-file /srv/d.json"\n;x\n'}
    assert parse_service(SHOWN, lambda path: files.get(path, "")) == Service(
        True,
        436,
        [
            "/usr/sbin/dockerd",
            "-H",
            "fd://",
            "--containerd=/run/containerd/containerd.sock",
            "--config-file",
            "/srv/d.json",
        ],
    )
    assert parse_service(SHOWN, lambda path: "").command[-1].startswith("--containerd")
    assert parse_service("LoadState=not-found\nMainPID=0\n", lambda path: "") == Service()
    assert parse_service("LoadState=masked\nMainPID=0\n", lambda path: "") == Service()


def test_variables_of_a_service() -> None:
    assert expand(["a", "$X", "--b=${Y}", "$NONE", "$HOME/x"], {"X": "1 '2 3'", "Y": "y z"}) == [
        "a",
        "1",
        "2 3",
        "--b=y z",
        "$HOME/x",
    ]


def process(
    proc: Path,
    pid: int,
    words: list[str],
    exe: str,
    namespaces: tuple[str, str] = ("pid:[1]", "user:[1]"),
    state: str = "S",
) -> None:
    folder = proc / str(pid)
    (folder / "ns").mkdir(parents=True)
    (folder / "cmdline").write_bytes(b"".join(word.encode() + b"\0" for word in words))
    (folder / "stat").write_text(f"{pid} (docker d) {state} 1 1")
    os.symlink(exe, folder / "exe")
    for name, value in zip(("pid", "user"), namespaces):
        os.symlink(value, folder / "ns" / name)


def test_engines_of_this_host_and_not_of_its_containers(tmp_path: Path) -> None:
    process(tmp_path, 10, ["/usr/bin/dockerd", "-H", "fd://"], "/usr/bin/dockerd (deleted)")
    process(tmp_path, 11, ["dockerd", "--rootless"], "/usr/bin/dockerd", ("pid:[1]", "user:[2]"))
    process(tmp_path, 12, ["dockerd"], "/usr/sbin/dockerd", ("pid:[9]", "user:[1]"))
    process(tmp_path, 13, ["/usr/bin/containerd"], "/usr/bin/containerd")
    process(tmp_path, 14, ["dockerd"], "/snap/docker/1/bin/dockerd", state="T")
    (tmp_path / "self" / "ns").mkdir(parents=True)
    os.symlink("pid:[1]", tmp_path / "self" / "ns" / "pid")
    os.symlink("user:[1]", tmp_path / "self" / "ns" / "user")
    assert processes(str(tmp_path)) == [
        Process(10, "/usr/bin/dockerd", ["-H", "fd://"], "S", False),
        Process(11, "/usr/bin/dockerd", ["--rootless"], "S", True),
        Process(14, "/snap/docker/1/bin/dockerd", [], "T", False),
    ]


def test_which_engine_is_meant() -> None:
    root, user, other = (
        Process(pid, "/usr/bin/dockerd", [], "S", rootless) for pid, rootless in ((5, False), (3, True), (4, False))
    )
    assert chosen([], 0, ()) is None
    assert chosen([user, other, root], 5, ()) == root
    assert chosen([user, other, root], 0, {5}) == root
    assert chosen([user, root], 0, ()) == root


def test_an_engine_outside_of_path_counts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    by_hand = tmp_path / "opt" / "dockerd"
    by_hand.parent.mkdir()
    by_hand.touch()
    assert program(Process(1, "/opt/mine/dockerd", [], "S", False), Service()) == "/opt/mine/dockerd"
    assert program(None, Service(True, 0, [str(by_hand), "-H", "fd://"])) == str(by_hand)


@pytest.mark.parametrize(("path", "package", "rootless", "podman", "kind"), [
    ("/usr/sbin/dockerd", "docker.io", False, False, "docker.io"),
    ("/usr/bin/dockerd", "docker-ce", False, False, "docker-ce"),
    ("/usr/bin/dockerd", "moby-engine", False, False, "moby-engine"),
    ("/usr/bin/dockerd", "docker", False, False, "docker"),
    ("/usr/bin/dockerd", "docker-engine", False, False, "docker"),
    ("/opt/bin/dockerd", "", False, False, "unknown"),
    ("/usr/bin/dockerd", "somebodys-docker", False, True, "unknown"),
    ("/snap/docker/2963/bin/dockerd", "", False, False, "snap"),
    ("/usr/bin/dockerd", "docker-ce", True, False, "rootless"),
    ("", "", False, True, "podman-docker"),
    ("", "", False, False, ""),
])  # fmt: skip
def test_flavours(path: str, package: str, rootless: bool, podman: bool, kind: str) -> None:
    assert flavour.flavour(path, package, rootless, podman) == kind
    assert bool(flavour.refusal(kind, "vm1", path)) is (kind in ("snap", "rootless", "podman-docker"))


@pytest.mark.parametrize(
    ("content", "podman"),
    [('#!/bin/sh\nexec /usr/bin/podman "$@"\n', True), ("\x7fELF podman", False), ("#!/bin/sh\nexit 0\n", False)],
)
def test_podman_under_the_name_of_docker(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: str, podman: bool
) -> None:
    (tmp_path / "docker").write_text(content)
    (tmp_path / "docker").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert flavour.is_podman() is podman


@pytest.mark.parametrize(("program_text", "package"), [
    ("#!/bin/sh\necho 'diversion by x from: /y'; echo 'docker.io: '\"$2\"\n", "docker.io"), ("#!/bin/sh\nexit 1\n", ""),
])  # fmt: skip
def test_the_package_that_owns_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program_text: str, package: str
) -> None:
    (tmp_path / "dpkg-query").write_text(program_text)
    (tmp_path / "dpkg-query").chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert flavour.owner("/usr/sbin/dockerd") == package


def test_a_silent_engine_is_named_with_its_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "d.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(5)
    stopped = Process(77, "/usr/bin/dockerd", [], "T", False)
    monkeypatch.setattr(look.process, "processes", lambda: [stopped])
    monkeypatch.setattr(look.process, "service", Service)
    try:
        with pytest.raises(
            EngineError, match=r"does not answer at .* within 1 s.*77 is stopped by a signal; 'kill -CONT 77'"
        ):
            look.look(f"unix://{path}", 1)
    finally:
        listener.close()


def test_an_engine_that_listens_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.process, "processes", lambda: [Process(77, "/usr/bin/dockerd", [], "S", False)])
    monkeypatch.setattr(look.process, "service", Service)
    with pytest.raises(EngineError, match=r"process 77\), and nothing listens at unix://.*docker_host"):
        look.look(f"unix://{tmp_path}/none.sock", 1)


@pytest.mark.parametrize(("running", "kind"), [
    (Process(77, "/usr/bin/dockerd", [], "S", True), "rootless"), (Process(77, "/snap/docker/1/bin/dockerd", [], "S", False), "snap"),
])  # fmt: skip
def test_what_is_refused_is_not_waited_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, running: Process, kind: str
) -> None:
    monkeypatch.setattr(look.process, "processes", lambda: [running])
    monkeypatch.setattr(look.process, "service", Service)
    assert look.look(f"unix://{tmp_path}/none.sock", 60).flavour == kind


@pytest.mark.parametrize("place", ["snap", "var/lib/snapd/snap"])
def test_a_stopped_snap_is_found_and_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str) -> None:
    """Its program is in no PATH, and none of its processes is there."""
    there = tmp_path / place / "docker" / "current" / "bin" / "dockerd"
    there.parent.mkdir(parents=True)
    there.touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(look.process, "processes", list)
    monkeypatch.setattr(look.process, "service", Service)
    snaps = [f"{tmp_path}{folder}" for folder in look.process.FOLDERS if folder.startswith(flavour.SNAP)]
    monkeypatch.setattr(look.process, "FOLDERS", snaps)
    monkeypatch.setattr(look.flavour, "SNAP", tuple(f"{tmp_path}{folder}" for folder in flavour.SNAP))
    monkeypatch.setattr(look, "_ask", lambda *given: pytest.fail("asked"))
    seen = look.look(look.DEFAULT_DOCKER_HOST, 1)
    assert (seen.flavour, seen.path, seen.info) == ("snap", str(there), None)
    refused = flavour.refusal(seen.flavour, "vm1", seen.path)
    assert refused.startswith(f"vm1 runs Docker Engine as a snap ({there}): ") and refused.endswith(
        "Nothing was changed"
    )
    assert (
        "Remove the snap and install a package (docker-ce, docker.io), or remove this host from the inventory"
        in refused
    )


@contextmanager
def answering(path: Path, answers: dict[str, Any]) -> Iterator[list[str]]:
    """A socket that answers like an engine; what it was asked for."""
    asked: list[str] = []

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            body = json.dumps(answers[self.path]).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *given: object) -> None:
            """Nothing on the tests' own output."""

    with socketserver.UnixStreamServer(str(path), Answer) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield asked
        finally:
            server.shutdown()
            thread.join()


@pytest.mark.parametrize(("component", "kind"), [("Podman Engine", "podman-docker"), ("Engine", "unknown")])
def test_podman_behind_the_engines_socket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, component: str, kind: str
) -> None:
    """No program docker says so, as where podman.socket listens at the engine's place."""
    monkeypatch.setattr(look.process, "processes", list)
    monkeypatch.setattr(look.process, "service", Service)
    monkeypatch.setattr(look.process, "FOLDERS", ())
    monkeypatch.setattr(look.flavour, "FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    info = {"Name": "vm1", "ServerVersion": "5.4.2", "Swarm": {"LocalNodeState": "inactive"}}
    version = {"Components": [{"Name": component, "Version": "5.4.2"}, {"Name": "Conmon", "Version": "2.1.12"}]}
    with answering(tmp_path / "d.sock", {"/info": info, "/version": version}) as asked:
        seen = look.look(f"unix://{tmp_path}/d.sock", 5)
    assert asked == ["/info", "/version"]
    assert (seen.flavour, seen.path, seen.info) == (kind, "", None if kind == "podman-docker" else info)
    refused = flavour.refusal(seen.flavour, "vm1", f"unix://{tmp_path}/d.sock")
    if kind == "unknown":
        assert not refused
    else:
        assert "on vm1 is Podman, which has no swarm mode" in refused and refused.endswith("Nothing was changed")
        assert "Remove podman-docker yourself if nothing needs it, or remove this host from the inventory" in refused


def test_a_stopped_engine_is_not_started_by_a_look(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.process, "processes", list)
    monkeypatch.setattr(look.process, "service", lambda: Service(True, 0, ["/usr/bin/env", "-H", "fd://"]))
    monkeypatch.setattr(look, "_ask", lambda *given: pytest.fail("asked"))
    seen = look.look(look.DEFAULT_DOCKER_HOST, 1)
    assert (seen.path, seen.info, seen.flags) == ("/usr/bin/env", None, ["-H", "fd://"])


def test_an_engine_that_dies_time_and_again_does_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its process is there, systemd's socket takes the question, and nobody answers."""
    path = tmp_path / "d.sock"
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen(5)
    dying = [[Process(77, "/usr/bin/dockerd", [], "S", False)], [Process(78, "/usr/bin/dockerd", [], "S", False)]]
    monkeypatch.setattr(look.process, "processes", lambda: dying.pop(0) if len(dying) > 1 else dying[0])
    monkeypatch.setattr(look.process, "service", Service)
    monkeypatch.setattr(look.Engine, "info", lambda self: reset())

    def reset() -> dict:
        raise EngineError("reset") from ConnectionResetError()

    try:
        seen = look.look(f"unix://{path}", 60)
    finally:
        listener.close()
    assert seen.info is None and seen.running is None and seen.path == "/usr/bin/dockerd"


def test_no_engine_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(look.process, "processes", list)
    monkeypatch.setattr(look.process, "service", Service)
    monkeypatch.setattr(look.process, "FOLDERS", ())
    monkeypatch.setattr(look.flavour, "FOLDERS", ())
    monkeypatch.setenv("PATH", str(tmp_path))
    seen = look.look(f"unix://{tmp_path}/none.sock", 1)
    assert (seen.path, seen.flavour, seen.info, seen.state) == ("", "", None, "inactive")


def test_sdk_in_a_virtual_environment(tmp_path: Path) -> None:
    assert look.sdk_version_in(str(tmp_path)) == ""
    (tmp_path / "lib" / "python3.12" / "site-packages" / "docker-7.1.0.dist-info").mkdir(parents=True)
    assert look.sdk_version_in(str(tmp_path)) == "7.1.0"
