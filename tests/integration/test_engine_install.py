# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module engine_install with apt and pip on a host of its own, which reaches neither a mirror nor an index: its engine is never replaced.

Packages come from a repository on its disk. Docker SDK for Python in them is the node's own, engines in them are names with a program.
"""

from __future__ import annotations

import subprocess
import zipfile
from importlib import metadata
from pathlib import Path

import pytest
from conftest import WHEELS, Swarm
from test_upgrade import REPOSITORY

pytestmark = pytest.mark.long

VENV = "/opt/swarmlab-overlay"
SOURCES = "/etc/apt/sources.list.d"
LINUX = "https://docker.example.org/linux"
# Packages of engines as they are in the field: name -> version, and what of their dependencies matters.
CE = "5:28.5.1-1~debian.13~trixie"
NEWER = "5:29.0.0-1~debian.13~trixie"
DOCKER = {
    "docker-ce": (CE, "Depends: containerd.io, iptables\nConflicts: docker.io\nReplaces: docker.io\n"),
    "docker-ce-cli": (CE, "Conflicts: docker-cli\n"),
    "containerd.io": (
        "1.7.28-1",
        "Conflicts: containerd, runc\nReplaces: containerd, runc\nProvides: containerd, runc\n",
    ),
}
DEBIAN = {
    "docker.io": ("26.1.5+dfsg1-9", "Depends: containerd (>= 1.4~), runc, iptables\nConflicts: docker-ce\n"),
    "docker-cli": ("26.1.5+dfsg1-9", "Conflicts: docker-ce-cli\n"),
    "containerd": ("1.7.24~ds1-6", "Depends: runc\n"),
    "runc": ("1.1.15+ds1-2", ""),
    "python3-venv": ("3.13.5-1", ""),
}
SDK = ("7.1.0-2", "Depends: python3-requests, python3-urllib3\n")

# No engine and no SDK. The maintainers' scripts would ask a service manager.
STRIP = """set -e
rm -f /var/lib/dpkg/info/docker.io.p* /var/lib/dpkg/info/containerd.p*
mkdir -p /srv/made/python3-docker /srv/repo /srv/wheels
dpkg -L python3-docker | while read -r path; do if [ -f "$path" ]; then echo "$path"; fi; done | tar -C / -cf - -T - 2>/dev/null \
    | tar -C /srv/made/python3-docker -xf -
