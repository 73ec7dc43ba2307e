# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether this node's kernel has the features that overlay networks need.

Private to swarmlab.overlay. Standard library only. It checks loaded, built-in and installed modules, and loads none.
"""

from __future__ import annotations

import gzip
import os
import re

from . import shapes

# Module -> the kernel option that builds it, for kernels without a module tree.
OPTIONS = {
    "vxlan": "VXLAN",
    "bridge": "BRIDGE",
    "veth": "VETH",
    "br_netfilter": "BRIDGE_NETFILTER",
    "ip_vs": "IP_VS",
    "ip_vs_rr": "IP_VS_RR",
    "esp4": "INET_ESP",
    "esp6": "INET6_ESP",
    "xfrm_user": "XFRM_USER",
    "xt_mark": "NETFILTER_XT_MARK",
    "xt_policy": "NETFILTER_XT_MATCH_POLICY",
    "xt_bpf": "NETFILTER_XT_MATCH_BPF",
    "xt_u32": "NETFILTER_XT_MATCH_U32",
}


def available(
    name: str, loaded: set[str], builtin: set[str], on_disk: set[str] | None, config: dict[str, str] | None
) -> str:
    """loaded, builtin, loadable, missing, or unknown when nothing on this node shows it."""
    if name in loaded:
        return "loaded"
    if name in builtin:
        return "builtin"
    if on_disk is not None and name in on_disk:
        return "loadable"
    setting = None if config is None else config.get(OPTIONS.get(name, ""), "n")
    if setting == "y":
        return "builtin"
    if setting == "n" or on_disk is not None:
        return "missing"
    return "missing" if setting == "m" else "unknown"


def module_names(text: str) -> set[str]:
    """Module names in the text of modules.dep or modules.builtin."""
    found = re.findall(r"(?m)^(?:\S*/)?([\w-]+)\.ko(?:\.\w+)?:?(?:\s|$)", text)
    return {name.replace("-", "_") for name in found}


def loaded_names(text: str) -> set[str]:
    """Module names in the text of /proc/modules."""
    return {line.split(" ", 1)[0] for line in text.splitlines() if line}


def options(text: str) -> dict[str, str]:
    """The kernel options that are set to y or m."""
    return dict(re.findall(r"(?m)^CONFIG_(\w+)=([ym])$", text))


def _read(path: str) -> str | None:
    try:
        if path.endswith(".gz"):
            with gzip.open(path, "rt", encoding="ascii", errors="replace") as handle:
                return handle.read()
        with open(path, encoding="utf-8", errors="replace") as handle:
            return handle.read()
    except OSError:
        return None


def facts() -> shapes.Modules:
    """The state of every module in OPTIONS, and the kernel's release."""
    release = os.uname().release
    tree = f"/lib/modules/{release}/"
    dep, builtin = _read(tree + "modules.dep"), _read(tree + "modules.builtin")
    config = _read("/proc/config.gz") or _read("/boot/config-" + release)
    loaded = loaded_names(_read("/proc/modules") or "")
    states = {
        name: available(
            name,
            loaded,
            module_names(builtin or ""),
            None if dep is None else module_names(dep),
            None if config is None else options(config),
        )
        for name in OPTIONS
    }
    return {"release": release, "modules": states}
