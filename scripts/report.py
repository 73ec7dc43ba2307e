# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open the newest report of a lab in the browser, or say where it is.

Usage: python3 scripts/report.py [LAB]
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[1]


def opener(platform: str, environment: dict[str, str]) -> str | None:
    """The program that shows a file to the person at this machine; None where no screen is."""
    if platform == "darwin":
        return shutil.which("open", path=environment.get("PATH"))
    if environment.get("DISPLAY") or environment.get("WAYLAND_DISPLAY"):
        return shutil.which("xdg-open", path=environment.get("PATH"))
    return None


def main(lab: str) -> int:
    page = CHECKOUT / ".lab" / lab / "report" / "report.html"
    if not page.is_file():
        print(
            f"report: there is no {page}. Run 'make verify' first; another lab is named by LAB=NAME.", file=sys.stderr
        )
        return 1
    print(f"{page}\n{page.as_uri()}", flush=True)
    program = opener(sys.platform, dict(os.environ))
    if program and subprocess.run([program, str(page)], check=False).returncode:
        print(f"report: {program} could not open it; open the address above.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2] or ["lab"]))
