# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""One of our modules as a process of its own that is killed right after its change number so-and-so.

Usage: python killed.py MODULE LIMIT ARGUMENTS      (0: it is not killed). What counts is what it asks the engine to change.
"""

from __future__ import annotations

import atexit
import json
import os
import signal
import sys
from importlib import import_module
from pathlib import Path

import requests
from ansible.module_utils.testing import patch_module_args


def main(name: str, limit: int, arguments: dict) -> None:
    sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
    import_module("conftest")  # lets the collection be imported
    send = requests.Session.send
    changes = []

    def counted(session: requests.Session, request: requests.PreparedRequest, **options: object) -> requests.Response:
        answer = send(session, request, **options)
        if request.method != "GET":
            changes.append(request.url)
            if len(changes) == limit:
                os.kill(os.getpid(), signal.SIGKILL)
        return answer

    requests.Session.send = counted  # type: ignore[method-assign]
    atexit.register(lambda: print(len(changes), file=sys.stderr))
    module = import_module(f"ansible_collections.swarmlab.overlay.plugins.modules.{name}")
    with patch_module_args(arguments):
        module.main()


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), json.loads(sys.argv[3]))
