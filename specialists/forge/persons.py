"""Made-up personal data: names, addresses, numbers and sentences that hold them.

Names are recombined from the parts found in training texts, or invented letter by letter from their letter
statistics, so that a model learns what a name is from its place in the sentence and not from a list.
"""

from __future__ import annotations

import calendar
import random
import string
from collections.abc import Callable, Sequence
from typing import Final

from specialists.forge.sentences import NEUTRAL, PATTERNS
from specialists.forge.sources.values import MarkedText, Span

_MONTHS: Final = tuple(calendar.month_name)[1:]
_KINDS: Final = (
    "Street",
    "Road",
    "Avenue",
    "Lane",
    "Drive",
    "St",
    "Rd",
    "Ave",
    "Way",
    "Square",
    "Court",
    "Blvd",
)
_THINGS: Final = [
    "pump",
    "valve",
    "press",
    "conveyor",
    "motor",
    "bearing",
    "boiler",
    "spindle",
    "gearbox",
    "sensor",
    "compressor",
    "tank",
    "robot",
    "oven",
    "fan",
    "mixer",
    "crane",
    "turbine",
    "heater",
    "chiller",
    "printer",
    "server",
    "router",
    "pipe",
    "filter",
    "belt",
    "drill",
    "lathe",
    "furnace",
    "inverter",
]
_UNITS: Final = [
    "degrees",
    "bar",
    "rpm",
    "volts",
    "amps",
    "percent",
    "kW",
    "litres",
    "mm",
    "kPa",
    "C",
    "Nm",
    "Hz",
    "seconds",
    "kg",
]
_COUNTRIES: Final = {
    "DE": 18,
    "GB": 0,
    "FR": 0,
    "NL": 0,
    "ES": 20,
    "AT": 16,
    "BE": 12,
    "CH": 0,
    "IT": 0,
    "PL": 24,
}
_DOMAINS: Final = ("com", "org", "net", "de", "co.uk", "io", "fr", "eu", "edu", "us")


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

    def __init__(self, known: dict[str, list[str]], rng: random.Random) -> None:
        """`known` holds values found in the training texts, by type (PERSON, LOCATION, ORGANIZATION)."""
        self._rng = rng
        self._parts = {kind: sorted({p for v in values for p in v.split()}) for kind, values in known.items()}
        self._known = known
        self._letters = {
            kind: Letters([p for p in parts if p.isalpha()]) for kind, parts in self._parts.items()
        }
        self._make: dict[str, Callable[[], str]] = {
            "PERSON": self._person,
            "LOCATION": lambda: self._place("LOCATION"),
            "ORGANIZATION": lambda: self._place("ORGANIZATION"),
            "ADDRESS": self._address,
            "DATE": self._date,
            "ID": self._identity,
            "EMAIL": self._email,
            "PHONE": self._phone,
            "CARD": self._card,
            "IBAN": self._iban,
            "IP": self._ip,
        }
        self._neutral: dict[str, Callable[[], str]] = {
            "N": self._number,
            "THING": lambda: rng.choice(_THINGS),
            "UNIT": lambda: rng.choice(_UNITS),
        }

    def sentence(self, pattern: str) -> MarkedText:
        """Return `pattern` with each `{TYPE}` filled by a new value and marked."""
        text, spans = "", []
        for piece in pattern.replace("{", "\0{").replace("}", "}\0").split("\0"):
            kind = piece[1:-1]
            if piece[:1] == "{" and kind in self._make:
                value = self._make[kind]()
                spans.append(
                    Span(len(text), len(text) + len(value), "LOCATION" if kind == "ADDRESS" else kind)
                )
                text += value
            elif piece[:1] == "{" and kind in self._neutral:
                text += self._neutral[kind]()
            else:
                text += piece
        return MarkedText(text, tuple(spans), "made up")

    def sentences(self, count: int, extra: Sequence[str] = ()) -> list[MarkedText]:
        """Return `count` sentences of random patterns, two of five from `extra` if there are any."""
        pools = [PATTERNS, PATTERNS, extra or PATTERNS, extra or PATTERNS, NEUTRAL]
        return [self.sentence(self._rng.choice(self._rng.choice(pools))) for _ in range(count)]

    def _digits(self, form: str) -> str:
        return "".join(self._rng.choice(string.digits) if c == "#" else c for c in form)

    def _number(self) -> str:
        forms = ("#", "##", "###", "####", "#.#", "##.#", "#,###", "1#:##", "#.##")
        return self._digits(self._rng.choice(forms))

    def _word(self, kind: str) -> str:
        if self._rng.random() < 0.35:
            return self._letters[kind].invent(self._rng)
        return self._rng.choice(self._parts[kind])

    def _person(self) -> str:
        roll = self._rng.random()
        if roll < 0.25:
            return self._word("PERSON")
        if roll < 0.4:
            return self._rng.choice(self._known["PERSON"])
        middle = f" {self._rng.choice(string.ascii_uppercase)}." if roll > 0.93 else ""
        return f"{self._word('PERSON')}{middle} {self._word('PERSON')}"

    def _place(self, kind: str) -> str:
        return self._rng.choice(self._known[kind]) if self._rng.random() < 0.7 else self._word(kind)

    def _address(self) -> str:
        number, street = self._rng.randrange(1, 999), f"{self._word('PERSON')} {self._rng.choice(_KINDS)}"
        forms = (
            f"{number} {street}",
            f"{number} {street}, {self._place('LOCATION')}",
            f"{number} {street}, {self._place('LOCATION')} {self._digits('#####')}",
            f"{number} {street} Apt. {self._digits('##')}, {self._place('LOCATION')}",
            f"{self._word('LOCATION')}strasse {number}, {self._digits('#####')} {self._place('LOCATION')}",
            f"{self._word('LOCATION')}weg {number % 90 + 1}",
        )
        return self._rng.choice(forms)

    def _date(self) -> str:
        day, month, year = (
            self._rng.randrange(1, 29),
            self._rng.randrange(1, 13),
            self._rng.randrange(1930, 2030),
        )
        name = _MONTHS[month - 1]
        forms = (
            f"{day} {name} {year}",
            f"{name} {day}, {year}",
            f"{year}-{month:02}-{day:02}",
            f"{month}/{day}/{year}",
            f"{day:02}.{month:02}.{year}",
            f"{name[:3]} {day}",
            f"{day}/{month}/{year % 100:02}",
        )
        return self._rng.choice(forms)

    def _identity(self) -> str:
        letter = self._rng.choice(string.ascii_uppercase)
        forms = (
            "###-##-####",
            f"{letter}########",
            "#########",
            f"{letter}{letter}######",
            "##-#######",
            "########",
        )
        return self._digits(self._rng.choice(forms))

    def _email(self) -> str:
        one, two = self._word("PERSON").lower(), self._word("PERSON").lower()
        name = self._rng.choice(
            (f"{one}.{two}", f"{one[:1]}{two}", f"{one}{self._digits('##')}", f"{one}_{two}")
        )
        return (
            f"{name}@{self._letters['ORGANIZATION'].invent(self._rng).lower()}.{self._rng.choice(_DOMAINS)}"
        )

    def _phone(self) -> str:
        forms = (
            "(###) ###-####",
            "###-###-####",
            "+1 ### ### ####",
            "+49 ### #######",
            "+44 #### ######",
            "0### #######",
            "###.###.####",
            "00## ## ### ## ##",
            "### ####",
            "+############",
            "##########",
            "0## ### ## ##",
            "##-##-##-##",
            "0### ### ## ##",
            "### ### ###",
            "0## #### ####",
            "(0##) ####-###",
            "###-####",
        )
        return self._digits(self._rng.choice(forms))

    def _card(self) -> str:
        body = self._rng.choice("3456") + self._digits("#" * self._rng.choice((14, 14, 14, 13)))
        total = sum(int(c) if i % 2 else sum(divmod(2 * int(c), 10)) for i, c in enumerate(reversed(body)))
        full = f"{body}{-total % 10}"
        gap = self._rng.choice(("", "", " ", "-"))
        return gap.join(full[i : i + 4] for i in range(0, len(full), 4))

    def _iban(self) -> str:
        country = self._rng.choice(list(_COUNTRIES))
        length = _COUNTRIES[country] or 18
        letters = (
            "".join(self._rng.choice(string.ascii_uppercase) for _ in range(4)) if country in "GB NL" else ""
        )
        rest = letters + self._digits("#" * (length - len(letters)))
        number = "".join(str(int(c, 36)) for c in f"{rest}{country}00")
        full = f"{country}{98 - int(number) % 97:02}{rest}"
        return " ".join(full[i : i + 4] for i in range(0, len(full), 4)) if self._rng.random() < 0.4 else full

    def _ip(self) -> str:
        if self._rng.random() < 0.3:
            return ":".join(f"{self._rng.randrange(65536):x}" for _ in range(8))
        return ".".join(str(self._rng.randrange(256)) for _ in range(4))
