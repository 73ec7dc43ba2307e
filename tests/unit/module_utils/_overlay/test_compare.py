# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparison of networks: a declaration equals what it creates, and nothing else."""

from __future__ import annotations

import typing as t

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.compare import describe, diff_view, differences
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.existence import create_arguments
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.networks import plan
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import (
    ENCRYPTED_OPTION,
    VXLAN_OPTION,
    NetworkSpec,
    SpecError,
    Subnet,
)
from hypothesis import given
from hypothesis import strategies as st

SUBNETS = [
    (),
    (Subnet("10.1.0.0/24"),),
    (Subnet("10.1.0.0/24", "10.1.0.9"),),
    (Subnet("10.1.0.0/24", None, "10.1.0.128/25"),),
    (Subnet("10.1.0.0/24"), Subnet("10.2.0.0/24", "10.2.0.1")),
]

SPECS = st.builds(
    NetworkSpec,
    name=st.just("web"),
    encrypted=st.booleans(),
    attachable=st.booleans(),
    internal=st.booleans(),
    subnets=st.sampled_from(SUBNETS),
    mtu=st.none() | st.integers(68, 65535),
    labels=st.dictionaries(st.sampled_from(["a", "b"]), st.text(max_size=3), max_size=2),
    state=st.just("present"),
    vxlan_ids=st.just(()),
    chosen=st.sampled_from([(), (Subnet("10.3.0.0/24"),)]),
)


def engine_makes(spec: NetworkSpec) -> dict[str, t.Any]:
    """What the API reports of a network created from a declaration, automatic values filled in."""
    arguments = create_arguments(spec)
    configs = (arguments.get("ipam") or {}).get("Config") or [{"Subnet": "10.99.0.0/24"}]
    filled = [dict({"Gateway": config["Subnet"].replace(".0/24", ".1")}, **config) for config in configs]
    ids = ",".join(str(4097 + index) for index in range(len(filled)))
    return {
        "Id": "id1",
        "Name": spec.name,
        "Scope": "swarm",
        "Driver": "overlay",
        "EnableIPv6": False,
        "Internal": arguments["internal"],
        "Attachable": arguments["attachable"],
        "Labels": arguments["labels"],
        "Options": dict({VXLAN_OPTION: ids}, **arguments["options"]),
        "IPAM": {"Driver": "default", "Config": filled},
    }


@given(SPECS)
def test_what_was_created_is_as_declared(spec: NetworkSpec) -> None:
    assert differences(spec, describe(engine_makes(spec))) == {}


@given(SPECS, SPECS)
def test_every_other_declaration_differs_in_just_its_fields(first: NetworkSpec, second: NetworkSpec) -> None:
    declared = set(first._fields) - {"chosen"}
    changed = {field for field in declared if getattr(first, field) != getattr(second, field)}
    assert set(differences(second, describe(engine_makes(first)))) == changed


@given(SPECS, SPECS)
def test_the_diff_shows_a_difference_exactly_when_there_is_one(first: NetworkSpec, second: NetworkSpec) -> None:
    current = describe(engine_makes(first))
    before, after = diff_view(second, current)
    assert (before != after) == bool(differences(second, current))


@pytest.mark.parametrize("value", ["", "true", "false"])
def test_encryption_is_tested_by_presence_like_the_engine_does(value: str) -> None:
    raw = engine_makes(NetworkSpec("web"))
    raw["Options"][ENCRYPTED_OPTION] = value
    assert differences(NetworkSpec("web", encrypted=True), describe(raw)) == {}
    assert "encrypted" in differences(NetworkSpec("web"), describe(raw))


def test_a_foreign_network_is_adopted_when_equal() -> None:
    raw = engine_makes(NetworkSpec("web"))
    raw["Labels"] = None
    assert differences(NetworkSpec("web"), describe(raw)) == {}


def test_foreign_options_ipv6_and_missing_allocation_are_differences() -> None:
    raw = engine_makes(NetworkSpec("web"))
    assert "driver_options" in differences(NetworkSpec("web"), describe(dict(raw, Options={"x": "y"})))
    assert "ipv6" in differences(NetworkSpec("web"), describe(dict(raw, EnableIPv6=True)))
    pending = dict(raw, Driver="", IPAM={"Config": None}, Options=None, Labels=None)
    assert "allocated" in differences(NetworkSpec("web"), describe(pending))


