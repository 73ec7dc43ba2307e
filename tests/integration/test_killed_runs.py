# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The playbooks of a swarm's life are killed in each of their tasks that change something. The next run finishes: nothing stays drained,
constrained, locked or marked."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import yaml
from conftest import COMMANDS, TRANSIT, Swarm, Warm, await_words, flat, own_lab, power
from test_upgrade import REPACK, REPOSITORY, specs

pytestmark = [pytest.mark.long, pytest.mark.rare]
ACTIVATE, BACKUP, DRAIN, RECOVER, REMOVE, REPLACE, RESTORE, ROTATE, UPGRADE = (
    f"swarmlab.overlay.{name}"
    for name in ("activate", "backup", "drain", "recover", "remove", "replace", "restore", "rotate", "upgrade")
)
WHOLE = "Ready Ready Reachable Ready Reachable Ready Reachable"


@pytest.fixture(scope="module")
def crew(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Three managers and a worker, and a service that moves without a gap."""
    with own_lab("crew", "10.95.{}.0/24", environment, warm, tmp_path_factory.mktemp("crew"), 3, 4) as lab:
        lab.shell(
            "vm1",
            "docker service inspect web >/dev/null 2>&1 || docker service create -d --no-resolve-image --name web --replicas 4 --stop-grace-period 1s"
            f" --update-order start-first --update-monitor 1s {lab.image} sh -c 'trap \"exit 0\" TERM; sleep 1000000 & wait'",
        )
        yield lab


def told_of(swarm: Swarm) -> list[str]:
    """What the swarm has been told of its nodes and of the service, in an order of its own."""
    return sorted(json.dumps(spec, sort_keys=True) for spec in specs(swarm, "web"))


def await_engine(swarm: Swarm, host: str, words: str = "ServerVersion") -> None:
    """Wait until the engine answers: what a killed run had begun on the node may go on there for a while."""
    look = f"for try in $(seq 400); do docker info --format '{{{{json .}}}}' 2>/dev/null | grep -q '{words}' && exit 0; sleep 0.25; done; exit 1"
    swarm.shell(host, look)


def await_quiet(swarm: Swarm) -> None:
    """Wait until nothing of a killed run goes on on any node, nor begins there: one that is on its way has no process yet."""
    look = (
        "quiet=0; for try in $(seq 400); do pgrep -x python3 >/dev/null && quiet=0 || quiet=$((quiet + 1)); [ $quiet -gt 8 ] && exit 0;"
        " sleep 0.25; done; exit 1"
    )

    def quiet(host: str) -> None:
        argv = ["docker", "exec", swarm.container(host), "sh", "-c", look]
        done = subprocess.run(argv, env=swarm.environment, capture_output=True, text=True, timeout=150, check=False)
        assert done.returncode == 0 or "is not running" in done.stderr, f"{host}: {done.stderr}"

    with ThreadPoolExecutor(len(swarm.nodes)) as pool:
        list(pool.map(quiet, swarm.nodes))


def at_once(_swarm: Swarm) -> None:
    """Do not wait for what a killed run had begun: the modules of the next run do."""


def await_whole(swarm: Swarm, words: str = "") -> None:
    """Wait until all nodes are ready, and the managers reach each other again. ``words``: what was done, for a message."""
    look = (
        "for try in $(seq 240); do states=$(docker node ls --format '{{.Status}} {{.ManagerStatus}}' | sed s/Leader/Reachable/ | sort | xargs);"
        f" [ \"$states\" = '{WHOLE}' ] && exit 0; sleep 0.25; done; echo '{words}'; docker node ls; exit 1"
    )
    swarm.shell("vm1", look)


def killed_everywhere(
    swarm: Swarm,
    playbook: str,
    told: dict,
    argv: Iterable[str],
    within: str,
    finish: Callable[[str], None],
    begin: Callable[[], None] = lambda: None,
    late: Iterable[tuple[int, float]] = (),
    first: int = 1,
    settle: Callable[[Swarm], None] = await_quiet,
) -> int:
    """Kill a playbook soon after the start of each task of these modules, then later in some, and finish it each time; how many tasks there are.

    ``finish`` gets words for what was killed. Tasks before ``first`` only look. ``settle`` waits before the next run, where an engine may be
    stopped still: its host would not answer.
    """
    for number in range(first, 99):
        begin()
        killed = swarm.killed_playbook(playbook, told, *argv, number=number, within=within)
        settle(swarm)
        finish(f"{playbook}: task {number} of {within}, killed: {killed}")
        if not killed:
            break
    tasks = number - 1
    for number, seconds in late:
        begin()
        killed = swarm.killed_playbook(playbook, told, *argv, number=number, within=within, seconds=seconds)
        settle(swarm)
        finish(f"{playbook}: task {number} of {within}, {seconds} s, killed: {killed}")
    return tasks


def test_drain_and_activate(crew: Swarm) -> None:
    before, told = told_of(crew), {"node": "vm4"}

    def drained(words: str) -> None:
        code, output = crew.playbook(DRAIN, told)
        assert code == 0, f"{words}\n{output}"
        assert crew.docker("vm1", "node", "ps", "vm4", "-q", "--filter", "desired-state=running") == "", words
        given_back(words)

    def given_back(words: str) -> None:
        code, output = crew.playbook(ACTIVATE, told)
        assert code == 0 and told_of(crew) == before, f"{words}\n{output}"

    def drain() -> None:
        code, output = crew.playbook(DRAIN, told)
        assert code == 0, output

    def some() -> None:
        """Some tasks are there each time."""
        nonlocal before
        crew.docker("vm1", "service", "update", "--force", "--detach=false", "--quiet", "web")
        before = told_of(crew)

    assert (
        killed_everywhere(crew, DRAIN, told, (), "swarm_maintenance", drained, some, [(2, 3), (2, 6)], 2, at_once) == 2
    )
    assert (
        killed_everywhere(
            crew, ACTIVATE, told, (), "swarm_maintenance", given_back, drain, [(1, 2), (1, 4)], settle=at_once
        )
        == 1
    )


def test_replace(crew: Swarm) -> None:
    before, told = told_of(crew), {"node": "vm4"}

    def replaced(words: str) -> None:
        code, output = crew.playbook(REPLACE, told)
        assert code == 0, f"{words}\n{output}"
        await_whole(crew, words)
        assert told_of(crew) == before, f"{words}\n{output}"

    within = "swarm_maintenance,swarm_node,swarm_member"
    kills = killed_everywhere(
        crew, REPLACE, told, (), within, replaced, late=[(4, 3), (5, 3), (6, 3)], first=2, settle=at_once
    )
    assert kills >= 6  # look, drain, and for its departure drain, leave and remove, then join


def test_remove(crew: Swarm) -> None:
    before, told = told_of(crew), {"node": "vm4"}

    def removed(words: str) -> None:
        code, output = crew.playbook(REMOVE, told)
        assert code == 0, f"{words}\n{output}"
        assert crew.docker("vm1", "node", "ls", "--format", "{{.Hostname}}").split() == crew.managers, words
        assert crew.docker("vm4", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive", words
        code, output = crew.playbook("swarmlab.overlay.swarm")
        assert code == 0, f"{words}\n{output}"
        await_whole(crew, words)
        assert told_of(crew) == before, f"{words}\n{output}"

    within = "swarm_maintenance,swarm_node,swarm_member"
    kills = killed_everywhere(
        crew, REMOVE, told, (), within, removed, late=[(4, 3), (5, 3), (6, 3)], first=2, settle=at_once
    )
    assert kills == 6  # look, drain, dead nodes that no host is (none), and for its departure drain, leave and remove


def test_a_drain_that_goes_on_is_waited_for(crew: Swarm) -> None:
    """The run was killed, and its module goes on on the manager. Without turns it drained the node after the next run had given it back."""
    before = told_of(crew)
    crew.docker(
        "vm1", "service", "create", "-d", "--no-resolve-image", "--name", "late", "--constraint", "node.role==worker", "--update-order", "start-first",
        "--update-monitor", "15s", crew.image, "sh", "-c", "trap 'exit 0' TERM; sleep 1000000 & wait",
    )  # fmt: skip
    try:
        await_words(crew, "vm1", "docker service ps late --format '{{.CurrentState}}'", "Running")
        crew.docker(
            "vm1", "service", "update", "--detach=true", "--quiet", "--constraint-rm", "node.role==worker", "late"
        )
        assert crew.killed_playbook(DRAIN, {"node": "vm4"}, number=2, within="swarm_maintenance", seconds=4)
        code, output = crew.playbook(ACTIVATE, {"node": "vm4"})
        await_quiet(crew)
        assert code == 0, output
    finally:
        crew.docker("vm1", "service", "rm", "late")
    assert told_of(crew) == before


def test_an_engine_that_is_stopped_for_a_moment_stays_so(crew: Swarm, tmp_path: Path) -> None:
    """The backup was killed, and its module goes on. Without turns the next run started the engine while its state was copied."""
    before = told_of(crew)
    slow = {"swarm_stop_command": "sh -c 'engine-stop; sleep 30'", "swarm_start_command": "engine-start", "node": "vm2"}
    told = {**slow, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
    began = crew.shell("vm2", "pgrep -x dockerd")
    assert crew.killed_playbook(BACKUP, told, number=2, within="swarm_backup", seconds=8)
    crew.shell("vm2", "ls /run/hold && while pgrep -f '[/]usr/sbin/dockerd'; do sleep 0.1; done")
    done = crew.run("engine", {"restart_command": "engine-start", "timeout": 90}, "vm2")
    assert not done["failed"] and not done["restarted"] and done["swarm"]["state"] == "active", done
    assert crew.shell("vm2", "pgrep -x dockerd") != began
    await_quiet(crew)
    await_whole(crew)
    code, output = crew.playbook(BACKUP, {**told, **COMMANDS})
    assert code == 0 and told_of(crew) == before, output


def test_rotate(crew: Swarm, tmp_path: Path) -> None:
    kept = tmp_path / "keys.yml"
    told = {"swarm_rotate": "worker_token,ca", "swarm_rotate_max_age": 0}

    def rotated(words: str) -> None:
        code, output = crew.playbook(ROTATE, {**told, "swarm_rotate_max_age": 1})
        assert code == 0, f"{words}\n{output}"
        listed = crew.docker("vm1", "node", "ls", "-q").split()
        roots = {
            json.dumps(node["Description"]["TLSInfo"], sort_keys=True)
            for node in json.loads(crew.docker("vm1", "node", "inspect", *listed))
        }
        assert len(roots) == 1, words

    assert killed_everywhere(crew, ROTATE, told, (), "swarm_rotate", rotated, late=[(1, 2), (1, 4)]) == 1

    def key_kept(words: str) -> None:
        code, output = crew.playbook(ROTATE, {**key, "swarm_rotate_max_age": 1})
        assert code == 0, f"{words}\n{output}"
        present = crew.docker("vm1", "swarm", "unlock-key", "-q")
        assert yaml.safe_load(kept.read_text())["swarm_unlock_keys"][0] == present, words

    key = {
        "swarm_rotate": "unlock_key", "swarm_unlock_key_file": str(kept), "swarm_unlock_key_plain": True, "swarm_rotate_max_age": 0,
    }  # fmt: skip
    assert crew.run("swarm", {"autolock": True})["changed"]
    try:
        late = [(2, 1.5), (2, 3), (2, 5)]
        assert killed_everywhere(crew, ROTATE, key, (), "swarm_lock,swarm_key", key_kept, late=late) >= 2
        crew.docker("vm3", "swarm", "unlock-key", "-q")
        crew.shell("vm3", "kill -HUP 1")
        await_engine(crew, "vm3", '"LocalNodeState":"locked"')
        code, output = crew.playbook("swarmlab.overlay.swarm", {}, "-e", f"@{kept}")
        assert code == 0, output
        await_whole(crew)
    finally:
        crew.run("swarm", {"autolock": False})


def test_backup(crew: Swarm, tmp_path: Path) -> None:
    before = told_of(crew)
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True, "swarm_backup_keep": 99}

    def copied(words: str) -> None:
        for host in crew.managers:
            await_engine(crew, host, '"ControlAvailable":true')
        await_whole(crew, words)
        code, output = crew.playbook(BACKUP, told)
        assert code == 0 and told_of(crew) == before, f"{words}\n{output}"
        assert all(crew.shell(host, f"ls -A {TRANSIT} 2>/dev/null || true") == "" for host in crew.managers), words

    within = "swarm_backup,swarm_maintenance"
    kills = killed_everywhere(crew, BACKUP, told, (), within, copied, late=[(4, 3), (4, 8)], first=3)
    assert kills == 5  # look at the disk, look at the services, drain, copy, give back


def test_upgrade(crew: Swarm) -> None:
    before, new = told_of(crew), ""
    hosts = iter(["vm2"] * 4 + ["vm3"] * 4 + ["vm1"] * 4)  # a version's last digit goes up each time
    told: dict[str, object] = {}

    def offered() -> None:
        nonlocal new
        host = next(hosts)
        new = crew.shell(host, f"rm -rf /srv/repo; {REPACK}").splitlines()[-1]
        crew.shell(host, REPOSITORY)
        told.update(COMMANDS, upgrade_checks=[], engine_version=new, node=host)

    def upgraded(words: str) -> None:
        host = str(told["node"])
        await_engine(crew, host, '"ControlAvailable":true')
        await_whole(crew)
        code, output = crew.playbook(UPGRADE, told)
        assert code == 0 and told_of(crew) == before, f"{words}\n{output}"
        assert crew.docker(host, "version", "--format", "{{.Server.Version}}").partition("+")[0] == new, words

    within = "swarm_maintenance,engine_upgrade"
    kills = killed_everywhere(crew, UPGRADE, told, (), within, upgraded, offered, [(3, 4), (3, 9)], 2)
    assert kills == 4  # look at the packages, drain, upgrade, give back


def test_restore(crew: Swarm, tmp_path: Path) -> None:
    """Put back by restore, and finished by restore, or by recover where restore says so: the state was put back already."""
    before = told_of(crew)
    code, output = crew.playbook(
        BACKUP, {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True, "node": "vm2"}
    )
    assert code == 0, output
    archive = next(path for path in tmp_path.iterdir() if path.name.endswith(".tar.gz"))
    told = {**COMMANDS, "swarm_restore_file": str(archive), "node": "vm2"}

    def lost() -> None:
        for host in crew.managers:  # an engine that gives up its own wait leaves all the same
            crew.shell(host, "docker swarm leave --force || true")
            await_words(crew, host, "docker info", "Swarm: inactive")

    def restored(words: str) -> None:
        await_engine(crew, "vm2")
        playbook, (code, output) = RESTORE, crew.playbook(RESTORE, told)
        if "in the swarm of the backup" in flat(output) and "run playbook recover" in flat(output):
            playbook, (code, output) = RECOVER, crew.playbook(RECOVER, told)
        done = "there is nothing to recover" in flat(output) or "killed: False" in words
        assert code == 0 or done, f"{words}, {playbook}\n{output}"
        await_whole(crew)
        assert told_of(crew) == before, f"{words}, {playbook}\n{output}"
        assert crew.shell("vm2", f"ls -A {TRANSIT} 2>/dev/null || true") == "", words

    within = "swarm_restore,swarm_recover,swarm_member,swarm_maintenance"
    kills = killed_everywhere(crew, RESTORE, told, (), within, restored, lost, [(2, 5), (4, 6)], 2)
    assert kills >= 5  # look, put back, alone, settled, join, give back


def test_recover(crew: Swarm) -> None:
    before, told = told_of(crew), {**COMMANDS, "node": "vm2", "swarm_lost_managers": "vm1,vm3"}

    def lost() -> None:
        power(crew, "kill", "vm1", "vm3")
        await_words(crew, "vm2", "docker node ls", "does not have a leader")

    def recovered(words: str) -> None:
        await_engine(crew, "vm2")
        code, output = crew.playbook(RECOVER, told)
        assert code == 0 or "there is nothing to recover" in flat(output), f"{words}\n{output}"
        power(crew, "start", "vm1", "vm3")
        for host in ("vm1", "vm3"):
            await_engine(crew, host)
        code, output = crew.playbook(RECOVER, told)
        assert code == 0, f"{words}\n{output}"
        await_whole(crew, words)
        assert told_of(crew) == before, f"{words}\n{output}"

    kills = killed_everywhere(crew, RECOVER, told, (), "swarm_recover", recovered, lost, [(1, 4), (2, 5)])
    assert kills == 2  # alone, settled
