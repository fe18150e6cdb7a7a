# ruff: noqa: INP001 - a script, no package
"""The pages of docs/reference/specialists: one for each bundled specialist, and the table of all of them.

What a page says comes from the specialist's own directory: its manifest, its card, and what was measured of its
teacher and of the machine. Only the example of each stands here, as the Python that makes its input. The answers are
kept in answers.json, so that a page is the same wherever it is written; tests/docs/test_specialist_pages.py asks for
them again.
"""

from __future__ import annotations

import json
import pprint
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from hive.config import load_config
from hive.errors import HiveError
from hive.types import TypeRegistry
from hive.values import decode_value, encode_value, to_json
from scripts.quality_picture import Point, picture
from specialists.describe import size_bytes, size_text
from specialists.load import bundled, load
from specialists.manifest import Manifest, read_manifest

FOLDER = Path(__file__).parent.parent / "docs" / "reference" / "specialists"
ANSWERS = FOLDER / "answers.json"
_WIDE = 400  # characters of an input that somebody would still write on a command line
_DIGITS = 2
_ITEMS = 8  # of a list, so that a vector does not fill the page
# The stages that leave a model, and what it is called where costs are measured.
_STAGES = {"teacher": "teacher", "prune": "student_fp32", "quantize": "student_int8"}
_PICTURE = """## Quality against size and time

![Quality against the size of the model and the time of an answer]({name}.svg)

The line is the 95 % interval of the model that is shipped. Sizes and times are from the machine that built it."""
_PUMP = """\
import math

window = {
    "source": "pump-7",
    "channels": ["pressure"],
    "interval_s": 60,
    "values": [[4.2 + 0.1 * math.sin(t / 5)] for t in range(96)],
}
window["values"][70] = [9.0]
"""
_FOUND = """
anomaly = {
    "anomalous": True,
    "score": 0.99,
    "threshold": 0.9,
    "channels": [{"name": "pressure", "score": 0.99}],
}
inputs = {"window": window, "anomaly": anomaly}
"""
_MACHINE = """\
record = {
    "type": "L",
    "air_temperature_k": 300.1,
    "process_temperature_k": 309.8,
    "rotational_speed_rpm": 1330,
    "torque_nm": 62.4,
    "tool_wear_min": 211,
}
"""
_PAYMENT = """\
transaction = {
    "amount": 700.0,
    "usual_amount": 30.0,
    "hour": 2.5,
    "country": "home",
    "merchant": "person",
    "channel": "transfer",
    "km_from_home": 6.0,
    "payments_last_hour": 0,
    "declined_last_day": 0,
    "failed_logins_last_day": 3,
    "device_age_days": 0.2,
    "account_age_days": 1500,
    "new_payee": "yes",
}
"""
_LOAN = """\
transaction = {
    "status_of_existing_checking_account": "... < 0 DM",
    "duration_in_month": 36,
    "credit_history": "existing credits paid back duly till now",
    "purpose": "car (new)",
    "credit_amount": 6500,
    "savings_account_and_bonds": "... < 100 DM",
    "present_employment_since": "1 <= ... < 4 years",
    "installment_rate_in_percentage_of_disposable_income": 4,
    "housing": "rent",
    "job": "skilled employee / official",
}
"""
# What makes the input, in Python; the last name that it sets is the input, a dict of them where there are several.
# A specialist that is not here is asked its own sample.
EXAMPLES: Mapping[str, str] = {
    "machine-predict-failure": _MACHINE,
    "mesh-echo": 'text = "hello"\n',
    "sensor-describe-anomaly": _PUMP + _FOUND,
    "sensor-detect-anomaly": _PUMP,
    "text-classify-intent": 'text = "switch on the light in the hall"\n',
    "text-embed": 'text = "the pump is too hot"\n',
    "text-parse-command": 'text = "remind me to call my sister at six on friday"\n',
    "text-redact": 'text = "Please call Maria Keller in Lisbon on +351 21 000 0000."\n',
    "text-route-note": 'text = "She takes lisinopril 10 mg daily for high blood pressure."\n',
    "transaction-score-credit": _LOAN,
    "transaction-score-risk": _PAYMENT,
}
# What else a reader should know before asking, by capability.
NOTES: Mapping[str, str] = {
    "sensor.describe_anomaly": "Whoever has a window only asks for the type that is wanted: `hive submit --want alert "
    "--input-type sensor.window @window.json` goes through `sensor.detect_anomaly` first.",
    "sensor.detect_anomaly": "Send the answer's `context` with the next window of the same source: it holds what is "
    "usual for it. Nothing is kept anywhere else.",
    "text.route_note": "Notes with names in them may be labelled `pii`; where those may not be, a task for a `route` "
    "goes through `text.redact` first.",
}


