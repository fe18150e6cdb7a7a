"""Who may ask what with which label, by the mesh file's own policy, and what is asked although it may not be. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, NamedTuple

from hive.config import MeshConfig
from hive.gate import Crossing, compile_gate

PRINCIPAL: Final = "local"
"""As whom callers ask."""
_HERE: Final = 4.0
_THERE: Final = 2.0
_FORBIDDEN: Final = 0.2


class Errand(NamedTuple):
    """A capability that is asked for with a label at a site, how often, and whether it is done at another site."""

    site: str
    capability: str
    label: str
    weight: float
    away: bool


def errands(config: MeshConfig, offered: Mapping[str, frozenset[str]]) -> list[Errand]:
    """Return what can be asked at each site; `offered` are the capabilities of its own nodes.

    What a site cannot do itself, and may not ask another for, is asked rarely: it has to be refused.
    """
    return [errand for site in config.sites for errand in _at(config, offered, site)]


def _at(config: MeshConfig, offered: Mapping[str, frozenset[str]], site: str) -> Iterator[Errand]:
    policy, table = config.compiled_policy, config.label_table
    gate = compile_gate(policy, table, config.sites)
    linked = {b if a == site else a for a, b in config.linked_sites() if site in (a, b)}
    for label in sorted(policy.allowed_labels(site)):
        for capability in sorted(frozenset().union(*offered.values())):
            if not policy.may_ask(PRINCIPAL, capability, [label]).allowed:
                continue
            if capability in offered[site]:
                yield Errand(site, capability, label, _HERE, away=False)
                continue
            ways = [
                other
                for other in linked
                if capability in offered[other]
                and gate.asks(Crossing(site, other, site, PRINCIPAL, capability), table.mask([label])).allowed
            ]
            yield Errand(site, capability, label, _THERE if ways else _FORBIDDEN, away=True)
