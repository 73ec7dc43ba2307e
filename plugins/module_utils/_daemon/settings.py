# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""daemon.json: parsed as dockerd does, merged, and checked for settings that rule out a swarm. Pure."""

from __future__ import annotations

import codecs
import json
import re
import typing as t

from .._host import HostError
from .._redact import GONE

Settings = t.Dict[str, t.Any]

CONFIG_FILE = "/etc/docker/daemon.json"
# From 23.0 on, dockerd detects the encoding by the byte order mark.
MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


SECRET = re.compile(r"(?i)token|password|secret|credential|apikey|api-key|access-key")


def decode(data: bytes, path: str = CONFIG_FILE) -> str:
    """The text of a daemon.json."""
    mark, encoding = next(((mark, encoding) for mark, encoding in MARKS if data.startswith(mark)), (b"", "utf-8"))
    try:
        return data[len(mark) :].decode(encoding)
    except UnicodeDecodeError as error:
        raise HostError(f"{path} is not text in {encoding.upper()} ({error}); save it as UTF-8") from error


def parse(text: str, path: str = CONFIG_FILE) -> Settings:
    """The settings in a daemon.json; an empty file has none. A repeated key is read as Go reads it."""
    if not text.strip():
        return {}
    try:
        settings = json.loads(text, object_pairs_hook=lambda pairs: _united(pairs, path))
    except ValueError as error:
        raise HostError(f"{path} is not valid JSON ({error}); correct or remove it") from error
    if not isinstance(settings, dict):
        raise HostError(f"{path} must hold a JSON object, not a {type(settings).__name__}; correct or remove it")
    return settings


def _united(pairs: list[tuple[str, t.Any]], path: str) -> Settings:
    """Merge repeated keys as Go does: maps are united, of other values the last one counts.

    Raises HostError where the result would depend on dockerd's own types.
    """
    found: Settings = {}
    for key, value in pairs:
        before = found.get(key)
        if key not in found or (not isinstance(before, dict) and value is not None):
            found[key] = value
        elif isinstance(before, dict) and isinstance(value, dict) and not _nested_twice(before, value):
            found[key] = {**before, **value}
        else:
            raise HostError(f"{path} has the key {key} twice, with values that cannot be merged; keep one of them")
    return found


def _nested_twice(one: Settings, other: Settings) -> bool:
    return any(isinstance(one[key], dict) or isinstance(other[key], dict) for key in one.keys() & other.keys())


def merge(present: Settings, declared: Settings) -> Settings:
    """Apply the declared settings to the present ones. Dictionaries merge key by key; a null removes its key."""
    merged = dict(present)
    for key, value in declared.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, dict) and isinstance(merged.get(key), dict):
            merged[key] = merge(merged[key], value)
        else:
            merged[key] = value
    return merged


def text_of(settings: Settings) -> str:
    """A daemon.json with these settings, in their order."""
    return json.dumps(settings, indent=2) + "\n"


def shown(value: t.Any, key: str = "") -> t.Any:
    """The settings without secrets: passwords of proxies, tokens of log drivers."""
    if isinstance(value, dict):
        return {name: shown(each, name) for name, each in value.items()}
    if isinstance(value, list):
        return [shown(each, key) for each in value]
    if SECRET.search(key) and isinstance(value, str):
        return GONE
    return re.sub(r"(?<=://)[^/@\s]+(?=@)", GONE, value) if isinstance(value, str) else value


def unfit(settings: Settings, flags: t.Sequence[str], path: str = CONFIG_FILE) -> str:
    """Why an engine with these settings cannot serve a swarm or does not start; empty when they fit.

    :param flags: the engine's command-line arguments
    """
    if settings.get("live-restore", flag(flags, "--live-restore") not in (None, "false")) is True:
        return (
            f"{path} has live-restore, which no engine can have in a swarm: declare live-restore as null (engine_daemon), "
            "or remove it"
        )
    backend = settings.get("firewall-backend", flag(flags, "--firewall-backend"))
    if backend == "nftables":
        return (
            "the engine's firewall-backend is nftables, with which published ports and the mesh of a swarm do not work: "
            "declare firewall-backend as null (engine_daemon), or remove it. Where the engine does not start with iptables, "
            "the kernel lacks modules (on RHEL 10 and its like: package kernel-modules-extra)"
        )
    if settings.get("hosts") is not None and flag(flags, "-H", "--host") is not None:
        return (
            f"{path} has hosts, and the engine is started with -H {flag(flags, '-H', '--host')} already, and takes only one of the two: "
            "declare hosts as null (engine_daemon), or remove -H from the service's command"
        )
    return ""


def flag(flags: t.Sequence[str], *names: str) -> str | None:
    """The value of the first flag with one of these names; None when there is none."""
    for position, word in enumerate(flags):
        name, equals, value = word.partition("=")
        if name in names:
            return value if equals else next(iter(flags[position + 1 :]), "")
        short = next((each for each in names if len(each) == 2 and word.startswith(each) and len(word) > 2), None)
        if short:
            return word[2:]
    return None


def without_flag(flags: t.Sequence[str], name: str) -> list[str]:
    """The arguments without this flag and its value."""
    kept: list[str] = []
    skip = False
    for word in flags:
        if not skip and word.partition("=")[0] != name:
            kept.append(word)
        skip = not skip and word == name
    return kept


def config_file(flags: t.Sequence[str]) -> str:
    """The path of the settings file of an engine with these arguments."""
    return flag(flags, "--config-file") or CONFIG_FILE
