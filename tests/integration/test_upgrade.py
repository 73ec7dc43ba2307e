# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Engines are restarted and upgraded node by node, while a client counts what it misses; runs are killed in the middle."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from conftest import CHECKOUT, COMMANDS, Swarm, Warm, flat, objects, own_lab

UPGRADE = "swarmlab.overlay.upgrade"
# The kernel of a test machine may have no IPVS and no ESP.
CHECKS = ["PRE-SKEW", "SD-TASKS"]
RESTART = {"upgrade_action": "restart", "upgrade_restart_command": "kill -HUP 1", "upgrade_checks": CHECKS}
# It ends at once when it is told to, and answers until then.
WEB = "mkdir -p /www && echo served >/www/index.html && trap 'exit 0' TERM; httpd -f -h /www & wait $!"
OURS = "swarmlab.overlay/"


def create(swarm, name: str, replicas: int, *more: str, command: str = WEB) -> None:
    swarm.docker(
        "vm1", "service", "create", "--quiet", "--no-resolve-image", "--name", name, "--replicas", str(replicas), "--stop-grace-period", "2s",
        "--update-monitor", "1s", *more, swarm.image, "sh", "-c", command,
    )  # fmt: skip


def specs(swarm, *services: str) -> list[dict]:
    """What the swarm has been told of its nodes and of these services."""
    nodes = swarm.docker("vm1", "node", "ls", "-q").split()
    found = json.loads(swarm.docker("vm1", "node", "inspect", *nodes))
    if services:
        found += json.loads(swarm.docker("vm1", "service", "inspect", *services))
    return [each["Spec"] for each in found]


def started(swarm, host: str) -> int:
    """When a node's engine was started, in ticks of the kernel that all container nodes share."""
    return int(swarm.shell(host, "cut -d' ' -f22 /proc/$(cat /run/docker.pid)/stat"))


def planned(output: str) -> list[str]:
    """The lines of the plan."""
    return re.findall(r"(?m)^  (\d+\. .*?)\s*$", output)


@contextmanager
def client(swarm, name: str, network: str, host: str) -> Iterator[list[str]]:
    """An attached container on a node asks the service by its name; in the end what it got, a line for each request."""
    got: list[str] = []
    command = f"while :; do wget -T 3 -qO- http://{name}/ 2>/dev/null || date +lost-%s; sleep 0.05; done"
    swarm.docker(host, "run", "-d", "--name", f"{name}-client", "--network", network, swarm.image, "sh", "-c", command)
    try:
        yield got
    finally:
        got += swarm.docker(host, "logs", f"{name}-client").splitlines()
        swarm.docker(host, "rm", "-f", f"{name}-client")


@pytest.mark.long
def test_a_rolling_restart_loses_no_request_and_leaves_a_drained_node_drained(swarm, unique) -> None:
    web = f"{unique}-web"
    assert swarm.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
    create(swarm, web, 4, "--update-order", "start-first", "--endpoint-mode", "dnsrr", "--network", f"{unique}-net")
    before = specs(swarm, web)
    engines = {host: started(swarm, host) for host in swarm.nodes}
    most = {**RESTART, "node": "vm2,vm1"}
    code, output = swarm.playbook(UPGRADE, most, "--check")
    assert code == 0, output
    plan = planned(output)
    assert plan == ["1. vm1 (leader): restarted", "2. vm2 (worker): restarted"]
    assert {host: started(swarm, host) for host in swarm.nodes} == engines and specs(swarm, web) == before
    with client(swarm, web, f"{unique}-net", "vm3") as got:
        time.sleep(1)
        began = time.monotonic()
        code, output = swarm.playbook(UPGRADE, most)
        seconds = time.monotonic() - began
        time.sleep(1)
    assert code == 0 and planned(output) == plan, output
    lost = [line for line in got if line != "served"]
    print(f"{len(got)} requests, lost {lost}, {seconds:.0f} s")
    assert len(got) > 200 and not lost
    now = {host: started(swarm, host) for host in swarm.nodes}
    assert engines["vm1"] < now["vm1"] < now["vm2"] and engines["vm3"] == now["vm3"], (engines, now)
    assert specs(swarm, web) == before

    # Two at a time, that the operator had drained, by this collection and by other means.
    assert swarm.run("swarm_maintenance", {"node": "vm2", "state": "drained"})["changed"]
    swarm.docker("vm1", "node", "update", "--availability", "drain", "vm3")
    try:
        before = specs(swarm, web)
        code, output = swarm.playbook(UPGRADE, {**RESTART, "node": "vm3,vm2", "upgrade_batch": 2, "upgrade_checks": []})
        stay = [f"1. {host} (worker): restarted; it stays in drain" for host in ("vm3", "vm2")]
        assert code == 0 and planned(output) == stay, output
        assert specs(swarm, web) == before and all(started(swarm, host) > now["vm2"] for host in ("vm2", "vm3"))
    finally:
        for host in ("vm2", "vm3"):
            swarm.run("swarm_maintenance", {"node": host, "state": "active", "foreign": True})


