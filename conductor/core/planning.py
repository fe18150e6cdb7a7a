"""Routes: compiled by the control process, looked up here. A miss parks the task and asks once."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from conductor.core import questions
from conductor.core.outcome import failure, failure_of, forbidden, refuse
from conductor.core.state import State
from conductor.core.tasks import PlanStep, Route, RouteKey, Task
from hive.errors import HiveError
from hive.gate import Gate
from hive.labels import BUILTIN, LabelTable
from hive.wire.messages import EMPTY, Generation, Plan, PlanWanted

_ROUTES_MAX: Final = 10_000
_ASKS_MAX: Final = 10_000
_WISH_MAX: Final = 2_048
"""Characters of a wish. It is kept with its task and its route, and those are bounded in number only."""


def senseless(capability: str, want: str, inputs: Iterable[tuple[str, str]], key: str = "") -> bool:
    """Say whether a wish is longer than any that makes sense, or holds a zero, which not every store can write."""
    size = len(capability) + len(want) + len(key)
    zero = "\0" in capability or "\0" in want or "\0" in key
    for name, kind in inputs:
        size += len(name) + len(kind)
        zero = zero or "\0" in name or "\0" in kind
    return zero or size > _WISH_MAX


def ask_for_route(s: State, key: RouteKey) -> None:
    """Ask the control process for a route, unless the question is under way; one that was lost is asked again."""
    known = s.asking.get(key)
    if known is not None and s.now_us - known[1] < s.settings.planning_timeout_us:
        return
    if len(s.asks) >= _ASKS_MAX:
        _give_up(s)
    ask = s.number_ask()
    s.asks[ask] = key
    s.asking[key] = (ask, s.now_us)
    _send(s, ask, key)


def ask_again(s: State) -> None:
    """Repeat every open question to a control process that has just connected."""
    for ask, key in s.asks.items():
        _send(s, ask, key)


def take_route(s: State, m: Plan) -> tuple[RouteKey, Route] | None:
    """Keep a route that the control process compiled; None if nobody asked for it."""
    questions.answered(s)
    key = s.asks.pop(m.ask, None)
    if key is None:
        return None
    _answered(s, m.ask, key)
    if m.generation < s.generation:
        ask_for_route(s, key)  # it was compiled by a policy that holds no longer
        return None
    route = _route(s, m, key)
    if route.generation == s.generation:
        if len(s.routes) >= _ROUTES_MAX:
            s.routes.clear()  # principals and label sets come and go; planning again is cheap
        s.routes[key] = route
    return key, route


def parked_tasks(s: State, key: RouteKey) -> list[Task]:
    """Return and unpark the tasks that wait for a route."""
    return list(s.parked.pop(key, ()))


def new_generation(s: State, m: Generation) -> bool:
    """Void every route: the graph or the policy changed. Steps under way keep the plan that they started with.

    Return False if its labels make no table, or give a label another bit than it has on data that is here already:
    nothing of it is taken then, as its bitmaps mean something else.
    """
    try:
        table = LabelTable(m.labels[len(BUILTIN) :]) if m.labels else s.label_table
    except HiveError:
        s.count("generations_malformed")
        return False
    known = s.label_table.names
    if s.generation and table.names[: len(known)] != known:
        s.count("generations_contradictory")
        return False
    s.generation = m.generation
    s.allowed_labels = m.allowed_labels
    s.site_rule = m.rule
    s.quotas = m.quotas
    s.quota_of.clear()
    s.routes.clear()
    s.label_table = table
    sites = {site: (mask, rule) for site, mask, rule in m.sites}
    if (sites, m.links) != (s.gate.sites, s.gate.links):
        s.gate = Gate(sites, m.links)
    return True


def _route(s: State, m: Plan, key: RouteKey) -> Route:
    """Take a PLAN apart. One that makes no sense refuses its tasks: the dispatcher must outlive any control process."""
    if m.refused:
        return Route(m.generation, (), failure_of(m.refused, "internal"), 0)
    _, _, have, labels, _, _ = key
    if not labels and m.default_labels & ~s.allowed_labels:
        return Route(m.generation, (), forbidden(s, m.default_labels), 0)
    given = max(1, len(have))
    try:
        steps = tuple(PlanStep(raw) for raw in m.steps)
        sources = [(at, source) for at, step in enumerate(steps) for _, _, source in step.inputs]
        sane = all(-given <= source < at for at, source in sources)
    except (KeyError, TypeError, ValueError):
        steps, sane = (), False
    if steps and sane:
        for step in steps:
            if step.sites:
                s.capability(step.capability).linked = True
        return Route(m.generation, steps, {}, m.default_labels)
    s.count("plans_malformed")
    return Route(0, (), failure("internal", "The control process sent a plan that makes no sense."), 0)


def _give_up(s: State) -> None:
    """Forget the oldest question. Tasks that wait for its answer run into the planning timeout."""
    ask, key = s.asks.popitem(last=False)
    _answered(s, ask, key)
    if key in s.asking:
        return
    for session, query in s.explains.pop(key, ()):
        s.explains_open -= 1
        refuse(s, session, query.header, failure("planning_unavailable", retry_after_ms=1000))


def _answered(s: State, ask: int, key: RouteKey) -> None:
    known = s.asking.get(key)
    if known is not None and known[0] == ask:
        del s.asking[key]


def _send(s: State, ask: int, key: RouteKey) -> None:
    capability, want, have, labels, principal, via = key
    header = EMPTY._replace(sent_us=s.now_us)
    questions.ask(s, PlanWanted(header, ask, capability, want, have, labels, principal, via))
