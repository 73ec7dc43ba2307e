# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Backup, restoration and recovery of a swarm of three managers, on container nodes whose engine can be kept stopped."""

from __future__ import annotations

import json
import subprocess
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible.parsing.vault import VaultLib, VaultSecret
from conftest import COMMANDS, TRANSIT, Swarm, Warm, await_words, flat, nodes_of, own_lab, power, steps

BACKUP, RECOVER, RESTORE = (f"swarmlab.overlay.{name}" for name in ("backup", "recover", "restore"))


@pytest.fixture(scope="module")
def trio(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with own_lab("trio", "10.93.{}.0/24", environment, warm, tmp_path_factory.mktemp("trio"), 3, 3) as lab:
        lab.shell(
            "vm1",
            "docker service inspect web >/dev/null 2>&1 && exit; echo very-secret | docker secret create pw - && docker network create -d overlay"
            f" --opt encrypted back && docker service create -d --name web --network back --secret pw --update-order start-first {lab.image} sleep 1000000",
        )
        yield lab


@pytest.fixture
def vault(tmp_path: Path) -> tuple[str, str]:
    (tmp_path / "password").write_text("secret")
    return ("--vault-password-file", str(tmp_path / "password"))


WHOLE = [f"vm{number} Ready Active Reachable" for number in (1, 2, 3)]


def archive_in(folder: Path) -> Path:
    return next(path for path in folder.iterdir() if ".tar.gz" in path.name)


@pytest.mark.long
def test_a_backup_is_private_and_leaves_the_swarm_as_it_was(
    trio: Swarm, tmp_path: Path, vault: tuple[str, str]
) -> None:
    folder = tmp_path / "kept"
    told = {**COMMANDS, "swarm_backup_directory": str(folder), "swarm_backup_keep": 1}
    before = {host: trio.shell(host, "pgrep -x dockerd") for host in trio.nodes}
    for more, mode, words in (
        ({}, vault, "is not a writable folder"),
        ({"swarm_backup_directory": str(tmp_path)}, (), "no vault password"),
        ({"swarm_backup_directory": str(tmp_path), "swarm_start_command": ""}, vault, "belong together"),
        ({"swarm_backup_directory": str(tmp_path), "node": "vm9"}, vault, "vm9 is not a working manager"),
    ):
        code, output = trio.playbook(BACKUP, {**told, **more}, *mode)
        assert code != 0 and words in flat(output) and "Nothing was " in flat(output), output
    folder.mkdir()
    code, output = trio.playbook(BACKUP, told, "--check", *vault)
    plan = steps(output)
    assert code == 0 and len(plan) == 1 and not list(folder.iterdir()), output
    assert {host: trio.shell(host, "pgrep -x dockerd") for host in trio.nodes} == before

    code, output = trio.playbook(BACKUP, told, "-vvvvv", *vault)
    assert code == 0 and nodes_of(trio) == WHOLE and set(plan) <= set(steps(output)), output[-3000:]
    files = sorted(folder.iterdir())
    assert len(files) == 3 and {path.stat().st_mode & 0o777 for path in files} == {0o600}
    archive = archive_in(folder)
    manifest = json.loads(next(path for path in files if path.suffix == ".json").read_text())
    copied = manifest["hostname"]
    assert manifest["autolock"] is False and len(manifest["managers"]) == 3
    data = VaultLib([("default", VaultSecret(b"secret"))]).decrypt(archive.read_bytes())
    assert data[:2] == b"\x1f\x8b" and len(data) == manifest["size"]
    assert "very-secret" not in output and "H4sI" not in output  # a gzip archive in Base64
    assert (
        trio.shell(copied, "ls -A /var/lib/docker/swarmlab-backup; stat -c %a /var/lib/docker/swarmlab-backup") == "700"
    )
    restarted = {host for host in trio.nodes if trio.shell(host, "pgrep -x dockerd") != before[host]}
    assert restarted == {copied}
    variables = VaultLib([("default", VaultSecret(b"secret"))]).decrypt(
        next(path for path in files if ".yml" in path.name).read_bytes()
    )
    assert b"node.id" not in variables and b"very-secret" not in variables and b"name: web" in variables

    # Only the newest stays, here encrypted by a command of the user's.
    code, output = trio.playbook(
        BACKUP, {**told, "swarm_backup_encrypt": "openssl enc -aes-256-cbc -pbkdf2 -pass pass:x"}
    )
    assert code == 0, output
    assert sorted(path.name.partition(".")[2] for path in folder.iterdir()) == ["json", "tar.gz.enc", "yml.enc"]


@pytest.mark.rare
@pytest.mark.long
def test_a_manager_that_was_drained_before_a_backup_stays_drained(trio: Swarm, tmp_path: Path) -> None:
    """By other means, and by this collection for the operator."""
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True, "node": "vm2"}
    seen = ("node", "inspect", "vm2", "--format", "{{.Spec.Availability}} {{json .Spec.Labels}}")
    trio.docker("vm1", "node", "update", "--availability", "drain", "vm2")
    try:
        code, output = trio.playbook(BACKUP, told)
        assert code == 0 and trio.docker("vm1", *seen) == "drain {}", output
        assert steps(output) == ["the state of vm2 is copied while its engine is stopped"]
        trio.docker("vm1", "node", "update", "--availability", "active", "vm2")
        code, output = trio.playbook("swarmlab.overlay.drain", {"node": "vm2"})
        assert code == 0, output
        before = trio.docker("vm1", *seen)
        code, output = trio.playbook(BACKUP, told)
        assert code == 0 and trio.docker("vm1", *seen) == before and before.startswith("drain {"), output
        code, output = trio.playbook("swarmlab.overlay.activate", {"node": "vm2"})
        assert code == 0 and trio.docker("vm1", *seen) == "active {}" and nodes_of(trio) == WHOLE, output
    finally:
        trio.run("swarm_maintenance", {"node": "vm2", "state": "active", "foreign": True})


