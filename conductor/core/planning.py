"""Routes: compiled by the control process, looked up here. A miss parks the task and asks once."""

from __future__ import annotations

from typing import Final

from conductor.core.actions import Send
from conductor.core.state import State
from conductor.core.tasks import PlanStep, Route, RouteKey, Task
from hive.labels import LabelTable
from hive.wire.messages import EMPTY, Generation, Plan, PlanWanted

_ROUTES_MAX: Final = 10_000


def ask_for_route(s: State, key: RouteKey) -> None:
    """Ask the control process for a route, unless the question is already under way."""
    if key in s.asks.values():
        return
    ask = s.next_ask
    s.next_ask += 1
    s.asks[ask] = key
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
    route = Route(m.generation, tuple(PlanStep(raw) for raw in m.steps), dict(m.refused), m.default_labels)
    if m.generation == s.generation:
        if len(s.routes) >= _ROUTES_MAX:
            s.routes.clear()  # principals and label sets come and go; planning again is cheap
        s.routes[key] = route
    return key, route


def parked_tasks(s: State, key: RouteKey) -> list[Task]:
    """Return and unpark the tasks that wait for a route."""
    return s.parked.pop(key, [])


def new_generation(s: State, m: Generation) -> None:
    """Void every route: the graph or the policy changed. Steps under way keep the plan that they started with."""
    s.generation = m.generation
    s.allowed_labels = m.allowed_labels
    s.site_rule = m.rule
    s.quotas = m.quotas
    s.routes.clear()
    if m.labels:
        extra = m.labels[len(LabelTable().names) :]
        s.label_table = LabelTable(extra)


def _send(s: State, ask: int, key: RouteKey) -> None:
    if s.control is None:
        return
    capability, want, have, labels, principal = key
    header = EMPTY._replace(sent_us=s.now_us)
    s.actions.append(Send(s.control.id, PlanWanted(header, ask, capability, want, have, labels, principal)))
