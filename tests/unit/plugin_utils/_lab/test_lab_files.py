# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import base64
import dataclasses
import io
import ipaddress
import json
import os
import re
import socket
import stat
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import (
    container,
    errors,
    identity,
    image,
    ports,
    recipe,
    state,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.container import (
    CAPABILITIES,
    missing_capabilities,
    neighbours_limit,
    refuse_crowd,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.driver import Plan
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import CATALOGUE, LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.imagespec import FIREWALLS, SUITES, ImageSpec
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.settings import NodeSettings
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import parse
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.sshconf import (
    make_key,
    make_password,
    render_config,
    render_known_hosts,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.tools import (
    available_memory_mib,
    interfaces_within,
    tail,
    write_private,
)

SPEC = parse({"name": "demo", "nodes": 2}, Path("/project"))
SOURCES = Path(errors.__file__).parent
DOCUMENT = SOURCES.parents[2] / "docs" / "lab.md"


def test_the_catalogue_is_complete_and_has_nothing_unused():
    raised = {
        name
        for path in SOURCES.rglob("*.py")
        if path.name != "errors.py"
        for name in re.findall(r"LAB-E-[A-Z]+", path.read_text())
    } | {"LAB-E-SYSTEM"}
    assert raised == set(CATALOGUE)


@pytest.mark.parametrize("error_id", sorted(CATALOGUE))
def test_every_error_is_documented_and_can_be_rendered(error_id):
    entry = CATALOGUE[error_id]
    fields = set(re.findall(r"{(\w+)}", entry.cause + entry.advice.replace("{{", "").replace("}}", "")))
    error = LabError(error_id, **dict.fromkeys(fields, "X"))
    assert error.message.startswith(f"{error_id}: ")
    assert error.message.endswith((".", "X"))
    assert f"`{error_id}`" in DOCUMENT.read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("deb http://m.example/debian trixie main\n", ["http://m.example/debian"]),
        ("deb [arch=amd64 signed-by=/k.gpg] https://m.example/debian/ trixie main\n", ["https://m.example/debian/"]),
        ("# deb http://m.example/debian trixie main\n", []),
        ("deb-src http://m.example/debian trixie main\n", []),
        ("deb http://security.example/debian-security trixie-security main\n", []),
        ("deb https://download.example/linux/docker trixie stable\n", []),
        ("", []),
    ],
)
def test_mirror_of_one_line_sources(text, expected):
    assert image.line_mirrors(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "Types: deb\n# note\nURIs: http://m.example/debian\nSuites: trixie\n trixie-updates\nComponents: main\n",
            ["http://m.example/debian"],
        ),
        (
            "Types: deb deb-src\nURIs: http://a.example/debian http://b.example/debian\nSuites: trixie\n",
            ["http://a.example/debian", "http://b.example/debian"],
        ),
        ("Types: deb\nURIs: http://m.example/debian\nSuites: trixie\nEnabled: no\n", []),
        ("Types: deb-src\nURIs: http://m.example/debian\nSuites: trixie\n", []),
        ("Types: deb\nURIs: http://m.example/debian-security\nSuites: trixie-security\n", []),
        (
            "Types: deb-src\nURIs: http://x.example/debian\n\nTypes: deb\nURIs:\n http://m.example/debian\nSuites: a\n",
            ["http://m.example/debian"],
        ),
    ],
)
def test_mirror_of_deb822_sources(text, expected):
    assert image.deb822_mirrors(text) == expected


def test_a_machine_without_debian_sources_is_told_so(tmp_path):
    with pytest.raises(LabError) as caught:
        image.machine_mirror(tmp_path)
    assert caught.value.id == "LAB-E-NOMIRROR"
    assert "mirror: URL" in caught.value.message