@pytest.mark.long
def test_a_full_disk_costs_nothing(trio: Swarm, tmp_path: Path) -> None:
    """It fills while the archive is written: the engine runs again, and no part of the archive stays."""
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True, "node": "vm2"}
    trio.shell("vm2", f"mkdir -p {TRANSIT} && mount -t tmpfs -o size=8k tmpfs {TRANSIT}")
    try:
        code, output = trio.playbook(BACKUP, told)
        assert code != 0 and "No space left on device. The engine runs again" in flat(output), output
        assert not list(tmp_path.iterdir()) and trio.shell("vm2", f"ls -A {TRANSIT}") == "" and nodes_of(trio) == WHOLE
        label = "{{json .Spec.Labels}}"
        assert trio.docker("vm1", "node", "inspect", "vm2", "--format", label) == "{}"
    finally:
        trio.shell("vm2", f"umount {TRANSIT}")


@pytest.mark.long
def test_with_one_manager_down_no_step_costs_the_majority(trio: Swarm, tmp_path: Path) -> None:
    def as_it_was() -> tuple[list[str], list[str]]:
        return nodes_of(trio), [trio.shell(host, "pgrep -x dockerd") for host in ("vm1", "vm2")]

    power(trio, "kill", "vm3")
    try:
        await_words(trio, "vm1", "docker node ls", "vm3 .*Down .*Unreachable")
        before = as_it_was()
        backup = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
        for playbook, told, words in (
            ("backup", {**backup, "node": "vm2"}, "Of 3 managers 1 would stay reachable, and a majority is 2"),
            ("remove", {"node": "vm2"}, "Of the 2 remaining managers 1 would be reachable, which is no majority"),
            ("replace", {"node": "vm2"}, "Of the 2 remaining managers 1 would be reachable, which is no majority"),
            ("rotate", {"swarm_rotate": "ca", "swarm_rotate_max_age": 0}, "The CA was not rotated: vm3 "),
            ("recover", {**COMMANDS, "swarm_lost_managers": "vm3"}, "there is nothing to recover"),
        ):
            code, output = trio.playbook(f"swarmlab.overlay.{playbook}", told)
            assert code != 0 and words in flat(output) and "Nothing was " in flat(output), output
            assert as_it_was() == before and not list(tmp_path.iterdir())
        told = {"upgrade_action": "restart", "upgrade_restart_command": "kill -HUP 1", "node": "vm2"}
        code, output = trio.playbook("swarmlab.overlay.upgrade", told)
        assert code != 0 and "vm3" in flat(output) and as_it_was() == before, output
        # The host of the dead manager is out of the play: so is a part of the truth.
        code, output = trio.playbook("swarmlab.overlay.upgrade", told, "--limit", "vm1,vm2")
        assert code != 0 and "No host of this play is manager vm3" in flat(output) and as_it_was() == before, output
    finally:
        power(trio, "start", "vm3")
        trio.await_nodes("vm1")


