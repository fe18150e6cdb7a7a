"""What no single field of a mesh file shows: names that nothing defines, ports used twice, open ports, clashes.

Pure: a mesh in, (place, sentence) pairs out; each sentence says what to write instead.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Iterator
from fnmatch import fnmatchcase

from hive.config_models import MeshConfig
from hive.errors import HiveError
from hive.wire.auth import check_bind

Where = tuple[str | int, ...]
Problem = tuple[Where, str]


def contradictions(config: MeshConfig) -> Iterator[Problem]:
    """Yield every mistake, in the order of the file's parts."""
    yield from _conductor_addresses(config)
    yield from _device_names(config)
    yield from _sites_named(config)
    yield from _links(config)
    yield from _rule_names(config)
    yield from _label_names(config)
    yield from _tokens(config)


def _conductor_addresses(config: MeshConfig) -> Iterator[Problem]:
    used: dict[tuple[str, int], str] = {}
    for name, site in config.sites.items():
        conductor = site.conductor
        host, _, port = conductor.bind.removeprefix("tcp://").rpartition(":")
        places: list[tuple[tuple[str, ...], str, int]] = [(("bind",), host, int(port))]
        if conductor.http is not None:
            places.append((("http", "port"), conductor.http.host, conductor.http.port))
        for keys, at, number in places:
            where: Where = ("sites", name, "conductor", *keys)
            if number > 65535:  # noqa: PLR2004 - the largest port there is
                yield where, f"there is no port {number}; write one from 1 to 65535"
            try:
                check_bind(f"tcp://{at}:{number}", insecure=conductor.insecure)
            except HiveError as error:
                yield where, error.detail
            if number and (at, number) in used:
                yield where, f"port {number} is used by {used[at, number]} already; write another port"
            used.setdefault((at, number), ".".join(("sites", name, "conductor", *keys)))


def _device_names(config: MeshConfig) -> Iterator[Problem]:
    """Node ids begin with the device's name, so they are unique in the mesh only if those are."""
    first: dict[str, str] = {}
    for name, site in config.sites.items():
        for device in site.devices:
            where: Where = ("sites", name, "devices", device)
            if device in first:
                yield where, f"site {first[device]!r} has a device {device!r} already; write another name"
            first.setdefault(device, name)
            ids = [ident for ident, _ in config.node_ids(name, device)]
            for twice in sorted({ident for ident in ids if ids.count(ident) > 1}):
                yield where, f"two nodes would be called {twice!r}; rename one specialist's folder"


def _sites_named(config: MeshConfig) -> Iterator[Problem]:
    for kind in ("sites", "nodes"):
        for index, rule in enumerate(getattr(config.policy, kind)):
            if rule.site not in config.sites:
                sentence = _unknown("site", rule.site, config.sites)
                yield ("policy", kind, index, "site"), sentence
    for site in config.discovery.conductors:
        if site not in config.sites:
            yield ("discovery", "conductors", site), _unknown("site", site, config.sites)


def _links(config: MeshConfig) -> Iterator[Problem]:
    """Links lead to other sites of the file, once each, and link rules name sites that there are."""
    dialled: set[tuple[str, str]] = set()
    for name, site in config.sites.items():
        seen: set[str] = set()
        places: list[tuple[Where, str]] = [(("peers", i), p.site) for i, p in enumerate(site.conductor.peers)]
        if site.conductor.upstream is not None:
            places.insert(0, (("upstream",), site.conductor.upstream.site))
        for keys, other in places:
            where: Where = ("sites", name, "conductor", *keys, "site")
            if other == name:
                yield where, "a site cannot link to itself; name another"
            elif other not in config.sites:
                yield where, _unknown("site", other, config.sites)
            elif other in seen:
                yield where, f"{name!r} links to {other!r} already; write it once"
            elif (other, name) in dialled:
                yield (
                    where,
                    f"{other!r} dials {name!r} already, and work goes both ways; remove one of the two",
                )
            dialled.add((name, other))
            seen.add(other)
    for index, rule in enumerate(config.policy.links):
        ends = [(("from",), rule.source), (("to",), rule.target)]
        for keys, pattern in [*ends, *((("origins", i), o) for i, o in enumerate(rule.origins))]:
            if not any(fnmatchcase(site, pattern) for site in config.sites):
                yield ("policy", "links", index, *keys), _unknown("site", pattern, config.sites)


def _rule_names(config: MeshConfig) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for kind, index, name in config.policy.rules():
        if name in first:
            sentence = (
                f"the rule name {name!r} is used by {first[name]} already; refusals cite it, so write another"
            )
            yield ("policy", kind, index, "rule"), sentence
        first.setdefault(name, f"policy.{kind}[{index}]")


def _label_names(config: MeshConfig) -> Iterator[Problem]:
    try:
        known = config.label_table.names
    except HiveError as error:
        yield ("labels",), error.detail
        return
    for kind in ("sites", "principals", "removals", "links"):
        for index, rule in enumerate(getattr(config.policy, kind)):
            for position, name in enumerate(rule.labels):
                if name not in known:
                    yield ("policy", kind, index, "labels", position), _unknown("label", name, known)
    for index, rule in enumerate(config.policy.sites):
        where: Where = ("policy", "sites", index, "default_label")
        if rule.default_label and rule.default_label not in rule.labels:
            among = ", ".join(rule.labels) or "none"
            yield where, f"{rule.default_label!r} is not among this rule's labels; write one of them: {among}"


def _tokens(config: MeshConfig) -> Iterator[Problem]:
    first: dict[str, str] = {}
    for index, rule in enumerate(config.policy.principals):
        where: Where = ("policy", "principals", index, "token_sha256")
        digest = rule.token_sha256
        if digest is None:
            continue
        if any(mark in rule.principal for mark in "*?["):
            yield where, f"a token belongs to one principal, and {rule.principal!r} is a pattern"
        if first.setdefault(digest, rule.principal) != rule.principal:
            yield where, f"{first[digest]!r} has this token already; give each principal its own"


def _unknown(what: str, name: str, known: Iterable[str]) -> str:
    names = list(known)
    near = difflib.get_close_matches(name, names, 1)
    advice = f"did you mean {near[0]!r}?" if near else f"write one of: {', '.join(names)}"
    return f"there is no {what} {name!r}; {advice}"