def write(*, answers: bool = False) -> dict[Path, str]:
    """Return what every file of the folder should hold; with `answers`, the examples are asked again."""
    manifests = [read_manifest(path) for path in newest()]
    found = {m.name: answer_of(m.name) for m in manifests} if answers else read_answers()
    files = {ANSWERS: json.dumps(found, indent=1, ensure_ascii=False) + "\n"}
    files[FOLDER / "index.md"] = _index(manifests)
    for manifest in manifests:
        drawn = _picture(manifest)
        files |= {FOLDER / f"{manifest.name}.svg": drawn} if drawn else {}
        files[FOLDER / f"{manifest.name}.md"] = _page(manifest, found.get(manifest.name))
    return files


def newest() -> list[Path]:
    """Return the directory of the newest version of each bundled specialist."""
    return list({path.parent.name: path for path in bundled()}.values())


def read_answers() -> dict[str, object]:
    """Return the answers that the pages show."""
    content = json.loads(ANSWERS.read_text(encoding="utf-8"))
    assert isinstance(content, dict)
    return content


def example(name: str) -> object:
    """Return the input of a specialist's example."""
    scope: dict[str, object] = {}
    exec(_source(name), scope)  # noqa: S102 - the text stands above, or comes from the specialist
    return list(scope.values())[-1]


def _source(name: str) -> str:
    if name in EXAMPLES:
        return EXAMPLES[name]
    inputs = to_json(load(name).sample())
    assert isinstance(inputs, dict)
    ((field, value),) = inputs.items()
    return f"{field} = {pprint.pformat(value, width=100, sort_dicts=False)}\n"


def answer_of(name: str) -> dict[str, object]:
    """Return what a specialist answers to its example: output, confidence, unsure, with numbers cut short."""
    specialist = load(name)
    manifest = specialist.manifest
    types = TypeRegistry(manifest.types)
    value = example(name)
    given = {next(iter(manifest.inputs)): value} if len(manifest.inputs) == 1 else value
    assert isinstance(given, dict)
    inputs = {
        key: decode_value(types.get(kind), encode_value(types.get(kind), given[key]))
        for key, kind in manifest.inputs.items()
    }
    (answer,) = specialist.answer([inputs])
    if isinstance(answer, HiveError):
        raise answer
    shown = {"output": to_json(answer.output), "confidence": answer.confidence, "unsure": answer.unsure}
    short = _short(shown)
    assert isinstance(short, dict)
    return short


def _short(value: object) -> object:
    if isinstance(value, float):
        return round(value, _DIGITS)
    if isinstance(value, dict):
        return {key: _short(item) for key, item in value.items() if key != "context"}
    if isinstance(value, list):
        more = len(value) - _ITEMS
        return [_short(item) for item in value[:_ITEMS]] + ([f"... {more} more"] if more > 0 else [])
    return value


# One page


