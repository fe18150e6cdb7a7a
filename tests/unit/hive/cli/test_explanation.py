"""What `hive explain` shows."""

from __future__ import annotations

import io

from rich.console import Console, RenderableType

from hive.cli.explanation import explanation_screen


def shown(screen: RenderableType) -> list[str]:
    paper = io.StringIO()
    Console(file=paper, width=120, color_system=None).print(screen)
    return [line.rstrip() for line in paper.getvalue().splitlines()]


def test_an_explanation_names_steps_rules_labels_and_candidates() -> None:
    step = {
        "capability": "text.redact", "output": "text.redacted", "labels": ["pii"], "removes": ["pii"],
        "rule": "presses", "why": "pii may be here",
        "candidates": [
            {"node": "a/x", "allowed": True, "reason": "0 of 4 slots in use"},
            {"node": "b/x", "allowed": False, "reason": "it is lost"},
        ],
    }  # fmt: skip
    assert shown(explanation_screen({"refused": None, "plan": ["text.redact"], "steps": [step]})) == [
        "● would run",
        "└── 1. text.redact → text.redacted",
        "    ├── labels pii, removes pii",
        "    ├── rule presses: pii may be here",
        "    ├── ✓ a/x  0 of 4 slots in use",
        "    └── ✗ b/x  it is lost",
    ]


def test_a_refusal_names_its_rule() -> None:
    refused = {"code": "label_forbidden", "detail": "phi may not be here.", "rule": "plant-data"}
    assert shown(explanation_screen({"refused": refused, "plan": []})) == [
        "● would be refused  label_forbidden",
        "├── phi may not be here.",
        "└── rule plant-data",
    ]
