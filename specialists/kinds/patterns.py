"""Personal data that has a form of its own: patterns, and checksums where the form has one.

The model beside them finds what only the sentence tells. A pattern with a checksum is as good as certain, so it wins
over the model. Numbers of machines and orders have forms too: a pattern without checksum asks for separators, or for
a word before it that says what the number is.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from specialists.kinds import checksums

_PHONE_DIGITS: Final = range(7, 16)
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTH: Final = (
    r"(?:jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sep(?:t(?:ember)?)?"
    r"|oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)\b\.?"
)
_DAY: Final = r"(?:0?[1-9]|[12]\d|3[01])(?:st|nd|rd|th)?"
_YEAR: Final = r"(?:19|20)\d\d"
_DAYS: Final = 31
_MONTHS_A_YEAR: Final = 12
_THREE: Final = re.compile(r"(\d+)[-/.](\d+)[-/.](\d+)")
_TIME: Final = r"(?:(?:T|,? )\d\d?:\d\d(?::\d\d(?:\.\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?)?"
# A gap within a number: a space (an unbreakable one too), a dash or a dot.
_GAP: Final = r"[ \u00a0\u202f.-]?"
_RUN: Final = re.compile(r"\d(?:[ \u00a0\u202f.()/-]{0,3}\d)*")
_NO_UNIT: Final = (
    r"(?!\w|[.,]\d| ?(?:mm|cm|m|m2|m3|km|g|kg|l|bar|rpm|v|a|w|kw|hz|c|f|nm|pcs|pieces|units|%|°)(?!\w))"
)


@dataclass(frozen=True, slots=True)
class Found:
    """Characters `start` to `end` (exclusive) are of type `kind`, with probability `score`."""

    start: int
    end: int
    kind: str
    score: float


@dataclass(frozen=True, slots=True)
class Rule:
    """A form of `kind`; `check` must hold for what is found, and no `unless` may end right before it.

    Looked for only where the text has a run of `digits` digits and, in lower case, one of `signs`: most texts have
    neither, and a search costs more than such a glance.
    """

    kind: str
    score: float
    form: re.Pattern[str]
    check: Callable[[str], bool] = bool
    unless: re.Pattern[str] | None = None
    digits: int = 0
    signs: tuple[str, ...] = ()


def phone(text: str) -> bool:
    """Say whether a run of digits and separators has as many digits as a telephone number (ITU-T E.164)."""
    return len(checksums.digits_of(text)) in _PHONE_DIGITS


def _national(text: str) -> bool:
    return len(checksums.digits_of(text)) in range(8, 13)


def _calendar(text: str) -> bool:
    """Say whether three numbers are a date: year, month and day in any order that people write."""
    first, second, third = (int(part) for part in _THREE.findall(text)[0])
    pair = (second, third) if first > _DAYS else (first, second)
    return 1 <= min(pair) <= _MONTHS_A_YEAR and 1 <= max(pair) <= _DAYS


def _form(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_VERSION: Final = _form(
    r"\b(?:v|ver|version|release|firmware|fw|software|build|rev|revision|section|chapter)[.: ]*$"
)
_GOODS: Final = _form(
    r"\b(?:part|order|item|article|batch|lot|serial|s/?n|p/?n|model|ref|reference|invoice|ticket|sku|asset|drawing"
    r"|product|flow|range)(?: ?(?:number|no|nr|num|id|code))?[\s.:#]*$"
)
_CALLED: Final = r"\b(?:tel|telephone|phone|mobile|cell|fax|call|ring|dial|whatsapp|sms|text)\b[^\d+(]{0,24}"
_NUMBERED: Final = (
    r"\b(?:ssn|social security|passport|licen[cs]e|mrn|medical record|patient id|national id|id card|tax id|taxpayer"
    r"|insurance|member|membership|employee|badge|account|acct|a/c|routing|nhs|sin|dni|aadhaar)"
    r"(?:[ -]?(?:number|no|nr|num|id|is|was|of|#|with|the|card))*[\s:#.=(-]{1,3}"
)
_EXTENSION: Final = r"(?: ?(?:x|ext\.?|extension) ?\d{1,6})?"
_RULES: Final = (
    Rule("EMAIL", 1.0, _form(
        r"(?:[\w.+%'&=~!#$*/?^`{|}-]{1,64}|\"[^\"\n@]{1,62}\")@[\w-]{1,63}(?:\.[\w-]{1,63}){1,8}"
    ), signs=("@",)),
    Rule("EMAIL", 1.0, _form(r"[\w.+-]{1,64}@\[[\da-f:.]{7,45}\]"), signs=("@[",)),
    Rule("EMAIL", 0.9, _form(r"(?<![\w.@])[a-z][\w.+-]{0,63}@[a-z][\w-]{2,62}(?![\w@])"), signs=("@",)),
    Rule("EMAIL", 0.95, _form(
        r"(?<![\w.])[\w.+-]{1,64} ?[\[({<] ?at ?[\])}>] ?[\w-]{1,63}"
        r"(?: ?(?:\.|[\[({<] ?dot ?[\])}>]) ?[\w-]{1,63}){1,4}"
    ), signs=("at]", "at)", "at}", "at>", "at ]", "at )")),
    Rule("EMAIL", 0.95, _form(
        r"(?<![\w.])[\w.+-]{1,64} at [\w-]{2,63}(?: dot [a-z][\w-]{1,30}(?!\w)){1,4}"
    ), signs=(" dot ",)),
    Rule("IBAN", 1.0, _form(
        r"(?<!\w)[a-z]{2}[ -]?\d{2}(?:[ \u00a0-]?[a-z0-9]){11,30}(?!\w)"
    ), checksums.iban, digits=4),
    Rule("IP", 1.0, _form(
        r"(?<![\w.])\d{1,3}(?:\.\d{1,3}){3}(?![\w]|\.\d)"
    ), checksums.ip_address, _VERSION, digits=4),
    Rule("IP", 1.0, _form(
        r"(?<![\w:])(?:[0-9a-f]{0,4}:){2,7}(?:[0-9a-f]{0,4}|\d{1,3}(?:\.\d{1,3}){3})(?:%\w{1,16})?(?![\w:])"
    ), checksums.ip_address, signs=("::",)),
    Rule("IP", 1.0, _form(
        r"(?<![\w:])(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}(?:%\w{1,16})?(?![\w:])"
    ), checksums.ip_address, signs=(":",)),
    Rule("DATE", 0.99, _form(
        rf"(?<![\w.,/-])(?:{_YEAR}([-/.])\d\d?\1\d\d?|\d\d?([-/.])\d\d?\2{_YEAR}){_TIME}(?![\w/-]|\.\d)"
    ), _calendar, digits=6),
    Rule("DATE", 0.95, _form(
        r"(?<![\w.,/-])\d\d?/\d\d?/\d\d(?![\w/-]|\.\d)"
    ), _calendar, digits=4, signs=("/",)),
    Rule("DATE", 0.95, _form(r"(?<![\w.,/-])\d\d\.\d\d\.\d\d(?![\w/-]|\.\d)"), _calendar, _VERSION, digits=6),
    Rule("DATE", 0.98, _form(
        rf"(?<![\w.,]){_DAY}(?: of)?[ -]{_MONTH}(?:,?[ -]{_YEAR})?(?!\w)"
    ), digits=1, signs=_MONTHS),
    Rule("DATE", 0.98, _form(
        rf"(?<!\w)(?!(?-i:may)){_MONTH}[ -]{_DAY}(?:,? {_YEAR})?(?![\w%]|[.,:]\d)"
    ), digits=1, signs=_MONTHS),
    Rule("DATE", 0.98, _form(rf"(?<!\w){_MONTH},? (?:{_DAY},? )?{_YEAR}(?!\w)"), digits=4, signs=_MONTHS),
    Rule("DATE", 0.95, _form(r"(?<!\w)(?:mon|tues|wednes|thurs|fri|satur|sun)day(?!\w)"), signs=("day",)),
    Rule("DATE", 0.9, _form(
        rf"(?<!\w)(?:in|since|until|till|during|year|early|late|mid|before|after) (?P<value>{_YEAR})(?![\w-]|[.,:]\d)"
    ), digits=4),
    Rule("ID", 0.98, _form(
        r"(?<!\w)[1278] ?\d\d ?\d\d ?(?:\d\d|2[AB]) ?\d{3} ?\d{3} ?\d\d(?!\w)"
    ), checksums.nir, digits=8),
    Rule("CARD", 1.0, _form(rf"(?<![\w.+-])\d(?:{_GAP}\d){{11,18}}(?![\w-])"), checksums.card, digits=12),
    Rule("ID", 0.95, _form(r"\b(?:cvv2?|cvc2?)(?: is|:)? ?(?P<value>\d{3,4})(?!\w|[.,]\d)"), digits=3),
    Rule("ID", 0.95, _form(r"\b(?:pin|tan)(?: code)?(?: is |: ?)(?P<value>\d{4,8})(?!\w|[.,]\d)"), digits=4),
    Rule("DATE", 0.95, _form(
        r"\b(?:exp|expir[ey]s?|expiry date|valid (?:thru|until|till))[ .:]{1,2}(?P<value>\d\d/(?:\d\d){1,2})(?![\w/])"
    ), digits=4),
    Rule("CARD", 0.9, _form(r"(?<![\w.-])[3-6]\d{3}([ -])\d{4}\1\d{4}\1\d{4}(?![\w-])"), digits=16),
    Rule("ID", 0.99, _form(
        r"(?<![\w-])\d{3}([- .])\d{2}\1\d{4}(?![\w-])"
    ), checksums.social_security, digits=9),
    Rule("ID", 0.98, _form(
        r"(?<!\w)[A-Z]{2} ?\d{2} ?\d{2} ?\d{2} ?[A-D](?!\w)"
    ), digits=6),
    Rule("ID", 0.98, _form(r"(?<!\w)[A-Z]{6}\d{2}[A-EHLMPR-T]\d{2}[A-Z]\d{3}[A-Z](?!\w)"), digits=3),
    Rule("ID", 0.98, _form(
        r"(?<![\w.])(?:\d{2}\.?\d{3}\.?\d{3}|[XYZ][ -]?\d{7})[ -]?[A-Z](?!\w)"
    ), checksums.dni, digits=7),
    Rule("ID", 0.98, _form(r"(?<![\w.])756\.\d{4}\.\d{4}\.\d{2}(?!\w)"), digits=13),
    Rule("ID", 0.98, _form(r"(?<![\w.])\d{3}\.\d{3}\.\d{3}-\d{2}(?!\w)"), checksums.cpf, digits=11),
    Rule("ID", 0.95, _form(
        r"(?<![\w-])[2-9]\d{3}([ -])\d{4}\1\d{4}(?![\w-]| \d)"
    ), checksums.verhoeff, _GOODS, digits=12),
    Rule("ID", 0.95, _form(r"(?<![\w-])(?<!\+1 )[4-7]\d{2} \d{3} \d{4}(?![\w-])"), checksums.nhs, _GOODS, digits=10),
    Rule("ID", 0.95, _form(r"(?<![\w-])\d{3}-\d{3}-\d{3}(?![\w-])"), checksums.luhn, _GOODS, digits=9),
    Rule("PHONE", 0.97, _form(
        rf"(?<![\w.])(?:\+|00)[ ]?[1-9](?:[ .()/\u00a0-]{{0,3}}\d){{6,14}}{_EXTENSION}(?!\w)"
    ), bool, digits=7),
    Rule("PHONE", 0.95, _form(
        rf"(?<![\w.])(?:1[ .-]?)?\(?\d{{3}}\)?[ .-]{{0,2}}\d{{3}}[ .-]\d{{4}}{_EXTENSION}{_NO_UNIT}"
    ), bool, _GOODS, digits=10),
    Rule("PHONE", 0.93, _form(
        rf"(?<![\w.])\(0?\d{{1,4}}\)[ -]?\d{{2,4}}(?:[ .-]?\d{{2,4}}){{1,3}}{_NO_UNIT}"
    ), phone, _GOODS, digits=7, signs=("(",)),
    Rule("PHONE", 0.93, _form(
        rf"(?<![\w.,])0[1-9]\d{{0,4}}(?:[ /-]{{1,3}}\d{{2,8}}){{1,4}}{_NO_UNIT}"
    ), _national, _GOODS, digits=8),
    Rule("PHONE", 0.93, _form(r"(?<![\w.])0[1-9](?:\.\d\d){4}(?!\w)"), bool, _VERSION, digits=10),
    Rule("PHONE", 0.93, _form(
        rf"{_CALLED}(?P<value>\+?\(?\d(?:[ .()/-]{{0,2}}\d){{6,14}}){_NO_UNIT}"
    ), phone, digits=7),
    Rule("PHONE", 0.93, _form(
        r"(?<![\w.])(?P<value>\+?\(?\d(?:[ .()/-]{0,2}\d){6,14})[ -]{1,2}"
        r"(?:office|fax|mobile|cell|home|phone|tel)(?!\w)"
    ), phone, _GOODS, digits=7),
    Rule("ID", 0.93, _form(
        rf"{_NUMBERED}(?P<value>(?=(?:[a-z-]{{0,4}}[ -]?\d){{4}})"
        r"[a-z]{0,4}[ -]?\d(?:[a-z0-9]|[ -](?=[a-z]{0,3}\d)){3,19})(?!\w)"
    ), digits=4),
)  # fmt: skip


def find_patterns(text: str) -> list[Found]:
    """Return what the patterns find, in order and without overlaps; an earlier rule wins over a later one."""
    taken: list[Found] = []
    for found in _matches(text):
        if not any(found.start < other.end and other.start < found.end for other in taken):
            taken.append(found)
    return sorted(taken, key=lambda found: found.start)


def _matches(text: str) -> Iterator[Found]:
    plain = text.lower()
    longest = max((sum(map(str.isdigit, run)) for run in _RUN.findall(text)), default=0)
    for rule in _RULES:
        if longest < rule.digits or (rule.signs and not any(sign in plain for sign in rule.signs)):
            continue
        yield from _found(rule, text)


def _found(rule: Rule, text: str) -> Iterator[Found]:
    """Yield what a rule finds; where a match fails, its next group may begin one that does not."""
    part = "value" if "value" in rule.form.groupindex else 0
    at = 0
    while match := rule.form.search(text, at):
        start, end = match.span(part)
        size = _passing(text[start:end], rule)
        if size and not (rule.unless and rule.unless.search(text[max(0, start - 24) : start])):
            stop = max(start + size, _later(text[start:end], size, rule) + start)
            yield Found(start, stop, rule.kind, rule.score)
            at = stop
        else:
            gap = text.find(" ", match.start() + 1, match.end())
            at = match.end() if gap < 0 else gap + 1


def _later(text: str, size: int, rule: Rule) -> int:
    """Return where the last number ends that begins inside the first `size` characters, which passed, and passes too.

    A number before a card may make its first groups pass by chance; the rest of the card must not stay.
    """
    stop = size
    at = text.find(" ")
    while stop < len(text) and 0 <= at < size:
        stop = max(stop, at + 1 + _passing(text[at + 1 :], rule))
        at = text.find(" ", at + 1)
    return stop


def _passing(text: str, rule: Rule) -> int:
    """Return how much of `text` passes: all, or less of the groups at its end, which may be the next words."""
    size = len(text)
    while size and not rule.check(text[:size]):
        size = max(0, text.rfind(" ", 0, size))
        if not rule.form.fullmatch(text[:size]):
            return 0
    return size
