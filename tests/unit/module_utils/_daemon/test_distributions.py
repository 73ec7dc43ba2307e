# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is installed on which distribution, by what its /etc/os-release says."""

from __future__ import annotations

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon.distributions import (
    choose,
    distribution,
    names_it,
    repository,
    require,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._host import HostError

RHEL_LIKE = 'ID_LIKE="rhel centos fedora"\n'
RECORDED = {
    "debian12": 'PRETTY_NAME="Debian GNU/Linux 12 (bookworm)"\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\nID=debian\n',
    "debian13": 'PRETTY_NAME="Debian GNU/Linux 13 (trixie)"\nVERSION_ID="13"\nVERSION_CODENAME=trixie\nID=debian\n',
    "debian14": 'PRETTY_NAME="Debian GNU/Linux forky/sid"\nNAME="Debian GNU/Linux"\nVERSION_CODENAME=forky\nID=debian\n',
    "ubuntu22": 'PRETTY_NAME="Ubuntu 22.04.5 LTS"\nVERSION_ID="22.04"\nVERSION_CODENAME=jammy\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=jammy\n',
    "ubuntu24": 'PRETTY_NAME="Ubuntu 24.04.2 LTS"\nVERSION_ID="24.04"\nVERSION_CODENAME=noble\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=noble\n',
    "ubuntu26": 'PRETTY_NAME="Ubuntu 26.04 LTS"\nVERSION_ID="26.04"\nVERSION_CODENAME=resolute\nID=ubuntu\nID_LIKE=debian\nUBUNTU_CODENAME=resolute\n',
    "mint": 'PRETTY_NAME="Linux Mint 22"\nVERSION_ID="22"\nVERSION_CODENAME=wilma\nID=linuxmint\nID_LIKE="ubuntu debian"\nUBUNTU_CODENAME=noble\n',
    "rhel8": 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="8.10"\nPRETTY_NAME="Red Hat Enterprise Linux 8.10 (Ootpa)"\n',
    "rhel9": 'ID="rhel"\nID_LIKE="fedora"\nVERSION_ID="9.6"\nPRETTY_NAME="Red Hat Enterprise Linux 9.6 (Plow)"\n',
    "rhel10": 'ID="rhel"\nID_LIKE="centos fedora"\nVERSION_ID="10.0"\nPRETTY_NAME="Red Hat Enterprise Linux 10.0 (Coughlan)"\n',
    "rocky8": f'ID="rocky"\n{RHEL_LIKE}VERSION_ID="8.10"\nPRETTY_NAME="Rocky Linux 8.10 (Green Obsidian)"\n',
    "rocky9": f'ID="rocky"\n{RHEL_LIKE}VERSION_ID="9.6"\nPRETTY_NAME="Rocky Linux 9.6 (Blue Onyx)"\n',
    "alma10": f'ID="almalinux"\n{RHEL_LIKE}VERSION_ID="10.0"\nPRETTY_NAME="AlmaLinux 10.0 (Purple Lion)"\n',
    "stream9": 'ID="centos"\nID_LIKE="rhel fedora"\nVERSION_ID="9"\nPRETTY_NAME="CentOS Stream 9"\n',
    "fedora43": 'ID=fedora\nVERSION_ID=43\nPRETTY_NAME="Fedora Linux 43 (Server Edition)"\n',
    "fedora44": 'ID=fedora\nVERSION_ID=44\nPRETTY_NAME="Fedora Linux 44 (Cloud Edition)"\n',
    "amazon": 'ID="amzn"\nID_LIKE="fedora"\nVERSION_ID="2023"\nPRETTY_NAME="Amazon Linux 2023.8"\n',
    "sles15": 'ID="sles"\nID_LIKE="suse"\nVERSION_ID="15.7"\nPRETTY_NAME="SUSE Linux Enterprise Server 15 SP7"\n',
    "sles16": 'ID="sles"\nID_LIKE="suse opensuse"\nVERSION_ID="16.0"\nPRETTY_NAME="SUSE Linux Enterprise Server 16.0"\n',
    "leap": 'ID="opensuse-leap"\nID_LIKE="suse opensuse"\nVERSION_ID="16.0"\nPRETTY_NAME="openSUSE Leap 16.0"\n',
    "arch": 'PRETTY_NAME="Arch Linux"\nID=arch\nBUILD_ID=rolling\n',
    "alpine": 'ID=alpine\nVERSION_ID=3.22.1\nPRETTY_NAME="Alpine Linux v3.22"\n',
    "gentoo": 'ID=gentoo\nPRETTY_NAME="Gentoo Linux"\n',
}
DOCKER = "https://docker.example.org/linux/"


@pytest.mark.parametrize(("name", "engine", "sdk", "folder", "release"), [
    ("debian12", "docker.io", "python3-docker", "debian", "bookworm"),
    ("debian13", "docker.io", "python3-docker", "debian", "trixie"),
    ("debian14", "docker.io", "python3-docker", "debian", "forky"),
    ("ubuntu22", "docker.io", "python3-docker", "ubuntu", "jammy"),
    ("ubuntu24", "docker.io", "python3-docker", "ubuntu", "noble"),
    ("ubuntu26", "docker.io", "python3-docker", "ubuntu", "resolute"),
    ("mint", "docker.io", "python3-docker", "ubuntu", "noble"),
    ("rhel8", None, "python3-docker", "rhel", "/8/"),
    ("rhel9", None, "python3-docker", "rhel", "/9/"),
    ("rhel10", None, "python3-docker", "rhel", "/10/"),
    ("rocky8", None, "python3-docker", "centos", "/8/"),
    ("rocky9", None, "python3-docker", "centos", "/9/"),
    ("alma10", None, "python3-docker", "centos", "/10/"),
    ("stream9", None, "python3-docker", "centos", "/9/"),
    ("fedora43", "moby-engine", "python3-docker", "fedora", "/43/"),
    ("fedora44", "moby-engine", "python3-docker", "fedora", "/44/"),
    ("amazon", "docker", "python3-docker", None, None),
    ("sles15", "docker", "python311-docker", None, None),
    ("sles16", "docker", "python311-docker", None, None),
    ("leap", "docker", "python311-docker", None, None),
    ("arch", "docker", "python-docker", None, None),
    ("alpine", "docker", "py3-docker-py", None, None),
])  # fmt: skip
def test_what_a_distribution_gets(
    name: str, engine: str | None, sdk: str, folder: str | None, release: str | None
) -> None:
    system = distribution(RECORDED[name])
    own = choose(system, "distribution", (3, 11), True)
    assert own.engine[:1] == ([engine] if engine else []) and own.sdk[0] == sdk and own.repository is None
    dockers = choose(system, "docker", (3, 11), True, DOCKER)
    if folder is None:
        assert dockers.repository is None
        with pytest.raises(HostError, match=r"Docker has no repository for .*engine_source=distribution"):
            require(dockers, system, "docker", DOCKER)
    else:
        require(dockers, system, "docker", DOCKER)
        assert (
            dockers.engine[0] == "docker-ce"
            and dockers.repository.url == DOCKER + folder
            and release in dockers.repository.text
        )
    if engine is None:
        with pytest.raises(HostError, match="engine_source=docker"):
            require(own, system, "distribution", "")
    else:
        require(own, system, "distribution", "")


def test_a_distribution_that_nobody_knows_is_refused_by_name() -> None:
    system = distribution(RECORDED["gentoo"])
    for source in ("distribution", "docker"):
        with pytest.raises(HostError, match="Gentoo"):
            require(choose(system, source, (3, 13), True, DOCKER), system, source, DOCKER)


def test_where_dockers_repositories_are_must_be_said() -> None:
    system = distribution(RECORDED["debian12"])
    with pytest.raises(HostError, match="engine_repository_url"):
        require(choose(system, "docker", (3, 11), True), system, "docker", "")


def test_packages_of_the_system_are_for_its_own_python() -> None:
    assert choose(distribution(RECORDED["rocky9"]), "docker", (3, 12), False, DOCKER).sdk == []
    assert choose(distribution(RECORDED["leap"]), "distribution", (3, 13), False).sdk == ["python313-docker"]


def test_a_mirror_of_the_repository() -> None:
    found = repository(distribution(RECORDED["rocky9"]), "https://mirror.example.org/docker/centos/")
    assert "baseurl=https://mirror.example.org/docker/centos/9/$basearch/stable\n" in found.text
    assert "gpgkey=https://mirror.example.org/docker/centos/gpg\n" in found.text


@pytest.mark.parametrize(("text", "there"), [
    ("deb [arch=amd64 signed-by=/etc/apt/keyrings/docker.gpg] https://docker.example.org/linux/debian bookworm stable\n", True),
    ("Types: deb\nURIs: https://docker.example.org/linux/debian/\nSuites: bookworm\nSigned-By: /x\n", True),
    ("Types: deb\nURIs: http://a.example.org/\n https://docker.example.org/linux/debian\nSuites: bookworm\n", True),
    ("# deb https://docker.example.org/linux/debian bookworm stable\n", False),
    ("Enabled: no\nTypes: deb\nURIs: https://docker.example.org/linux/debian\nSuites: bookworm\n", False),
    ("deb https://docker.example.org/linux/debian-archive bookworm stable\n", False),
    ("deb http://deb.example.org/debian bookworm main\n", False),
    ("[docker-ce-stable]\nbaseurl=https://docker.example.org/linux/debian/9/$basearch/stable\nenabled=1\n", True),
    ("[docker-ce-stable]\nbaseurl=https://docker.example.org/linux/debian/9/$basearch/stable\nenabled=0\n[other]\nbaseurl=https://x/\nenabled=1\n", False),
])  # fmt: skip
def test_a_repository_that_is_there_is_found(text: str, there: bool) -> None:
    assert names_it(text, DOCKER + "debian") is there
