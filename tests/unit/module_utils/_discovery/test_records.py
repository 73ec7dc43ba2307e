# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names and addresses as swarm's API implies them."""

from __future__ import annotations

from ansible_collections.swarmlab.overlay.plugins.module_utils._discovery.records import expected_records


def service(sid: str = "s1", name: str = "web", networks=("n1",), vip="10.0.1.2/24", mode=None, aliases=None) -> dict:
    return {
        "ID": sid,
        "Spec": {
            "Name": name,
            "TaskTemplate": {"Networks": [{"Target": net, "Aliases": aliases} for net in networks]},
            "EndpointSpec": {"Mode": mode} if mode else {},
        },
        "Endpoint": {"VirtualIPs": [{"NetworkID": "n1", "Addr": vip}] if vip else []},
    }


def task(tid: str, address: str, sid="s1", slot=1, state="running", desired="running", net="n1", ingress=False) -> dict:
    return {
        "ID": tid,
        "ServiceID": sid,
        "Slot": slot,
        "NodeID": "node1",
        "Status": {"State": state},
        "DesiredState": desired,
        "NetworksAttachments": [
            {"Network": {"ID": net, "Spec": {"Name": "net", "Ingress": ingress}}, "Addresses": [address]}
        ],
    }


def test_vip_service_with_aliases() -> None:
    tasks = [task("t2", "10.0.1.10/24", slot=2), task("t1", "10.0.1.9/24")]
    assert expected_records("n1", [service(aliases=["www"])], tasks) == {
        "web": ["10.0.1.2"],
        "www": ["10.0.1.2"],
        "tasks.web": ["10.0.1.9", "10.0.1.10"],
        "tasks.www": ["10.0.1.9", "10.0.1.10"],
        "web.1.t1": ["10.0.1.9"],
        "web.2.t2": ["10.0.1.10"],
    }


def test_dnsrr_answers_with_its_tasks() -> None:
    records = expected_records("n1", [service(vip=None, mode="dnsrr")], [task("t1", "10.0.1.9/24")])
    assert records["web"] == records["tasks.web"] == ["10.0.1.9"]


def test_a_global_services_task_is_named_by_its_node() -> None:
    assert "web.node1.t1" in expected_records("n1", [service()], [task("t1", "10.0.1.9/24", slot=None)])


def test_only_what_runs_and_shall_run_counts() -> None:
    tasks = [
        task("t1", "10.0.1.9/24", desired="shutdown"),
        task("t2", "10.0.1.10/24", state="starting"),
        task("t3", "10.0.1.11/24", net="n2"),
    ]
    assert expected_records("n1", [service()], tasks) == {"web": [], "tasks.web": []}


def test_other_networks_and_ingress_have_no_records() -> None:
    services = [service(networks=["n2"])]
    assert expected_records("n1", services, []) == {}
    assert expected_records("n1", services, [task("t1", "10.0.0.5/24", ingress=True)]) == {}


def test_two_services_share_an_alias() -> None:
    services = [service(aliases=["db"]), service("s2", "api", vip="10.0.1.3/24", aliases=["db"])]
    tasks = [task("t1", "10.0.1.9/24"), task("t2", "10.0.1.10/24", sid="s2")]
    records = expected_records("n1", services, tasks)
    assert records["db"] == ["10.0.1.2", "10.0.1.3"]
    assert records["tasks.db"] == ["10.0.1.9", "10.0.1.10"]


def test_spellings_of_one_name_answer_alike() -> None:
    services = [service(aliases=["Api"]), service("s2", "shop", vip="10.0.1.3/24", aliases=["api"])]
    tasks = [task("t1", "10.0.1.9/24"), task("t2", "10.0.1.10/24", sid="s2")]
    records = expected_records("n1", services, tasks)
    assert records["Api"] == records["api"] == ["10.0.1.2", "10.0.1.3"]
    assert records["tasks.Api"] == records["tasks.api"] == ["10.0.1.9", "10.0.1.10"]
    assert records["web"] == ["10.0.1.2"] and records["shop"] == ["10.0.1.3"]


def test_attached_containers_have_no_service_and_are_left_out() -> None:
    attached = task("t1", "10.0.1.9/24")
    del attached["ServiceID"]
    assert expected_records("n1", [], [attached]) == {}
