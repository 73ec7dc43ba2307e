# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What package managers say that they would do."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.packages import (
    CHANGE,
    INSTALL,
    MANAGERS,
    REMOVE,
    Change,
    apk_changes,
    apt_changes,
    apt_known,
    aside,
    bare,
    dnf_changes,
    last_lines,
    told,
    touched,
    zypper_changes,
)

APT = """NOTE: This is only a simulation!
Reading package lists...
The following packages will be REMOVED:
  docker-ce
Remv docker-ce [5:28.5.0-1]
Inst containerd [1.7.24~ds1-6] (1.7.24~ds1-7 Debian:13.1/stable [amd64])
Inst docker.io (26.1.5+dfsg1-9+b9 Debian:13.1/stable [amd64])
Conf docker.io (26.1.5+dfsg1-9+b9 Debian:13.1/stable [amd64])
"""
DNF4 = """Dependencies resolved.
================================================================================
 Package            Arch     Version            Repository                 Size
================================================================================
Installing:
 docker-ce          x86_64   3:29.1.0-1.el9     docker-ce-stable           23 M
Upgrading:
 libseccomp         x86_64   2.5.2-3.el9        baseos                     71 k
Installing dependencies:
 containerd.io      x86_64   2.1.5-1.el9        docker-ce-stable           35 M
     replacing  runc.x86_64 4:1.1.12-1.el9

Transaction Summary
================================================================================
Install  2 Packages
Upgrade  1 Package

Total download size: 60 M
Operation aborted.
"""
DNF5 = """Updating and loading repositories:
Repositories loaded.
Package          Arch   Version     Repository      Size
Upgrading:
 moby-engine     x86_64 28.3-2.fc43 updates     80.0 MiB
   replacing moby-engine x86_64 28.3-1.fc43 fedora 80.0 MiB
Installing:
 python3-docker  noarch 7.1.0-1     fedora       1.0 MiB
Removing:
 podman-docker   noarch 5.6-1       fedora       0.0   B

Transaction Summary:
 Installing:         1 package
Operation aborted by the user.
"""
ZYPPER = """<?xml version='1.0'?>
<stream>
<install-summary download-size="1" space-usage-diff="1" packages-to-change="2">
<to-install><solvable type="package" name="docker" edition="28.3-1" arch="x86_64"/></to-install>
<to-upgrade><solvable type="package" name="containerd" edition="1.7.28" arch="x86_64" edition-old="1.7.27"/></to-upgrade>
<to-remove><solvable type="package" name="podman-docker" edition="5" arch="noarch"/></to-remove>
</install-summary>
</stream>
"""
APK = "(1/3) Upgrading containerd (2.0.4-r0 -> 2.0.5-r0)\n(2/3) Installing docker-engine (28.3.3-r1)\n(3/3) Purging podman (5.5.2-r0)\nOK: 300 MiB\n"


def test_apt() -> None:
    assert apt_changes(APT) == [Change(CHANGE, "containerd"), Change(INSTALL, "docker.io"), Change(REMOVE, "docker-ce")]
    assert apt_changes("E: Unable to locate package docker-cli\n") is None
    assert apt_changes("python3-docker is already the newest version.\n") == []


def test_what_apt_knows() -> None:
    policy = (
        "docker-cli:\n  Installed: (none)\n  Candidate: 26.1.5\n  Version table:\n     26.1.5 500\n"
        "docker-ce:\n  Installed: (none)\n  Candidate: (none)\n  Version table:\nkmod:amd64:\n  Installed: 34\n  Candidate: 34\n"
    )
    assert apt_known(policy) == {"docker-cli", "kmod"}


def test_package_sources_are_read_anew_beside_the_hosts_or_not_at_all() -> None:
    for tool in MANAGERS:
        other = aside(tool, "/tmp/x")
        assert other.install == tool.install
        if tool.aside:
            assert tool.program == "apt-get"
            for argv, before in (
                (other.refresh, tool.refresh),
                (other.look, tool.look),
                (other.simulate, tool.simulate),
            ):
                assert (
                    argv[0] == before[0]
                    and argv[-len(before[1:]) :] == before[1:]
                    and "Dir::State::lists=/tmp/x/" in argv
                )
        else:
            assert not other.refresh and (other.look, other.simulate) == (tool.look, tool.simulate)


def test_dnf() -> None:
    assert dnf_changes(DNF4) == [
        Change(INSTALL, "docker-ce"),
        Change(CHANGE, "libseccomp"),
        Change(INSTALL, "containerd.io"),
        Change(REMOVE, "runc"),
    ]
    assert dnf_changes(DNF5) == [
        Change(CHANGE, "moby-engine"),
        Change(INSTALL, "python3-docker"),
        Change(REMOVE, "podman-docker"),
    ]
    assert dnf_changes("Dependencies resolved.\nNothing to do.\nComplete!\n") == []
    assert dnf_changes("Error: Unable to find a match: docker-ce\n") is None


def test_zypper() -> None:
    assert zypper_changes(ZYPPER) == [
        Change(INSTALL, "docker"),
        Change(CHANGE, "containerd"),
        Change(REMOVE, "podman-docker"),
    ]
    assert zypper_changes("<stream><message type=\"error\">No provider of 'x' found.</message></stream>") is None


def test_apk() -> None:
    assert apk_changes(APK) == [
        Change(CHANGE, "containerd"),
        Change(INSTALL, "docker-engine"),
        Change(REMOVE, "podman"),
    ]
    assert apk_changes("ERROR: unable to select packages:\n  docker (no such package)\n") is None


@pytest.mark.parametrize(("change", "has_engine", "against"), [
    (Change(INSTALL, "python3-docker"), True, False),
    (Change(INSTALL, "docker.io"), True, True),
    (Change(INSTALL, "docker.io"), False, False),
    (Change(INSTALL, "docker-compose-v2"), True, True),
    (Change(CHANGE, "containerd.io"), False, True),
    (Change(CHANGE, "libseccomp2"), True, False),
    (Change(CHANGE, "dockerize"), True, False),
    (Change(CHANGE, "acme-engine"), True, True),  # owns a program of an engine here
    (Change(REMOVE, "nano"), False, True),
])  # fmt: skip
def test_no_engine_is_touched_and_nothing_removed(change: Change, has_engine: bool, against: bool) -> None:
    assert bool(touched([change], {"acme-engine"}, has_engine)) is against


def test_what_would_be_done_in_words() -> None:
    assert told(apt_changes(APT)) == "replace by another version containerd and install docker.io and remove docker-ce"


@pytest.mark.parametrize(
    ("given", "name"),
    [("docker-ce=5:28.5*", "docker-ce"), ("docker.io", "docker.io"), ("docker-ce-29.1", "docker-ce-29.1")],
)
def test_name_of_a_package(given: str, name: str) -> None:
    assert bare(given) == name


def test_the_error_of_a_package_manager() -> None:
    assert last_lines("Reading...\nE: Unable to locate package x\nE: y\n") == "E: Unable to locate package x E: y"
    assert last_lines("one\ntwo\n") == "one two"
