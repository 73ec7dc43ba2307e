# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module engine on container nodes: an engine as people have it, and a second one whose settings may go wrong."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

import pytest

SWARM = "swarmlab.overlay.swarm"
HUP = "kill -HUP 1"  # restarts the engine of a container node
SOCKET = "unix:///run/second.sock"
CONFIG = "/etc/second/daemon.json"
ANSWERS = f"for try in $(seq 100); do docker -H {SOCKET} info >/dev/null 2>&1 && exit; sleep 0.2; done; tail /var/log/second.log; exit 1"
SECOND = f"""#!/bin/sh
if [ -f /run/second.pid ]; then kill $(cat /run/second.pid); while [ -f /run/second.pid ]; do sleep 0.1; done; fi
setsid dockerd --host {SOCKET} --data-root /var/lib/second --exec-root /run/second --pidfile /run/second.pid --bridge none \
    --iptables=false --ip6tables=false --config-file {CONFIG} </dev/null >/var/log/second.log 2>&1 &
"""


def test_an_engine_is_asked_through_its_socket(swarm) -> None:
    swarm.docker("vm2", "context", "create", "elsewhere", "--docker", "host=tcp://127.0.0.1:1")
    swarm.docker("vm2", "context", "use", "elsewhere")
    try:
        found = swarm.run("engine", {"docker_host": "unix:///var/run/docker.sock"}, host="vm2")
    finally:
        swarm.docker("vm2", "context", "use", "default")
        swarm.docker("vm2", "context", "rm", "elsewhere")
    assert (found["swarm"]["state"], found["installed"], found["flavour"], found["package"]) == (
        "active",
        True,
        "docker.io",
        "docker.io",
    )
    swarm.shell("vm2", "mv $(command -v docker) /root/docker.away")
    try:
        assert swarm.run("engine", {}, host="vm2")["swarm"]["node_id"] == found["swarm"]["node_id"]
    finally:
        swarm.shell("vm2", "mv /root/docker.away /usr/bin/docker")


def test_an_engine_that_is_stopped_is_named_within_the_time_limit(swarm) -> None:
    swarm.shell("vm2", "kill -STOP $(pgrep -x dockerd)")
    try:
        found = swarm.run("engine", {"timeout": 2}, host="vm2")
    finally:
        swarm.shell("vm2", "kill -CONT $(pgrep -x dockerd)")
    assert (
        found["failed"] and "does not answer" in found["msg"] and "is stopped by a signal; 'kill -CONT" in found["msg"]
    ), found["msg"]
    swarm.await_nodes("vm1")


def test_in_a_swarm_nothing_is_written_before_its_turn(swarm) -> None:
    swarm.shell("vm2", "[ ! -f /etc/docker/daemon.json ] || cp -p /etc/docker/daemon.json /root/daemon.before")
    found = swarm.run("engine", {"daemon": {"debug": True}}, host="vm2")
    assert found["restart_due"] and not found["changed"] and not found["restarted"]
    found = swarm.run("engine", {"daemon": {"debug": True}, "restart": "always"}, host="vm2")
    assert found["failed"] and "no systemd" in found["msg"] and "engine_restart_command" in found["msg"]
    found = swarm.run("engine", {"daemon": {"debug": "yes"}}, host="vm2")
    assert found["failed"] and "refuses these settings" in found["msg"] and "/etc/docker/daemon.json" in found["msg"], (
        found["msg"]
    )
    for settings, word in (({"live-restore": True}, "live-restore"), ({"firewall-backend": "nftables"}, "mesh")):
        found = swarm.run("engine", {"daemon": settings}, host="vm2")
        assert found["failed"] and word in found["msg"] and "Nothing was changed" in found["msg"]
    swarm.shell(
        "vm2",
        "[ ! -f /root/daemon.before ] || cmp /root/daemon.before /etc/docker/daemon.json; rm -f /root/daemon.before",
    )
    found = swarm.run("engine", {"daemon": {}}, host="vm2")
    assert not found["changed"] and not found["restart_due"]


def test_engine_predicts_in_check_mode(swarm) -> None:
    result = swarm.run("engine", {"kernel_modules": ["vxlan", "no_such_module"]}, host="vm2", check=True)
    assert "no_such_module" in result["kernel_modules_missing"]
    assert swarm.shell("vm2", "ls /etc/modules-load.d/swarmlab-overlay.conf 2>/dev/null || true") == ""


