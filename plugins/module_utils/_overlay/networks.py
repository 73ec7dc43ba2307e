# Copyright (c) 2026, swarmlab contributors
# GNU General Public License v3.0+ (see LICENSES/GPL-3.0-or-later.txt or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later

# Note that this module util is **PRIVATE** to the collection. It can have breaking changes at any time.
# Do not use this from other collections or standalone plugins/modules!

"""Reach the declared overlay networks: inspect, plan (pure), refuse or apply, and inspect again."""

from __future__ import annotations

import ipaddress
import time
import typing as t

from .._engine.sdk import APIClient, EngineError, Refused, RequestException, as_engine_error, require_manager
from .._engine.transport import LEADER_CHANGE, Raw
from .._terms import MANAGED_LABEL, STANDS_IN_LABEL
from .compare import Description, describe, diff_view, differences, predicted, subnets_of
from .existence import await_allocated, create_network, list_networks, remove_networks
from .lint import resolvers_inside, shadows
from .moves import free_subnet
from .moving import Pending, move, obstacles, scene, standins
from .spec import MTU_USUAL, NetworkSpec, SpecError, Subnet, overlaps, parse_networks
from .surroundings import Surroundings, look_around
from .users import Usage, name_users, observe

# The number of attempts when the same networks are changed concurrently, or the swarm changes its leader.
ATTEMPTS = 8
PAUSE = 1.0
PASSING = (*LEADER_CHANGE, "code = unavailable", "out of sequence", "transport is closing", "error while dialing")


class Step(t.NamedTuple):
    """The action for one declared network."""

    spec: NetworkSpec
    action: str
    current: Description | None = None
    differences: dict[str, dict[str, t.Any]] = {}
    # The API's object of the stand-in that carries this network's users during a move.
    standin: dict[str, t.Any] | None = None
    users: tuple[dict[str, str], ...] = ()

    @property
    def removes(self) -> bool:
        """Whether the existing network is removed."""
        return self.action in ("remove", "recreate", "reattach") and bool(self.existing)

    @property
    def creates(self) -> bool:
        """Whether a network is created."""
        if self.action == "reattach":
            return self.current is None or bool(self.differences)
        return self.action in ("create", "recreate")

    @property
    def existing(self) -> dict[str, str]:
        """The existing networks by id: the network itself and its stand-in."""
        found = {} if self.current is None else {self.current["id"]: self.spec.name}
        return found if self.standin is None else dict(found, **{self.standin["Id"]: self.standin["Name"]})


def ensure_networks(
    client: APIClient, params: t.Mapping[str, t.Any], check_mode: bool, warn: t.Callable[[str], None]
) -> dict[str, t.Any]:
    """Reach the declared state of all networks. Nothing is changed when one of the declarations is impossible."""
    declared = parse_networks(params)
    check_ranges(params)
    own_node = require_manager(client)["Swarm"].get("NodeID") or ""
    listed = list_networks(client)
    specs = declared + (undeclared(declared, listed) if params["purge"] else [])
    around = look_around(params["docker_host"], client.nodes(), params["avoid"])
    for warning in warnings(specs, listed, around):
        warn(warning)
    done: list[Step] = []
    left: list[Pending] = []
    # A change of leader may take longer than all attempts: then it is waited for as long as for anything else.
    rounds, failures, deadline = 0, 0, time.monotonic() + params["timeout"]
    while True:
        try:
            steps = [step for step in decide(client, specs, listed, params, own_node, around) if step.action != "none"]
            if check_mode or not steps or left:
                break
            if rounds == ATTEMPTS:
                raise EngineError(
                    f"Network {', '.join(step.spec.name for step in steps)} did not stay as declared: another run changes it "
                    "at the same time, with a different declaration."
                )
            left = apply(client, steps, own_node, params["timeout"], done.append)
            rounds += 1
        except (Refused, EngineError) as error:
            # The next plan starts from the state then, so that another attempt is safe.
            failures += 1
            if not is_passing(error) or (failures >= ATTEMPTS and time.monotonic() > deadline):
                raise _told(error, done) from error
            time.sleep(PAUSE)
        except RequestException as error:
            raise _told(_interrupted(as_engine_error(error, params), done), done) from error
        listed = list_networks(client)
    return result(declared, steps if check_mode else done, listed, left, check_mode)


def is_passing(error: Exception) -> bool:
    """Whether the error comes from a change of leader or a concurrent change, so that another attempt helps."""
    cause = error if isinstance(error, Refused) else error.__cause__
    return cause is not None and any(words in str(cause).lower() for words in PASSING)


