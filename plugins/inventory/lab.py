# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

from __future__ import annotations

DOCUMENTATION = r"""
name: lab
short_description: Nodes of a lab for Docker Swarm, from a few lines of YAML
version_added: 0.1.0
author:
  - swarmlab contributors (@swarmlab)
description:
  - Gives hosts C(vm1) to C(vmN) with connection settings, before any of them exists. The role
    P(swarmlab.overlay.lab#role) and the module M(swarmlab.overlay.lab) then create them.
  - The file that configures this plugin must end in C(lab.yml) or C(lab.yaml).
  - Groups are C(swarm) and its children C(swarm_managers) (the first O(managers) nodes) and C(swarm_workers).
  - Group C(lab_leaving) has the nodes that the lab's record names and O(nodes) leaves no place for. The playbook
    C(swarmlab.overlay.lab) lets them leave the swarm and removes them.
  - "Group C(all) gets one variable C(lab_OPTION) for each option, and C(lab_directory), the folder of this lab."
  - With O(driver=vm) the time limits of the roles are raised (C(overlays_timeout) and so on), since machines may be emulated.
  - Where a node has a firewall, C(engine_firewall) is V(auto), so that role P(swarmlab.overlay.engine#role) opens it for the nodes.
  - "Each host gets C(swarm_advertise_addr), its address on the swarm's own network segment."
  - Environment variables win over the file, so that one call can differ from it.
  - Values may be templates, which see C(--extra-vars) and the lookup P(ansible.builtin.env#lookup).
options:
  plugin:
    description: Marks the file as one of this plugin.
    type: str
    required: true
    choices: [swarmlab.overlay.lab]
  name:
    description:
      - Name of the lab, 1 to 32 lower-case letters, digits and inner hyphens. Labs of different names run side by side.
    type: str
    default: lab
    env:
      - name: SWARMLAB_LAB
  directory:
    description:
      - The project's folder, in which C(.lab/NAME) will hold everything that belongs to this lab.
      - A relative path is meant from the folder of the inventory file.
      - By default this is the folder of the inventory file, or the one that holds the folder C(inventory) it is in. The
        working directory plays no part, so that a lab is the same one wherever Ansible is called.
    type: path
    env:
      - name: SWARMLAB_DIRECTORY
  driver:
    description:
      - V(vm) makes virtual machines with QEMU.
      - V(container) makes containers of this machine's Docker Engine, each with an engine of its own.
        They start in seconds and share the kernel of this machine.
      - Where nothing sets it, a lab that exists keeps the driver that it was made with.
    type: str
    default: vm
    env:
      - name: SWARMLAB_DRIVER
  nodes:
    description:
      - Number of nodes.
      - Where nothing sets it, a lab that exists keeps as many as it has, so that nodes never go unasked.
    type: raw
    default: 3
    env:
      - name: SWARMLAB_NODES
  managers:
    description: Number of managers among them. An even number gives a warning, because it gains nothing.
    type: raw
    default: 1
    env:
      - name: SWARMLAB_MANAGERS
  memory:
    description: Memory of each virtual machine in MiB.
    type: raw
    default: 768
    env:
      - name: SWARMLAB_MEMORY
  vcpus:
    description: Virtual processors of each virtual machine. V(0) means one when they are emulated, else two.
    type: raw
    default: 0
    env:
      - name: SWARMLAB_VCPUS
  disk:
    description: Size of each virtual machine's disk in GiB. Only what is written takes space.
    type: raw
    default: 8
    env:
      - name: SWARMLAB_DISK
  accel:
    description:
      - V(auto) tries whether KVM really runs a guest here, and falls back to emulation with one line that says so.
      - V(kvm) fails where KVM does not work. V(tcg) always emulates.
    type: str
    default: auto
    env:
      - name: SWARMLAB_ACCEL
  golden:
    description:
      - Whether new virtual machines wake up from the memory of a golden node, which is booted once for all labs, or boot.
      - V(auto) lets them wake up when they are emulated, where a boot takes a minute. V(always) does so with KVM too,
        V(never) boots every node by itself.
    type: str
    default: auto
    env:
      - name: SWARMLAB_GOLDEN
  image:
    description:
      - What the nodes' disks are made from, once for all labs of a user.
      - V(suite) is a Debian suite (default V(trixie)), V(mirror) the URL of a package mirror (default is the one that
        this machine installs its own packages from), V(packages) a list of additional packages.
    type: dict
    default: {}
  node_settings:
    description:
      - In what nodes differ, as machines in the field do. A dictionary of the nodes' names, and C(all) for every node.
      - C(suite) is V(bookworm), V(trixie), V(forky) or V(sid). Without it the suite of O(image) is taken.
      - C(engine) set to V(false) makes a bare host, without Docker Engine.
      - C(firewall) is V(firewalld), V(ufw) or V(nftables), which lets nothing but ssh in. The default is V(none).
      - C(user) logs in instead of C(root), and becomes root by sudo with a password. The password is in the lab's folder.
      - C(jump) is the node through which Ansible reaches this one.
      - Container nodes take C(suite) alone. A node keeps the settings that it was made with. Changes apply to nodes that are made later.
      - In the environment it is JSON.
    type: raw
    default: {}
    env:
      - name: SWARMLAB_NODE_SETTINGS
  subnet:
    description:
      - Network of the swarm's own segment, a private one of IPv4 or IPv6 (C(fd77::/64)). C(vmN) has the address number 10+N in it.
      - Where nothing sets it, a lab that exists keeps the one that it was made with.
    type: str
    default: 10.77.0.0/24
    env:
      - name: SWARMLAB_SUBNET
  boot_timeout:
    description: Seconds that nodes have to become ready. Under emulation the limit is four times as long.
    type: raw
    default: 180
    env:
      - name: SWARMLAB_BOOT_TIMEOUT
  retain_failed:
    description: Keep a new lab whose creation failed, for a look at it.
    type: raw
    default: false
    env:
      - name: SWARMLAB_RETAIN_FAILED
  image_cache:
    description:
      - Folder of the images. The default is C(swarmlab) in E(XDG_CACHE_HOME), or in C(~/.cache).
    type: path
    env:
      - name: SWARMLAB_CACHE
"""

