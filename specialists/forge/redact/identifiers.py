"""Made-up numbers and addresses of persons, with the checksums that real ones have, in the forms that people write.

Nothing here belongs to anybody: numbers are drawn at random, with the digits that make their checksums right.
"""

from __future__ import annotations

import random
import string
from typing import Final

from specialists.kinds import checksums

# First digits and length of the cards of each brand, and how its digits are grouped.
_CARDS: Final = (
    ("4", 16, (4, 4, 4, 4)), ("4", 16, (4, 4, 4, 4)), ("51", 16, (4, 4, 4, 4)), ("55", 16, (4, 4, 4, 4)),
    ("2221", 16, (4, 4, 4, 4)), ("34", 15, (4, 6, 5)), ("37", 15, (4, 6, 5)), ("6011", 16, (4, 4, 4, 4)),
    ("65", 16, (4, 4, 4, 4)), ("3530", 16, (4, 4, 4, 4)), ("36", 14, (4, 6, 4)), ("6759", 12, (4, 4, 4)),
    ("6763", 18, (4, 4, 4, 4, 2)), ("62", 19, (6, 13)), ("4", 13, (4, 4, 5)), ("1800", 15, (4, 6, 5)),
)  # fmt: skip
# Account numbers by country after the two check digits: # a digit, A a capital letter.
_ACCOUNTS: Final = {
    "DE": "#" * 18, "GB": "AAAA" + "#" * 14, "FR": "#" * 23, "NL": "AAAA" + "#" * 10, "ES": "#" * 20,
    "AT": "#" * 16, "BE": "#" * 12, "CH": "#" * 17, "IT": "A" + "#" * 22, "PL": "#" * 24, "PT": "#" * 21,
    "IE": "AAAA" + "#" * 14, "SE": "#" * 20, "NO": "#" * 11, "DK": "#" * 14, "FI": "#" * 14, "CZ": "#" * 20,
    "MT": "AAAA#####" + "#" * 18, "LU": "#" * 16, "GR": "#" * 23, "RO": "AAAA" + "#" * 16, "TR": "#" * 22,
    "SA": "#" * 20, "AE": "#" * 19, "BR": "#" * 23 + "AA", "IL": "#" * 19, "LV": "AAAA" + "#" * 13,
}  # fmt: skip
# Telephone numbers as they are written in many countries; N is a digit from 2 to 9.
PHONES: Final = (
    "(N##) N##-####", "N##-N##-####", "N##.N##.####", "+1 N## N## ####", "+1-N##-N##-####", "1-N##-N##-####",
    "+1 (N##) N##-####", "(N##)N##-####", "N##-N##-####x###", "N##-N##-#### ext. ##", "+1N##N######",
    "+44 7### ######", "+44 20 #### ####", "07### ######", "020 #### ####", "01### ######", "+44 (0)20 #### ####",
    "(020) #### ####", "+49 30 #######", "+49 1## ########", "0049 30 #######", "030 #######", "030/#######",
    "01## - #######", "+33 # ## ## ## ##", "06 ## ## ## ##", "01.##.##.##.##", "0033 6 ## ## ## ##",
    "+34 6## ### ###", "+39 02 #### ####", "+39 3## ### ####", "+31 6 ########", "06-########", "+32 4## ## ## ##",
    "+41 79 ### ## ##", "079 ### ## ##", "+43 664 #######", "+351 21 ### ####", "+351 9## ### ###",
    "+353 8# ### ####", "+45 ## ## ## ##", "+46 7# ### ## ##", "07#-### ## ##", "+47 ### ## ###", "+358 4# #######",
    "+48 ### ### ###", "+420 ### ### ###", "+36 20 ### ####", "+30 21# #######", "+90 5## ### ## ##",
    "+7 9## ###-##-##", "+91 9#### #####", "+91-9#########", "+86 1## #### ####", "+81 90-####-####",
    "090-####-####", "+82 10-####-####", "+61 4## ### ###", "04## ### ###", "(02) #### ####", "+64 21 ### ####",
    "+55 11 9####-####", "(11) 9####-####", "+52 55 #### ####", "+27 82 ### ####", "082 ### ####",
    "+234 80# ### ####", "+971 50 ### ####", "+972-5#-###-####", "+65 #### ####", "+N###########",
)  # fmt: skip
# The same without anything that tells a telephone number from another number: only the sentence does.
LOCAL_PHONES: Final = (
    "N##-####", "### ####", "##########", "0##########", "0#########", "### ### ###", "##-##-##-##",
    "#### ####", "## ######", "## ### ###", "N######",
)  # fmt: skip
_DOMAINS: Final = (
    "com",
    "org",
    "net",
    "de",
    "co.uk",
    "io",
    "fr",
    "eu",
    "edu",
    "us",
    "gov",
    "info",
    "health",
    "ac.at",
)
_DNI_LETTERS: Final = "TRWAGMYFPDXBNJZSQVHLCKE"
_RECORDS: Final = (
    "A########", "#########", "AA######", "##-#######", "########", "AA-####-##", "MRN#######", "A###-####-####",
    "######", "AAA######", "#####-####", "AA ## ## ##",
)  # fmt: skip