def test_the_image_key_follows_the_recipe():
    assert image.image_key(ImageSpec()) == image.image_key(ImageSpec(packages=("systemd",)))
    specs = [
        ImageSpec(),
        ImageSpec(packages=("vim",)),
        ImageSpec(mirror="http://m.example/debian"),
        ImageSpec(engine=False),
        ImageSpec(user="student"),
        ImageSpec(user="other"),
        *(ImageSpec(suite) for suite in SUITES if suite != "trixie"),
        *(ImageSpec(firewall=firewall) for firewall in FIREWALLS if firewall != "none"),
    ]
    assert len({image.image_key(spec) for spec in specs}) == len(specs)


IMAGES = [
    ImageSpec(suite, engine=engine, firewall=firewall, user=user)
    for suite in SUITES for engine in (True, False) for firewall in FIREWALLS for user in ("root", "student")
]  # fmt: skip


@pytest.mark.parametrize("spec", IMAGES, ids=lambda spec: "-".join(map(str, spec.kind)))
def test_the_image_gets_the_recipes_files(spec):
    files = recipe.files(spec)
    with tarfile.open(fileobj=io.BytesIO(image.files_archive(files))) as archive:
        assert set(archive.getnames()) == set(files)
        assert archive.getmember("usr/local/lib/swarmlab/ready").mode == 0o755
    for path, (mode, content) in files.items():
        assert not re.search(r"@[A-Z_]+@", content), path
        if content.startswith("#!/bin/sh"):
            assert subprocess.run(["sh", "-n"], input=content, text=True, check=False).returncode == 0, path
    scripts = "".join(files[f"usr/local/lib/swarmlab/{name}"][1] for name in ("ready", "golden"))
    assert ("docker " in scripts) == spec.engine
    ready = files["etc/systemd/system/swarmlab-ready.service"][1]
    assert (f"After={spec.firewall}.service docker.service" in ready) == (spec.firewall != "none")
    assert ("PermitRootLogin no" in files["etc/ssh/sshd_config.d/10-swarmlab.conf"][1]) == (spec.user != "root")


def test_each_suite_has_its_own_packages():
    everywhere = {"docker.io", "python3-docker", "iptables"}
    for suite in SUITES:
        packages = set(recipe.packages(ImageSpec(suite)))
        assert everywhere <= packages and ("docker-cli" in packages) == (suite != "bookworm")
        assert not any("docker" in package for package in recipe.packages(ImageSpec(suite, engine=False)))
        forgiven = "Acquire::Check-Valid-Until" in " ".join(recipe.apt_options(ImageSpec(suite)))
        assert forgiven == (suite in ("forky", "sid"))
    assert "sudo" in recipe.packages(ImageSpec(user="student")) and "ufw" in recipe.packages(ImageSpec(firewall="ufw"))


def test_a_suite_is_bootstrapped_from_one_mirror():
    command = image.bootstrap_command(Path("/w"), ImageSpec("forky"), "http://m.example/debian")
    assert command[-3:] == ["forky", "/w/rootfs.tar", "deb http://m.example/debian forky main"]
    assert '--aptopt=Acquire::Check-Valid-Until "false"' in command


MMDEBSTRAP_END = """\
E: apt-get update --error-on=any -oAPT::Status-Fd=<$fd> -oDpkg::Use-Pty=false failed
I: main() received signal PIPE: waiting for setup...
I: removing tempdir /tmp/mmdebstrap.CTFDmyH9Yk...
E: mmdebstrap failed to run
"""


@pytest.mark.parametrize(
    ("output", "expected"),
    [
        (
            "I: running apt-get update...\nReading package lists...\nE: Release file for X is expired (invalid since 20d).\n" + MMDEBSTRAP_END,
            "E: Release file for X is expired (invalid since 20d).",
        ),
        ("E: The repository 'X nosuch Release' does not have a Release file.\n" + MMDEBSTRAP_END,
         "E: The repository 'X nosuch Release' does not have a Release file."),
        (
            "E: Failed to fetch X  Could not connect to Y\nE: Some index files failed to download. They have been ignored.\n" + MMDEBSTRAP_END,
            "E: Failed to fetch X  Could not connect to Y | E: Some index files failed to download. They have been ignored.",
        ),
        (
            "E: Unable to locate package docker-cli\nE: setup failed: E: apt-get -o Dir::Bin::dpkg=env install docker-cli failed\n" + MMDEBSTRAP_END,
            "E: Unable to locate package docker-cli",
        ),
        (
            "I: running --customize-hook in shell: sh -c 'x'\nuseradd: user exists\n"
            'E: setup failed: E: command failed: chroot "$1" /usr/local/lib/swarmlab/finish\n' + MMDEBSTRAP_END,
            'useradd: user exists | E: setup failed: E: command failed: chroot "$1" /usr/local/lib/swarmlab/finish',
        ),
        ("mke2fs: Could not allocate block\n", "mke2fs: Could not allocate block"),
        ("", "it said nothing"),
    ],
)  # fmt: skip
def test_a_failed_build_quotes_the_words_that_say_why(output, expected):
    assert image.why(output) == expected