EXAMPLES = r"""
# lab.yml: three nodes, one of them a manager
plugin: swarmlab.overlay.lab

---
# five.lab.yml: five nodes, three of them managers, beside another lab
plugin: swarmlab.overlay.lab
name: five
nodes: 5
managers: 3
subnet: 10.78.0.0/24

---
# quick.lab.yml: containers instead of virtual machines
plugin: swarmlab.overlay.lab
name: quick
driver: container

---
# mixed.lab.yml: three engines in one swarm
plugin: swarmlab.overlay.lab
name: mixed
node_settings:
  vm1: {suite: bookworm}
  vm3: {suite: forky}

---
# bare.lab.yml: hosts as people have them, without an engine, closed, and reached as a user with sudo
plugin: swarmlab.overlay.lab
name: bare
node_settings:
  all: {engine: false, user: student, firewall: firewalld}
"""

import dataclasses
import os
import shlex
import typing as t
from pathlib import Path

from ansible.plugins.inventory import BaseInventoryPlugin
from ansible.template import trust_as_template
from ansible.utils.display import Display
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab import state
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.container import container_name
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.errors import LabError
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.imagespec import NO_FIREWALL, ROOT
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.options import reject_unknown
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.spec import (
    DEFAULTS,
    LabSpec,
    NodeSpec,
    manager_warning,
    parse,
)
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.sshconf import CONFIG, PASSWORD
from ansible_collections.swarmlab.overlay.plugins.plugin_utils._lab.state import LabRecord

display = Display()
NOT_IN_FILE = ("state", "surplus")
ENVIRONMENT = {
    name: "SWARMLAB_LAB" if name == "name" else f"SWARMLAB_{name.upper()}"
    for name in DEFAULTS
    if name not in ("image", *NOT_IN_FILE)
}
PARSER_ERROR = 4  # the exit status Ansible itself uses for what it cannot parse