dpkg --purge python3-docker docker.io docker-cli containerd runc
rm -rf /var/lib/apt/lists/*
for engine in docker-ce docker.io; do
    mkdir -p /srv/made/$engine/usr/bin
    printf '#!/bin/sh\\nexit 1\\n' >/srv/made/$engine/usr/bin/dockerd; chmod 755 /srv/made/$engine/usr/bin/dockerd
done
"""
# What Debian takes out of Python and puts into a package of its own: it brings pip into a virtual environment.
ENSUREPIP = """set -e
folder=/srv/made/python3-venv$(python3 -c 'import sysconfig; print(sysconfig.get_path("stdlib"))')/ensurepip
mkdir -p $folder; touch $folder/__init__.py; mv /srv/pip-*.whl $folder
cat >$folder/__main__.py <<'END'
import os, pathlib, sys
os.environ = {name: value for name, value in os.environ.items() if not name.startswith("PIP_")}
folder = pathlib.Path(__file__).parent
sys.path.insert(0, str(next(folder.glob("pip-*.whl"))))
from pip._internal.cli.main import main
sys.exit(main(["install", "-q", "--no-cache-dir", "--no-index", "--find-links", str(folder), "pip"]))
END
"""
# What may not change where nothing was to be changed.
STATE = f"""dpkg-query -W -f '${{Package}} ${{Version}} ${{Status}}\\n'; find /etc/apt {VENV} -exec ls -ld --time-style=full-iso {{}} + 2>/dev/null
ls -lA --time-style=full-iso /opt /root /tmp /usr/local/lib"""


def wheel(name: str, folder: Path) -> Path:
    """A package that is installed here, as the file that an index hands out."""
    files = [file for file in metadata.distribution(name).files or [] if ".." not in file.parts]
    told = next(file.parent.name for file in files if file.name == "METADATA")
    path = folder / f"{told.removesuffix('.dist-info')}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for file in files:
            if file.suffix != ".pyc" and file.name not in ("RECORD", "INSTALLER", "REQUESTED", "direct_url.json"):
                archive.write(file.locate(), str(file))
        archive.writestr(f"{told}/RECORD", "")
    return path


def put(host: Swarm, path: Path, folder: str) -> None:
    subprocess.run(
        ["docker", "cp", str(path), f"{host.container('bare')}:{folder}"], env=host.environment, capture_output=True, check=True
    )  # fmt: skip


def packed(host: Swarm, wanted: dict[str, tuple[str, str]], folder: str) -> None:
    """Packages of what /srv/made has for them."""
    lines = ["set -e"]
    for name, (version, more) in wanted.items():
        control = f"Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.org>\n{more}Description: x"
        lines += [
            f"mkdir -p {folder} /srv/made/{name}/DEBIAN; cat >/srv/made/{name}/DEBIAN/control <<'END'\n{control}\nEND",
            f"dpkg-deb -Znone -b /srv/made/{name} {folder}/{name}.deb >/dev/null",
        ]
    host.shell("bare", "\n".join(lines))


def offer(host: Swarm, wanted: dict[str, tuple[str, str]]) -> None:
    """These packages are all that apt finds once it reads its sources anew."""
    host.shell("bare", "rm -f /srv/repo/*.deb")
    packed(host, wanted, "/srv/repo")
    host.shell("bare", REPOSITORY)


def state(host: Swarm) -> str:
    return host.shell("bare", STATE)


def lists(host: Swarm) -> str:
    return host.shell("bare", "ls -lA --time-style=full-iso /var/lib/apt/lists")


def versions(host: Swarm) -> dict[str, str]:
    """The installed packages of engines, and of the SDK."""
    told = host.shell("bare", "dpkg-query -W -f '${db:Status-Abbrev} ${Package} ${Version}\\n'")
    installed = [line.split() for line in told.splitlines() if line.startswith("ii ")]
    return {name: version for dummy, name, version in installed if name in {*DOCKER, *DEBIAN, "python3-docker"}}


def has_sdk(host: Swarm, python: str = "/usr/bin/python3") -> bool:
    return (
        host.shell("bare", f"{python} -c 'import docker; print(docker.__version__)' 2>/dev/null || echo none") != "none"
    )


def told(result: dict) -> dict:
    """What the module returns of its own."""
    return {key: result.get(key) for key in ("changed", "packages", "repository", "sdk_python", "notes")}


@pytest.fixture
def nothing(bare: Swarm, tmp_path: Path) -> Swarm:
    """A host without engine and SDK, and without a list of what apt could install."""
    bare.shell("bare", STRIP)
    put(bare, wheel("pip", tmp_path), "/srv")
    bare.shell("bare", ENSUREPIP)
    return bare


@pytest.fixture
def existing(nothing: Swarm) -> Swarm:
    """A host with docker-ce and without SDK, as nearly every existing host is."""
    packed(nothing, DOCKER, "/srv/there")
    nothing.shell("bare", "dpkg -i /srv/there/*.deb")
    assert versions(nothing) == {name: version for name, (version, dummy) in DOCKER.items()} and not has_sdk(nothing)
    return nothing


@pytest.mark.parametrize("source", ["distribution", "docker"])
def test_beside_docker_ce_only_the_sdk_comes(existing: Swarm, source: str) -> None:
    newer = {
        **DOCKER,
        "docker-ce": (NEWER, DOCKER["docker-ce"][1]),
        "containerd.io": ("2.1.4-1", DOCKER["containerd.io"][1]),
    }
    offer(existing, {**DEBIAN, **newer, "python3-docker": SDK})
    args = {"source": source, "repository_url": LINUX}
    before = (state(existing), lists(existing))
    predicted = existing.run("engine_install", args, "bare", check=True)
    assert not predicted["failed"] and (state(existing), lists(existing)) == before, predicted
    done = existing.run("engine_install", args, "bare")
    assert told(done) == told(predicted), (done, predicted)
    assert told(done) == {
        "changed": True,
        "packages": ["python3-docker"],
        "repository": "",
        "sdk_python": "",
        "notes": [],
    }
    engine = {name: version for name, (version, dummy) in DOCKER.items()}
    assert versions(existing) == {**engine, "python3-docker": SDK[0]} and has_sdk(existing)
    after = state(existing)
    for check in (True, False):
        again = existing.run("engine_install", args, "bare", check=check)
        assert told(again) == {**told(done), "changed": False, "packages": []}, again
    assert state(existing) == after


@pytest.mark.parametrize(
    ("needs", "words"),
    [
        ("docker.io", "apt-get would install runc, containerd, docker.io and remove docker-ce, containerd.io"),
        (f"docker-ce (>= {NEWER})", "apt-get would replace by another version docker-ce"),
    ],
    ids=["another-engine", "another-version"],
)
def test_where_the_sdks_package_would_replace_the_engine_a_virtual_environment_is_made(
    existing: Swarm, tmp_path: Path, needs: str, words: str
) -> None:
    greedy = (SDK[0], f"Depends: {needs}, python3-requests\n")
    offer(existing, {**DEBIAN, "docker-ce": (NEWER, DOCKER["docker-ce"][1]), "python3-docker": greedy})
    before = state(existing)
    for check in (True, False):
        refused = existing.run("engine_install", {"python": "package"}, "bare", check=check)
        assert refused["failed"] and refused["msg"].startswith(f"bare: to install python3-docker, {words}"), refused
        assert refused["msg"].endswith(". Use engine_python=venv, or install it by hand. Nothing was changed.")
        assert state(existing) == before

    put(existing, wheel("docker", tmp_path), WHEELS)
    predicted = existing.run("engine_install", {}, "bare", check=True)
    assert not predicted["failed"] and state(existing) == before, predicted
    done = existing.run("engine_install", {}, "bare")
    assert not done["failed"] and told(done) == told(predicted), (done, predicted)
    assert done["packages"] == ["python3-venv"] and done["sdk_python"] == f"{VENV}/bin/python"
    assert [note.startswith(f"to install python3-docker, {words}") for note in done["notes"]] == [True]
    there = versions(existing)
    assert {name: there.pop(name) for name in DOCKER} == {name: version for name, (version, dummy) in DOCKER.items()}
    assert set(there) == {"python3-venv"}
    assert has_sdk(existing, f"{VENV}/bin/python") and not has_sdk(existing)
    after = state(existing)
    again = existing.run("engine_install", {}, "bare")
    assert told(again) == {"changed": False, "packages": [], "repository": "", "sdk_python": "", "notes": []}
    assert state(existing) == after


def test_a_virtual_environment_that_fails_leaves_nothing_and_a_half_one_is_finished(
    existing: Swarm, tmp_path: Path
) -> None:
    offer(existing, DEBIAN)
    for kept in ("", "mine"):
        failed = existing.run("engine_install", {"python": "venv"}, "bare")
        assert failed["failed"] and "was not made: " in failed["msg"] and "-m pip install" in failed["msg"], failed
        assert "PIP_INDEX_URL" in failed["msg"] and "Traceback" not in failed["msg"]
        assert versions(existing) == {
            **{name: version for name, (version, dummy) in DOCKER.items()},
            "python3-venv": DEBIAN["python3-venv"][0],
        }
        # What was there before is somebody's.
        assert existing.shell("bare", f"ls -A {VENV}/mine 2>/dev/null || ls -A /opt") == kept and not has_sdk(existing)
        existing.shell("bare", f"mkdir -p {VENV}/mine; touch {VENV}/mine/mine")
    existing.shell("bare", f"rm -r {VENV}; python3 -m venv --without-pip {VENV}; rm {VENV}/pyvenv.cfg")
    put(existing, wheel("docker", tmp_path), WHEELS)
    done = existing.run("engine_install", {"python": "venv"}, "bare")
    assert not done["failed"] and has_sdk(existing, f"{VENV}/bin/python"), done


LIST = f"deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.asc] {LINUX}/debian trixie stable\n"
DEB822 = (
    f"Types: deb\nURIs: {LINUX}/debian/\nSuites: trixie\nComponents: stable\nSigned-By: /etc/apt/keyrings/docker.asc\n"
)


@pytest.mark.parametrize(
    ("name", "text"), [("docker.list", LIST), ("docker.sources", DEB822)], ids=["one-line", "deb822"]
)
def test_dockers_repository_is_added_to_no_host_that_has_it(nothing: Swarm, name: str, text: str) -> None:
    offer(nothing, {**DEBIAN, **DOCKER, "python3-docker": SDK})
    nothing.shell("bare", f"mkdir -p {SOURCES}; cat >{SOURCES}/{name} <<'END'\n{text}END")
    args = {"source": "docker", "repository_url": LINUX}
    before = nothing.shell("bare", "ls -A /etc/apt /etc/apt/*")
    predicted = nothing.run("engine_install", args, "bare", check=True)
    assert not predicted["failed"] and not versions(nothing), predicted
    done = nothing.run("engine_install", args, "bare")
    assert not done["failed"] and done["repository"] == "" and told(done) == told(predicted), (done, predicted)
    assert nothing.shell("bare", "ls -A /etc/apt /etc/apt/*") == before
    engine = {name: version for name, (version, dummy) in DOCKER.items()}
    assert versions(nothing) == {**engine, "python3-docker": SDK[0]} and has_sdk(nothing)
    assert not nothing.run("engine_install", args, "bare")["changed"]


MIRROR = "http://127.0.0.1:8000/linux"
SERVE = """mkdir -p /srv/www/linux/debian; echo key >/srv/www/linux/debian/gpg
setsid python3 -m http.server 8000 --bind 127.0.0.1 -d /srv/www </dev/null >/dev/null 2>&1 &
for try in $(seq 100); do
    python3 -c 'import socket; socket.create_connection(("127.0.0.1", 8000))' 2>/dev/null && exit; sleep 0.1
done; exit 1
"""
OFF = f"Enabled: no\nTypes: deb\nURIs: {LINUX}/debian"


def test_dockers_repository_goes_again_unless_packages_came_from_it(nothing: Swarm) -> None:
    nothing.shell("bare", SERVE)
    ours, key = f"{SOURCES}/swarmlab-docker.sources", "/etc/apt/keyrings/swarmlab-docker.asc"
    # Of an earlier run, and switched off since.
    nothing.shell("bare", f"mkdir -p {SOURCES}; cat >{ours} <<'END'\n{OFF}\nEND")
    offer(nothing, DEBIAN)
    args = {"source": "docker", "repository_url": MIRROR, "python": "venv"}
    for url, words in (
        (MIRROR, "apt-get cannot install docker-ce"),
        (f"{MIRROR}-none", f"{MIRROR}-none/debian/gpg, cannot be read"),
    ):
        failed = nothing.run("engine_install", {**args, "repository_url": url}, "bare")
        assert failed["failed"] and words in failed["msg"], failed
        assert nothing.shell("bare", f"cat {ours}; ls -A /etc/apt/keyrings; ls -A {SOURCES}").splitlines() == [
            *OFF.splitlines(), "swarmlab-docker.sources",
        ]  # fmt: skip
        assert not versions(nothing)

    # The engine comes and the SDK does not. No later run adds the repository beside an engine.
    offer(nothing, {**DEBIAN, **DOCKER})
    failed = nothing.run("engine_install", args, "bare")
    assert failed["failed"] and "was not made: " in failed["msg"], failed
    assert set(versions(nothing)) == {*DOCKER, "python3-venv"}
    assert f"URIs: {MIRROR}/debian\n" in nothing.shell("bare", f"cat {ours}")
    assert nothing.shell("bare", f"cat {key}") == "key"
