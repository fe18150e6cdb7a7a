"""The digests that mesh files pin in their removal rules, held against the bundled specialists."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from hive.config import load_config
from hive.config_source import find_source, read_source
from hive.errors import HiveError
from specialists.load import bundled
from specialists.manifest import Manifest, read_manifest


@dataclass(frozen=True, slots=True)
class Pin:
    """One digest in a removal rule.

    `place` is `file:line: path.of.keys`. `known` is the bundled `name@version` with that digest, or empty. `newest`
    is the newest bundled specialist of the capability, or empty; `written` says that its digest replaced this one.
    """

    place: str
    rule: str
    capability: str
    digest: str
    known: str
    newest: str
    written: bool = False

    def as_json(self) -> dict[str, object]:
        """Return a JSON object with the same names."""
        return {name: getattr(self, name) for name in self.__slots__}


def pins_in(config: str | Path) -> list[Pin]:
    """Return the digests in a mesh file. Raises HiveError(config_not_found) or HiveError(config_invalid)."""
    return _pins(config, _newest_last())


def replace_unknown(config: str | Path) -> list[Pin]:
    """Write the newest bundled digest in place of each unknown one; all else in the file stays as it is.

    Raises HiveError as `pins_in` does, and HiveError(state_unwritable) if the file cannot be written.
    """
    served = _newest_last()
    path = find_source(config)
    content = path.read_bytes()
    pins = []
    for pin in _pins(config, served):
        if pin.known or not pin.newest:
            pins.append(pin)
            continue
        content = content.replace(pin.digest.encode(), served[pin.capability][-1].digest.encode())
        pins.append(replace(pin, written=True))
    if any(pin.written for pin in pins):
        try:
            path.write_bytes(content)
        except OSError as error:
            raise HiveError("state_unwritable", f"{path} cannot be written: {error.strerror}.") from error
    return pins


def _newest_last() -> dict[str, list[Manifest]]:
    """Return the bundled specialists by capability; `bundled` sorts versions, the oldest first."""
    served: dict[str, list[Manifest]] = {}
    for path in bundled():
        manifest = read_manifest(path)
        served.setdefault(manifest.capability, []).append(manifest)
    return served


def _pins(config: str | Path, served: dict[str, list[Manifest]]) -> list[Pin]:
    mesh, source = load_config(config), read_source(config)
    pins = []
    for index, rule in enumerate(mesh.policy.removals):
        found = served.get(rule.capability, [])
        titles = {manifest.digest: f"{manifest.name}@{manifest.version}" for manifest in found}
        newest = titles[found[-1].digest] if found else ""
        for number, digest in enumerate(rule.digests):
            place = source.place(("policy", "removals", index, "digests", number))
            pins.append(Pin(place, rule.rule, rule.capability, digest, titles.get(digest, ""), newest))
    return pins