def test_ports_wanted_are_kept_and_taken_ones_replaced():
    with socket.create_server((ports.LOOPBACK, 0)) as taken:
        busy = taken.getsockname()[1]
        free = ports.choose({"x": None})["x"]
        chosen = ports.choose({"vm1": busy, "vm2": free, "vm3": None})
    assert chosen["vm2"] == free
    assert chosen["vm1"] not in (busy, 0)
    assert len(set(chosen.values())) == 3
    assert list(chosen) == ["vm1", "vm2", "vm3"]


def test_ssh_config_has_every_name_of_a_node_and_checks_keys():
    text = render_config(SPEC, [(SPEC.node(1), 4001), (SPEC.node(2), 4002)])
    assert f"Host vm2 vm2.demo {SPEC.node(2).alias}\n" in text
    assert "Port 4002" in text
    assert "StrictHostKeyChecking yes" in text
    assert 'IdentityFile "/project/.lab/demo/id_ed25519"' in text


def test_the_way_to_a_node_may_lead_through_another_as_a_user():
    spec = parse(
        {"name": "demo", "nodes": 2, "node_settings": {"all": {"jump": "vm1", "user": "student"}}}, Path("/project")
    )
    first, second = render_config(spec, [(spec.node(1), 4001), (spec.node(2), 0)]).split("\nHost vm2")
    assert "HostName 127.0.0.1\n  Port 4001\n  User student\n" in first and "ProxyCommand" not in first
    assert (
        f"HostName 10.77.0.12\n  ProxyCommand ssh -F '/project/.lab/demo/ssh_config' -W [%h]:%p {spec.node(1).alias}\n"
        in second
    )


def test_a_password_is_made_once_for_its_owner(tmp_path):
    password = make_password(tmp_path / "password")
    assert len(password) >= 20 and make_password(tmp_path / "password") == password
    assert stat.S_IMODE((tmp_path / "password").stat().st_mode) == 0o600


def test_known_hosts_leave_comments_out():
    assert (
        render_known_hosts([(SPEC.node(1), "ssh-ed25519 AAAA me@here\n")]) == f"{SPEC.node(1).alias} ssh-ed25519 AAAA\n"
    )


def test_keys_are_kept(tmp_path):
    make_key(tmp_path / "key", "test")
    before = (tmp_path / "key").read_bytes()
    make_key(tmp_path / "key", "test")
    assert (tmp_path / "key").read_bytes() == before
    assert stat.S_IMODE((tmp_path / "key").stat().st_mode) == 0o600


IDENTITY = identity.Identity(SPEC.node(2), SPEC.node_list, "ab" * 16, "ssh-ed25519 USER\n", ("PRIVATE\n", "PUBLIC\n"))


def test_credentials_give_a_node_its_identity():
    values = identity.credentials(IDENTITY)
    assert IDENTITY.kernel_arguments == f"systemd.hostname=vm2 systemd.machine_id={'ab' * 16}"
    assert values["ssh.authorized_keys.root"] == "ssh-ed25519 USER"
    assert "Address=10.77.0.12/24" in values["network.network.20-segment"]
    files = dict(line.split()[1::5] for line in values["tmpfiles.extra"].splitlines())
    assert base64.b64decode(files["/etc/ssh/ssh_host_ed25519_key"]) == b"PRIVATE\n"
    assert b"10.77.0.11 vm1\n" in base64.b64decode(files["/etc/hosts"])
    text = identity.smbios_string("system.hostname", "vm2")
    assert text == "io.systemd.credential.binary:system.hostname=" + base64.b64encode(b"vm2").decode()