def test_what_would_hurt_is_refused_before_anything_is_changed(swarm, unique) -> None:
    alone, stuck = f"{unique}-alone", f"{unique}-stuck"
    create(swarm, alone, 1, "--constraint", "node.hostname!=vm1")
    before, engines = specs(swarm, alone), {host: started(swarm, host) for host in swarm.nodes}

    def refused(words: str, more: dict, *argv: str) -> None:
        code, output = swarm.playbook(UPGRADE, {**RESTART, **more}, *argv)
        assert code != 0 and words in flat(output) and "Nothing was changed" in flat(output), output
        assert specs(swarm, alone) == before and {host: started(swarm, host) for host in swarm.nodes} == engines

    refused(f"{alone}, 1 task: no other task of it runs", {})
    refused("No host of this play is a manager that can manage the swarm", {}, "--limit", "vm2,vm3")
    refused("vm9: no host of this play", {"node": "vm9"})
    refused(
        "how the engine is restarted (engine_restart_command)", {"upgrade_restart_command": "", "upgrade_accept": "gap"}
    )
    create(swarm, stuck, 1, "--update-failure-action", "pause")
    swarm.docker(
        "vm1",
        "service",
        "update",
        "--detach",
        "--quiet",
        "--image",
        "localhost/nothing:here",
        "--no-resolve-image",
        stuck,
    )
    look = f"for try in $(seq 240); do docker service inspect {stuck} --format '{{{{.UpdateStatus.State}}}}' | grep -q paused && exit; sleep 0.25; done; exit 1"
    swarm.shell("vm1", look)
    refused(f"Updates of services are not through: {stuck} (paused)", {"upgrade_accept": "gap"})


@pytest.mark.long
@pytest.mark.rare
def test_a_run_that_is_killed_in_any_task_is_finished_by_the_next(swarm, unique) -> None:
    web = f"{unique}-web"
    create(swarm, web, 3, "--update-order", "start-first")
    before = specs(swarm, web)
    told = {**RESTART, "upgrade_checks": [], "node": "vm2"}
    marks = []
    for number in range(1, 20):
        engine = started(swarm, "vm2")
        if not swarm.killed_playbook(UPGRADE, told, number=number):
            break
        marks.append(len([key for spec in specs(swarm) for key in spec.get("Labels") or {} if key.startswith(OURS)]))
        code, output = swarm.playbook(UPGRADE, told)
        assert code == 0, f"killed in task {number}\n{output}"
        assert specs(swarm, web) == before and started(swarm, "vm2") > engine, f"killed in task {number}\n{output}"
        # Its tasks may come back.
        swarm.docker("vm1", "service", "update", "--force", "--detach", "--quiet", web)
        before = specs(swarm, web)
    # wait, drain, restart, give back, wait, forget
    print(f"killed {len(marks)} times, marks left: {marks}")
    assert len(marks) == 6 and any(marks) and specs(swarm, web) == before


