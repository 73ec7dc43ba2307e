# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Code shared by declarations of services and of containers. Pure."""

from __future__ import annotations

import re
import shlex
import typing as t

# The characters that every resolver accepts, the engine's own included.
NAME_LETTERS = re.compile(r"[A-Za-z0-9_.-]*")
LABEL_LIMIT, DNS_NAME_LIMIT = 63, 253
ATTACHMENT_KEYS = ("name", "aliases", "ipv4_address")


class Attachment(t.NamedTuple):
    """One network that a service or container is on."""

    name: str
    aliases: tuple[str, ...] = ()
    ipv4_address: str | None = None


def dns_problem(name: str) -> str | None:
    """Why DNS cannot carry this name, or None. The engine accepts such a name, but no client can ask for it."""
    labels = name.split(".")
    if not NAME_LETTERS.fullmatch(name):
        return "has characters other than letters, digits, '-', '_' and '.'"
    if not all(labels):
        return "has an empty part: nothing, or nothing before or after a dot"
    if max(map(len, labels)) > LABEL_LIMIT:
        return f"has a part of {max(map(len, labels))} characters, more than the {LABEL_LIMIT} that DNS allows"
    if len(name) > DNS_NAME_LIMIT:
        return f"has {len(name)} characters, more than the {DNS_NAME_LIMIT} that DNS allows"
    return None


def alias_problems(network: str, aliases: t.Iterable[str]) -> list[str]:
    """Problems with aliases that no client could ask for."""
    return [
        f"networks: alias '{alias}' on {network} {problem}"
        for alias in aliases
        for problem in [dns_problem(alias)]
        if problem
    ]


def parse_words(value: t.Any, option: str, problems: list[str]) -> list[str] | None:
    """A command line as a list of words, declared as a list or as one string in shell syntax."""
    if value is None:
        return None
    if isinstance(value, str):
        try:
            return shlex.split(value)
        except ValueError as error:
            problems.append(f"{option}: '{value}' is not a valid command line: {error}")
            return []
    if isinstance(value, list) and all(isinstance(word, (str, int, float)) for word in value):
        return [str(word) for word in value]
    problems.append(f"{option} must be a string or a list of strings, not {value!r}")
    return []


def parse_attachments(
    declared: list[t.Any] | None, problems: list[str], keys: tuple[str, ...] = ATTACHMENT_KEYS
) -> tuple[Attachment, ...] | None:
    """Parse networks that are declared by name, or as dictionaries with C(name), C(aliases) and so on."""
    if declared is None:
        return None
    found = []
    for entry in declared:
        parts = {"name": entry} if isinstance(entry, str) else entry
        if not isinstance(parts, dict) or not isinstance(parts.get("name"), str) or not parts["name"]:
            problems.append(f"networks: {entry!r} must be a network's name, or a dictionary with 'name'")
            continue
        unknown = sorted(set(map(str, parts)) - set(keys))
        if unknown:
            problems.append(f"networks: unknown key {', '.join(unknown)}; known are {', '.join(keys)}")
            continue
        aliases = parts.get("aliases") or []
        if not isinstance(aliases, list) or not all(isinstance(alias, str) and alias for alias in aliases):
            problems.append(f"networks: aliases of {parts['name']} must be a list of names, not {aliases!r}")
            continue
        problems += alias_problems(parts["name"], aliases)
        found.append(Attachment(parts["name"], tuple(sorted(set(aliases))), parts.get("ipv4_address")))
    names = [attachment.name for attachment in found]
    problems += [f"networks: {name} is named twice" for name in sorted(set(names)) if names.count(name) > 1]
    return tuple(sorted(found))


def env_list(env: t.Mapping[str, str]) -> list[str]:
    """Environment variables in the engine's form."""
    return [f"{key}={value}" for key, value in sorted(env.items())]


def env_dict(env: t.Iterable[str] | None) -> dict[str, str]:
    """The reverse of env_list."""
    return dict(sorted((item.partition("=")[0], item.partition("=")[2]) for item in env or []))


def same_image(declared: str, current: str) -> str:
    """The current image for a comparison: without its digest when the declaration has none."""
    return current if "@" in declared else current.split("@")[0]
