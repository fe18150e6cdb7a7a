"""An advert as the TXT record of DNS-SD (RFC 6763, section 6): short keys, short values. Pure.

Whoever is on the LAN may send any bytes, so reading never raises: what is no advert of ours is None, and so
is one with words that no terminal should be given, such as escape sequences.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from hive.discovery.base import Advert, Kind

VALUE_BYTES: Final = 240
"""A string of a TXT record has at most 255 bytes, the key and the equals sign among them."""


def to_text(advert: Advert) -> dict[str, str]:
    """Return the keys and values of an advert. Raises ValueError if one is too long for a record."""
    text = {
        "mesh": advert.mesh,
        "id": advert.id,
        "inc": str(advert.incarnation),
        "site": advert.site,
        "cap": advert.capability,
        "digest": advert.digest,
        "port": str(advert.port),
        "key": advert.fingerprint,
        "v": f"{advert.versions[0]}-{advert.versions[1]}",
    }
    for key, value in text.items():
        if len(value.encode()) > VALUE_BYTES:
            raise ValueError(f"{key!r} of the advert of {advert.id[:40]!r} is too long for mDNS")
    return text


def from_text(
    kind: Kind, text: Mapping[bytes, bytes | None], port: int, addresses: tuple[str, ...]
) -> Advert | None:
    """Return the advert in a TXT record, None if it is not one of ours.

    Unknown keys are passed over, so that later versions may add some. The port is the one of the service record,
    which is what a resolver dials.
    """
    try:
        words = {key.decode(): value.decode() for key, value in text.items() if value is not None}
        low, _, high = words["v"].partition("-")
        advert = Advert(
            kind,
            words["mesh"],
            words["id"],
            words["site"],
            port,
            int(words.get("inc") or 0),
            words.get("cap", ""),
            words.get("digest", ""),
            words.get("key", ""),
            (int(low), int(high)),
            addresses,
        )
    except (KeyError, ValueError):
        return None
    shown = (advert.mesh, advert.id, advert.site, advert.capability, advert.digest)
    return advert if all(shown[:3]) and all(word.isprintable() for word in shown) else None