def undeclared(declared: list[NetworkSpec], listed: list[Raw]) -> list[NetworkSpec]:
    """Networks with our label and without a declaration, as declarations with state absent."""
    names = {spec.name for spec in declared}
    ours = {
        raw["Name"]: raw["Labels"]
        for raw in listed
        if (raw.get("Labels") or {}).get(MANAGED_LABEL) == "true" and not raw.get("Ingress")
    }
    # A stand-in is removed together with its network.
    found = {labels.get(STANDS_IN_LABEL) or name for name, labels in ours.items()} - names
    return [NetworkSpec(name, state="absent") for name in sorted(found)]


def decide(
    client: APIClient,
    specs: list[NetworkSpec],
    listed: list[Raw],
    params: t.Mapping[str, t.Any],
    own_node: str,
    around: Surroundings,
) -> list[Step]:
    """The plan, with users taken into account.

    Raises SpecError or EngineError when it cannot be carried out.
    """
    steps = plan(specs, listed)
    refuse_shadows(steps, around)
    if params["address_pools"] or params["avoid"]:
        swarm = client.inspect_swarm()
        pools = params["address_pools"] or swarm.get("DefaultAddrPool") or []
        steps = choose_subnets(steps, listed, pools, params["subnet_size"] or swarm.get("SubnetSize") or 24, around)
    if not any(step.removes or step.standin for step in steps):
        return steps
    usage = observe(client)
    steps = with_users(steps, usage, params["in_use"])
    refuse_used(steps)
    by_id = {raw["Id"]: raw for raw in listed}
    found = []
    for step in steps:
        if step.action == "reattach":
            network = by_id[step.current["id"]] if step.current else None
            seen = scene(step.spec, network, step.standin, usage, own_node)
            found += obstacles(step.spec, seen, params["containers_elsewhere"] == "return")
    if found:
        raise SpecError(found)
    return steps


def plan(specs: list[NetworkSpec], listed: list[Raw]) -> list[Step]:
    """The action for every declared network. Raises SpecError with every problem found."""
    problems: list[str] = []
    steps = []
    unfinished = standins(listed)
    for spec in specs:
        problem, current = find(spec.name, listed)
        if (
            problem is None
            and current is not None
            and spec.state == "present"
            and current["ipv6"]
            and not current["managed"]
        ):
            problem = (
                f"network {spec.name}: it was made by other means with IPv6, which cannot be declared here and would be lost; leave it out of "
                "the declaration, or remove it first"
            )
        if problem:
            problems.append(problem)
        else:
            steps.append(_step(spec, current, unfinished.get(spec.name)))
    going = {key for step in steps if step.removes for key in step.existing}
    declared = {spec.name for spec in specs if spec.state == "present"}
    staying = [
        describe(raw)
        for raw in listed
        if raw.get("Scope") == "swarm" and raw["Id"] not in going and raw["Name"] not in declared
    ]
    coming = [step.spec for step in steps if step.creates]
    problems += overlaps(
        [(spec.name, spec.subnets) for spec in coming],
        [(network["name"], subnets_of(network)) for network in staying]
        + [(step.spec.name, subnets_of(step.current)) for step in steps if not step.creates and step.current],
    )
    problems += _vxlan_clashes(coming, staying, steps)
    if problems:
        raise SpecError(problems)
    return steps


def with_users(steps: list[Step], usage: Usage, in_use: str) -> list[Step]:
    """The steps with the users of networks that would be removed.

    With in_use=reattach, a used network is replaced under its users. Pure.
    """
    found = []
    for step in steps:
        users = {user["id"]: user for key in step.existing for user in usage.users(key)} if step.removes else {}
        if users and step.action == "recreate" and in_use == "reattach":
            step = step._replace(action="reattach")
        found.append(step._replace(users=tuple(users.values())))
    return found


def find(name: str, listed: list[Raw]) -> tuple[str | None, Description | None]:
    """The overlay with exactly this name, or a description of another network with it."""
    named = [raw for raw in listed if raw.get("Name") == name]
    local = [raw for raw in named if raw.get("Scope") != "swarm"]
    swarm = {raw["Id"]: raw for raw in named if raw.get("Scope") == "swarm"}
    if local:
        kind = f"{local[0].get('Scope')}-scoped {local[0].get('Driver')} network {local[0]['Id'][:12]}"
        return f"network {name}: the name is taken on this node by the {kind}; remove or rename it", None
    if len(swarm) > 1:
        return (
            f"network {name}: {len(swarm)} swarm networks bear this name ({', '.join(sorted(swarm))}); "
            "remove all but one by id",
            None,
        )
    for raw in swarm.values():
        # An overlay that was not allocated has no driver. A macvlan or bridge of the swarm has no subnet there, and is somebody's all the same.
        if raw.get("Driver") not in ("overlay", "", None):
            return (
                f"network {name}: the name is taken by a swarm network of driver {raw['Driver']}; choose another name, or remove it yourself",
                None,
            )
        return None, describe(raw)
    return None, None