@pytest.mark.parametrize(
    ("made", "words"),
    [
        ("echo '{' > daemon.json", "/etc/docker/daemon.json is not valid JSON"),
        ("mkdir daemon.json", "/etc/docker/daemon.json is no ordinary file; remove it"),
        ("mkfifo daemon.json", "/etc/docker/daemon.json is no ordinary file; remove it"),
        ("ln -s daemon.json daemon.json", "/etc/docker/daemon.json cannot be read (Too many levels of symbolic links)"),
        (
            "mkdir full; mount -t tmpfs -o size=4k full full; head -c 9000 /dev/zero >full/fill; ln -s full/daemon.json daemon.json",
            "cannot be written (No space left",
        ),
    ],
)  # fmt: skip
def test_broken_daemon_json_is_one_clear_error(swarm, made: str, words: str) -> None:
    swarm.shell("vm2", "mv /etc/docker /root/docker.before; mkdir /etc/docker")
    try:
        swarm.shell("vm2", f"cd /etc/docker; {made} || true")
        result = swarm.run("engine", {"daemon": {"debug": True}, "restart": "never"}, host="vm2")
        assert result["failed"] and words in result["msg"], result["msg"]
    finally:
        swarm.shell("vm2", "umount /etc/docker/full 2>/dev/null; rm -r /etc/docker; mv /root/docker.before /etc/docker")


@pytest.fixture
def second(swarm) -> Iterator[dict]:
    """Arguments for a second engine on vm2, which is in no swarm, and dies alone."""
    swarm.shell(
        "vm2",
        f"mkdir -p /etc/second /srv/second; cat >/usr/local/bin/second <<'END'\n{SECOND}END\nchmod +x /usr/local/bin/second",
    )
    try:
        yield {"docker_host": SOCKET, "restart_command": "/usr/local/bin/second", "timeout": 20}
    finally:
        swarm.shell(
            "vm2",
            "[ ! -f /run/second.pid ] || kill $(cat /run/second.pid); while [ -f /run/second.pid ]; do sleep 0.1; done; "
            "rm -rf /etc/second /srv/second /usr/local/bin/second /var/lib/second",
        )


def start_second(swarm, content: str) -> None:
    swarm.shell("vm2", f"printf '{content}' >{CONFIG}; /usr/local/bin/second; {ANSWERS}")


@pytest.mark.long
def test_settings_as_people_have_them_are_kept(swarm, second: dict) -> None:
    """A byte order mark, a key that is there twice, a symlink, a mode of its own, a file elsewhere."""
    start_second(
        swarm, r'\357\273\277{"log-opts": {"max-size": "10m"}, "labels": ["a=b"], "log-opts": {"max-file": "3"}}'
    )
    real = "/srv/second/real.json"
    swarm.shell("vm2", f"mv {CONFIG} {real}; chmod 640 {real}; chown 0:7 {real}; ln -s {real} {CONFIG}")
    found = swarm.run("engine", {**second, "daemon": {"debug": True}}, host="vm2")
    assert not found["failed"] and found["restarted"] and not found["restart_due"], found
    assert json.loads(swarm.shell("vm2", f"cat {CONFIG}")) == {
        "log-opts": {"max-size": "10m", "max-file": "3"},
        "labels": ["a=b"],
        "debug": True,
    }
    assert swarm.shell("vm2", f"readlink {CONFIG}; stat -c '%a %u %g' /srv/second/real.json").split() == [
        "/srv/second/real.json",
        "640",
        "0",
        "7",
    ]
    assert swarm.docker("vm2", "-H", SOCKET, "info", "--format", "{{.Debug}}") == "true"
    assert not swarm.run("engine", {**second, "daemon": {"debug": True}}, host="vm2")["changed"]
    assert swarm.shell("vm2", "ls -A /etc/second") == "daemon.json"


@pytest.mark.long
def test_an_engine_that_does_not_come_up_gets_its_former_settings_back(swarm, second: dict) -> None:
    start_second(swarm, r'{"debug": true}')
    # dockerd finds this one valid, and does not start with it.
    found = swarm.run("engine", {**second, "daemon": {"storage-driver": "nope"}}, host="vm2")
    assert (
        found["failed"] and "does not start with these settings" in found["msg"] and "it runs with them" in found["msg"]
    ), found["msg"]
    assert json.loads(swarm.shell("vm2", f"cat {CONFIG}")) == {"debug": True}
    assert swarm.docker("vm2", "-H", SOCKET, "info", "--format", "{{.Debug}}") == "true"
    assert swarm.shell("vm2", "ls -A /etc/second") == "daemon.json"