def told_nothing(swarm: Swarm, playbook: str, told: dict, words: str, folder: Path) -> None:
    """A playbook says the words in its one message, and leaves every engine and the controller's folder as they are."""
    engines = engines_of(swarm)
    code, output = swarm.playbook(f"swarmlab.overlay.{playbook}", told)
    assert code != 0 and words in flat(output) and "Nothing was " in flat(output), f"{playbook}\n{output}"
    assert output.count("fatal: [") == 1 and "Traceback" not in output, f"{playbook}\n{output}"
    assert engines_of(swarm) == engines and not list(folder.iterdir()), playbook


def first_process(swarm: Swarm, name: str, *hosts: str) -> None:
    """Signal nodes' first processes. One that is stopped does not give up its wait for the engine after 300 tries, and the node with it."""
    argv = ["docker", "kill", "--signal", name, *(swarm.container(host) for host in hosts)]
    subprocess.run(argv, env=swarm.environment, capture_output=True, timeout=60, check=True)


def engines_of(swarm: Swarm) -> str:
    """The engines' processes, wherever the machine is on."""
    look = "for node in $@; do docker exec $node pgrep -x dockerd || echo $node none; done"
    argv = ["sh", "-c", look, "sh", *(swarm.container(host) for host in swarm.nodes)]
    return subprocess.run(argv, env=swarm.environment, capture_output=True, text=True, timeout=60, check=True).stdout


def declared(swarm: Swarm) -> list[dict]:
    """What the swarm has been told of itself and its nodes, with its join tokens."""
    nodes = swarm.docker("vm1", "node", "ls", "-q").split()
    told = [node["Spec"] for node in json.loads(swarm.docker("vm1", "node", "inspect", *nodes))]
    tokens = [swarm.docker("vm1", "swarm", "join-token", "-q", role) for role in ("manager", "worker")]
    return [*sorted(told, key=json.dumps), {"tokens": tokens}]