def _page(manifest: Manifest, answer: object) -> str:
    summary, sections = _card(manifest)
    parts = [
        f"# {manifest.name}",
        "<!-- written by python -m scripts.specialist_pages -->",
        summary,
        _facts(manifest),
        "## Ask it",
        *_asking(manifest, answer),
        *_vocabulary(manifest),
        _PICTURE.format(name=manifest.name) if _picture(manifest) else "",
        *sections,
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _facts(manifest: Manifest) -> str:
    inputs = ", ".join(f"`{name}`: {_type(kind)}" for name, kind in manifest.inputs.items())
    rows = {
        "capability": f"`{manifest.capability}`",
        "input": inputs,
        "output": _type(manifest.output),
        "may remove": ", ".join(f"`{label}`" for label in sorted(manifest.removes)),
        "version": manifest.version,
        "size": size_text(size_bytes(manifest)),
        "at once": f"up to {manifest.batch_max}: {manifest.batch_why}",
        "licence": manifest.licence,
        "digest": f"`{manifest.digest}`",
    }
    return "\n".join(["| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows.items() if text)])


def _type(name: str) -> str:
    return f"[`{name}`](../types.md)"


def _asking(manifest: Manifest, answer: object) -> Iterator[str]:
    source, value = _source(manifest.name), example(manifest.name)
    name = manifest.name
    commands = ["hive up dev --detach"]
    if name not in in_dev():
        yield "The mesh `dev` does not have it, so it gets a node of its own."
        commands.append(f"hive node run --specialist {name} --site home --name desk/{name} &")
    if (argument := _argument(value)) is not None:
        commands.append(f"hive submit {manifest.capability} {argument}")
    yield _fenced("sh", "\n".join(commands))
    yield "From Python:"
    yield _fenced("python", _program(manifest, source))
    yield "It answers:"
    yield _fenced("json", json.dumps(answer, indent=2, ensure_ascii=False))
    if argument is None and len(manifest.inputs) == 1:
        yield f"With the input in a file the same is `hive submit {manifest.capability} @input.json`."
    if argument is None and len(manifest.inputs) > 1:
        given = " ".join(f"-i {name}=@{name}.json" for name in manifest.inputs)
        yield f"With the inputs in files the same is `hive submit {manifest.capability} {given}`."
    if manifest.capability in NOTES:
        yield NOTES[manifest.capability]


def _program(manifest: Manifest, source: str) -> str:
    imports, _, rest = source.rpartition("import math\n")
    last = re.findall(r"^(\w+) = ", source, re.MULTILINE)[-1]
    given = f"inputs={last}" if len(manifest.inputs) > 1 else last
    return (
        f"{'import math' + chr(10) * 2 if imports or rest != source else ''}"
        f"from hive import Client\n\n{rest.strip()}\n\n"
        'with Client("http://127.0.0.1:8420") as mesh:\n'
        f'    answer = mesh.run("{manifest.capability}", {given})\n'
        "    print(answer.output, answer.confidence, answer.unsure)"
    )


def in_dev() -> set[str]:
    """Return the specialists that the bundled mesh `dev` runs."""
    sites = load_config("dev").sites.values()
    return {node.specialist for site in sites for device in site.devices.values() for node in device.nodes}


def _argument(value: object) -> str | None:
    """Return how a command line names an input, None if it is too long for one."""
    written = f'"{value}"' if isinstance(value, str) else f"'{json.dumps(value)}'"
    return written if len(written) <= _WIDE else None


def _fenced(language: str, text: str) -> str:
    return f"```{language}\n{text}\n```"


def _vocabulary(manifest: Manifest) -> Iterator[str]:
    """Yield what a specialist can read and say: the fields of its records, the names of its answers."""
    columns = manifest.preprocess.get("columns")
    if isinstance(columns, list):
        yield "## Fields"
        yield "A field may be null or absent; then it counts as missing."
        rows = ["| field | meaning | unit | in the training data |", "|---|---|---|---|"]
        for column in columns:
            seen = " ".join(f"`{value}`" for value in column.get("values", ())) or _range(column)
            rows.append(f"| `{column['name']}` | {column['title']} | {column.get('unit', '')} | {seen} |")
        yield "\n".join(rows)
    lists = {name: value for name, value in manifest.postprocess.items() if isinstance(value, list) and value}
    if lists:
        yield "## What it can say"
        for name, values in lists.items():
            yield f'??? note "{name.replace("_", " ")}: {len(values)}"'
            yield "    " + " ".join(f"`{value}`" for value in values)


def _range(column: Mapping[str, float]) -> str:
    return f"{column['low']:g} to {column['high']:g}"


def _picture(manifest: Manifest) -> str:
    """Return the picture of a specialist beside its teacher, or nothing if the forge did not make it."""
    folder = manifest.directory
    if not (folder / "lineage.json").is_file():
        return ""
    lineage, costs = (
        json.loads((folder / f"{name}.json").read_text("utf-8")) for name in ("lineage", "costs")
    )
    steps = {step["stage"]: step for step in lineage["steps"]}
    points = []
    for stage, part in _STAGES.items():
        value = steps[stage]["value"]
        spread = manifest.quality.get(lineage["headline"], {}) if part == costs["shipped"] else {}
        low, high = spread.get("low", value), spread.get("high", value)
        size, p50 = costs[part]["bytes"], costs[part].get("p50_ms", 0.0)
        points.append(Point(part.replace("_", " "), value, low, high, size, p50))
    return picture(lineage["headline"].replace("_", " "), points)


def _card(manifest: Manifest) -> tuple[str, list[str]]:
    """Return the summary of a specialist's card and its sections; a specialist without a model needs no card."""
    path = manifest.directory / "card.md"
    if not path.is_file():
        return "It has no model, and nothing was measured.", []
    _, _, text = path.read_text(encoding="utf-8").partition("\n")
    summary, *sections = re.split(r"\n(?=## )", text.strip())
    return summary.split("\n\n")[0], [section.strip() for section in sections]


# The table of all


def _index(manifests: list[Manifest]) -> str:
    head = (
        "specialist",
        "capability",
        "from",
        "to",
        "size",
        "an answer",
        "how good",
        "may remove",
        "licence",
    )
    rows = [f"| {' | '.join(head)} |", "|" + "---|" * len(head)]
    for m in manifests:
        removes = ", ".join(f"`{label}`" for label in sorted(m.removes))
        cells = [f"[{m.name}]({m.name}.md)", f"`{m.capability}`", _names(m.inputs.values()), f"`{m.output}`"]
        cells += [size_text(size_bytes(m)), *_headline(m), removes, m.licence]
        rows.append(f"| {' | '.join(cells)} |")
    return _INDEX.format(table="\n".join(rows))


def _headline(manifest: Manifest) -> tuple[str, str]:
    """Return the time of a run of the model, and the measure by which it is compared with its teacher."""
    if not (manifest.directory / "lineage.json").is_file():
        return "", ""
    lineage, costs = (
        json.loads((manifest.directory / f"{n}.json").read_text("utf-8")) for n in ("lineage", "costs")
    )
    name, p50 = lineage["headline"], costs[costs["shipped"]].get("p50_ms")
    figure = manifest.quality[name]
    spread = f" ({figure['low']:.3f} to {figure['high']:.3f})" if "low" in figure else ""
    return "" if p50 is None else f"{p50:.3g} ms", f"{name.replace('_', ' ')} {figure['value']:.3f}{spread}"


def _names(kinds: Iterable[str]) -> str:
    return ", ".join(f"`{kind}`" for kind in kinds)


_INDEX = """# Specialists

<!-- written by python -m scripts.specialist_pages -->

These come with Hive. Each is a small model that does one thing, with the figures that were measured of it on data that
it was not trained on.

{table}

An answer is one run of the model alone, one thread, half of all runs being quicker (p50), on the machine that built it.
How good: the measure by which it is compared with its teacher, with its 95 % interval. `hive models list` shows what is
here, and `hive models show NAME` the figures of one. An answer of any of them says how
sure it is (`confidence`), whether to rely on it at all (`unsure`), and, in its output, whether the input is unlike
the data that the specialist was made from (`unfamiliar`).

Yours may stand beside them: [make your own](../../tutorials/make-your-own.md) from a table of examples, or
[add a model](../../howto/add-a-specialist.md) that you have.
"""


if __name__ == "__main__":
    for target, content in write(answers=True).items():
        target.write_text(content, encoding="utf-8")