def test_a_segment_of_ipv6_has_its_own_addresses():
    spec = parse({"subnet": "fd77::/64"}, Path("/project"))
    found = dataclasses.replace(IDENTITY, node=spec.node(2), nodes=spec.node_list).networks["20-segment"]
    assert "Address=fd77::c/64\nLinkLocalAddressing=ipv6\n" in found
    assert "LinkLocalAddressing=no" in IDENTITY.networks["20-segment"]
    assert "fd77::b vm1\n" in identity.hosts_file("vm2", spec.node_list)


def written(values: dict[str, str]) -> dict[str, bytes]:
    return {line.split()[1]: base64.b64decode(line.split()[6]) for line in values["tmpfiles.extra"].splitlines()}


def test_an_older_systemd_finds_its_networks_as_files():
    values = identity.credentials(dataclasses.replace(IDENTITY, settings=NodeSettings("bookworm")))
    assert not [name for name in values if name.startswith("network.")]
    assert b"Address=10.77.0.12/24" in written(values)["/run/systemd/network/20-segment.network"]


def test_a_user_gets_the_key_and_the_password_and_root_does_not():
    other = dataclasses.replace(IDENTITY, settings=NodeSettings(user="student"), password="secret")
    values = identity.credentials(other)
    assert "ssh.authorized_keys.root" not in values
    assert written(values)[recipe.PASSWORD] == b"secret\n" and written(values)[recipe.USER_KEY] == b"ssh-ed25519 USER\n"
    text = base64.b64decode("".join(identity.message(other, 1.0, b"").decode().splitlines()[:-1]))
    with tarfile.open(fileobj=io.BytesIO(text), mode="r:gz") as archive:
        names = set(archive.getnames())
        assert archive.getmember(recipe.PASSWORD.lstrip("/")).mode == 0o600
    assert "root/.ssh/authorized_keys" not in names
    assert recipe.PASSWORD not in written(identity.credentials(IDENTITY))


def test_a_clone_is_told_who_it_is():
    lines = identity.message(IDENTITY, 1700000000.5, b"\x01" * 32).decode("ascii").splitlines()
    assert lines.pop() == "end"
    assert max(map(len, lines)) < 4096  # a terminal's line
    with tarfile.open(fileobj=io.BytesIO(base64.b64decode("".join(lines))), mode="r:gz") as archive:
        files = {f"/{member.name}": (member.mode, archive.extractfile(member).read()) for member in archive}
    assert files["/etc/machine-id"] == (0o444, b"ab" * 16 + b"\n")
    assert files["/etc/ssh/ssh_host_ed25519_key"] == (0o600, b"PRIVATE\n")
    assert files["/root/.ssh/authorized_keys"] == (0o600, b"ssh-ed25519 USER\n")
    assert b"Address=10.77.0.12/24" in files["/run/systemd/network/20-segment.network"][1]
    assert b"EPOCH='1700000000.500'\n" in files[recipe.IDENTITY][1]
    assert SPEC.node(2).segment_mac.encode() in files[recipe.IDENTITY][1]
    assert files[recipe.IDENTITY_SEED] == (0o600, b"01" * 32)


def record() -> state.LabRecord:
    node = state.NodeRecord(
        index=1, address="10.77.0.11", machine_id="ab" * 16, memory=768, vcpus=1, disk=8, ssh_port=4001, image="trixie-0",
        settings=NodeSettings("trixie", engine=False, firewall="ufw", user="student", jump="vm2"),
    )  # fmt: skip
    return state.LabRecord("demo", "vm", "10.77.0.0/24", "tcg", {"vm1": node})


