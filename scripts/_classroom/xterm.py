# Copyright (c) 2026, swarmlab contributors
# SPDX-License-Identifier: GPL-3.0-or-later
"""xterm.js of the distribution, for a browser."""

from __future__ import annotations

import json
from pathlib import Path

# xterm.js of the distribution, newest layout first: one file for browsers (5), or modules of node.js (3, Debian 12).
XTERM = [Path(folder) for folder in ("/usr/share/nodejs/@xterm/xterm", "/usr/share/nodejs/xterm")]
STYLES = ("css/xterm.css", "lib/xterm.css", "dist/xterm.css")
LOADER = """"use strict";
window.Terminal = (() => {
  const known = {}, files = {%s};
  const load = name => {
    if (!(name in known)) { known[name] = {exports: {}}; files[name](known[name], known[name].exports, wanted => load(resolve(name, wanted))); }
    return known[name].exports;
  };
  const resolve = (from, wanted) => {
    const parts = from.split("/").slice(0, -1);
    for (const part of wanted.split("/")) { if (part === "..") parts.pop(); else if (part !== ".") parts.push(part); }
    return parts.join("/");
  };
  return load("xterm");
})();
"""


def style() -> bytes | None:
    """The style sheet of xterm.js; None where it is not installed."""
    return next((path.read_bytes() for folder in XTERM for name in STYLES if (path := folder / name).is_file()), None)


def script() -> bytes | None:
    """xterm.js for a browser, put together where the distribution has it in modules; None where it is not installed."""
    for folder in XTERM:
        main = folder / "lib" / "xterm.js"
        if not main.is_file():
            continue
        if not (folder / "lib" / "Terminal.js").is_file():
            return main.read_bytes()
        modules = {
            path.relative_to(main.parent).with_suffix("").as_posix(): path.read_text(encoding="utf-8")
            for path in sorted(main.parent.rglob("*.js"))
            if not path.name.endswith(".test.js") and "addons" not in path.parts
        }
        files = ",\n".join(
            f"{json.dumps(name)}: (module, exports, require) => {{{text}\n}}" for name, text in modules.items()
        )
        return (LOADER % files).encode()
    return None
