# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ansible's programs out of one process that has imported Ansible already: each call is a fork of it.

Nothing else differs from typing the command; it spares most of the second that each of the many calls takes to start, and the calls share
what Ansible makes of a module to send it.
Orders come as lines of JSON on standard input, exit codes go to standard output.
"""

from __future__ import annotations

import atexit
import gc
import json
import os
import signal
import sys
import warnings
from importlib import import_module

from ansible.cli.adhoc import AdHocCLI
from ansible.cli.inventory import InventoryCLI
from ansible.cli.playbook import PlaybookCLI
from ansible.plugins.loader import init_plugin_loader
from ansible.utils.path import cleanup_tmp_file

PROGRAMS = {"ansible": AdHocCLI, "ansible-inventory": InventoryCLI, "ansible-playbook": PlaybookCLI}
NEEDED = (
    "ansible.executor.task_executor", "ansible.executor.module_common", "ansible.plugins.strategy.linear", "ansible.template",
    "ansible.plugins.callback.default", "ansible.plugins.callback.minimal",
    "ansible.plugins.inventory.auto", "ansible.plugins.shell.sh", "ansible.plugins.action.normal", "docker", "requests", "tomllib",
    "xml.dom.minidom", "yaml",
)  # fmt: skip
PLUGINS = (
    "ansible.builtin", "community.docker.plugins.connection.docker_api", "swarmlab.overlay.plugins.inventory.lab",
    "swarmlab.overlay.plugins.action.verify_run", "swarmlab.overlay.plugins.action.verify_probe",
)  # fmt: skip


def call(order: dict) -> None:
    """Become the program that is asked for."""
    atexit.unregister(
        cleanup_tmp_file
    )  # the folder that all calls share goes with the process that they are forked from
    warnings.filterwarnings("ignore", "AnsibleCollectionFinder has already been configured")
    signal.alarm(order["timeout"])
    os.environ.clear()
    os.environ.update(order["environment"])
    os.chdir(order["directory"])
    for number, path, mode in (
        (0, os.devnull, os.O_RDONLY),
        (1, order["stdout"], os.O_WRONLY),
        (2, order["stderr"], os.O_WRONLY),
    ):
        os.dup2(os.open(path, mode | os.O_CREAT, 0o600), number)
    sys.argv = order["argv"]
    try:
        PROGRAMS[order["argv"][0]].cli_executor(order["argv"])
    except SystemExit as end:
        # Python would take apart all that was imported, object by object: five times the work of a short call.
        atexit._run_exitfuncs()
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(end.code)


def main() -> None:
    for name in NEEDED:
        import_module(name)
    init_plugin_loader()
    for name in PLUGINS:
        import_module(f"ansible_collections.{name}")
    gc.freeze()  # the collector would write to all of it, and each fork would get a copy of its own
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            call(json.loads(line))
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
