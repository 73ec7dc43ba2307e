# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions of engines and of their packages, as package managers tell them."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import upgrading
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(("version", "engine"), [
    ("28.5.2", "28.5.2"), ("v28.5.2", "28.5.2"), ("5:28.5.2-1~debian.13~trixie", "28.5.2"), ("20.10.24+dfsg1-1+deb12u1+b6", "20.10.24"),
    ("20.10.24+dfsg1", "20.10.24"), ("3:29.0.1-1.fc43", "29.0.1"), ("28.5.2_ce-98.112.1", "28.5.2"), ("27.3.1-ce", "27.3.1"),
    ("29.0.0~rc.1", "29.0.0"), ("latest", ""), ("", ""),
])  # fmt: skip
def test_the_engines_version_in_a_packages(version: str, engine: str) -> None:
    assert upgrading.upstream(version) == engine


@given(st.lists(st.tuples(st.integers(1, 40), st.integers(0, 20), st.integers(0, 20))))
def test_only_newer_versions_are_offered_each_once(versions: list[tuple[int, int, int]]) -> None:
    packages = [f"5:{'.'.join(map(str, version))}-{number}" for number, version in enumerate(versions)]
    found = upgrading.newer(packages, "20.10.5+dfsg1-1")
    assert set(found) == {".".join(map(str, version)) for version in versions if version > (20, 10, 5)}
    for version, package in found.items():
        assert package == next(each for each in packages if upgrading.upstream(each) == version)


MADISON = """\
 docker.io | 26.1.5+dfsg1-9+b9 | http://deb.debian.org/debian trixie/main amd64 Packages
 docker.io | 20.10.24+dfsg1-1+deb12u1 | http://deb.debian.org/debian bookworm/main amd64 Packages
 docker.io | 26.1.5+dfsg1-9 | http://deb.debian.org/debian trixie/main Sources
N: Unable to locate package nothing
"""
ZYPPER = """\
<stream><search-result version="0.0"><solvable-list>
<solvable status="installed" name="docker" kind="package" edition="27.3.1_ce-1.1" arch="x86_64" repository="Main"/>
<solvable status="other-version" name="docker" kind="package" edition="28.5.2_ce-2.1" arch="x86_64" repository="Update"/>
<solvable status="not-installed" name="docker" kind="srcpackage" edition="29.0.0-1" arch="noarch" repository="Source"/>
</solvable-list></search-result></stream>
"""
INSTALLED = """\
ii |containerd.io|1.7.27-1
ii |docker-ce|5:28.4.0-1~debian.13~trixie
ii |docker-ce-cli|5:28.4.0-1~debian.13~trixie
rc |docker.io|26.1.5+dfsg1-9
ii |docker-compose-plugin|2.39.4-0~debian.13~trixie
hi |docker-ce-rootless-extras|5:28.4.0-1~debian.13~trixie
un |moby-engine|
ii |bash|5:28.4.0-1~debian.13~trixie
"""


def test_what_package_managers_tell() -> None:
    assert upgrading.madison(MADISON) == ["26.1.5+dfsg1-9+b9", "20.10.24+dfsg1-1+deb12u1"]
    assert upgrading.editions(ZYPPER) == ["27.3.1_ce-1.1", "28.5.2_ce-2.1"]
    found = upgrading.installed(INSTALLED, "docker-ce")
    assert found.version == "5:28.4.0-1~debian.13~trixie"
    assert found.alike == ["docker-ce", "docker-ce-cli", "docker-ce-rootless-extras"]
    assert upgrading.installed(INSTALLED, "nothing") == upgrading.Installed("nothing", "", [])
    # Only its configuration is left.
    assert upgrading.installed(INSTALLED, "docker.io").version == ""
