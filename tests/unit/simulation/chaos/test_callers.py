"""Specs of callers, and the count of what they write."""

from __future__ import annotations

from pathlib import Path

from simulation.chaos.caller import Diary, Spec, parse_spec
from simulation.chaos.callers import Tally
from simulation.chaos.errands import Errand
from simulation.chaos.line import Order, Told

ORDER = Order("p", "mesh.echo", "internal", 1000, durable=True, hold=False)


def test_a_spec_travels_as_an_argument() -> None:
    errand = Errand("plant", "mesh.echo", "internal", 4.0, away=False)
    spec = Spec("plant/http-1", "http", "http://x", "/f", (errand,), 10.0, 7, 5.0, (1.5,))
    assert parse_spec(spec.as_json()) == spec


def test_the_tally_reads_on_where_it_was(tmp_path: Path) -> None:
    diary, tally = Diary("plant/http-1", tmp_path), Tally(tmp_path)
    call = diary.invoke("submit", ORDER)
    tally.look()
    assert (tally.counts["asked"], tally.counts["acknowledged"]) == (1, 0)
    diary.end(call, "submit", ORDER, Told("ok", "t", "queued"))
    with (tmp_path / "plant.http-1.jsonl").open("a") as file:
        file.write('{"torn')
    diary.close()
    tally.look()
    assert (tally.counts["acknowledged"], tally.counts["finished"]) == (1, 0)
    with (tmp_path / "other.jsonl").open("w") as file:
        file.write('{"caller":"r","call":1,"kind":"ok","op":"read","task":"t","state":"done"}\n')
    tally.look()
    assert (tally.counts["acknowledged"], tally.counts["finished"]) == (1, 1)
