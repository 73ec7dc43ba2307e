# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks, one file each: what a check needs, its requests to the probes (plan), and its verdict (judge).

Private to swarmlab.overlay. Runs on the controller only. A file here whose name does not start with ``_`` is a check:

    ID, TITLE, HINT   text
    ORDER             its position in the report; causes come before their effects
    NEEDS             what the run must set up or read for it: probe, twin, lazy, published, attach, wire, ports, pulse,
                      certificate, gossip, peers, balancer, xfrm, rules, speed, workloads
    TAGS              the words that select it, besides its id
    plan(facts)       {host: [request, ...]}, requests as in ``_probe/work.py``; "where" names another namespace than the probe's:
                      host, alone and attached/NETWORK (the standalone container's), inside/CONTAINER (of people's);
                      "about" a container: it gets a closer look if this fails. Requests with the same id are
                      carried out once
    judge(facts)      [result, ...], made with ``_result.py``
    SWITCH            optional: the switch that enables it (``verify_performance``, a word of ``verify_disruptive``)
    trains            optional: as plan, trains of packets, sent once all requests are done (``_probe/train.py``)
    measurements      optional: as plan, but carried out alone, one after the other (``_verify/measuring.py``);
    longest           with it: the longest time of all of them, by the number of hosts and the seconds of one
    GUARD             optional, true: its bad results are always reported, and its passes prove no function
    guards(facts)     optional: whether its bad results are reported in this run, whatever was chosen
    unfit(facts)      optional: whether no request makes sense
    hopeless(facts)   optional: whether waiting for gossip is useless

All are pure functions of the facts (``_facts/model.py``). Missing evidence is never a pass.
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
    """Whether the pattern matches the check's id or one of its tags."""
    return any(fnmatch.fnmatchcase(word, pattern) for word in (module.ID, *module.TAGS))


def select(modules: list[ModuleType], patterns: list[str]) -> tuple[list[ModuleType], list[str]]:
    """The checks that match a pattern, and the patterns that match none."""
    chosen = [module for module in modules if any(named(module, pattern) for pattern in patterns)]
    empty = [p for p in patterns if not any(named(module, p) for module in modules)]
    return chosen, empty


def tags(modules: list[ModuleType]) -> list[str]:
    """Every tag that a check has."""
    return sorted({tag for module in modules for tag in module.TAGS})


def tagged(modules: list[ModuleType], only: list[str], without: list[str], known: list[str]) -> list[ModuleType]:
    """The checks that remain after Ansible's ``--tags`` and ``--skip-tags``.

    Unknown tags are ignored: they belong to other tasks.
    """
    wanted = set(only) & set(known)
    return [
        module
        for module in modules
        if (not wanted or wanted & set(module.TAGS)) and not set(without) & set(module.TAGS)
    ]


def is_guard(module: ModuleType, facts: Facts) -> bool:
    """Whether the check's bad results are reported whatever was chosen."""
    return getattr(module, "GUARD", False) or _says(module, "guards", facts)


def guards() -> list[str]:
    """Ids of the checks that prove no function."""
    return [module.ID for module in load() if getattr(module, "GUARD", False)]


def unfit(facts: Facts) -> bool:
    """Whether no request makes sense."""
    return any(_says(module, "unfit", facts) for module in load())


def hopeless(facts: Facts) -> bool:
    """Whether waiting for gossip is useless."""
    return any(_says(module, "hopeless", facts) for module in load())


def _says(module: ModuleType, name: str, facts: Facts) -> bool:
    return hasattr(module, name) and bool(getattr(module, name)(facts))