def test_a_record_survives_saving(tmp_path):
    state.save(tmp_path, record())
    assert state.load(tmp_path) == record()
    assert stat.S_IMODE((tmp_path / state.FILE).stat().st_mode) == 0o600


def test_a_record_from_before_nodes_could_differ_is_read():
    node = {"index": 1, "address": "10.77.0.11", "machine_id": "0", "memory": 768, "vcpus": 1, "disk": 8}
    text = json.dumps(
        {
            "format": 2,
            "name": "demo",
            "driver": "vm",
            "subnet": "10.77.0.0/24",
            "image": "forky-0",
            "nodes": {"vm1": node},
        }
    )
    entry = state.parse(text, Path("/x/lab.json")).nodes["vm1"]
    assert (entry.image, entry.settings) == ("forky-0", NodeSettings("forky"))


def test_no_record_is_no_error(tmp_path):
    assert state.load(tmp_path / "nothing") is None


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        (json.dumps({"format": 1, "anything": []}), "LAB-E-FORMAT"),
        (json.dumps({}), "LAB-E-FORMAT"),
        ("{", "LAB-E-BROKEN"),
        ("[]", "LAB-E-BROKEN"),
        (json.dumps({"format": 2}), "LAB-E-BROKEN"),
        (json.dumps({"format": 2, "image": "trixie-0", "nodes": {"vm1": {"no": 1}}}), "LAB-E-BROKEN"),
        (json.dumps({"format": 3, "nodes": {"vm1": {"settings": {"no": 1}}}}), "LAB-E-BROKEN"),
        (json.dumps({"format": 2, "nodes": [], "name": "x"}), "LAB-E-BROKEN"),
    ],
)
def test_records_of_others_are_refused(text, error_id):
    with pytest.raises(LabError) as caught:
        state.parse(text, Path("/x/lab.json"))
    assert caught.value.id == error_id


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ("CapBnd:\t000001ffffffffff\n", []),
        ("CapBnd:\t000001fffeffffff\n", ["SYS_RESOURCE"]),
        ("CapBnd:\t0000000000000000\n", CAPABILITIES),
        ("Name:\tx\n", []),
    ],
)
def test_capabilities_outside_the_bounding_set(status, expected):
    assert missing_capabilities(status) == list(expected)


def test_memory_that_is_available():
    assert available_memory_mib("MemTotal: 1 kB\nMemAvailable:    2097152 kB\n") == 2048


def test_private_files_replace_others(tmp_path):
    target = tmp_path / "file"
    target.write_text("old")
    os.chmod(target, 0o644)
    write_private(target, "new")
    assert target.read_text() == "new"
    assert stat.S_IMODE(target.stat().st_mode) == 0o600


def test_the_end_of_a_console_is_readable(tmp_path):
    console = tmp_path / "console.log"
    console.write_bytes(b"\x1b[2Jfirst\r\n\n\xffsecond\x00\n")
    assert tail(console, 2) == "first | \ufffdsecond"
    assert tail(tmp_path / "none", 2) == ""


def route(interface: str, network: str) -> str:
    """A line of /proc/net/route, which has numbers in the machine's byte order."""
    told = ipaddress.IPv4Network(network)
    target, mask = (
        f"{int.from_bytes(part.packed, sys.byteorder):08X}" for part in (told.network_address, told.netmask)
    )
    return f"{interface}\t{target}\t00000000\t0001\t0\t0\t0\t{mask}\t0\t0\t0\n"


ROUTES = "Iface\tDestination\n" + "".join(
    route(*given)
    for given in [
        ("eth0", "0.0.0.0/0"),
        ("tun0", "10.0.0.0/8"),
        ("br-one", "10.10.78.0/24"),
        ("br-two", "10.10.78.128/25"),
    ]
)


@pytest.mark.parametrize(
    ("network", "interfaces"),
    [
        ("10.10.78.0/24", ["br-one", "br-two"]),
        ("10.10.78.0/25", []),
        ("10.10.0.0/16", ["br-one", "br-two"]),
        ("10.10.79.0/24", []),
    ],
)
def test_interfaces_that_lead_into_a_network(network, interfaces):
    """A route of a larger network is no conflict: the more special one wins."""
    assert interfaces_within(ipaddress.IPv4Network(network), ROUTES) == interfaces


