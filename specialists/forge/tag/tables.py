"""Tables of marked texts: a row for each text with its spans or tags, or a row for each token."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Final

from specialists.forge.data.columns import TEXT_NAMES, column
from specialists.forge.data.findings import Findings, listed
from specialists.forge.sources.values import MarkedText
from specialists.forge.tag.cells import CellError, listed_in, spans_in
from specialists.forge.tag.schemes import has_places, marked
from specialists.forge.tag.troubles import Troubles

Row = tuple[int, Mapping[str, object]]

SPAN_NAMES: Final = ("spans", "entities", "slots", "annotations", "labels", "label")
TAGS_NAMES: Final = ("tags", "ner_tags", "ner", "bio", "bio_tags", "tag", "labels", "label")
TOKEN_NAMES: Final = ("token", "word", "tokens", "words")
SENTENCE_NAMES: Final = (
    "sentence #",
    "sentence_id",
    "sentence id",
    "sent_id",
    "sentence",
    "sentence_idx",
    "doc_id",
    "id",
)
INTENT_NAMES: Final = ("intent", "label", "class", "category")
FORMS: Final = (
    "A tagger learns from rows with a text and its spans (a list of objects with start, end and type), from rows with "
    "a list of tokens and one of their tags, or from rows with one token, its tag and the number of its sentence."
)


@dataclass(frozen=True, slots=True)
class Layout:
    """Which column is what; "" where there is none. Either `text` and `spans`, or `tokens` and `tags`.

    With `sentence`, each row is one token; tokens may be a text too, which is then cut at its spaces.
    """

    text: str = ""
    spans: str = ""
    tokens: str = ""
    tags: str = ""
    sentence: str = ""
    intent: str = ""


@dataclass(slots=True)
class _Search:
    """Looks for columns among those that are not taken: by the name that was given, or by usual ones."""

    columns: Sequence[str]
    sample: Sequence[Mapping[str, object]]
    named: dict[str, str]

    def find(self, what: str, usual: Sequence[str], fits: Callable[[object], bool]) -> str:
        """Return the column that is `what`: the one that was named, or the first usual one whose cells fit."""
        if what in self.named:
            return self.named[what]
        folded = {name.casefold(): name for name in reversed(self.columns)}
        free = (folded[name] for name in usual if name in folded and folded[name] not in self.named.values())
        return next((name for name in free if self.all(name, fits)), "")

    def all(self, name: str, fits: Callable[[object], bool]) -> bool:
        """Say whether all cells of the sample in column `name` fit; empty ones do."""
        cells = [row.get(name) for row in self.sample]
        return all(fits(cell) for cell in cells if cell is not None)


def layout_of(
    columns: Sequence[str],
    sample: Sequence[Mapping[str, object]],
    given: Mapping[str, str],
    findings: Findings,
) -> Layout:
    """Return which column is what: as `given` (text, spans, tags, tokens, sentence, label), or by usual names.

    `sample` is some rows, which tell lists from words. Raises HiveError(data_invalid) if nothing can be learned from
    such a file.
    """
    named = {what: column(columns, name, _option(what), findings) or "" for what, name in given.items()}
    findings.refuse_fatal()
    search = _Search(columns, sample, named)
    label = named.pop("label", "")
    if label and search.all(label, _is_list):
        named["tags" if search.all(label, _is_tags) else "spans"] = label
        label = ""
    text = search.find("text", TEXT_NAMES, _is_words)
    tokens = search.find("tokens", TOKEN_NAMES, lambda _: True)
    spans = "" if "tags" in named else search.find("spans", SPAN_NAMES, _is_spans)
    intent = label or search.find("intent", INTENT_NAMES, _is_words)
    if spans and text:
        return Layout(text=text, spans=spans, intent=intent)
    tags = search.find("tags", TAGS_NAMES, _is_tags)
    intent = "" if intent == tags else intent
    if tags and tokens and search.all(tags, _is_word):
        sentence = search.find("sentence", SENTENCE_NAMES, _is_words)
        if not sentence:
            findings.fatal(
                "sentence_missing",
                "Each row has a token and its tag, but no column says to which sentence it belongs. Name it with "
                "--column sentence=NAME.",
            )
        findings.refuse_fatal()
        return Layout(tokens=tokens, tags=tags, sentence=sentence)
    if tags and (tokens or text) and not search.all(tags, _is_word):
        return Layout(tokens=tokens or text, tags=tags, intent=intent)
    findings.fatal("columns_unknown", f"The file has the columns {listed(list(columns), 12)}. {FORMS}")
    findings.refuse_fatal()
    return Layout()


def _option(what: str) -> str:
    return f"--{what}-column" if what in ("text", "label") else f"--column {what}=NAME"


def read_rows(rows: Iterator[Row], layout: Layout, findings: Findings) -> Iterator[MarkedText]:
    """Yield the texts of `rows` of one text each; what is wrong is reported in `findings` at the end.

    Rows that do not fit are left out; HiveError(data_invalid) is raised if they are more than one in twenty.
    """
    troubles = Troubles()
    for number, row in rows:
        troubles.seen += 1
        intent = row.get(layout.intent) if layout.intent else None
        try:
            found = _from_spans(row, layout) if layout.spans else _from_tags(row, layout)
        except CellError as error:
            troubles.add(number, error)
            continue
        yield MarkedText(found.text, found.spans, intent="" if intent is None else str(intent).strip())
    troubles.report(findings)


def read_tokens(rows: Iterator[Row], layout: Layout, findings: Findings) -> Iterator[MarkedText]:
    """Yield the texts of `rows` of one token each. Rows of one sentence follow each other; as for `read_rows`.

    An empty cell in the column of sentences means the sentence above, as spreadsheets have it.
    """
    troubles = Troubles()
    for _, group in groupby(_filled(rows, layout.sentence), key=lambda row: row[0]):
        members = [(number, row) for _, number, row in group]
        troubles.seen += len(members)
        try:
            yield _joined(members, layout)
        except CellError as error:
            troubles.add(members[0][0], error)
    troubles.report(findings)


def _filled(rows: Iterator[Row], sentence: str) -> Iterator[tuple[object, int, Mapping[str, object]]]:
    current: object = None
    for number, row in rows:
        given = row.get(sentence)
        current = current if given is None else given
        yield current, number, row


def _joined(members: Sequence[Row], layout: Layout) -> MarkedText:
    tokens = [str(row.get(layout.tokens) or "").strip() for _, row in members]
    tags = [str(row.get(layout.tags) or "").strip() for _, row in members]
    if "" in tags:
        number = members[tags.index("")][0]
        raise CellError("tags_misaligned", f"the token in row {number} has no tag")
    kept = [(token, tag) for token, tag in zip(tokens, tags, strict=True) if token]
    if not kept:
        raise CellError("text_missing", "the sentence has no token")
    return marked([token for token, _ in kept], [tag for _, tag in kept], places=_with_places(tags))


def _from_spans(row: Mapping[str, object], layout: Layout) -> MarkedText:
    text = row.get(layout.text)
    if not isinstance(text, str) or not text.strip():
        raise CellError("text_missing", f"there is no text in {layout.text!r}")
    return MarkedText(text, spans_in(row.get(layout.spans), text))


def _from_tags(row: Mapping[str, object], layout: Layout) -> MarkedText:
    tokens = _strings(row.get(layout.tokens), layout.tokens)
    tags = _strings(row.get(layout.tags), layout.tags)
    if not tokens:
        raise CellError("text_missing", f"there is no token in {layout.tokens!r}")
    if len(tokens) != len(tags):
        raise CellError("tags_misaligned", f"{len(tokens)} tokens have {len(tags)} tags; each needs one")
    return marked(tokens, tags, places=_with_places(tags))


def _with_places(tags: Sequence[str]) -> bool:
    if any(tag.isdigit() for tag in tags):
        raise CellError("tags_numbered", "the tags are numbers; write their names, such as B-PERSON")
    return has_places(tags)


def _strings(cell: object, name: str) -> list[str]:
    if isinstance(cell, str) and not cell.lstrip().startswith("["):
        return cell.split()
    found = [str(item) for item in listed_in(cell)]
    if any(not item.strip() for item in found):
        raise CellError("tags_misaligned", f"the list in {name!r} has an empty string")
    return found


def _is_list(cell: object) -> bool:
    if isinstance(cell, str):
        return cell.lstrip()[:1] in ("[", "{")
    return isinstance(cell, list | tuple | Mapping) or hasattr(cell, "tolist")


def _is_words(cell: object) -> bool:
    return isinstance(cell, str | int) and not _is_list(cell)


def _is_word(cell: object) -> bool:
    return isinstance(cell, str) and len(cell.split()) <= 1 and not _is_list(cell)


def _is_spans(cell: object) -> bool:
    return _is_list(cell) and not (_is_tags(cell) and bool(listed_in(cell)))


def _is_tags(cell: object) -> bool:
    """Say whether a cell is a tag, or a list of tags: words, or an empty list."""
    if not _is_list(cell):
        return isinstance(cell, str)
    try:
        return all(isinstance(item, str | int) for item in listed_in(cell))
    except CellError:
        return False