DECLARATIONS = st.lists(
    st.builds(
        NetworkSpec,
        name=st.sampled_from(["a", "b", "c"]),
        state=st.sampled_from(["present", "present", "absent"]),
        encrypted=st.booleans(),
        mtu=st.sampled_from([None, 1400]),
        attachable=st.just(False),
        internal=st.just(False),
        labels=st.just({}),
        subnets=st.just(()),
        vxlan_ids=st.just(()),
        chosen=st.just(()),
    ),
    max_size=3,
    unique_by=lambda spec: spec.name,
)


@given(st.lists(DECLARATIONS, max_size=5))
def test_any_sequence_of_declarations_leads_to_the_declared_state(sequence: list[list[NetworkSpec]]) -> None:
    """The model does what apply() does to the swarm: remove and create."""
    there: dict[str, dict] = {}
    for number, declared in enumerate(sequence):
        for step in plan(declared, list(there.values())):
            if step.removes:
                del there[step.spec.name]
            if step.creates:
                assert step.spec.name not in there, "names are unique"
                subnet = {"Config": [{"Subnet": f"10.{number}.{ord(step.spec.name)}.0/24"}]}
                raw = dict(engine_makes(step.spec), Id=f"{step.spec.name}{number}", IPAM=subnet)
                raw["Options"].pop(VXLAN_OPTION)
                there[step.spec.name] = raw
        assert {step.action for step in plan(declared, list(there.values()))} <= {"none"}
        for spec in declared:
            assert (spec.name in there) == (spec.state == "present")


def test_plan() -> None:
    there = engine_makes(NetworkSpec("web"))
    specs = [NetworkSpec("web"), NetworkSpec("new"), NetworkSpec("gone", state="absent")]
    assert [step.action for step in plan(specs, [there])] == ["none", "create", "none"]
    assert [step.action for step in plan([NetworkSpec("web", mtu=1400)], [there])] == ["recreate"]
    assert [step.action for step in plan([NetworkSpec("web", state="absent")], [there])] == ["remove"]


@pytest.mark.parametrize(
    "others, spec, words",
    [
        (
            [{"Name": "web", "Id": "l1", "Scope": "local", "Driver": "bridge"}],
            NetworkSpec("web"),
            "local-scoped bridge",
        ),
        (
            [{"Name": "web", "Id": "s1", "Scope": "swarm"}, {"Name": "web", "Id": "s2", "Scope": "swarm"}],
            NetworkSpec("web"),
            "s1, s2",
        ),
        (
            [
                {
                    "Name": "web",
                    "Id": "s1",
                    "Scope": "swarm",
                    "Driver": "macvlan",
                    "IPAM": {"Config": [{"Subnet": "10.0.0.0/8"}]},
                }
            ],
            NetworkSpec("web"),
            "driver macvlan",
        ),
        (
            [engine_makes(NetworkSpec("other"))],
            NetworkSpec("web", subnets=(Subnet("10.99.0.0/25"),)),
            "overlaps 10.99.0.0/24 of the existing network other",
        ),
        ([engine_makes(NetworkSpec("other"))], NetworkSpec("web", vxlan_ids=(4097,)), "VXLAN id 4097 is taken"),
        (
            [dict(engine_makes(NetworkSpec("web")), EnableIPv6=True, Labels={})],
            NetworkSpec("web"),
            "it was made by other means with IPv6",
        ),
    ],
)
def test_what_stands_in_the_way(others: list[dict], spec: NetworkSpec, words: str) -> None:
    with pytest.raises(SpecError) as caught:
        plan([spec], others)
    assert words in caught.value.message


def test_an_id_or_its_beginning_is_no_name() -> None:
    there = dict(engine_makes(NetworkSpec("web")), Id="abcdef0123")
    assert [step.action for step in plan([NetworkSpec("abcdef")], [there])] == ["create"]