@pytest.mark.long
@pytest.mark.rare
@pytest.mark.parametrize("how", ["off", "stopped", "pending", "locked"])
def test_without_a_majority_every_playbook_says_so_once(trio: Swarm, tmp_path: Path, how: str) -> None:
    """Two machines are off; their engines are stopped; the third engine was started after that, and is pending; all are locked."""
    before = declared(trio)
    backup = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
    restart = {"upgrade_action": "restart", "upgrade_restart_command": "kill -HUP 1", "upgrade_checks": []}
    key = ""
    if how == "locked":
        assert trio.run("swarm", {"autolock": True})["changed"]
        key = trio.docker("vm1", "swarm", "unlock-key", "-q")
        for host in trio.nodes:
            await_words(trio, host, "cat /var/lib/docker/swarm/certificates/swarm-node.key", "ENCRYPTED")
    try:
        if how == "off":
            power(trio, "kill", "vm2", "vm3")
            await_words(trio, "vm1", "docker node ls", "does not have a leader")
        elif how == "locked":
            for host in trio.nodes:
                trio.restart_engine(host)
            for host in trio.nodes:
                await_words(trio, host, "docker info", "Swarm: locked")
        else:
            for host in ("vm2", "vm3"):
                trio.shell(host, "engine-stop")
            await_words(trio, "vm1", "docker node ls", "does not have a leader")
            first_process(trio, "STOP", "vm2", "vm3")
        if how == "pending":
            trio.shell("vm1", "engine-stop; sleep 1; engine-start")
            await_words(trio, "vm1", "docker info", "Swarm: pending")
        words = {"locked": "vm1: locked; vm2: locked; vm3: locked", "pending": "vm1: pending"}.get(
            how, "have no majority"
        )
        upgrade = "No host of this play is a manager that can" if how == "locked" else "Not every host answered"
        for playbook, told in (
            ("drain", {"node": "vm3"}),
            ("activate", {"node": "vm3"}),
            ("remove", {"node": "vm3"}),
            ("replace", {"node": "vm3"}),
            ("rotate", {"swarm_rotate_max_age": 0}),
            ("rotate", {"swarm_rotate": "ca", "swarm_rotate_max_age": 0}),
            ("backup", backup),
            ("upgrade", restart),
        ):
            told_nothing(trio, playbook, told, words if playbook != "upgrade" else upgrade, tmp_path)
    finally:
        if how == "off":
            power(trio, "start", "vm2", "vm3")
        elif how != "locked":
            first_process(trio, "CONT", "vm2", "vm3")
            for host in ("vm2", "vm3"):
                trio.shell(host, "engine-start")
        else:
            code, output = trio.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [key]})
            assert code == 0, output
        trio.await_nodes("vm1")
        if key:
            trio.run("swarm", {"autolock": False})
    assert nodes_of(trio) == WHOLE and declared(trio) == before


@pytest.mark.long
@pytest.mark.rare
def test_one_manager_is_locked_or_pending(trio: Swarm, tmp_path: Path) -> None:
    """The others have their majority. What needs this manager is refused with its state; the swarm and the host stay as they are."""
    backup = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
    ca = {"swarm_rotate": "ca", "swarm_rotate_max_age": 0}
    # In both directions: a manager that only the others reach is "Reachable", and has a leader.
    cut = "; ".join(f"iptables -w -{{0}} {chain} -p tcp --dport 2377 -j DROP" for chain in ("INPUT", "OUTPUT"))
    assert trio.run("swarm", {"autolock": True})["changed"]
    key = trio.docker("vm1", "swarm", "unlock-key", "-q")
    try:
        await_words(trio, "vm3", "cat /var/lib/docker/swarm/certificates/swarm-node.key", "ENCRYPTED")
        trio.restart_engine("vm3")
        await_words(trio, "vm3", "docker info", "Swarm: locked")
        await_words(trio, "vm1", "docker node ls", "vm3 .*Down .*Unreachable")
        before = declared(trio)
        for playbook, told, words in (
            ("drain", {"node": "vm3"}, "vm3: its engine is locked in a swarm"),
            ("activate", {"node": "vm3"}, "vm3: its engine is locked in a swarm"),
            ("remove", {"node": "vm3"}, "vm3: its engine is locked in a swarm"),
            ("replace", {"node": "vm3"}, "vm3: its engine is locked in a swarm"),
            ("rotate", ca, "The CA was not rotated: vm3 "),
            ("backup", {**backup, "node": "vm3"}, "vm3 is not a working manager"),
            ("backup", backup, "Of 3 managers 1 would stay reachable"),
        ):
            told_nothing(trio, playbook, told, words, tmp_path)
            assert (
                declared(trio) == before and trio.docker("vm3", "info", "-f", "{{.Swarm.LocalNodeState}}") == "locked"
            )
        code, output = trio.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [key]})
        assert code == 0, output
        trio.await_nodes("vm1")
        assert trio.run("swarm", {"autolock": False})["changed"]

        trio.shell("vm3", f"{cut.format('A')}; engine-stop; sleep 1; engine-start")
        await_words(trio, "vm3", "docker info", "Swarm: pending")
        await_words(trio, "vm1", "docker node ls", "vm3 .*Down .*Unreachable")
        before = declared(trio)
        for playbook, told, words in (
            ("rotate", ca, "The CA was not rotated: vm3 "),
            ("backup", {**backup, "node": "vm3"}, "vm3 is not a working manager"),
        ):
            told_nothing(trio, playbook, told, words, tmp_path)
            assert declared(trio) == before
    finally:
        trio.shell("vm3", f"{cut.format('D')} || true")
        trio.await_nodes("vm1")
        trio.run("swarm", {"autolock": False})