# What a distribution would offer: the node's own packages with another version, inside of its engine too, in a repository on its disk.
REPACK = """set -e
now=$(docker version --format '{{.Server.Version}}'); old=${now%%+*}; new=${old%?}$(( ${old##*.} % 10 + 1 )); mkdir -p /srv/repo
for package in docker.io docker-cli; do
    dpkg-query -s $package >/dev/null 2>&1 || continue
    made=/srv/$package; mkdir -p $made/DEBIAN
    dpkg -L $package | while read -r path; do [ -d "$path" ] || echo "$path"; done | tar -C / -cf - -T - 2>/dev/null | tar -C $made -xf -
    [ ! -e $made/usr/sbin/dockerd ] || sed -i "s/$old+/$new+/g" $made/usr/sbin/dockerd
    dpkg-query -s $package | sed -e '/^Status:/d' -e '/^Conffiles:/,/^[^ ]/{/^Conffiles:/d;/^ /d}' -e "s/^Version: $old/Version: $new/" >$made/DEBIAN/control
    printf '#!/bin/sh\\n[ ! -e /srv/broken ] || exit 1\\n' >$made/DEBIAN/preinst; chmod 755 $made/DEBIAN/preinst
    dpkg-deb -Znone -b $made /srv/repo/$package.deb >/dev/null; rm -rf $made
done
echo $new
"""
# apt sees this repository alone.
REPOSITORY = """set -e
cd /srv/repo
for file in *.deb; do
    dpkg-deb -f $file; echo Filename: ./$file; echo Size: $(stat -c %s $file); echo SHA256: $(sha256sum $file | cut -d' ' -f1); echo
done >Packages
echo 'deb [trusted=yes] file:/srv/repo ./' >list
echo 'Dir::Etc::sourcelist "/srv/repo/list"; Dir::Etc::sourceparts "/dev/null";' >/etc/apt/apt.conf.d/99test
"""


