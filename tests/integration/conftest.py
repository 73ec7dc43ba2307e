# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real swarm of three container nodes, made by this collection's own playbooks and shared by all tests.

``SWARMLAB_TEST_KEEP=1`` leaves it running, so that the next run starts in a second; an engine of the tests' own ends with all it has.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field, replace
from ipaddress import ip_network
from pathlib import Path

import pytest
from ansible_collections.swarmlab.overlay.plugins.module_utils._engine.sdk import APIClient, NotFound
from warm import Warm

CHECKOUT = Path(__file__).resolve().parents[2]
BIN = Path(sys.executable).parent
IMAGE = "localhost/swarmlab/busybox:local"
KEEP = "SWARMLAB_TEST_KEEP"
ENGINE_START = 60  # seconds
WHEELS = "/srv/wheels"  # where pip on a bare host finds Python packages
WORKER = os.environ.get("PYTEST_XDIST_WORKER")  # gw0, gw1, ...: each has a lab of its own
ENGINE = pytest.StashKey["Engine"]()


class Result(dict):
    """What a module returned. A test that asks for what is not there is told what is: the error, say."""

    def __missing__(self, key: str) -> object:
        raise AssertionError(f"no {key!r} in the result: {json.dumps(self, indent=2)}")


@dataclass
class Swarm:
    """The test's hands: Ansible for our own modules and playbooks, the docker CLI to look from outside."""

    lab: str
    inventory: Path
    workspace: Path
    environment: dict[str, str]
    warm: Warm
    image: str = IMAGE
    subnet: str = ""
    managers: list[str] = field(default_factory=lambda: ["vm1"])
    workers: list[str] = field(default_factory=lambda: ["vm2", "vm3"])

    @property
    def nodes(self) -> list[str]:
        return self.managers + self.workers

    def ansible(self, program: str, *argv: str, results: Path | None = None) -> subprocess.CompletedProcess[str]:
        """Run one of Ansible's programs against the swarm, as if it had been typed (see warm_process.py); hosts' results as files in a folder."""
        call = self.workspace / uuid.uuid4().hex
        order = {
            "argv": [program, "-i", str(self.inventory), *argv], "directory": str(CHECKOUT),
            "environment": {**self.environment, **({"SWARMLAB_TEST_RESULTS": str(results)} if results else {})},
            "stdout": f"{call}.out", "stderr": f"{call}.err", "timeout": 600,
        }  # fmt: skip
        code = self.warm.call(order)
        printed = [Path(f"{call}.{end}").read_text(encoding="utf-8") for end in ("out", "err")]
        deprecated = [line for line in "".join(printed).splitlines() if line.startswith("[DEPRECATION WARNING]")]
        assert not deprecated, deprecated
        return subprocess.CompletedProcess(order["argv"], code, *printed)

    def run(self, module: str, args: dict, host: str = "vm1", check: bool = False) -> dict:
        """The result of a module run on a node."""
        tree = self.workspace / uuid.uuid4().hex
        name = module if "." in module else f"swarmlab.overlay.{module}"
        mode = ["--check"] if check else []
        given = ["-a", json.dumps(args)] if args else []
        done = self.ansible("ansible", host, "-m", name, *given, "--diff", *mode, results=tree)
        result = tree / host
        assert result.exists(), f"{name} on {host} left no result:\n{done.stdout}\n{done.stderr}"
        return Result({"failed": done.returncode != 0, **json.loads(result.read_text(encoding="utf-8"))})

    def shown(self, module: str, args: dict, *mode: str) -> list[str]:
        """The lines that Ansible shows as removed and added when a module runs on vm1."""
        shown = self.ansible(
            "ansible", "vm1", "-m", f"swarmlab.overlay.{module}", "-a", json.dumps(args), "--diff", *mode
        ).stdout
        return [line for line in shown.splitlines() if line.startswith(("+ ", "- "))]

    def killed(self, module: str, changes: int, args: dict) -> tuple[int, str]:
        """Exit code and output of a module that runs here, and is killed after so many changes (0: not at all)."""
        argv = [sys.executable, str(Path(__file__).with_name("killed.py")), module, str(changes), json.dumps(args)]
        done = subprocess.run(argv, env=self.environment, capture_output=True, text=True, timeout=300, check=False)
        return done.returncode, done.stdout + done.stderr

    def killed_playbook(
        self, playbook: str, extra_vars: dict, *argv: str, number: int, within: str = "", seconds: float = 0.7
    ) -> bool:
        """Whether a playbook was killed with all its processes, so many seconds after the start of a task (see callbacks/killed_run.py)."""
        told = {
            "SWARMLAB_TEST_KILL": str(number), "SWARMLAB_TEST_KILL_IN": within, "SWARMLAB_TEST_KILL_AFTER": str(seconds),
        }  # fmt: skip
        done = subprocess.run(
            ["ansible-playbook", "-i", str(self.inventory), playbook, "-e", json.dumps(extra_vars), *argv], cwd=CHECKOUT,
            env={**self.environment, **told}, capture_output=True, text=True, timeout=600, start_new_session=True, check=False,
        )  # fmt: skip
        assert done.returncode in (0, -signal.SIGKILL), done.stdout + done.stderr
        return done.returncode != 0

    def playbook(self, playbook: str, extra_vars: dict | None = None, *argv: str) -> tuple[int, str]:
        """Exit code and output of a playbook: a path, or a name such as ``swarmlab.overlay.verify``."""
        done = self.ansible("ansible-playbook", playbook, "-e", json.dumps(extra_vars or {}), *argv)
        return done.returncode, done.stdout + done.stderr

    @property
    def address(self) -> str:
        """Where the engine of the nodes' containers listens."""
        return self.environment.get("DOCKER_HOST", "unix:///var/run/docker.sock")

    @property
    def connection(self) -> dict[str, object]:
        """How Ansible reaches a container."""
        return {
            "ansible_connection": "community.docker.docker_api", "ansible_docker_docker_host": self.address, "ansible_pipelining": True,
            "ansible_python_interpreter": "/usr/bin/python3",
        }  # fmt: skip

    def given(self, folder: Path, groups: dict[str, dict[str, str]], **variables: object) -> Swarm:
        """The same swarm by another inventory, which is no lab's: {group: {inventory name: node}}."""
        lines = []
        for group, hosts in groups.items():
            lines += [f"[{group}]", *(f"{name} ansible_host={self.container(node)}" for name, node in hosts.items())]
        told = {**self.connection, **variables}
        lines += ["[all:vars]", *(f"{key}={json.dumps(value)}" for key, value in told.items())]
        inventory = folder / "hosts.ini"
        inventory.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return replace(self, inventory=inventory)

    def shell(self, host: str, command: str) -> str:
        """What a shell command prints on a node; the command must succeed."""
        done = subprocess.run(
            ["docker", "exec", self.container(host), "sh", "-c", command],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{host}: {command}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def docker(self, host: str, *argv: str) -> str:
        """What the docker CLI prints on a node."""
        done = subprocess.run(
            ["docker", "exec", self.container(host), "docker", *argv],
            env=self.environment, capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip
        assert done.returncode == 0, f"{host}: docker {' '.join(argv)}\n{done.stdout}{done.stderr}"
        return done.stdout.strip()

    def restart_engine(self, host: str) -> None:
        """A node's engine dies by SIGKILL, and starts again with its node."""
        killed = f"docker exec {self.container(host)} pkill -KILL -x dockerd; docker wait {self.container(host)}; docker start {self.container(host)}"
        subprocess.run(["sh", "-c", killed], env=self.environment, capture_output=True, timeout=120, check=True)

    def await_nodes(self, host: str, states: str = "Ready Ready Ready") -> None:
        """Wait until the engine of a manager answers, and says so of the nodes."""
        look = f"for try in $(seq 240); do [ \"$(docker node ls --format '{{{{.Status}}}}' | xargs)\" = '{states}' ] && exit 0; sleep 0.25; done; exit 1"
        self.shell(host, look)

    def container(self, host: str) -> str:
        """Name of the container that is the node."""
        return f"swarmlab-{self.lab}-{host}"

    @property
    def folder(self) -> Path:
        """What the lab keeps on this machine."""
        return self.inventory.parent / ".lab" / self.lab

    def fault(self, **arguments: object) -> dict:
        """The result of module lab_fault on the lab."""
        return self.run("lab_fault", {"name": self.lab, "directory": str(self.folder), **arguments}, "localhost")


class Engine:
    """A host engine for this run of the tests alone, where the machine has none that answers. Every process of the run shares it."""

    def __init__(self, folder: Path) -> None:
        if os.geteuid() != 0 or not shutil.which("dockerd", path=environment_here()["PATH"]):
            pytest.exit(
                "these tests need Docker Engine on this machine: start it, or run them as root with dockerd installed",
                2,
            )
        self.folder = folder
        os.environ.pop(KEEP, None)
        os.environ["DOCKER_HOST"] = f"unix://{folder}/docker.sock"
        with (folder / "dockerd.log").open("w") as log:
            self.process = subprocess.Popen(
                ["dockerd", "--host", os.environ["DOCKER_HOST"], "--data-root", str(folder / "data"),
                 "--exec-root", str(folder / "exec"), "--pidfile", str(folder / "dockerd.pid")],
                env=environment_here(), stdout=log, stderr=subprocess.STDOUT, start_new_session=True,
            )  # fmt: skip
        deadline = time.monotonic() + ENGINE_START
        while not engine_answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                self.end()
                pytest.exit(f"dockerd did not start:\n{(folder / 'dockerd.log').read_text()[-3000:]}", 2)
            time.sleep(0.5)

    def end(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        shutil.rmtree(self.folder, ignore_errors=True)


def kept() -> bool:
    """Whether labs stay when the tests are through."""
    return os.environ.get(KEEP) == "1"


def environment_here() -> dict[str, str]:
    """Environment for subprocesses."""
    return {
        **os.environ,
        "PATH": f"{BIN}:{os.environ['PATH']}:/usr/sbin:/sbin",
        "ANSIBLE_CONFIG": str(CHECKOUT / "ansible.cfg"),
        "ANSIBLE_DEPRECATION_WARNINGS": "True",
        "ANSIBLE_FORCE_COLOR": "0",
        "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callbacks")),
        "ANSIBLE_LOAD_CALLBACK_PLUGINS": "True",  # for ad-hoc commands too
    }


def engine_answers() -> bool:
    return subprocess.run(["docker", "info"], env=environment_here(), capture_output=True, check=False).returncode == 0


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Before pytest-xdist starts its workers, which then find the engine by DOCKER_HOST."""
    if WORKER is None and not session.config.option.collectonly and not engine_answers():
        session.config.stash[ENGINE] = Engine(Path(tempfile.mkdtemp(prefix="swarmlab-engine-")))


# The files that take minutes, begun first, so that no worker is left with a long one while the others have nothing to do.
LONGEST = (
    "test_verify_disruptive.py",
    "test_swarm_recovery.py",
    "test_verify_performance.py",
    "test_any_inventory.py",
    "test_verify_field.py",
    "test_faults.py",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    places = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: places.get(item.path.name, len(LONGEST)))


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    if ENGINE in session.config.stash:
        session.config.stash[ENGINE].end()


@pytest.fixture(scope="session")
def environment() -> dict[str, str]:
    return environment_here()


@pytest.fixture(scope="session")
def warm(environment: dict[str, str]) -> Iterator[Warm]:
    made = Warm(environment)
    yield made
    made.end()


def inventory_of(lab: str, **settings: object) -> Path:
    """An inventory file for a lab of container nodes in a folder of its own."""
    project = CHECKOUT / "tests" / "output" / lab
    project.mkdir(parents=True, exist_ok=True)
    inventory = project / "lab.yml"
    told = {"plugin": "swarmlab.overlay.lab", "name": lab, "driver": "container", "directory": str(project), **settings}
    inventory.write_text("---\n" + "".join(f"{key}: {value}\n" for key, value in told.items()), encoding="utf-8")
    return inventory


def free_subnet(template: str, places: Iterable[int] = range(256)) -> str:
    """The first subnet that no route of this machine leads into: an engine of tests that was killed leaves its bridges behind."""
    told = subprocess.run(["ip", "-j", "route"], env=environment_here(), capture_output=True, check=True).stdout
    routes = [ip_network(route["dst"]) for route in json.loads(told) if route["dst"] != "default"]
    subnets = (template.format(place) for place in places)
    if kept():
        return next(subnets)  # where the lab of the last run still is
    return next(subnet for subnet in subnets if not any(ip_network(subnet).overlaps(route) for route in routes))


def worker_of(lab: str) -> tuple[str, int]:
    """The name of a lab that pytest-xdist's workers do not share, and where its subnets begin."""
    return (f"{lab}-{WORKER}", int(WORKER.removeprefix("gw")) + 1) if WORKER else (lab, 0)


@pytest.fixture(scope="session")
def swarm(environment: dict[str, str], warm: Warm, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Swarm]:
    name, place = worker_of("integration")
    subnet = free_subnet("10.78.{}.0/24", range(place, 256, 16))
    lab = Swarm(
        name, inventory_of(name, subnet=subnet), tmp_path_factory.mktemp("results"), environment, warm, subnet=subnet
    )
    try:
        done = lab.ansible("ansible-playbook", "swarmlab.overlay.lab", "swarmlab.overlay.swarm")
        assert done.returncode == 0, done.stdout + done.stderr
        yield lab
    finally:
        if not kept():
            code, output = lab.playbook("swarmlab.overlay.destroy")
            assert code == 0, output


# A container node has no service manager: while the file is there, its engine waits to be started.
WAITING = """#!/bin/sh
while [ -e /run/hold ]; do sleep 0.1; done
exec /usr/sbin/dockerd "$@"
"""
COMMANDS = {"swarm_stop_command": "engine-stop", "swarm_start_command": "engine-start"}
SCRIPTS = {
    "dockerd": WAITING,
    "engine-stop": "#!/bin/sh\ntouch /run/hold\nkill -HUP 1\n",
    "engine-start": "#!/bin/sh\nrm -f /run/hold\n",
}


@contextmanager
def own_lab(
    name: str,
    subnets: str,
    environment: dict[str, str],
    warm: Warm,
    folder: Path,
    managers: int,
    nodes: int,
    **settings: object,
) -> Iterator[Swarm]:
    """A swarm for one module of tests. Its engines can be kept stopped (COMMANDS). ``settings``: of the lab."""
    name, place = worker_of(name)
    subnet = free_subnet(subnets, range(place, 256, 16))
    hosts = [f"vm{number}" for number in range(1, nodes + 1)]
    lab = Swarm(
        name, inventory_of(name, subnet=subnet, nodes=nodes, managers=managers, **settings), folder, environment, warm, subnet=subnet,
        managers=hosts[:managers], workers=hosts[managers:],
    )  # fmt: skip
    try:
        done = lab.ansible("ansible-playbook", "swarmlab.overlay.lab", "swarmlab.overlay.swarm")
        assert done.returncode == 0, done.stdout + done.stderr
        for host in lab.nodes:
            for script, text in SCRIPTS.items():
                lab.shell(host, f"cat >/usr/local/sbin/{script} <<'END'\n{text}END\nchmod +x /usr/local/sbin/{script}")
        yield lab
    finally:
        if not kept():
            code, output = lab.playbook("swarmlab.overlay.destroy")
            assert code == 0, output


def steps(output: str) -> list[str]:
    """The lines of the plans that a playbook has shown, each once."""
    return list(dict.fromkeys(re.findall(r"(?m)^  (\S.*?)\s*$", output)))


TRANSIT = "/var/lib/docker/swarmlab-backup"  # on a node: an archive on its way


def flat(output: str) -> str:
    """An output without the line breaks that Ansible put into it."""
    return " ".join(output.split())


def nodes_of(swarm: Swarm, host: str = "vm1") -> list[str]:
    """The swarm's nodes as a manager lists them; who leads makes no difference."""
    listed = swarm.docker(
        host, "node", "ls", "--format", "{{.Hostname}} {{.Status}} {{.Availability}} {{.ManagerStatus}}"
    )
    return sorted(line.replace("Leader", "Reachable").strip() for line in listed.splitlines())


def power(swarm: Swarm, what: str, *hosts: str) -> None:
    """Switch nodes off without warning (kill), or on (start)."""
    subprocess.run(
        ["docker", what, *(swarm.container(host) for host in hosts)],
        env=swarm.environment, check=True, capture_output=True, timeout=120,
    )  # fmt: skip


def await_words(swarm: Swarm, host: str, command: str, words: str) -> None:
    """Wait until a command on a node prints the words."""
    swarm.shell(
        host, f"for try in $(seq 400); do {command} 2>&1 | grep -q '{words}' && exit 0; sleep 0.25; done; exit 1"
    )


BARE = "bare"
IDLE = ["sh", "-c", "while :; do sleep 1; done"]  # and takes in the processes whose parents have ended


@pytest.fixture
def bare(swarm: Swarm, tmp_path: Path) -> Iterator[Swarm]:
    """A host of its own, of a node's image and rights: without a network, in no swarm, and none of its engine's processes runs."""
    made = replace(swarm, inventory=tmp_path / "hosts.yml", managers=[], workers=[BARE])
    told = {"ansible_host": made.container(BARE), **made.connection}
    made.inventory.write_text(json.dumps({"all": {"hosts": {BARE: told}}}), encoding="utf-8")
    with closing(APIClient(base_url=swarm.address, version="auto", timeout=60)) as engine:
        like = engine.inspect_container(swarm.container(swarm.workers[0]))
        config = {
            "Image": like["Image"], "Hostname": BARE, "Cmd": IDLE, "Volumes": {"/var/lib/docker": {}},
            "Env": [f"PIP_FIND_LINKS={WHEELS}", "PIP_NO_INDEX=1", "PIP_NO_CACHE_DIR=1"],
            "HostConfig": {**like["HostConfig"], "NetworkMode": "none"},
        }  # fmt: skip
        with suppress(NotFound):
            engine.remove_container(made.container(BARE), force=True, v=True)  # of a run that was killed
        identity = engine.create_container_from_config(config, name=made.container(BARE))["Id"]
        try:
            engine.start(identity)
            yield made
        finally:
            engine.remove_container(identity, force=True, v=True)


@contextmanager
def relayed(swarm: Swarm, host: str, folder: Path) -> Iterator[str]:
    """The engine of a node as a socket of this machine."""
    path = folder / host
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()
    relays: list[subprocess.Popen] = []

    def serve() -> None:
        while True:
            try:
                connection, dummy = listener.accept()
            except OSError:
                return
            argv = ["docker", "exec", "-i", swarm.container(host), "docker", "system", "dial-stdio"]
            with connection:
                relays.append(subprocess.Popen(argv, env=swarm.environment, stdin=connection, stdout=connection))

    threading.Thread(target=serve, daemon=True).start()
    try:
        yield f"unix://{path}"
    finally:
        listener.close()
        for relay in relays:
            relay.terminate()
            relay.wait(timeout=30)


@pytest.fixture
def engine_socket(swarm: Swarm, tmp_path: Path) -> Iterator[str]:
    with relayed(swarm, "vm1", tmp_path) as address:
        yield address


@pytest.fixture
def engine(engine_socket: str) -> Iterator[APIClient]:
    """The engine of vm1, so that a run can be watched, and be given up, step by step."""
    client = APIClient(base_url=engine_socket, version="auto", timeout=60)
    yield client
    client.close()


@pytest.fixture
def unique(swarm: Swarm) -> Iterator[str]:
    """A prefix for the names of a test's objects, which are removed after the test."""
    with objects(swarm) as prefix:
        yield prefix


@pytest.fixture(scope="module")
def shared(swarm: Swarm) -> Iterator[str]:
    """The same for objects that the tests of a module only look at."""
    with objects(swarm) as prefix:
        yield prefix


@contextmanager
def objects(swarm: Swarm) -> Iterator[str]:
    """A prefix of names. In the end all that carries it is removed."""
    prefix = f"t{uuid.uuid4().hex[:6]}"
    try:
        yield prefix
    finally:
        remove(swarm, prefix)


def remove(swarm: Swarm, prefix: str) -> None:
    """Nothing of a test has to end in peace; what the swarm still keeps of a network's tasks goes by itself in a moment."""
    containers = f"docker rm -f -v $(docker ps -aq --filter name={prefix}) >/dev/null 2>&1 || true"
    services = f"docker service rm $(docker service ls -q --filter name={prefix}) >/dev/null 2>&1 || true; "
    in_parallel(swarm, {host: (services if host in swarm.managers else "") + containers for host in swarm.nodes})
    swarm.shell(
        swarm.managers[0],
        # Of a swarm's networks a filter by name takes the whole name only.
        "for try in $(seq 240); do all=$(docker network ls --format '{{.ID}} {{.Name}}') || continue;"
        f" ids=$(echo \"$all\" | grep ' {prefix}' | cut -d' ' -f1);"
        ' [ -z "$ids" ] && exit 0; docker network rm $ids >/dev/null 2>&1 || sleep 0.25; done; exit 1',
    )


def in_parallel(swarm: Swarm, commands: dict[str, str]) -> None:
    """Run a shell command on each of the nodes at the same time; all must succeed."""
    with ThreadPoolExecutor(len(commands)) as pool:
        list(pool.map(swarm.shell, commands.keys(), commands.values()))
