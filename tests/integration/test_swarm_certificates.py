# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nodes whose certificate has expired. The swarm gets a CA whose key the test knows, and with it certificates of the past."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from conftest import COMMANDS, Swarm, Warm, await_words, flat, nodes_of, own_lab
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

pytestmark = [pytest.mark.long, pytest.mark.rare]
CERTIFICATE = "/var/lib/docker/swarm/certificates/swarm-node.crt"
WHOLE = [*(f"vm{number} Ready Active Reachable" for number in (1, 2, 3)), "vm4 Ready Active"]
EXPIRED = "has expired"


@pytest.fixture(scope="module")
def past(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    with own_lab("past", "10.98.{}.0/24", environment, warm, tmp_path_factory.mktemp("past"), 3, 4) as lab:
        yield lab


@pytest.fixture(scope="module")
def authority(past: Swarm) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    """A CA of the swarm, with its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "swarm-ca")])
    now = datetime.now(UTC)
    root = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=9))
        .not_valid_after(now + timedelta(days=7000))
        .add_extension(x509.BasicConstraints(True, 1), True)
        .add_extension(x509.KeyUsage(False, False, False, False, False, True, True, False, False), True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
        .sign(key, hashes.SHA256())
    )
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    for path, text in (("/root/ca.pem", root.public_bytes(serialization.Encoding.PEM)), ("/root/ca.key", secret)):
        past.shell("vm1", f"cat >{path} <<'END'\n{text.decode()}END")
    past.docker("vm1", "swarm", "ca", "--rotate", "--quiet", "--ca-cert", "/root/ca.pem", "--ca-key", "/root/ca.key")
    return root, key


def expire(swarm: Swarm, authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], *hosts: str) -> None:
    """Restart the engines of these nodes with certificates that ended yesterday; what they had is kept beside."""
    root, key = authority
    for host in hosts:
        old = x509.load_pem_x509_certificates(swarm.shell(host, f"cat {CERTIFICATE}").encode())[0]
        now = datetime.now(UTC)
        made = (
            x509.CertificateBuilder(root.subject, old.subject, old.public_key(), x509.random_serial_number())
            .not_valid_before(now - timedelta(days=8))
            .not_valid_after(now - timedelta(days=1))
        )
        for extension in old.extensions:
            made = made.add_extension(extension.value, extension.critical)
        text = made.sign(key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM).decode()
        swarm.shell(host, f"cp -p {CERTIFICATE} {CERTIFICATE}.kept; cat >{CERTIFICATE} <<'END'\n{text}END")
    for host in hosts:
        swarm.restart_engine(host)
    for host in hosts:
        await_words(
            swarm, host, "docker info --format '{{.Swarm.LocalNodeState}} {{.Swarm.Error}}'", f"error .*{EXPIRED}"
        )


@pytest.mark.parametrize("host", ["vm4", "vm3"])
def test_an_expired_node_is_named_and_joins_again(
    past: Swarm, authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], host: str
) -> None:
    """A worker, and one manager of three."""
    former = past.docker(host, "info", "--format", "{{.Swarm.NodeID}}")
    expire(past, authority, host)
    await_words(past, "vm1", "docker node ls", f"{host} .*Down")
    for playbook in ("swarm", "drain", "remove", "replace"):
        code, output = past.playbook(f"swarmlab.overlay.{playbook}", {"node": host})
        assert code != 0 and EXPIRED in flat(output) and "run 'docker swarm leave --force' there" in flat(output), (
            output
        )
        assert "Nothing was changed" in flat(output) and output.count("fatal: [") == 1, output
        assert past.docker("vm1", "node", "inspect", former, "--format", "{{.Spec.Availability}}") == "active"
    past.docker(host, "swarm", "leave", "--force")
    code, output = past.playbook("swarmlab.overlay.replace", {"node": host})
    assert code == 0 and nodes_of(past) == WHOLE, output
    assert past.docker(host, "info", "--format", "{{.Swarm.NodeID}}") != former


def test_managers_that_have_all_expired_are_not_recovered(
    past: Swarm, authority: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], tmp_path: Path
) -> None:
    """No engine of theirs can go on alone. Their clocks can be set back; here their certificates are."""
    expire(past, authority, "vm1", "vm2", "vm3")
    told = {**COMMANDS, "node": "vm1", "swarm_backup_directory": str(tmp_path), "swarm_backup_plain": True}
    try:
        for playbook, words in (
            ("recover", "vm1 is not a running manager (vm1: error"),
            ("backup", "No manager in the inventory can manage the swarm (vm1: error"),
        ):
            code, output = past.playbook(f"swarmlab.overlay.{playbook}", told)
            assert code != 0 and words in flat(output) and "Nothing was " in flat(output), output
            assert output.count("fatal: [") == 1 and not list(tmp_path.iterdir()), output
    finally:
        for host in past.managers:
            past.shell(host, f"mv {CERTIFICATE}.kept {CERTIFICATE}")
        for host in past.managers:
            past.restart_engine(host)
        past.await_nodes("vm1", "Ready Ready Ready Ready")