@pytest.fixture(scope="module")
def four(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Three managers whose engine can be kept stopped, and a worker for the client."""
    with own_lab("four", "10.94.{}.0/24", environment, warm, tmp_path_factory.mktemp("four"), 3, 4) as lab:
        yield lab


def versions(swarm: Swarm) -> dict[str, str]:
    return {
        host: swarm.docker(host, "version", "--format", "{{.Server.Version}}").partition("+")[0]
        for host in swarm.managers
    }


def killed_when(swarm: Swarm, seen: Callable[[], bool], playbook: str, extra_vars: dict) -> str:
    """Start a playbook and kill it with all its processes as soon as this is seen; what it printed until then."""
    argv = ["ansible-playbook", "-i", str(swarm.inventory), playbook, "-e", json.dumps(extra_vars)]
    with subprocess.Popen(
        argv, cwd=CHECKOUT, env=swarm.environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, start_new_session=True
    ) as process:  # fmt: skip
        deadline = time.monotonic() + 240
        while not seen():
            assert process.poll() is None and time.monotonic() < deadline
            time.sleep(0.2)
        os.killpg(process.pid, signal.SIGKILL)
        return process.communicate()[0]


def availability(swarm: Swarm, host: str) -> str:
    """As a manager says whose engine answers just now."""
    for manager in swarm.managers:
        done = subprocess.run(
            ["docker", "exec", swarm.container(manager), "docker", "node", "inspect", host, "--format", "{{.Spec.Availability}}"],
            env=swarm.environment, capture_output=True, text=True, timeout=60, check=False,
        )  # fmt: skip
        if done.returncode == 0:
            return done.stdout.strip()
    return ""


@pytest.mark.long
@pytest.mark.rare
def test_engines_are_upgraded_through_failure_and_kill_without_a_lost_request(four: Swarm, tmp_path: Path) -> None:
    with objects(four) as unique:
        web = f"{unique}-web"
        assert four.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
        create(four, web, 4, "--update-order", "start-first", "--endpoint-mode", "dnsrr", "--network", f"{unique}-net")
        before, old = specs(four, web), versions(four)
        new = {host: four.shell(host, REPACK) for host in four.managers}["vm1"]
        assert set(old.values()) != {new}
        told = {**COMMANDS, "upgrade_checks": CHECKS, "engine_version": new, "node": "vm1,vm2,vm3"}
        for host in ("vm1", "vm2"):
            four.shell(host, REPOSITORY)

        # One node's repositories do not have it; a lower one is refused. Nothing was changed.
        for more, words in (
            ({}, f"Not every host can have version {new}: vm3 has nothing newer"),
            ({"engine_version": "1.13.1"}, "Version 1.13.1 is below the present one"),
        ):
            code, output = four.playbook(UPGRADE, {**told, **more})
            assert code != 0 and words in flat(output) and "Nothing was changed" in flat(output), output
        four.shell("vm3", REPOSITORY)
        assert versions(four) == old and specs(four, web) == before

        code, output = four.playbook(UPGRADE, {**told, "engine_version": ""}, "--check")
        plan = planned(output)
        assert code == 0 and len(plan) == 3 and versions(four) == old and specs(four, web) == before, output
        order = [line.split()[1] for line in plan]
        assert "(leader)" in plan[2] and all(f"upgraded from {old['vm1']} to {new}" in line for line in plan), plan

        with client(four, web, f"{unique}-net", "vm4") as got:
            # The installation fails on the second node: its engine runs again, and it is given back.
            four.shell(order[1], "touch /srv/broken")
            code, output = four.playbook(
                UPGRADE, {**told, "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
            )
            assert code != 0 and planned(output) == ["0. a backup of the swarm's state", *plan], output
            assert len(list(tmp_path.iterdir())) == 3
            assert f"Stopped at {order[1]}" in flat(output) and "What this run drained was given back" in flat(
                output
            ), output
            assert [versions(four)[host] for host in order] == [new, old["vm1"], old["vm1"]] and specs(
                four, web
            ) == before
            four.shell(order[1], "rm /srv/broken")

            # The next run is killed while that node is drained, and the one after it finishes.
            output = killed_when(four, lambda: availability(four, order[1]) == "drain", UPGRADE, told)
            assert [line.split()[1] for line in planned(output)] == order[1:], output
            time.sleep(2)
            ours = [key for spec in specs(four) for key in spec.get("Labels") or {} if key.startswith(OURS)]
            assert ours, "it left no mark"
            began = time.monotonic()
            code, output = four.playbook(UPGRADE, told)
            assert code == 0 and [line.split()[1] for line in planned(output)] == order[1:], output
            print(f"the last two nodes took {time.monotonic() - began:.0f} s")
        lost = [line for line in got if line != "served"]
        print(f"{len(got)} requests, lost {lost}")
        assert len(got) > 500 and not lost
        assert set(versions(four).values()) == {new} and specs(four, web) == before
        code, output = four.playbook(UPGRADE, told)
        assert code == 0 and "Nothing to do" in output and len(re.findall(r"(?m)^vm\d .*changed=0", output)) == 4, (
            output
        )


@pytest.mark.long
@pytest.mark.rare
def test_a_restart_that_was_killed_goes_on_with_the_nodes_that_are_left(four: Swarm, tmp_path: Path) -> None:
    """In a swarm with autolock, whose key is in no output."""
    four.docker("vm1", "swarm", "update", "--autolock=true")
    try:
        key = four.docker("vm1", "swarm", "unlock-key", "-q")
        before, engines = specs(four), {host: started(four, host) for host in four.nodes}
        told = {**RESTART, "upgrade_checks": []}
        for more, words in (
            ({}, "Give the key in swarm_unlock_keys"),
            ({"swarm_unlock_keys": ["SWMKEY-1-other"]}, "its present key is not among"),
        ):
            code, output = four.playbook(UPGRADE, {**told, **more})
            assert code != 0 and words in flat(output), output
        assert specs(four) == before and {host: started(four, host) for host in four.nodes} == engines
        told["swarm_unlock_keys"] = [key]
        listed = four.docker("vm1", "node", "ls", "--format", "{{.Hostname}} {{.ManagerStatus}}")
        leader = next(line.split()[0] for line in listed.splitlines() if line.endswith("Leader"))
        output = killed_when(four, lambda: availability(four, leader) == "drain", UPGRADE, told)
        plan = planned(output)
        assert (
            len(plan) == 4 and plan[2].startswith(f"3. {leader} (leader)") and plan[3].startswith("4. vm4 (worker)")
        ), output
        keys = tmp_path / "keys.yml"  # Ansible prints its own command line
        keys.write_text(json.dumps({"swarm_unlock_keys": told.pop("swarm_unlock_keys")}))
        code, output = four.playbook(UPGRADE, told, "-vvvvv", "-e", f"@{keys}")
        assert code == 0 and [line.split()[1] for line in planned(output)] == [leader, "vm4"], output[-3000:]
        assert "An interrupted restart goes on" in output and key not in output and specs(four) == before
        now = {host: started(four, host) for host in four.nodes}
        assert all(now[host] > engines[host] for host in four.nodes)
        code, output = four.playbook(UPGRADE, told, "--check", "-e", f"@{keys}")
        assert code == 0 and len(planned(output)) == 4, output
    finally:
        four.docker("vm1", "swarm", "update", "--autolock=false")


@pytest.fixture(scope="module")
def quintet(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    """Three managers and two workers, whose engines can be kept stopped."""
    with own_lab("quintet", "10.97.{}.0/24", environment, warm, tmp_path_factory.mktemp("quintet"), 3, 5) as lab:
        yield lab


WHOLE = """for try in $(seq 600); do
    [ "$(docker node ls --format '{{.Status}}{{.ManagerStatus}}' | grep -cE '^Ready(Leader|Reachable)?$')" = 5 ] && exit
    sleep 0.1
done
exit 1"""


def restarted_by_hand(swarm: Swarm) -> float:
    """Seconds until every engine was restarted, one after the other, and the swarm was whole each time."""
    began = time.monotonic()
    for host in swarm.nodes:
        before = started(swarm, host)
        swarm.shell(host, "kill -HUP 1")
        swarm.shell(
            host, f"until [ $(cut -d' ' -f22 /proc/$(cat /run/docker.pid)/stat) -gt {before} ]; do sleep 0.1; done"
        )
        swarm.shell(host, "until docker info >/dev/null 2>&1; do sleep 0.1; done")
        swarm.shell("vm2" if host == "vm1" else "vm1", WHOLE)
    return time.monotonic() - began


@pytest.mark.long
@pytest.mark.rare
def test_what_turns_of_five_nodes_cost(quintet: Swarm) -> None:
    """The figures of docs/scale.md: engines restarted by hand, by the playbook, with proofs, and upgraded."""
    with objects(quintet) as unique:
        web = f"{unique}-web"
        assert quintet.run("overlay_network", {"name": f"{unique}-net", "attachable": True})["changed"]
        create(quintet, web, 6, "--update-order", "start-first", "--network", f"{unique}-net")
        before, old = specs(quintet, web), versions(quintet)
        new = {host: quintet.shell(host, f"{REPACK}\n({REPOSITORY})") for host in quintet.nodes}["vm1"]
        seconds = {"by hand": restarted_by_hand(quintet)}
        for name, told in {
            "restart": {**RESTART, "upgrade_checks": []},
            "restart with proofs": RESTART,
            "upgrade": {**COMMANDS, "upgrade_checks": CHECKS, "engine_version": new},
        }.items():
            began = time.monotonic()
            code, output = quintet.playbook(UPGRADE, told)
            seconds[name] = time.monotonic() - began
            assert code == 0 and len(planned(output)) == 5 and specs(quintet, web) == before, output
        print({name: round(value) for name, value in seconds.items()})
        assert set(versions(quintet).values()) == {new} != set(old.values())