def check_ranges(params: t.Mapping[str, t.Any]) -> None:
    """Raise SpecError for ranges that are invalid."""
    problems = []
    for option in ("address_pools", "avoid"):
        for text in params[option]:
            try:
                ipaddress.IPv4Network(text)
            except ValueError as error:
                problems.append(f"{option}: '{text}' is no IPv4 range such as 10.20.0.0/16 ({error})")
    size = params["subnet_size"]
    if size is not None and not 8 <= size <= 30:
        problems.append(f"subnet_size {size} is outside 8 to 30")
    if problems:
        raise SpecError(problems)


def refuse_shadows(steps: list[Step], around: Surroundings) -> None:
    """Raise SpecError when a new network would hide addresses from its tasks that the nodes need."""
    problems = [
        text for step in steps if step.creates for text in shadows(step.spec.name, step.spec.subnets, around)[0]
    ]
    if problems:
        raise SpecError([f"{problem}; choose another subnet" for problem in problems])


def choose_subnets(
    steps: list[Step], listed: list[Raw], pools: t.Sequence[str], prefix: int, around: Surroundings
) -> list[Step]:
    """Choose a subnet for each new network that declares none. It overlaps no known one. Pure."""
    taken = [subnet.subnet for raw in listed for subnet in subnets_of(describe(raw))]
    taken += [subnet.subnet for step in steps if step.creates for subnet in step.spec.subnets]
    taken += [route.network for route in around.routes] + list(around.avoid)
    taken += list(around.nameservers + around.engine_resolvers) + [address for dummy, address in around.nodes]
    found = []
    for step in steps:
        if step.creates and not step.spec.subnets:
            subnet = free_subnet(pools, prefix, taken)
            if subnet is None:
                raise SpecError([f"network {step.spec.name}: no /{prefix} is free in {', '.join(pools)}"])
            taken.append(subnet)
            step = step._replace(spec=step.spec._replace(chosen=(Subnet(subnet),)))
        found.append(step)
    return found


def warnings(specs: list[NetworkSpec], listed: list[Raw], around: Surroundings = Surroundings()) -> list[str]:
    """Declarations that the engine accepts but that deserve a warning."""
    found = [
        f"network {spec.name}: mtu {spec.mtu} is below {MTU_USUAL}, which IPv4 hosts are expected to take"
        for spec in specs
        if spec.mtu is not None and spec.mtu < MTU_USUAL
    ]
    local = [(raw["Name"], subnets_of(describe(raw))) for raw in listed if raw.get("Scope") == "local"]
    present = [(spec.name, spec.subnets) for spec in specs if spec.state == "present"]
    found += [f"{problem} on this node" for problem in overlaps(present, local)]
    return found + [
        text
        for name, subnets in present
        for text in shadows(name, subnets, around)[1] + resolvers_inside(name, subnets, around)
    ]


def refuse_used(steps: list[Step]) -> None:
    """Raise EngineError when a network that must go is in use, with its users and the differences."""
    used = [step for step in steps if step.users and step.action in ("remove", "recreate")]
    if not used:
        return
    refusals = [
        {"network": step.spec.name, "users": list(step.users), "differences": step.differences} for step in used
    ]
    texts = [_refusal(refusal) for refusal in refusals]
    raise EngineError(
        "; ".join(texts) + ". An overlay is changed by removing and creating it again, which swarm refuses while "
        "it is in use. Disconnect these users first, or have them moved during the change "
        "(in_use: reattach). Nothing was changed.",
        refused=refusals,
    )


def apply(
    client: APIClient, steps: list[Step], own_node: str, timeout: float, done: t.Callable[[Step], None]
) -> list[Pending]:
    """Remove, create and move networks; returns the actions that are left to other nodes. ``timeout`` in seconds."""
    plain = [step for step in steps if step.action != "reattach"]
    _replace(client, plain, time.monotonic() + timeout, done)
    left: list[Pending] = []
    for step in steps:
        if step.action == "reattach":
            left += _carry_out(client, step, own_node, timeout, done)
    return left


def _carry_out(
    client: APIClient, step: Step, own_node: str, timeout: float, done: t.Callable[[Step], None]
) -> list[Pending]:
    left: list[Pending] = []
    begun = False
    try:
        for progress in move(client, step.spec, own_node, timeout):
            if not begun:
                done(step)
            begun = True
            if isinstance(progress, list):
                left += progress
    except EngineError as error:
        if begun or step.standin is not None:
            error.message += unfinished(step.spec.name)
        raise
    return left