def test_interfaces_that_lead_into_a_network_of_ipv6():
    zero = "0" * 32
    routes = "\n".join(
        f"{target} {prefix} {zero} 00 {zero} 00000100 00000001 00000000 00000001 {interface}"
        for target, prefix, interface in [
            ("fd770000000000000000000000000000", "40", "br-one"),
            ("fe800000000000000000000000000000", "40", "eth0"),
            (zero, "00", "lo"),
        ]
    )
    assert interfaces_within(ipaddress.IPv6Network("fd77::/48"), routes) == ["br-one"]
    assert interfaces_within(ipaddress.IPv6Network("fd78::/48"), routes) == []


def test_a_subnet_that_another_bridge_has_is_refused_before_anything_is_made(monkeypatch):
    class Api:
        known = []

        def networks(self, names):
            return self.known

    monkeypatch.setattr(container, "interfaces_within", lambda subnet: ["br-old"])
    driver = container.ContainerDriver(parse({"driver": "container"}, Path("/project")), print)
    driver._api = Api()
    with pytest.raises(LabError, match=r"LAB-E-SUBNET: .* 10\.77\.0\.0/24 through br-old already"):
        driver.preflight(Plan([], []))
    Api.known = ["the lab's own"]
    driver.preflight(Plan([], []))


@pytest.mark.parametrize(("nodes", "limit"), [(31, 1024), (3, 1024), (50, 16384), (50, None)])
def test_so_many_container_nodes_know_each_other(nodes: int, limit: int | None) -> None:
    refuse_crowd(nodes, limit)


@pytest.mark.parametrize(("nodes", "limit"), [(32, 1024), (50, 1024), (3, 2)])
def test_more_would_overflow_the_table_that_they_share(nodes: int, limit: int) -> None:
    """Fifty nodes on a kernel with the usual 1024: six of them never joined, with 'no route to host' and 'DeadlineExceeded'."""
    with pytest.raises(LabError, match="LAB-E-NEIGHBOURS") as caught:
        refuse_crowd(nodes, limit)
    told = int(re.search(r"gc_thresh3=(\d+)", str(caught.value)).group(1))
    refuse_crowd(nodes, told)


def test_the_table_of_another_machine_is_not_known_here(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    limit = tmp_path / "gc_thresh3"
    monkeypatch.setattr(container, "NEIGHBOURS", limit)
    monkeypatch.delenv("DOCKER_HOST", raising=False)
    assert neighbours_limit() is None
    limit.write_text("1024\n")
    assert neighbours_limit() == 1024
    monkeypatch.setenv("DOCKER_HOST", "ssh://somewhere")
    assert neighbours_limit() is None


class Freezer:
    """An engine that fails so many times with these words to freeze a container."""

    def __init__(self, failures: int, words: str) -> None:
        self.failures, self.words, self.calls = failures, words, 0

    def pause(self, name: str) -> None:
        self.calls += 1
        if self.calls <= self.failures:
            raise container.APIError("500 Server Error", explanation=self.words)


BUSY = "Cannot pause container 8e6b: OCI runtime pause failed: unable to freeze: unknown"  # moby/moby#48205


def test_a_container_whose_processes_are_busy_is_frozen_at_another_try() -> None:
    engine = Freezer(3, BUSY)
    container.freeze(engine, "swarmlab-lab-vm3", pause=0)
    assert engine.calls == 4


@pytest.mark.parametrize(
    ("failures", "words", "calls"), [(99, BUSY, container.FREEZE_TRIES), (1, "No such container: vm3", 1)]
)
def test_what_cannot_be_frozen_is_told_in_the_engine_s_words(failures: int, words: str, calls: int) -> None:
    engine = Freezer(failures, words)
    with pytest.raises(container.APIError, match=words.split(":")[0]):
        container.freeze(engine, "swarmlab-lab-vm3", pause=0)
    assert engine.calls == calls
