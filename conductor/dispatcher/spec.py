"""What the dispatcher is started with: plain JSON, so that the hot process imports no configuration library."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from conductor.core.peers import LinkSpec
from conductor.core.settings import Settings
from conductor.store.address import Address, address_of
from conductor.store.keep import Keep
from hive.errors import HiveError


@dataclass(frozen=True, slots=True)
class DispatcherSpec:
    """Addresses, names and limits of one dispatcher. `tokens` maps sha256(token) to a principal."""

    mesh: str
    site: str
    bind: str
    private: str
    state_dir: str
    conductor: str = ""
    insecure: bool = False
    store: str = "memory:"
    keep: Mapping[str, float] = field(default_factory=dict)
    tokens: Mapping[str, str] = field(default_factory=dict)
    tuning: Mapping[str, float] = field(default_factory=dict)
    links: Sequence[Mapping[str, object]] = ()

    def dials(self) -> list[LinkSpec]:
        """Return the conductors to link to, each with the token from the environment variable that is named for it."""
        return [
            LinkSpec(
                str(link["site"]),
                str(link["endpoint"]),
                bool(link.get("upstream")),
                os.environ.get(str(link.get("token_env") or ""), ""),
            )
            for link in self.links
        ]

    def settings(self) -> Settings:
        """Return the core's settings; raise HiveError(config_invalid) for an unknown name."""
        return settings_of(self.tuning)

    def store_address(self) -> Address:
        """Return where the tasks are kept; raise HiveError(config_invalid) if `store` names no such place."""
        return address_of(self.store, Path(self.state_dir), self.site)

    def kept(self) -> Keep:
        """Return how long what is finished is kept."""
        return Keep(**self.keep)  # type: ignore[arg-type]

    def epoch_file(self) -> Path:
        """Return the file that holds the epoch of the last start with a store in memory."""
        return Path(self.state_dir) / f"{self.site}.epoch"


def settings_of(tuning: Mapping[str, float]) -> Settings:
    """Return settings from the configuration's names: times end in `_ms` or `_s` there and in `_us` here.

    Raises HiveError(config_invalid) for a name that does not exist.
    """
    known = {item.name for item in fields(Settings)}
    whole = {item.name for item in fields(Settings) if isinstance(item.default, int)}
    chosen: dict[str, float] = {}
    for name, value in tuning.items():
        field_name, factor = name, 1.0
        for suffix, scale in (("_ms", 1e3), ("_s", 1e6)):
            if name.endswith(suffix) and name.removesuffix(suffix) + "_us" in known:
                field_name, factor = name.removesuffix(suffix) + "_us", scale
        if field_name not in known:
            names = ", ".join(sorted(known))
            raise HiveError("config_invalid", f"tuning has no {name!r}; it has {names} (times as _ms or _s).")
        chosen[field_name] = int(value * factor) if field_name in whole else value * factor
    return Settings(**chosen)  # type: ignore[arg-type]


def read_spec(text: str) -> DispatcherSpec:
    """Return the spec in a JSON document; raise HiveError(config_invalid) if it is none."""
    try:
        return DispatcherSpec(**json.loads(text))
    except (ValueError, TypeError) as error:
        raise HiveError(
            "config_invalid", f"The dispatcher's start document is not valid: {error}."
        ) from error