class Identifiers:
    """Draws numbers and addresses from one random source."""

    def __init__(self, rng: random.Random) -> None:
        """Use `rng` for every choice."""
        self._rng = rng

    def filled(self, form: str) -> str:
        """Return `form` with # as digits, N as digits from 2 to 9 and A as capital letters."""
        choices = {"#": string.digits, "N": "23456789", "A": string.ascii_uppercase}
        return "".join(self._rng.choice(choices[c]) if c in choices else c for c in form)

    def card(self) -> str:
        """Return a payment card's number with Luhn's checksum, grouped or not."""
        prefix, length, groups = self._rng.choice(_CARDS)
        body = prefix + self.filled("#" * (length - len(prefix) - 1))
        full = next(body + d for d in string.digits if checksums.luhn(body + d))
        gap = self._rng.choice(("", "", " ", "-"))
        return gap.join(_grouped(full, groups))

    def iban(self) -> str:
        """Return an account number with the checksum of ISO 13616, in groups of four or whole, in capitals or not."""
        country = self._rng.choice(sorted(_ACCOUNTS))
        rest = self.filled(_ACCOUNTS[country])
        number = "".join(str(int(c, 36)) for c in f"{rest}{country}00")
        full = f"{country}{98 - int(number) % 97:02}{rest}"
        if self._rng.random() < 0.1:
            full = full.lower()
        gap = self._rng.choice(("", " ", " ", "-")) if self._rng.random() < 0.6 else ""
        return gap.join(full[i : i + 4] for i in range(0, len(full), 4))

    def phone(self) -> str:
        """Return a telephone number in a form that shows that it is one."""
        return self.filled(self._rng.choice(PHONES))

    def local_phone(self) -> str:
        """Return a telephone number that only its sentence shows to be one."""
        return self.filled(self._rng.choice(LOCAL_PHONES))

    def ip(self) -> str:
        """Return an IPv4 address (two of three) or an IPv6 address, whole or shortened."""
        if self._rng.random() < 0.67:
            return ".".join(str(self._rng.randrange(1, 255)) for _ in range(4))
        words = [f"{self._rng.randrange(1, 65536):x}" for _ in range(8)]
        words[0] = self._rng.choice(("2001", "2a02", "fe80", "fd12", "2607"))
        cut = self._rng.randrange(2, 7)
        form = self._rng.choice(
            (":".join(words), f"{':'.join(words[:cut])}::{words[-1]}", f"{words[0]}::{words[-1]}")
        )
        return form.upper() if self._rng.random() < 0.2 else form

    def social_security(self) -> str:
        """Return a number that a state gives to a person, in the form of one of eight states."""
        makers = (
            self._american,
            self._american,
            self._british,
            self._spanish,
            self._brazilian,
            self._french,
            self._indian,
            self._health,
        )
        return self._rng.choice(makers)()

    def record(self) -> str:
        """Return a number of a patient, a customer, a passport or a licence."""
        return self.filled(self._rng.choice(_RECORDS))

    def email(self, one: str, two: str, host: str) -> str:
        """Return an e-mail address of somebody called `one` `two` at `host`."""
        one, two, host = (_plain(part) or "x" for part in (one, two, host))
        name = self._rng.choice(
            (f"{one}.{two}", f"{one[:1]}{two}", f"{one}{self.filled('##')}", f"{one}_{two}", f"{one}-{two}", one,
             f"{one}.{two}+{self._rng.choice(('news', 'bank', 'work'))}", f"{one}.{two[:1]}.{self.filled('#')}",
             f"{one}{two}")
        )  # fmt: skip
        domain = f"{host}.{self._rng.choice(_DOMAINS)}"
        if self._rng.random() < 0.2:
            domain = f"{self._rng.choice(('mail', 'smtp', 'hr', 'eu'))}.{domain}"
        sign, dot = self._rng.choice(
            (("@", "."),) * 12 + ((" at ", " dot "), (" [at] ", " [dot] "), ("(at)", "."))
        )
        address = name + sign + domain.replace(".", dot)
        return address.upper() if self._rng.random() < 0.05 else address

    def _american(self) -> str:
        area = self._rng.choice([n for n in range(1, 900) if n != 666])
        gap = self._rng.choice(("-", "-", "-", " "))
        return f"{area:03}{gap}{self._rng.randrange(1, 100):02}{gap}{self._rng.randrange(1, 10000):04}"

    def _british(self) -> str:
        gap = self._rng.choice(("", " "))
        return gap.join(
            (
                self._rng.choice(("AB", "CE", "JK", "NP", "SZ")),
                *(self.filled("##") for _ in "123"),
                self._rng.choice("ABCD"),
            )
        )

    def _spanish(self) -> str:
        number = self.filled("########")
        return number + self._rng.choice(("", "-")) + _DNI_LETTERS[int(number) % 23]

    def _brazilian(self) -> str:
        while True:
            digits = self.filled("#########")
            for count in (9, 10):
                digits += str(sum(int(d) * (count + 1 - i) for i, d in enumerate(digits)) * 10 % 11 % 10)
            form = f"{digits[:3]}.{digits[3:6]}.{digits[6:9]}-{digits[9:]}"
            if checksums.cpf(form):
                return form

    def _french(self) -> str:
        month = self._rng.randrange(1, 13)
        body = f"{self._rng.choice('12')}{self.filled('##')}{month:02}{self.filled('########')}"
        groups = _grouped(f"{body}{97 - int(body) % 97:02}", (1, 2, 2, 2, 3, 3, 2))
        return self._rng.choice(("", " ")).join(groups)

    def _indian(self) -> str:
        body = self._rng.choice("23456789") + self.filled("##########")
        full = next(body + d for d in string.digits if checksums.verhoeff(body + d))
        return " ".join(_grouped(full, (4, 4, 4)))

    def _health(self) -> str:
        while True:
            body = self._rng.choice("4567") + self.filled("########")
            for digit in string.digits:
                if checksums.nhs(body + digit):
                    return " ".join(_grouped(body + digit, (3, 3, 4)))


def _grouped(text: str, sizes: tuple[int, ...]) -> list[str]:
    out = []
    for size in sizes:
        out.append(text[:size])
        text = text[size:]
    return out


def _plain(name: str) -> str:
    return "".join(c for c in name.lower() if c.isalnum())