ENGINE_RESTART = "kill -HUP 1"  # the first process of a node that is a container takes this for it

# Limits, not waits: on an emulated machine everything takes long, and a node that is slow to answer must not be taken
# for dead, because swarm would start its tasks elsewhere and make everybody slower still.
PATIENCE = {
    "engine_timeout": 300,
    "swarm_timeout": 300,
    "swarm_dispatcher_heartbeat": 30,
    "overlays_timeout": 600,
    "lesson_timeout": 300,
    "verify_timeout": 300,
    "verify_quality": {"rate": 1},  # Mbit/s: an emulated processor encrypts that slowly when it is busy
    "verify_convergence_timeout": 90,
}


def connection(spec: LabSpec, node: NodeSpec) -> dict[str, t.Any]:
    """How Ansible reaches a node."""
    if spec.driver == "container":
        engine = os.environ.get("DOCKER_HOST")  # the connection plugin itself does not look there
        return {
            "ansible_connection": "community.docker.docker_api",
            "ansible_host": container_name(spec.name, node.name),
            "ansible_pipelining": True,
            **({"ansible_docker_docker_host": engine} if engine else {}),
        }
    user = spec.settings_of(node.name).user
    return {
        "ansible_connection": "ansible.builtin.ssh",
        # Not "vm1": Ansible names its shared connections after host, port and user, and every lab has a vm1.
        "ansible_host": node.alias,
        "ansible_user": user,
        "ansible_ssh_common_args": f"-F {shlex.quote(str(spec.directory / CONFIG))}",
        "ansible_pipelining": True,
        **(sudo(spec.directory / PASSWORD) if user != ROOT else {}),
    }


def sudo(password: Path) -> dict[str, t.Any]:
    """How a user becomes root. The password is read when it is needed: there may be none yet, and no inventory shall hold it."""
    return {
        "ansible_become": True,
        "ansible_become_method": "ansible.builtin.sudo",
        "ansible_become_password": trust_as_template(f"{{{{ lookup('ansible.builtin.file', '{password}') }}}}"),
    }


def lab_variables(spec: LabSpec) -> dict[str, t.Any]:
    """The options as the variables of role lab."""
    return {
        "lab_name": spec.name,
        "lab_directory": str(spec.directory),
        "lab_driver": spec.driver,
        "lab_nodes": spec.nodes,
        "lab_managers": spec.managers,
        "lab_memory": spec.memory,
        "lab_vcpus": spec.vcpus,
        "lab_disk": spec.disk,
        "lab_accel": spec.accel,
        "lab_golden": spec.golden,
        "lab_image": {"suite": spec.suite, "mirror": spec.mirror, "packages": list(spec.packages)},
        "lab_node_settings": {name: dataclasses.asdict(found) for name, found in spec.settings.items()},
        "lab_subnet": str(spec.subnet),
        "lab_boot_timeout": spec.boot_timeout,
        "lab_retain_failed": spec.retain_failed,
        "lab_cache": str(spec.cache),
    }


def in_file(name: str) -> str:
    """What an option is called in the inventory file: Ansible takes one named cache for its own."""
    return "image_cache" if name == "cache" else name


def recorded(folder: Path) -> LabRecord | None:
    """What the lab has, if that can be read; what is wrong with a record is for the module to say."""
    try:
        return state.load(folder)
    except LabError:
        return None


def remembered(record: LabRecord) -> dict[str, t.Any]:
    """The options that a lab was made with, as its record has them."""
    nodes = [entry.index for entry in record.nodes.values()]
    return {"driver": record.driver, "subnet": record.subnet, **({"nodes": max(nodes)} if nodes else {})}


def project_folder(inventory_file: Path) -> Path:
    """Where ``.lab`` is: beside the inventory file, or beside the folder ``inventory`` that it is in or below."""
    folder = inventory_file.absolute().parent
    for candidate in (folder, folder.parent):
        if candidate.name == "inventory":
            return candidate.parent
    return folder


