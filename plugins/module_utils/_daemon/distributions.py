# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""The packages of the engine on each distribution, and their repositories. Data and pure functions."""

from __future__ import annotations

import re
import typing as t

from .._host import HostError


class Distribution(t.NamedTuple):
    """The fields of /etc/os-release that are used here."""

    id: str
    like: tuple[str, ...]
    version: str
    codename: str
    name: str

    @property
    def family(self) -> str:
        """The distribution family whose packages this system uses; empty when it is unknown."""
        return next((FAMILIES[each] for each in (self.id, *self.like) if each in FAMILIES), "")

    @property
    def major(self) -> int:
        """The first number of the version; 0 without one, as in rolling releases and Debian's testing."""
        found = re.match(r"\d+", self.version)
        return int(found.group()) if found else 0


FAMILIES = {
    "debian": "debian",
    "ubuntu": "debian",
    "rhel": "redhat",
    "centos": "redhat",
    "fedora": "redhat",
    "suse": "suse",
    "opensuse": "suse",
    "sles": "suse",
    "arch": "arch",
    "alpine": "alpine",
}
# Distributions whose own engine package has another name than in its family. Red Hat's family ships Podman instead.
ENGINES = {
    "debian": ["docker.io", "iptables", "kmod"],
    "suse": ["docker", "iptables", "kmod"],
    "arch": ["docker", "iptables", "kmod"],
    "alpine": ["docker", "iptables", "kmod"],
}
ENGINES_BY_ID = {"fedora": ["moby-engine", "iptables", "kmod"], "amzn": ["docker", "iptables", "kmod"]}
# A separate package from Debian 13 on; elsewhere part of the engine's package, or a package of the same name. Only
# users need it, not this collection.
CLIENT = {"debian": ["docker-cli"], "redhat": ["docker-cli"]}
DOCKER_ENGINE = {
    "debian": ["docker-ce", "docker-ce-cli", "containerd.io", "kmod"],
    "redhat": ["docker-ce", "docker-ce-cli", "containerd.io", "kmod"],
}
CENTOS = "centos"  # also used by the rebuilds of RHEL
DOCKER_FOLDERS = {"debian": "debian", "raspbian": "raspbian", "ubuntu": "ubuntu", "fedora": "fedora", "rhel": "rhel"}
SDK = {
    "debian": ["python3-docker"],
    "redhat": ["python3-docker"],
    "suse": ["python3-docker"],
    "arch": ["python-docker"],
    "alpine": ["py3-docker-py"],
}
VENV = {"debian": ["python3-venv"]}


class Repository(t.NamedTuple):
    """A Docker package repository: its address, and the package manager's file that defines it."""

    url: str
    key: str
    path: str
    text: str


class Choice(t.NamedTuple):
    """The packages that the host needs. ``sdk``: the first package that the package manager knows is enough."""

    engine: list[str]
    optional: list[str]
    sdk: list[str]
    venv: list[str]
    repository: Repository | None


def distribution(os_release: str) -> Distribution:
    """Parse the text of /etc/os-release."""
    told = {name: value.strip("\"'") for name, value in re.findall(r"(?m)^(\w+)=(.*)$", os_release)}
    # A derivative also keeps the code name of the release that it is based on.
    codename = told.get("UBUNTU_CODENAME") or told.get("DEBIAN_CODENAME") or told.get("VERSION_CODENAME", "")
    return Distribution(
        told.get("ID", ""),
        tuple(told.get("ID_LIKE", "").split()),
        told.get("VERSION_ID", ""),
        codename,
        told.get("PRETTY_NAME") or told.get("NAME") or told.get("ID") or "this system",
    )


def choose(system: Distribution, source: str, python: tuple[int, int], system_python: bool, url: str = "") -> Choice:
    """Choose the packages to install.

    :param source: distribution, or docker for Docker's own packages
    :param python: version of the Python that modules run in
    :param system_python: whether it is the distribution's own Python, for which its packages are built
    :param url: where Docker's repositories are, for ``docker``
    """
    family = system.family
    sdk = [f"python{python[0]}{python[1]}-docker"] if family == "suse" else []
    if system_python:
        sdk += SDK.get(family, [])
    venv = VENV.get(family, []) if system_python else []
    if source == "docker":
        return Choice(DOCKER_ENGINE.get(family, []), [], sdk, venv, repository(system, url))
    return Choice(ENGINES_BY_ID.get(system.id) or ENGINES.get(family, []), CLIENT.get(family, []), sdk, venv, None)


def _address(url: str, folder: str) -> str:
    """The repository's address for this distribution.

    An address that already ends in a distribution's folder is kept.
    """
    url = url.rstrip("/")
    return url if url.rpartition("/")[2] in (*DOCKER_FOLDERS.values(), CENTOS) else f"{url}/{folder}"


def repository(system: Distribution, url: str) -> Repository | None:
    """Docker's repository for this distribution; None when Docker has none for it."""
    family = system.family
    if family == "debian" and system.codename:
        folder = next((DOCKER_FOLDERS[each] for each in (system.id, *system.like) if each in DOCKER_FOLDERS), "debian")
        url = _address(url, folder)
        key = "/etc/apt/keyrings/swarmlab-docker.asc"
        text = f"Types: deb\nURIs: {url}\nSuites: {system.codename}\nComponents: stable\nSigned-By: {key}\n"
        return Repository(url, key, "/etc/apt/sources.list.d/swarmlab-docker.sources", text)
    if (family == "redhat" and system.major and system.id not in ENGINES_BY_ID) or system.id == "fedora":
        url = _address(url, DOCKER_FOLDERS.get(system.id, CENTOS))
        text = (
            f"[swarmlab-docker]\nname=Docker Engine\nbaseurl={url}/{system.major}/$basearch/stable\nenabled=1\ngpgcheck=1\n"
            f"gpgkey={url}/gpg\n"
        )
        return Repository(url, "", "/etc/yum.repos.d/swarmlab-docker.repo", text)
    return None


def names_it(text: str, url: str) -> bool:
    """Whether a file of package sources (one-line, deb822 or .repo) enables this repository."""
    address = re.compile(f"^https?://{re.escape(re.sub(r'^https?://', '', url).rstrip('/'))}(/|$)")
    for stanza in re.split(r"\n\s*\n|(?m:^(?=\[))", text):
        lines = [line.strip() for line in stanza.splitlines() if line.strip() and not line.lstrip().startswith("#")]
        if any(re.match(r"(?i)enabled\s*[:=]\s*(no|false|0)\s*$", line) for line in lines):
            continue
        if any(address.match(word) for line in lines for word in re.split(r"[\s=]+", line)):
            return True
    return False


def require(choice: Choice, system: Distribution, source: str, url: str) -> None:
    """Raise HostError when the engine's packages, or the repository's address, are unknown."""
    if source == "docker" and choice.repository and not url:
        raise HostError(
            "engine_source=docker needs engine_repository_url, the address of Docker's Linux repositories as its installation page "
            f"for {system.name} names it"
        )
    if choice.engine and (source == "distribution" or choice.repository):
        return
    if source == "docker":
        raise HostError(
            f"Docker has no repository for {system.name}: use engine_source=distribution, or install Docker Engine by hand"
        )
    hint = (
        "use engine_source=docker"
        if choice.repository or repository(system, "")
        else "name its packages in engine_packages, or install it by hand"
    )
    raise HostError(f"{system.name} has no package of Docker Engine that the role knows: {hint}")