@pytest.mark.long
@pytest.mark.rare
def test_the_engine_comes_back_when_the_backup_is_killed(trio: Swarm, tmp_path: Path, vault: tuple[str, str]) -> None:
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "node": "vm2"}
    slow = {"swarm_stop_command": "sh -c 'engine-stop; sleep 30'"}
    done: list[tuple[int, str]] = []
    run = threading.Thread(target=lambda: done.append(trio.playbook(BACKUP, {**told, **slow}, *vault)))
    run.start()
    await_words(trio, "vm2", "ls /run", "hold")
    trio.shell("vm2", "pkill -KILL -f '[p]ython.*' || true")
    await_words(trio, "vm2", "docker info", "Is Manager: true")
    run.join(timeout=300)
    assert done and done[0][0] != 0 and not archives(tmp_path), done
    trio.await_nodes("vm1")
    assert nodes_of(trio) == WHOLE
    code, output = trio.playbook(BACKUP, told, *vault)
    assert code == 0 and len(archives(tmp_path)) == 1 and nodes_of(trio) == WHOLE, output


def archives(folder: Path) -> list[Path]:
    return [path for path in folder.iterdir() if ".tar.gz" in path.name]


@pytest.mark.rare
@pytest.mark.long
def test_two_of_three_managers_are_lost_and_come_back_later(trio: Swarm) -> None:
    token = trio.docker("vm1", "info", "--format", "{{.Swarm.NodeID}}")
    power(trio, "kill", "vm2", "vm3")
    await_words(trio, "vm1", "docker node ls", "does not have a leader")
    code, output = trio.playbook(RECOVER, {**COMMANDS, "swarm_lost_managers": [trio.subnet.replace("0/24", "13")]})
    assert code != 0 and "a second swarm would be created" in flat(output) and "vm2 (" in flat(output), output
    told = {**COMMANDS, "swarm_lost_managers": "vm2,vm3"}
    code, output = trio.playbook(RECOVER, told, "--check")
    plan = steps(output)
    assert code == 0 and plan[0] == "vm1 goes on as the only manager of its swarm" and len(plan) == 2, output
    await_words(trio, "vm1", "docker node ls", "does not have a leader")
    code, output = trio.playbook(RECOVER, told)
    assert code == 0 and nodes_of(trio) == WHOLE[:1] and steps(output) == plan, output
    assert trio.docker("vm1", "info", "--format", "{{.Swarm.NodeID}}") == token
    await_words(trio, "vm1", "docker service ls", "web .*1/1")
    trio.shell("vm1", "grep -q ':1F0A .* 0A ' /proc/net/tcp /proc/net/tcp6")  # 7946 listens

    # They come back together: a majority of the swarm that was. They are refused, and leave it once they are named.
    power(trio, "start", "vm2", "vm3")
    for host in ("vm2", "vm3"):
        await_words(trio, host, "docker info", "Is Manager: true")
    code, output = trio.playbook(RECOVER, {**told, "node": "vm1"}, "--check")
    plan = steps(output)
    assert code == 0 and plan == [
        *(f"{host} leaves its former swarm by force" for host in ("vm2", "vm3")),
        *(f"{host} joins as manager through vm1" for host in ("vm2", "vm3")),
    ], output
    code, output = trio.playbook(RECOVER, {**told, "node": "vm1"})
    assert code == 0 and nodes_of(trio) == WHOLE and steps(output) == plan, output
    await_words(trio, "vm1", "docker service ls", "web .*1/1")


