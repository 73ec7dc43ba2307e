# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""apt, dnf and zypper themselves, on packages without content in a root of their own: what they say that they would do is understood."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._daemon import packages

TOOLS = ("rpmbuild", "createrepo_c")
OLD = {
    "moby-engine": ("1", ""),
    "runc": ("1", ""),
    "python3-docker": ("7", "Requires: python3-requests\n"),
    "python3-requests": ("2", ""),
}
NEW = {
    "moby-engine": ("2", ""),
    "docker-ce": ("5", "Requires: containerd.io\nConflicts: moby-engine\n"),
    "containerd.io": ("2", "Obsoletes: runc\n"),
    "python3-docker-greedy": ("7", "Requires: containerd.io\n"),
    "python3-docker-hungry": ("7", "Requires: moby-engine >= 2\n"),
}


def build(folder: Path, wanted: dict[str, tuple[str, str]]) -> None:
    """Make empty packages and a repository of them."""
    folder.mkdir()
    for name, (version, more) in wanted.items():
        spec = folder / f"{name}.spec"
        spec.write_text(
            f"Name: {name}\nVersion: {version}\nRelease: 1\nSummary: x\nLicense: MIT\nBuildArch: noarch\n{more}%description\nx\n%files\n"
        )
        subprocess.run(
            ["rpmbuild", "-bb", "--define", f"_rpmdir {folder}", "--define", f"_topdir {folder}/top", str(spec)],
            capture_output=True,
            check=True,
        )
    subprocess.run(["createrepo_c", str(folder)], capture_output=True, check=True)


def dnf(program: str, root: Path, repositories: list[Path]) -> packages.PackageManager:
    """dnf with a root and repositories of its own."""
    tool = next(each for each in packages.MANAGERS if each.program == program)
    options = [
        f"--installroot={root}",
        "--releasever=1",
        "--setopt=reposdir=/dev/null",
        "--nogpgcheck",
        f"--setopt=cachedir={root}/cache",
    ]
    options += [
        word
        for repository in repositories
        for word in (f"--repofrompath={repository.name},file://{repository}", "--enablerepo", repository.name)
    ]
    return tool._replace(
        **{
            field: [getattr(tool, field)[0], *options, *getattr(tool, field)[1:]]
            for field in ("look", "simulate", "install")
        }
    )


def zypper(program: str, root: Path, repositories: list[Path]) -> packages.PackageManager:
    """zypper likewise."""
    tool = next(each for each in packages.MANAGERS if each.program == program)
    for repository in repositories:
        argv = [
            "zypper",
            "--root",
            str(root),
            "-n",
            "--no-gpg-checks",
            "ar",
            "-G",
            f"file://{repository}",
            repository.name,
        ]
        subprocess.run(argv, capture_output=True, check=True)
    options = ["--root", str(root), "--no-gpg-checks"]
    return tool._replace(
        **{
            field: [getattr(tool, field)[0], *options, *getattr(tool, field)[1:]]
            for field in ("look", "simulate", "install")
        }
    )


MAKERS: dict[str, Callable] = {"dnf": dnf, "dnf5": dnf, "zypper": zypper}


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    absent = [name for name in TOOLS if not shutil.which(name)]
    if absent:
        pytest.skip(f"{', '.join(absent)} not on this machine")
    folder = tmp_path_factory.mktemp("rpms")
    build(folder / "old", OLD)
    build(folder / "new", NEW)
    return [folder / "old", folder / "new"]


