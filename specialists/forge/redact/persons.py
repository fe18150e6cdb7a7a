"""Made-up personal data: names, addresses, organisations, dates, and sentences that hold them.

Names are recombined from the parts found in training texts, or invented letter by letter from their letter
statistics, so that a model learns what a name is from its place in the sentence and not from a list.
"""

from __future__ import annotations

import calendar
import random
import string
from collections.abc import Callable, Mapping, Sequence
from typing import Final

from specialists.forge.redact.identifiers import Identifiers
from specialists.forge.redact.sentences import NEUTRAL, PATTERNS, ROLES, SPOTS, THINGS, UNITS
from specialists.forge.sources.values import MarkedText, Span

_MONTHS: Final = tuple(calendar.month_name)[1:]
_DAYS: Final = tuple(calendar.day_name)
_STREETS: Final = (
    "Street", "Road", "Avenue", "Lane", "Drive", "St", "Rd", "Ave", "Way", "Square", "Court", "Blvd", "Close", "Hill",
    "Crescent", "Terrace", "Parkway", "Place",
)  # fmt: skip
_FIRMS: Final = (
    "{W} Ltd", "{W} Inc", "{W} GmbH", "{W} & {W}", "{W} Group", "{W} Bank", "Bank of {L}", "{L} General Hospital",
    "University of {L}", "{W} Insurance", "{W} Systems", "{W} Pharma", "{W} S.A.", "{W} and Sons", "{L} City Council",
    "St. {P} Clinic", "{W} Energy", "{W} Logistics", "{L} Airlines", "The {W} Foundation", "{W}", "{W}", "{W}",
)  # fmt: skip
# Some write nouns with capitals, and they are still no names.
_TITLED, _SHOUTED = 0.2, 0.25
_STATES: Final = ("CA", "NY", "TX", "FL", "WA", "IL", "MA", "OH")


class Letters:
    """A letter-trigram model of words, which invents words that look like them."""

    def __init__(self, words: Sequence[str]) -> None:
        """Count which letter follows which pair."""
        self._next: dict[str, list[str]] = {}
        for word in words:
            line = f"^^{word.lower()}$"
            for i in range(len(line) - 2):
                self._next.setdefault(line[i : i + 2], []).append(line[i + 2])

    def invent(self, rng: random.Random) -> str:
        """Return a new capitalised word of 3 to 12 letters."""
        while True:
            word = "^^"
            while not word.endswith("$") and len(word) < 15:
                word += rng.choice(self._next[word[-2:]])
            if 3 <= len(word := word.strip("^$")) <= 12:
                return word.capitalize()


