# -*- coding: utf-8 -*-
# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Attaching existing containers of this node to networks, and taking them off."""

from __future__ import annotations

import typing as t

from .._engine import APIClient, APIError, NotFound, explain

# Settings of an attachment that the user chose and the engine keeps; all others are the engine's own.
KEPT = ("Links", "DriverOpts", "GwPriority")


def attach(client: APIClient, container: str, network: str, like: str, ipv4_address: str | None = None) -> None:
    """Attach a container to a network as it is attached to another one, at the address if it is free."""
    settings = networks_of(client, container)
    if network in settings:
        return
    endpoint = like_endpoint(settings.get(like) or {}, container)
    if ipv4_address is not None:
        try:
            _connect(client, container, network, dict(endpoint, IPAMConfig={"IPv4Address": ipv4_address}))
            return
        except APIError as error:
            if isinstance(error, NotFound) and "container" in explain(error).lower():
                raise
            # Taken, or not to be had: a place on the network counts for more than a certain address.
    _connect(client, container, network, endpoint)


def detach(client: APIClient, container: str, network: str) -> None:
    """Take a container off a network."""
    if network in networks_of(client, container):
        client.disconnect_container_from_network(container, network)


def networks_of(client: APIClient, container: str) -> dict[str, dict[str, t.Any]]:
    """The container's attachments, by the networks' names."""
    return client.inspect_container(container)["NetworkSettings"]["Networks"] or {}


def like_endpoint(settings: t.Mapping[str, t.Any], container: str) -> dict[str, t.Any]:
    """The engine's request for an attachment like an existing one: the engine adds the container's short id itself."""
    endpoint: dict[str, t.Any] = {key: settings[key] for key in KEPT if settings.get(key)}
    endpoint["Aliases"] = [alias for alias in settings.get("Aliases") or [] if alias != container[:12]]
    return endpoint


def _connect(client: APIClient, container: str, network: str, endpoint: dict[str, t.Any]) -> None:
    answer = client._post_json(
        client._url("/networks/{0}/connect", network), data={"Container": container, "EndpointConfig": endpoint}
    )
    client._raise_for_status(answer)