@pytest.mark.long
@pytest.mark.parametrize("program", sorted(MAKERS))
def test_what_it_would_do_is_understood(
    repositories: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, program: str
) -> None:
    if not shutil.which(program):
        pytest.skip(f"{program} not on this machine")
    monkeypatch.setattr(packages, "owners", set)
    old = MAKERS[program](program, tmp_path, repositories[:1])
    assert packages.known(old, ["python3-docker", "docker-cli", "runc"]) == ["python3-docker", "runc"]
    assert packages.problem(old, ["moby-engine", "runc"], False) == ""
    packages.install(old, ["moby-engine", "runc"], 300)

    assert packages.problem(old, ["python3-docker"], True) == ""
    assert packages.problem(old, ["moby-engine"], True) == ""  # is there
    assert packages.problem(old, ["docker-cli"], True).startswith(f"{program} cannot install docker-cli")

    both = MAKERS[program](program, tmp_path, repositories[1:] if program == "zypper" else repositories)
    assert "remove runc" in packages.problem(both, ["python3-docker-greedy"], False)
    assert "replace by another version moby-engine" in packages.problem(both, ["python3-docker-hungry"], True)
    assert "moby-engine" in packages.problem(both, ["docker-ce"], True)
    packages.install(both, ["python3-docker"], 300)
    listed = subprocess.run(
        ["rpm", "--root", str(tmp_path), "-qa", "--qf", "%{NAME} %{VERSION}\n"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    assert {"moby-engine 1", "python3-docker 7", "runc 1"} <= set(listed.splitlines())


DEB = "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x <x@example.org>\n{more}Description: x\n"
INSTALLED = {"docker-ce": ("28.5", "Depends: containerd.io\nConflicts: docker.io\n"), "containerd.io": ("1", "")}
OFFERED = {
    "docker.io": ("26.1", "Conflicts: docker-ce\n"),
    "containerd.io": ("2", ""),
    "python3-docker": ("7", ""),
    "python3-docker-greedy": ("7", "Depends: docker.io\n"),
    "python3-docker-hungry": ("7", "Depends: containerd.io (>= 2)\n"),
}


@pytest.mark.skipif(not shutil.which("apt-get"), reason="apt-get not on this machine")
def test_docker_ce_is_never_replaced_by_apt(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What really happened: to bring the SDK, docker.io was installed, and docker-ce removed for it."""
    for folder in ("lists/partial", "cache/archives/partial", "repository", "etc/apt.conf.d", "etc/preferences.d"):
        (tmp_path / folder).mkdir(parents=True)
    status = [
        DEB.format(name=name, version=version, more=f"Status: install ok installed\n{more}")
        for name, (version, more) in INSTALLED.items()
    ]
    (tmp_path / "status").write_text("\n".join(status))
    index = [
        DEB.format(name=name, version=version, more=f"Filename: ./{name}.deb\nSize: 1\nSHA256: {0:064}\n{more}")
        for name, (version, more) in OFFERED.items()
    ]
    (tmp_path / "repository" / "Packages").write_text("\n".join(index))
    (tmp_path / "sources").write_text(f"deb [trusted=yes] file:{tmp_path}/repository ./\n")
    (
        tmp_path / "apt.conf"
    ).write_text(f"""Dir::Etc "{tmp_path}/etc"; Dir::Etc::SourceList "{tmp_path}/sources"; Dir::Etc::SourceParts "-";
Dir::State "{tmp_path}"; Dir::State::status "{tmp_path}/status"; Dir::Cache "{tmp_path}/cache"; APT::Sandbox::User "root";\n""")
    monkeypatch.setenv("APT_CONFIG", str(tmp_path / "apt.conf"))
    monkeypatch.setattr(packages, "owners", set)
    apt = next(each for each in packages.MANAGERS if each.program == "apt-get")
    assert packages.run(*apt.refresh)[0] == 0

    assert packages.known(apt, ["docker.io", "docker-cli", "python3-docker"]) == ["docker.io", "python3-docker"]
    assert packages.problem(apt, ["python3-docker"], True) == ""
    assert "remove docker-ce" in packages.problem(apt, ["docker.io", "python3-docker"], False)
    assert "remove docker-ce" in packages.problem(apt, ["python3-docker-greedy"], True)
    assert "replace by another version containerd.io" in packages.problem(apt, ["python3-docker-hungry"], True)
    assert "apt-get cannot install docker-cli" in packages.problem(apt, ["docker-cli"], True)