@pytest.mark.long
def test_settings_that_wait_for_a_restart(swarm, second: dict) -> None:
    start_second(swarm, "{}")
    waits = {**second, "daemon": {"debug": True}, "restart": "never"}
    assert swarm.run("engine", waits, host="vm2")["restart_due"]
    taken_back = swarm.run("engine", {**waits, "daemon": {"debug": None}}, host="vm2")
    assert taken_back["changed"] and not taken_back["restart_due"]
    assert swarm.run("engine", waits, host="vm2")["restart_due"]
    swarm.shell("vm2", f"sleep 1; /usr/local/bin/second; {ANSWERS}")
    done = swarm.run("engine", waits, host="vm2")
    assert not done["restart_due"] and not done["changed"]
    assert swarm.shell("vm2", "ls -A /etc/second") == "daemon.json"


# An engine that is the only one of its host, which has no systemd.
DOCKERD = "dockerd --bridge none --iptables=false --ip6tables=false"
START = f"""#!/bin/sh
if [ -f /run/docker.pid ]; then kill $(cat /run/docker.pid); while [ -f /run/docker.pid ]; do sleep 0.1; done; fi
setsid {DOCKERD} </dev/null >/var/log/dockerd.log 2>&1 &
"""
DAEMON = "/etc/docker/daemon.json"
# Engines before 23.0 cannot validate.
OLDER = """#!/bin/sh
case "$*" in *--validate*) echo 'unknown flag: --validate'; exit 125;; esac
exec /usr/sbin/dockerd "$@"
"""
DIES = f"timeout 60 {DOCKERD} 2>&1; [ $? -eq 1 ]"


@pytest.fixture
def lone(bare) -> dict:
    """Arguments for the engine of a bare host, which does not run yet."""
    scripts = {
        "bin/engine-start": START,
        "sbin/dockerd": OLDER,
        "bin/killed": "#!/bin/sh\nkill -KILL $PPID\n",
    }
    for name, text in scripts.items():
        bare.shell("bare", f"cat >/usr/local/{name} <<'END'\n{text}END\nchmod +x /usr/local/{name}")
    return {"restart_command": "/usr/local/bin/engine-start", "timeout": 60}


def lone_state(bare) -> str:
    return bare.shell("bare", f"ls -lA --time-style=full-iso /etc/docker; cat {DAEMON}; pgrep -lx dockerd || true")


@pytest.mark.long
def test_a_run_without_the_setting_that_kept_the_engine_dead_mends_it(bare, lone: dict) -> None:
    """The run that wrote it was killed while it started the engine, so nobody took it back."""
    bare.shell("bare", f"echo '{{\"debug\": true}}' >{DAEMON}")
    wrong = {"daemon": {"log-opts": {"max-file": 3}}, "timeout": 60, "restart_command": "/usr/local/bin/killed"}
    assert bare.run("engine", wrong, host="bare")["failed"]
    assert json.loads(bare.shell("bare", f"cat {DAEMON}")) == {"debug": True, "log-opts": {"max-file": 3}}
    assert "log-opts" in bare.shell("bare", DIES)
    bare.shell("bare", "rm /usr/local/sbin/dockerd")

    before = lone_state(bare)
    told = bare.run("engine", {**lone, "daemon": {}}, host="bare", check=True)
    assert told["changed"] and told["restarted"] and lone_state(bare) == before, told
    done = bare.run("engine", {**lone, "daemon": {}}, host="bare")
    assert not done["failed"] and done["changed"] and done["restarted"] and not done["restart_due"], done
    assert json.loads(bare.shell("bare", f"cat {DAEMON}")) == {"debug": True}
    assert bare.docker("bare", "info", "--format", "{{.Debug}}") == "true"
    assert bare.shell("bare", "ls -A /etc/docker").split() == ["daemon.json"]
    again = bare.run("engine", {**lone, "daemon": {}}, host="bare")
    assert not again["changed"] and not again["restarted"]