class InventoryModule(BaseInventoryPlugin):
    """Inventory of a lab."""

    NAME = "swarmlab.overlay.lab"

    def verify_file(self, path: str) -> bool:
        return super().verify_file(path) and path.endswith(("lab.yml", "lab.yaml"))

    def parse(self, inventory: t.Any, loader: t.Any, path: str, cache: bool = True) -> None:
        super().parse(inventory, loader, path, cache)
        content = self._read_config_data(path)
        known = [name for name in DEFAULTS if name not in NOT_IN_FILE]
        try:
            reject_unknown({key: value for key, value in content.items() if key != "plugin"}, map(in_file, known), "")
            spec, record = self._spec(known, Path(path), content)
        except LabError as error:
            # An exception would make Ansible try its other parsers on this file, print a warning of several lines for
            # each, and run the play on no hosts, successfully.
            display.error(f"{path}: {error.message}", wrap_text=False)
            raise SystemExit(PARSER_ERROR) from None
        warning = manager_warning(spec.managers)
        if warning:
            display.warning(warning)
        self._populate(spec, record.settled(spec) if record else spec)
        self._add_leaving(spec, record)

    def _spec(self, known: t.Iterable[str], path: Path, given: t.Container[str]) -> tuple[LabSpec, LabRecord | None]:
        """What the lab shall be, and the record of what it is, which counts where neither file nor environment says otherwise."""
        # Ansible itself would let the file win over the environment.
        options = {
            name: os.environ.get(ENVIRONMENT.get(name, "")) or self._templated(self.get_option(in_file(name)))
            for name in known
        }
        project = project_folder(path)
        base = options.pop("directory")
        if base:
            project = project / Path(base).expanduser()
        record = recorded(parse({"name": options["name"]}, project).directory)
        options.update(
            {
                name: value
                for name, value in (remembered(record) if record else {}).items()
                if name not in given and not os.environ.get(ENVIRONMENT[name])
            }
        )
        return parse(options, project), record

    def _templated(self, value: t.Any) -> t.Any:
        return self.templar.template(value) if isinstance(value, (str, list, dict)) else value

    def _populate(self, spec: LabSpec, made: LabSpec) -> None:
        """``made`` has those nodes that exist already as they are."""
        inventory = self.inventory
        for group in ("swarm", "swarm_managers", "swarm_workers"):
            inventory.add_group(group)
        inventory.add_child("swarm", "swarm_managers")
        inventory.add_child("swarm", "swarm_workers")
        for name, value in lab_variables(spec).items():
            inventory.set_variable("all", name, value)
        inventory.set_variable("all", "swarm_hosts_lab", {"name": spec.name, "directory": str(spec.directory)})
        for name, value in PATIENCE.items() if spec.driver == "vm" else ():
            inventory.set_variable("all", name, value)
        if any(made.settings_of(node.name).firewall != NO_FIREWALL for node in spec.node_list):
            # Of all: who has none still counts for those who have.
            inventory.set_variable("all", "engine_firewall", "auto")
        for node in spec.node_list:
            self._add_node(made, node, "swarm_managers" if node.name in spec.manager_names else "swarm_workers")

    def _add_leaving(self, spec: LabSpec, record: LabRecord | None) -> None:
        self.inventory.add_group("lab_leaving")
        if record is None or record.driver != spec.driver:
            return
        for name in record.beyond(spec.nodes):
            self._add_node(record.settled(spec), spec.node(record.nodes[name].index), "lab_leaving")

    def _add_node(self, spec: LabSpec, node: NodeSpec, group: str) -> None:
        self.inventory.add_host(node.name, group=group)
        for name, value in connection(spec, node).items():
            self.inventory.set_variable(node.name, name, value)
        self.inventory.set_variable(node.name, "ansible_python_interpreter", "/usr/bin/python3")
        self.inventory.set_variable(node.name, "swarm_advertise_addr", node.address)
        if spec.driver == "container":
            self.inventory.set_variable(node.name, "verify_engine_restart", ENGINE_RESTART)
            self.inventory.set_variable(node.name, "engine_restart_command", ENGINE_RESTART)
