# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks, one file each: what it needs, what it asks the probes (plan), what it concludes (judge).

Private to swarmlab.overlay. Runs on the controller only. A file here whose name does not start with ``_`` is a check:

    ID, TITLE, HINT   text
    ORDER             where it stands in the report; causes come before what they cause
    NEEDS             what the run must set up or look at for it: probe, twin, lazy, published, attach, wire, ports, certificate,
                      gossip, peers, balancer, xfrm, rules, speed
    TAGS              by what it can be selected besides its id
    plan(facts)       {host: [request, ...]}, requests as in ``_probe/work.py``; "where" names another namespace than the probe's:
                      host, alone and attached/NETWORK (the standalone container's). One id is one request, whoever plans it
    judge(facts)      [result, ...], made with ``_result.py``
    SWITCH            optional: what must be switched on for it (``verify_performance``, a word of ``verify_disruptive``)
    measurements      optional: as plan, but carried out alone, one after the other (``_verify/measuring.py``);
    longest           with it: how long all of them take at most, by the number of hosts and the seconds of one
    GUARD             optional, true: what is bad by it is told whatever was chosen, and proves nothing of what works
    guards(facts)     optional: whether what is bad by it is told whatever was chosen, this time
    unfit(facts)      optional: whether nothing can be asked at all
    hopeless(facts)   optional: whether waiting for gossip is of no use

All are pure functions of the facts (``_facts/model.py``). No evidence is no pass.
"""

from __future__ import annotations

import fnmatch
import importlib
import pkgutil
from types import ModuleType

from .._facts.model import Facts


def load() -> list[ModuleType]:
    """Every check, in the order of the report."""
    names = [found.name for found in pkgutil.iter_modules(__path__) if not found.name.startswith("_")]
    modules = [importlib.import_module(f"{__name__}.{name}") for name in names]
    return sorted(modules, key=lambda module: (module.ORDER, module.ID))


def named(module: ModuleType, pattern: str) -> bool:
    """Whether the pattern names the check, by its id or by one of its tags."""
    return any(fnmatch.fnmatchcase(word, pattern) for word in (module.ID, *module.TAGS))


def select(modules: list[ModuleType], patterns: list[str]) -> tuple[list[ModuleType], list[str]]:
    """The checks that a pattern names, and the patterns that name none."""
    chosen = [module for module in modules if any(named(module, pattern) for pattern in patterns)]
    empty = [p for p in patterns if not any(named(module, p) for module in modules)]
    return chosen, empty


def tags(modules: list[ModuleType]) -> list[str]:
    """Every tag that a check has."""
    return sorted({tag for module in modules for tag in module.TAGS})


def tagged(modules: list[ModuleType], only: list[str], without: list[str], known: list[str]) -> list[ModuleType]:
    """The checks that Ansible's ``--tags`` and ``--skip-tags`` leave. Tags that are not known choose nothing: other tasks have them."""
    wanted = set(only) & set(known)
    return [
        module
        for module in modules
        if (not wanted or wanted & set(module.TAGS)) and not set(without) & set(module.TAGS)
    ]


def is_guard(module: ModuleType, facts: Facts) -> bool:
    """Whether what is bad by the check is told whatever was chosen."""
    return getattr(module, "GUARD", False) or _says(module, "guards", facts)


def guards() -> list[str]:
    """Ids of the checks that prove nothing of what works."""
    return [module.ID for module in load() if getattr(module, "GUARD", False)]


def unfit(facts: Facts) -> bool:
    """Whether nothing can be asked at all."""
    return any(_says(module, "unfit", facts) for module in load())


def hopeless(facts: Facts) -> bool:
    """Whether waiting for gossip is of no use."""
    return any(_says(module, "hopeless", facts) for module in load())


def _says(module: ModuleType, name: str, facts: Facts) -> bool:
    return hasattr(module, name) and bool(getattr(module, name)(facts))