@pytest.mark.long
def test_a_setting_of_others_that_keeps_the_engine_dead_is_named_and_left(bare, lone: dict) -> None:
    bare.shell("bare", "rm /usr/local/sbin/dockerd")
    for wrong, key, right in (
        ({"log-opts": {"max-file": 3}}, "log-opts", {"log-opts": {"max-file": "3"}}),
        ({"no-such-key": 3}, "no-such-key", {"no-such-key": None}),
    ):
        bare.shell("bare", f"echo '{json.dumps({'debug': True, **wrong})}' >{DAEMON}")
        assert key in bare.shell("bare", DIES)
        before = lone_state(bare)
        for check in (True, False):
            for given in ({"daemon": {}}, {"daemon": {"debug": True}}, {}):
                found = bare.run("engine", {**lone, **given}, host="bare", check=check)
                assert found["failed"] and key in found["msg"] and DAEMON in found["msg"], found
                assert "Nothing was changed" in found["msg"] and "engine_daemon" in found["msg"], found["msg"]
        assert lone_state(bare) == before
        done = bare.run("engine", {**lone, "daemon": right}, host="bare")
        assert not done["failed"] and done["restarted"], done
        left = {name: value for name, value in right.items() if value is not None}
        assert json.loads(bare.shell("bare", f"cat {DAEMON}")) == {"debug": True, **left}
        bare.shell("bare", "kill $(cat /run/docker.pid); while [ -f /run/docker.pid ]; do sleep 0.1; done")


def started(swarm, host: str) -> int:
    """When a node's engine was started, in ticks of the kernel that all container nodes share."""
    return int(swarm.shell(host, "cut -d' ' -f22 /proc/$(cat /run/docker.pid)/stat"))


@pytest.mark.long
def test_engines_of_a_swarm_are_restarted_one_after_the_other(swarm) -> None:
    settings = {"engine_restart_command": HUP, "engine_timeout": 60}
    before = {host: started(swarm, host) for host in swarm.nodes}
    try:
        code, output = swarm.playbook(
            SWARM, {**settings, "engine_daemon": {"debug": True}, "engine_restart": "never"}, "--limit", "vm2"
        )
        assert code == 0 and re.search(
            r"vm2: the settings of Docker Engine are written and wait for a restart", output
        ), output
        assert started(swarm, "vm2") == before["vm2"]

        # Outside of its limit there is the manager that is asked.
        code, output = swarm.playbook(SWARM, {**settings, "engine_daemon": {"debug": True}}, "--limit", "vm2")
        assert code == 0, output
        assert started(swarm, "vm2") > before["vm2"] and started(swarm, "vm3") == before["vm3"]

        code, output = swarm.playbook(SWARM, {**settings, "engine_daemon": {"debug": True}})
        assert code == 0, output
        after = {host: started(swarm, host) for host in swarm.nodes}
        assert before["vm1"] < after["vm1"] and after["vm2"] < after["vm3"] < after["vm1"]
        assert [swarm.docker(host, "info", "--format", "{{.Debug}}") for host in swarm.nodes] == ["true"] * 3
        swarm.await_nodes("vm1")

        code, output = swarm.playbook(SWARM, {**settings, "engine_daemon": {"debug": True}})
        assert code == 0 and len(re.findall(r"(?m)^vm\d .*changed=0 +unreachable=0 +failed=0", output)) == 3, output
        assert {host: started(swarm, host) for host in swarm.nodes} == after
    finally:
        code, output = swarm.playbook(SWARM, {**settings, "engine_daemon": {"debug": None}})
    assert code == 0, output


@pytest.mark.long
def test_no_engine_is_restarted_where_a_majority_would_be_lost(swarm) -> None:
    before = {host: started(swarm, host) for host in swarm.nodes}
    identity = swarm.docker("vm2", "info", "--format", "{{.Swarm.NodeID}}")
    swarm.docker("vm1", "node", "promote", identity)
    try:
        swarm.await_nodes("vm1")
        code, output = swarm.playbook(SWARM, {"engine_restart_command": HUP, "engine_daemon": {"debug": True}})
    finally:
        swarm.docker("vm1", "node", "demote", identity)
    assert code != 0 and "a majority is 2" in " ".join(output.split()) and "No engine was restarted" in output, output
    assert {host: started(swarm, host) for host in swarm.nodes} == before
