"""Who may import whom is written in pyproject.toml; here it holds, statically and in a fresh interpreter."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def _loaded_by(module: str) -> set[str]:
    """Return the top-level modules that a fresh interpreter has after `import module`."""
    code = f"import json, sys, {module}; print(json.dumps(sorted({{n.split('.')[0] for n in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


@pytest.mark.timeout(120)
def test_import_contracts_are_kept() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run(
        [str(lint_imports), "--no-cache"],
        cwd=ROOT,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("module", "unwanted"),
    [
        (
            "hive.cli.app",
            {
                "torch",
                "ray",
                "transformers",
                "onnxruntime",
                "pydantic",
                "fastapi",
                "networkx",
                "sklearn",
                "pandas",
            },
        ),
        (
            "specialists.worker",
            {"zeroconf", "transformers", "ray", "pydantic", "torch", "asyncio", "typer", "rich", "httpx"},
        ),
        ("specialists.agent", {"onnxruntime", "tokenizers", "transformers", "ray", "torch"}),
        (
            "conductor.dispatcher.loop",
            {"asyncio", "pydantic", "networkx", "zeroconf", "fastapi", "logging", "sqlalchemy", "sqlite3"},
        ),
        ("conductor.dispatcher.__main__", {"sqlalchemy", "alembic", "psycopg", "sqlite3", "pydantic"}),
        ("conductor.store.sql.store", {"alembic", "psycopg", "sqlite3", "pydantic", "networkx", "fastapi"}),
    ],
)
def test_a_process_loads_only_what_it_needs(module: str, unwanted: set[str]) -> None:
    assert _loaded_by(module) & unwanted == set()