def _replace(client: APIClient, steps: list[Step], deadline: float, done: t.Callable[[Step], None]) -> None:
    """Remove and create networks without users. C(done) gets the steps really done, also after an error."""
    going = {key: name for step in steps if step.removes for key, name in step.existing.items()}
    created: dict[str, str] = {}
    gone: list[str] = []
    try:
        if going:
            remove_networks(client, going, deadline, gone.append)
        for step in steps:
            identity = create_network(client, step.spec) if step.creates else None
            if identity is not None:
                created[identity] = step.spec.name
        await_allocated(client, created, deadline)
    except EngineError as error:
        for name in error.details.get("withdrawn", []):
            created = {key: other for key, other in created.items() if other != name}
        raise
    finally:
        for step in steps:
            if step.spec.name in created.values():
                done(step)
            elif step.removes and step.spec.name in gone:
                done(step._replace(action="remove"))


def result(
    declared: list[NetworkSpec], steps: list[Step], listed: list[Raw], left: list[Pending], check_mode: bool
) -> dict[str, t.Any]:
    """The module's result. Pure."""
    views = {step.spec.name: _view(step) for step in steps}
    return {
        "changed": bool(steps),
        "actions": [_action(step) for step in steps],
        "networks": _described(declared, steps, listed, check_mode),
        "pending": [entry._asdict() for entry in left],
        "diff": {
            "before": {name: view[0] for name, view in views.items()},
            "after": {name: view[1] for name, view in views.items()},
        },
    }


def _interrupted(error: EngineError, done: list[Step]) -> EngineError:
    """The error of a lost connection to the engine; the last step may be an unfinished move."""
    if done and done[-1].action == "reattach":
        error.message += unfinished(done[-1].spec.name)
    return error


def unfinished(name: str) -> str:
    """The message for an unfinished move."""
    return (
        f" The change of network {name} is unfinished, and all its users still have a network. Run this again to finish it. To roll it back, "
        "declare the network as it was."
    )


def _told(error: Refused | EngineError, done: list[Step]) -> Refused | EngineError:
    """The error with the steps done before it."""
    if isinstance(error, EngineError) and done:
        error.details.update(changed=True, actions=[_action(step) for step in done])
    return error


def _step(spec: NetworkSpec, current: Description | None, standin: Raw | None) -> Step:
    if spec.state == "absent":
        return Step(spec, "remove" if current or standin else "none", current, standin=standin)
    found = {} if current is None else differences(spec, current)
    if standin is not None:
        # An unfinished move is finished or rolled back, whatever in_use says.
        return Step(spec, "reattach", current, found, standin)
    if current is None:
        return Step(spec, "create")
    return Step(spec, "recreate" if found else "none", current, found)


def _vxlan_clashes(coming: list[NetworkSpec], staying: list[Description], steps: list[Step]) -> list[str]:
    taken = {vni: network["name"] for network in staying for vni in network["vxlan_ids"]}
    for step in steps:
        if step.action == "none" and step.current is not None:
            taken.update(dict.fromkeys(step.current["vxlan_ids"], step.spec.name))
    found = []
    for spec in coming:
        for vni in spec.vxlan_ids:
            if vni in taken:
                found.append(f"network {spec.name}: VXLAN id {vni} is taken by network {taken[vni]}")
            taken[vni] = spec.name
    return found


def _refusal(refusal: t.Mapping[str, t.Any]) -> str:
    changes = ", ".join(
        f"{key}: {change['before']!r} -> {change['after']!r}" for key, change in refusal["differences"].items()
    )
    what = f"changed ({changes})" if changes else "removed"
    return f"network {refusal['network']} cannot be {what}: it is used by {name_users(refusal['users'])}"


def _view(step: Step) -> tuple[Description, Description]:
    wanted = step.spec if step.spec.state == "present" else None
    before, after = diff_view(wanted, step.current)
    if step.standin is not None:
        before = dict(before, stand_in=step.standin["Name"])
    return before, after


def _action(step: Step) -> dict[str, t.Any]:
    action: dict[str, t.Any] = {"action": step.action, "name": step.spec.name, "differences": step.differences}
    return dict(action, users=list(step.users)) if step.action == "reattach" else action


def _described(
    declared: list[NetworkSpec], steps: list[Step], listed: list[Raw], check_mode: bool
) -> list[Description]:
    by_name = {raw["Name"]: raw for raw in listed if raw.get("Scope") == "swarm"}
    pending = {step.spec.name for step in steps if check_mode and step.creates}
    return [
        predicted(spec) if spec.name in pending or spec.name not in by_name else describe(by_name[spec.name])
        for spec in declared
        if spec.state == "present"
    ]
