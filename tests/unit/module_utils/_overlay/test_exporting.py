# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a swarm holds, as variables that declare it anew."""

from __future__ import annotations

from typing import Any

from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.compare import describe, differences
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.exporting import beyond, export
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.service_spec import (
    compare,
    new_spec,
    parse_services,
)
from ansible_collections.swarmlab.overlay.plugins.module_utils._overlay.spec import parse_networks

BACK: dict[str, Any] = {
    "Id": "net1", "Name": "back", "Scope": "swarm", "Driver": "overlay", "Attachable": True, "Labels": {"team": "a"},
    "Options": {"encrypted": "", "com.docker.network.driver.overlay.vxlanid_list": "4097", "com.docker.network.driver.mtu": "1400"},
    "IPAM": {"Config": [{"Subnet": "10.0.1.0/24", "Gateway": "10.0.1.1"}]},
}  # fmt: skip
MANAGED = {**BACK, "Id": "net2", "Name": "own", "Labels": {"swarmlab.overlay/managed": "true"}}
INGRESS = {**BACK, "Id": "net0", "Name": "ingress", "Ingress": True, "Options": {}, "Labels": {}}
OTHER = {"Id": "net9", "Name": "lan", "Scope": "swarm", "Driver": "macvlan", "Labels": {}, "Options": {}, "IPAM": {}}
WEB = {
    "Name": "web", "Labels": {"swarmlab.overlay/managed": "true", "swarmlab.overlay/evacuated": "x", "a": "b"},
    "TaskTemplate": {
        "ContainerSpec": {
            "Image": "nginx:1", "Env": ["A=1"], "Secrets": [{"SecretName": "pw"}], "StopGracePeriod": 20000000000, "Isolation": "default",
            "Init": False, "DNSConfig": {},
        },
        "Resources": {"Limits": {"MemoryBytes": 1000}, "Reservations": {}}, "RestartPolicy": {"Condition": "any", "Delay": 5000000000, "MaxAttempts": 0},
        "Placement": {"Constraints": ["node.role==worker"], "Platforms": [{"OS": "linux"}]},
        "Networks": [{"Target": "net1", "Aliases": ["www"]}], "ForceUpdate": 3, "Runtime": "container",
    },
    "Mode": {"Replicated": {"Replicas": 2}},
    "UpdateConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5000000000, "MaxFailureRatio": 0, "Order": "start-first"},
    "RollbackConfig": {"Parallelism": 1, "FailureAction": "pause", "Monitor": 5000000000, "MaxFailureRatio": 0, "Order": "stop-first"},
    "EndpointSpec": {"Mode": "vip", "Ports": [{"Protocol": "tcp", "TargetPort": 80, "PublishedPort": 8080, "PublishMode": "ingress"}]},
}  # fmt: skip
CONFIG = {"Spec": {"Name": "cf", "Labels": {}, "Data": "eA=="}}
SECRET = {"Spec": {"Name": "pw", "Labels": {}}}


def test_what_is_declared_anew_is_what_was_there() -> None:
    found = export([OTHER, INGRESS, MANAGED, BACK], [{"Spec": WEB}], [CONFIG], [SECRET])
    declared = parse_networks({"networks": found["overlays_networks"]})
    assert [spec.name for spec in declared] == ["back", "own"]
    before = {key: value for key, value in differences(declared[0], describe(BACK)).items() if key != "managed"}
    assert before == {} and found["overlays_networks"][0]["subnets"] == [{"subnet": "10.0.1.0/24"}]
    assert "subnets" not in found["overlays_networks"][1]  # the swarm's own choice
    specs = parse_services({"services": found["overlays_services"]})
    assert compare(specs[0], {**WEB, "Labels": {"a": "b"}}, {"net1": "back"}) == {}
    assert found["swarm_export_configs"] == [{"name": "cf", "labels": {}, "data": "eA=="}]
    assert found["swarm_export_secrets"] == ["pw"]


def test_what_cannot_be_said_is_told() -> None:
    rest = export([OTHER, BACK], [{"Spec": WEB}], [], [])["swarm_export_rest"]
    assert set(rest["services"]["web"]) == {
        "TaskTemplate.ContainerSpec.Secrets", "TaskTemplate.Resources", "UpdateConfig",
    }  # fmt: skip
    assert rest["networks"] == {"lan": {"driver": "macvlan"}}
    plain = parse_services({"services": [{"name": "x", "image": "i", "networks": ["back"], "replicas": 1}]})[0]
    assert beyond(new_spec(plain, {"back": "net1"}), {"net1": "back"}) == {}