@pytest.mark.long
@pytest.mark.rare
def test_autolock_is_refused_before_anything_is_changed(trio: Swarm) -> None:
    assert trio.run("swarm", {"autolock": True})["changed"]
    try:
        await_words(trio, "vm1", "cat /var/lib/docker/swarm/certificates/swarm-node.key", "ENCRYPTED")
        key = trio.docker("vm1", "swarm", "unlock-key", "-q")
        power(trio, "kill", "vm2", "vm3")
        await_words(trio, "vm1", "docker node ls", "does not have a leader")
        code, output = trio.playbook(RECOVER, {**COMMANDS, "swarm_lost_managers": "vm2,vm3"})
        assert code != 0 and "swarm with autolock" in flat(output) and "Nothing was changed" in flat(output), output
        power(trio, "start", "vm2", "vm3")
        for host in ("vm2", "vm3"):
            await_words(trio, host, "docker info", "Swarm: locked")
        code, output = trio.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [key]})
        assert code == 0 and nodes_of(trio) == WHOLE and "SWMKEY" not in output, output
    finally:
        trio.run("swarm", {"autolock": False})


@pytest.mark.long
@pytest.mark.rare
def test_a_backup_of_a_swarm_with_autolock(trio: Swarm, tmp_path: Path) -> None:
    """Refused without the present key. With it the manager is unlocked, also where the disk was full."""
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True, "node": "vm2"}
    assert trio.run("swarm", {"autolock": True})["changed"]
    try:
        await_words(trio, "vm2", "cat /var/lib/docker/swarm/certificates/swarm-node.key", "ENCRYPTED")
        key = trio.docker("vm1", "swarm", "unlock-key", "-q")
        engine = trio.shell("vm2", "pgrep -x dockerd")
        for more, words in (
            ({}, "vm2 cannot be restarted: the swarm is autolocked, and it would wait"),
            ({"swarm_unlock_keys": ["SWMKEY-1-" + "A" * 43]}, "its present key is not among the unlock keys"),
        ):
            code, output = trio.playbook(BACKUP, {**told, **more})
            assert code != 0 and words in flat(output) and "SWMKEY" not in output, output
            assert trio.shell("vm2", "pgrep -x dockerd") == engine and nodes_of(trio) == WHOLE
        told["swarm_unlock_keys"] = [key]
        trio.shell("vm2", f"mkdir -p {TRANSIT} && mount -t tmpfs -o size=8k tmpfs {TRANSIT}")
        try:
            code, output = trio.playbook(BACKUP, told)
        finally:
            trio.shell("vm2", f"umount {TRANSIT}")
        assert code != 0 and "No space left on device" in flat(output) and nodes_of(trio) == WHOLE, output
        code, output = trio.playbook(BACKUP, told)
        assert code == 0 and nodes_of(trio) == WHOLE and key not in output, output
        again = {**COMMANDS, "swarm_restore_file": str(archives(tmp_path)[0]), "node": "vm2"}
        code, output = trio.playbook(RESTORE, again)
        assert code != 0 and "is of a swarm with autolock and 3 managers" in flat(output), output
    finally:
        trio.run("swarm", {"autolock": False})


@pytest.mark.long
@pytest.mark.rare
def test_a_manager_that_was_down_during_a_rotation_needs_the_former_key(trio: Swarm, tmp_path: Path) -> None:
    kept = tmp_path / "keys.yml"
    told = {
        "swarm_rotate": "unlock_key", "swarm_unlock_key_file": str(kept), "swarm_unlock_key_plain": True, "swarm_rotate_max_age": 0,
    }  # fmt: skip
    assert trio.run("swarm", {"autolock": True})["changed"]
    try:
        await_words(trio, "vm3", "cat /var/lib/docker/swarm/certificates/swarm-node.key", "ENCRYPTED")
        trio.shell("vm3", "engine-stop")
        await_words(trio, "vm1", "docker node ls", "vm3 .*Unreachable")
        code, output = trio.playbook("swarmlab.overlay.rotate", told)
        assert code == 0 and "SWMKEY" not in output, output
        trio.shell("vm3", "engine-start")
        await_words(trio, "vm3", "docker info", "Swarm: locked")
        present = trio.docker("vm1", "swarm", "unlock-key", "-q")
        code, output = trio.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [present]})
        assert code != 0 and "needs the former key. It stays locked" in flat(output) and present not in output, output
        code, output = trio.playbook("swarmlab.overlay.swarm", {}, "-e", f"@{kept}")
        assert code == 0 and nodes_of(trio) == WHOLE, output
    finally:
        trio.shell("vm3", "engine-start")
        trio.run("swarm", {"autolock": False})