class Inventor:
    """Makes values of each type of personal data, and sentences around them."""

    def __init__(self, known: Mapping[str, Sequence[str]], rng: random.Random) -> None:
        """`known` holds values found in the training texts, by type (PERSON, LOCATION, ORGANIZATION), none empty."""
        self._rng = rng
        self._ids = Identifiers(rng)
        self._parts = {kind: sorted({p for v in values for p in v.split()}) for kind, values in known.items()}
        self._known = known
        self._letters = {
            kind: Letters([p for p in parts if p.isalpha()]) for kind, parts in self._parts.items()
        }
        ids = self._ids
        self._make: dict[str, Callable[[], str]] = {
            "PERSON": self._person,
            "LOCATION": lambda: self._place("LOCATION"),
            "ORGANIZATION": self._organization,
            "ADDRESS": self._address,
            "DATE": self._date,
            "ID": lambda: ids.social_security() if rng.random() < 0.4 else ids.record(),
            "EMAIL": lambda: ids.email(
                self._word("PERSON"), self._word("PERSON"), self._invented("ORGANIZATION")
            ),
            "PHONE": lambda: ids.phone() if rng.random() < 0.5 else ids.local_phone(),
            "CARD": ids.card,
            "IBAN": ids.iban,
            "IP": ids.ip,
        }
        self._neutral: dict[str, Callable[[], str]] = {
            "N": self._number,
            "THING": lambda: self._noun(THINGS),
            "ROLE": lambda: self._noun(ROLES),
            "SPOT": lambda: self._noun(SPOTS),
            "UNIT": lambda: rng.choice(UNITS),
        }

    def sentence(self, pattern: str) -> MarkedText:
        """Return `pattern` with each `{TYPE}` filled by a new value and marked; `pattern` is its group."""
        text, spans = "", []
        for piece in pattern.replace("{", "\0{").replace("}", "}\0").split("\0"):
            kind = piece[1:-1]
            if piece[:1] == "{" and kind in self._make:
                value = self._make[kind]()
                spans.append(Span(len(text), len(text) + len(value), kind))
                text += value
            elif piece[:1] == "{" and kind in self._neutral:
                text += self._neutral[kind]()
            else:
                text += piece
        return MarkedText(text, tuple(spans), pattern)

    def sentences(self, count: int, extra: Sequence[str] = ()) -> list[MarkedText]:
        """Return `count` sentences of random patterns, two of five from `extra` if there are any."""
        pools = [PATTERNS, PATTERNS, extra or PATTERNS, extra or PATTERNS, NEUTRAL]
        return [self.sentence(self._rng.choice(self._rng.choice(pools))) for _ in range(count)]

    def _number(self) -> str:
        forms = (
            "#",
            "##",
            "###",
            "####",
            "#.#",
            "##.#",
            "#,###",
            "1#:##",
            "#.##",
            "#####",
            "##/##",
            "##-###",
        )
        return self._ids.filled(self._rng.choice(forms))

    def _noun(self, nouns: Sequence[str]) -> str:
        noun, roll = self._rng.choice(nouns), self._rng.random()
        return noun.title() if roll < _TITLED else noun.upper() if roll < _SHOUTED else noun

    def _invented(self, kind: str) -> str:
        return self._letters[kind].invent(self._rng)

    def _word(self, kind: str) -> str:
        return self._invented(kind) if self._rng.random() < 0.35 else self._rng.choice(self._parts[kind])

    def _person(self) -> str:
        roll = self._rng.random()
        if roll < 0.25:
            return self._word("PERSON")
        if roll < 0.4:
            return self._rng.choice(self._known["PERSON"])
        middle = f" {self._rng.choice(string.ascii_uppercase)}." if roll > 0.93 else ""
        first = f"{self._rng.choice(string.ascii_uppercase)}." if roll < 0.44 else self._word("PERSON")
        return f"{first}{middle} {self._word('PERSON')}"

    def _place(self, kind: str) -> str:
        return self._rng.choice(self._known[kind]) if self._rng.random() < 0.7 else self._word(kind)

    def _organization(self) -> str:
        if self._rng.random() < 0.5:
            return self._rng.choice(self._known["ORGANIZATION"])
        form = self._rng.choice(_FIRMS)
        for sign, kind in (("{W}", "ORGANIZATION"), ("{L}", "LOCATION"), ("{P}", "PERSON")):
            while sign in form:
                form = form.replace(sign, self._invented(kind), 1)
        return form

    def _address(self) -> str:
        rng, filled = self._rng, self._ids.filled
        number, street = rng.randrange(1, 999), f"{self._word('PERSON')} {rng.choice(_STREETS)}"
        town, state = self._place("LOCATION"), rng.choice(_STATES)
        flat = rng.choice(("Apt. ##", "Apt #A", "Suite ###", "Flat #", "Unit ##", "Floor #"))
        gap = rng.choice((", ", ", ", "\n", " "))
        forms = (
            f"{number} {street}",
            f"{number} {street}{gap}{town}",
            f"{number} {street}{gap}{town}, {state} {filled('#####')}",
            f"{number} {street} {filled(flat)}{gap}{town}",
            f"{filled(flat)}, {number} {street}{gap}{town} {filled('AA# #AA')}",
            f"{self._word('LOCATION')}strasse {number}, {filled('#####')} {town}",
            f"{self._word('LOCATION')}weg {number % 90 + 1}",
            f"{self._word('LOCATION')}straat {number % 200 + 1}, {filled('#### AA')} {town}",
            f"{number % 100 + 1} rue {self._word('PERSON')}{gap}{filled('#####')} {town}",
            f"Via {self._word('PERSON')} {self._word('PERSON')} {number % 100 + 1}{gap}{filled('#####')} {town}",
            f"Calle {self._word('PERSON')} {number % 100 + 1}, {town}",
            f"{self._word('LOCATION')}gatan {number % 100 + 1}{gap}{filled('### ##')} {town}",
            f"PO Box {filled('####')}{gap}{town}",
            f"{town}, {state}",
        )
        return rng.choice(forms)

    def _date(self) -> str:
        rng = self._rng
        day, month, year = rng.randrange(1, 29), rng.randrange(1, 13), rng.randrange(1930, 2030)
        name = _MONTHS[month - 1]
        forms = (
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{year}-{month:02}-{day:02}",
            f"{month}/{day}/{year}",
            f"{day:02}.{month:02}.{year}",
            f"{name[:3]} {day}",
            f"{day}/{month}/{year % 100:02}",
            f"{name} {year}",
            f"the {day}th of {name}",
            rng.choice(_DAYS),
            f"{rng.choice(_DAYS)}, {day} {name}",
            f"{year}",
            f"{year}-{month:02}-{day:02} {day % 24:02}:{month:02}",
        )
        return rng.choice(forms)
