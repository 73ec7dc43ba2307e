# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Three of five managers are lost, with and without autolock, and come back."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from conftest import COMMANDS, Swarm, Warm, await_words, flat, nodes_of, own_lab, power, steps

pytestmark = [pytest.mark.long, pytest.mark.rare]
RECOVER = "swarmlab.overlay.recover"
LOST = ("vm3", "vm4", "vm5")
WHOLE = [f"vm{number} Ready Active Reachable" for number in range(1, 6)]


@pytest.fixture(scope="module")
def five(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with own_lab("five", "10.96.{}.0/24", environment, warm, tmp_path_factory.mktemp("five"), 5, 5) as lab:
        lab.shell(
            "vm1",
            f"docker service inspect web >/dev/null 2>&1 || docker service create -d --no-resolve-image --name web {lab.image} sleep 1000000",
        )
        yield lab


def test_three_of_five_are_lost_and_come_back_one_and_two(five: Swarm) -> None:
    power(five, "kill", *LOST)
    await_words(five, "vm1", "docker node ls", "does not have a leader")
    told = {**COMMANDS, "node": "vm1", "swarm_lost_managers": ",".join(LOST)}
    for more, words in (
        ({"node": ""}, "Several managers have survived: vm1, vm2. Name the one that continues"),
        ({"swarm_lost_managers": "vm3,vm4"}, "It is unknown whether these lead the swarm: vm5 "),
        ({"node": "vm3"}, "vm3 is not a running manager"),
    ):
        code, output = five.playbook(RECOVER, {**told, **more})
        assert code != 0 and words in flat(output) and "Nothing was changed" in flat(output), output
    # Half of it is out of the play: nobody knows what the other survivor does.
    code, output = five.playbook(RECOVER, told, "--limit", "vm1")
    assert code != 0 and "vm2 (it was not asked)" in flat(output), output
    code, output = five.playbook(RECOVER, told, "--check")
    plan = steps(output)
    assert code == 0 and plan == [
        "vm1 goes on as the only manager of its swarm",
        "vm2 leaves its former swarm by force",
        "vm1: its engine is restarted, and lost managers are removed from its list",
        "vm2 joins as manager through vm1",
    ], output
    await_words(five, "vm1", "docker node ls", "does not have a leader")
    code, output = five.playbook(RECOVER, told)
    assert code == 0 and nodes_of(five) == WHOLE[:2] and steps(output) == plan, output
    await_words(five, "vm1", "docker service ls", "web .*1/1")

    # One is back alone, without a majority: it leaves before the others are there.
    power(five, "start", "vm3")
    await_words(five, "vm3", "docker info", "Is Manager: true")
    code, output = five.playbook(RECOVER, {**told, "swarm_lost_managers": "vm4,vm5"})
    assert code == 0 and nodes_of(five) == WHOLE[:3], output
    # The other two: two of five are no majority.
    power(five, "start", "vm4", "vm5")
    for host in ("vm4", "vm5"):
        await_words(five, host, "docker info", "Is Manager: true")
    code, output = five.playbook(RECOVER, told)
    assert code == 0 and nodes_of(five) == WHOLE, output
    await_words(five, "vm1", "docker service ls", "web .*1/1")


def test_three_come_back_together_and_lead_a_second_swarm(five: Swarm) -> None:
    power(five, "kill", *LOST)
    await_words(five, "vm1", "docker node ls", "does not have a leader")
    told = {**COMMANDS, "node": "vm1", "swarm_lost_managers": ",".join(LOST)}
    code, output = five.playbook(RECOVER, told)
    assert code == 0 and nodes_of(five) == WHOLE[:2], output
    power(five, "start", *LOST)
    await_words(five, "vm3", "docker node ls", "Leader")
    code, output = five.playbook(RECOVER, {**COMMANDS, "node": "vm1"})
    assert code != 0 and "in another swarm than vm1, and able to manage it" in flat(output), output
    assert five.docker("vm3", "info", "--format", "{{.Swarm.LocalNodeState}}") == "active"
    code, output = five.playbook(RECOVER, told)
    assert code == 0 and nodes_of(five) == WHOLE, output


def test_with_autolock_a_majority_must_come_back(five: Swarm) -> None:
    assert five.run("swarm", {"autolock": True})["changed"]
    key_file = "/var/lib/docker/swarm/certificates/swarm-node.key"
    try:
        for host in five.nodes:
            await_words(five, host, f"cat {key_file}", "ENCRYPTED")
        key = five.docker("vm1", "swarm", "unlock-key", "-q")
        power(five, "kill", *LOST)
        await_words(five, "vm1", "docker node ls", "does not have a leader")
        told = {**COMMANDS, "node": "vm1", "swarm_lost_managers": ",".join(LOST)}
        code, output = five.playbook(RECOVER, told)
        assert code != 0 and "swarm with autolock" in flat(output) and "Nothing was changed" in flat(output), output
        power(five, "start", "vm3")  # three of five
        await_words(five, "vm3", "docker info", "Swarm: locked")
        code, output = five.playbook(RECOVER, told)
        assert code != 0 and "vm3: locked. Unlock the managers first" in flat(output), output
        power(five, "start", "vm4", "vm5")
        for host in ("vm4", "vm5"):
            await_words(five, host, "docker info", "Swarm: locked")
        wrong = "SWMKEY-1-" + "A" * 43
        code, output = five.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [wrong]})
        assert code != 0 and "the key does not fit" in flat(output) and "SWMKEY" not in output, output
        code, output = five.playbook("swarmlab.overlay.swarm", {"swarm_unlock_keys": [wrong, key]})
        assert code == 0 and nodes_of(five) == WHOLE and "SWMKEY" not in output, output
    finally:
        five.run("swarm", {"autolock": False})