@pytest.mark.long
@pytest.mark.rare
def test_a_manager_that_was_installed_anew_takes_its_place_again(trio: Swarm) -> None:
    """Its former membership goes first: it would count against the majority."""
    former = trio.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}")
    trio.shell(
        "vm3",
        "pid=$(cat /run/docker.pid); engine-stop; while [ -d /proc/$pid ]; do sleep 0.1; done; rm -rf /var/lib/docker/swarm",
    )
    await_words(trio, "vm1", "docker node ls", "vm3 .*Down .*Unreachable")
    trio.shell("vm3", "engine-start")
    await_words(trio, "vm3", "docker info", "Swarm: inactive")
    code, output = trio.playbook("swarmlab.overlay.replace", {"node": "vm3"})
    assert code == 0 and nodes_of(trio) == WHOLE, output
    assert trio.docker("vm3", "info", "--format", "{{.Swarm.NodeID}}") != former


@pytest.mark.long
def test_a_lost_swarm_is_restored_at_the_address_of_its_manager(
    trio: Swarm, tmp_path: Path, vault: tuple[str, str]
) -> None:
    told = {**COMMANDS, "swarm_backup_directory": str(tmp_path), "node": "vm2"}
    code, output = trio.playbook(BACKUP, told, *vault)
    assert code == 0, output
    again = {**COMMANDS, "swarm_restore_file": str(archives(tmp_path)[0]), "node": "vm2"}
    code, output = trio.playbook(RESTORE, again, *vault)
    assert code != 0 and "vm2 is in the swarm of the backup" in flat(output), output
    trio.docker("vm3", "swarm", "leave", "--force")
    code, output = trio.playbook(RESTORE, {**again, "node": "vm3"}, *vault)
    assert code != 0 and f"does not have the address {trio.subnet.replace('0/24', '12')}:2377" in flat(output), output
    trio.docker("vm3", "swarm", "init", "--advertise-addr", "eth0")
    code, output = trio.playbook(RESTORE, {**again, "node": "vm3"}, *vault)
    assert code != 0 and "vm3 is in another swarm than that of the backup" in flat(output), output
    trio.docker("vm3", "swarm", "leave", "--force")
    trio.docker("vm2", "swarm", "leave", "--force")
    code, output = trio.playbook(RESTORE, again, *vault)
    assert code != 0 and "vm1: a manager of a running swarm" in flat(output), output
    trio.docker("vm1", "swarm", "leave", "--force")
    code, output = trio.playbook(RESTORE, again, "--limit", "vm2", *vault)
    assert code != 0 and "It is unknown whether these lead the swarm: vm1 (it was not asked)" in flat(output), output
    code, output = trio.playbook(RESTORE, again, "--check", *vault)
    plan = steps(output)
    assert code == 0 and trio.docker("vm2", "info", "--format", "{{.Swarm.LocalNodeState}}") == "inactive", output

    code, output = trio.playbook(RESTORE, again, "-vvvvv", *vault)
    assert code == 0 and nodes_of(trio) == WHOLE and set(plan) <= set(steps(output)), output[-3000:]
    assert len(plan) == 4
    assert "very-secret" not in output and "H4sI" not in output
    await_words(trio, "vm1", "docker service ls", "web .*1/1")
    assert "node.id" not in trio.docker("vm1", "service", "inspect", "--format", "{{json .Spec}}", "web")
    task = trio.docker("vm1", "service", "ps", "web", "--filter", "desired-state=running", "--format", "{{.Node}}")
    secret = "docker exec $(docker ps -q --filter name=web) cat /run/secrets/pw"
    assert trio.shell(task.splitlines()[0], secret) == "very-secret"
    assert trio.shell("vm2", "ls -A /var/lib/docker/swarmlab-backup") == ""
