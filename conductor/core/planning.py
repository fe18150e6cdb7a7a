"""Routes: compiled by the control process, looked up here. A miss parks the task and asks once."""

from __future__ import annotations

from typing import Final

from conductor.core.actions import Send
from conductor.core.outcome import failure
from conductor.core.state import State
from conductor.core.tasks import PlanStep, Route, RouteKey, Task
from hive.labels import LabelTable
from hive.wire.messages import EMPTY, Generation, Plan, PlanWanted

_ROUTES_MAX: Final = 10_000
_ASKS_MAX: Final = 10_000


def ask_for_route(s: State, key: RouteKey) -> None:
    """Ask the control process for a route, unless the question is already under way."""
    if key in s.asking:
        return
    if len(s.asks) >= _ASKS_MAX:
        s.asking.discard(s.asks.popitem(last=False)[1])  # its tasks run into the planning timeout
    ask = s.next_ask
    s.next_ask += 1
    s.asks[ask] = key
    s.asking.add(key)
    _send(s, ask, key)


def ask_again(s: State) -> None:
    """Repeat every open question to a control process that has just connected."""
    for ask, key in s.asks.items():
        _send(s, ask, key)


def take_route(s: State, m: Plan) -> tuple[RouteKey, Route] | None:
    """Keep a route that the control process compiled; None if nobody asked for it."""
    key = s.asks.pop(m.ask, None)
    if key is None:
        return None
    s.asking.discard(key)
    route = _route(s, m)
    if route.generation == s.generation:
        if len(s.routes) >= _ROUTES_MAX:
            s.routes.clear()  # principals and label sets come and go; planning again is cheap
        s.routes[key] = route
    return key, route


def parked_tasks(s: State, key: RouteKey) -> list[Task]:
    """Return and unpark the tasks that wait for a route."""
    return list(s.parked.pop(key, ()))


def new_generation(s: State, m: Generation) -> None:
    """Void every route: the graph or the policy changed. Steps under way keep the plan that they started with."""
    s.generation = m.generation
    s.allowed_labels = m.allowed_labels
    s.site_rule = m.rule
    s.quotas = m.quotas
    s.quota_of.clear()
    s.routes.clear()
    if m.labels:
        extra = m.labels[len(LabelTable().names) :]
        s.label_table = LabelTable(extra)


def _route(s: State, m: Plan) -> Route:
    """Take a PLAN apart. One that makes no sense refuses its tasks: the dispatcher must outlive any control process."""
    try:
        steps = tuple(PlanStep(raw) for raw in m.steps)
        sane = all(source < at for at, step in enumerate(steps) for _, _, source in step.inputs)
    except (KeyError, TypeError, ValueError):
        steps, sane = (), False
    if m.refused or (steps and sane):
        return Route(m.generation, steps, dict(m.refused), m.default_labels)
    s.count("plans_malformed")
    return Route(0, (), failure("internal", "The control process sent a plan that makes no sense."), 0)


def _send(s: State, ask: int, key: RouteKey) -> None:
    if s.control is None:
        return
    capability, want, have, labels, principal = key
    header = EMPTY._replace(sent_us=s.now_us)
    s.actions.append(Send(s.control.id, PlanWanted(header, ask, capability, want, have, labels, principal)))
