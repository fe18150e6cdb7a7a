"""Finds specialists and loads them: manifest, files that match their digests, engine, tokenizer and kind.

This is what a worker needs to answer, and no more: no pydantic, no network, no training library.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from types import MappingProxyType
from typing import Final

from hive.errors import HiveError
from specialists.engine.base import Engine
from specialists.engine.onnx import OnnxEngine
from specialists.engine.onnx_file import WHOLE_BATCH, operators
from specialists.engine.tokenize import TextTokenizer
from specialists.kinds.alert import Alert
from specialists.kinds.anomaly import Anomaly
from specialists.kinds.base import Answer, Inputs, Kind, KindFactory, Parts, consistent
from specialists.kinds.classify import Classify
from specialists.kinds.command import Command
from specialists.kinds.echo import Echo
from specialists.kinds.embed import Embed
from specialists.kinds.estimate import Estimate
from specialists.kinds.redact import Redact
from specialists.kinds.risk import Risk
from specialists.kinds.tag import Tag
from specialists.manifest import FILE_NAME, MODEL_FILE, Manifest, read_manifest, verify

MODELS: Final = Path(__file__).parent / "models"

KINDS: Final[Mapping[str, KindFactory]] = MappingProxyType(
    {
        "alert": Alert,
        "anomaly": Anomaly,
        "classify": Classify,
        "command": Command,
        "echo": Echo,
        "embed": Embed,
        "estimate": Estimate,
        "intent": Classify,  # the name that manifests had before there were other classes
        "redact": Redact,
        "risk": Risk,
        "tag": Tag,
    }
)


class Specialist:
    """A loaded specialist. Not safe for several threads at once; a worker has one thread."""

    def __init__(self, manifest: Manifest, kind: Kind) -> None:
        """Join a manifest and the kind that was built from it; `load` does this."""
        self._manifest = manifest
        self._kind = kind

    @property
    def manifest(self) -> Manifest:
        """The manifest."""
        return self._manifest

    @property
    def digest(self) -> str:
        """The text `sha256:` and the hash of the manifest, which pins every other file."""
        return self._manifest.digest

    def answer(self, batch: Sequence[Inputs]) -> list[Answer | HiveError]:
        """Return one answer, or HiveError(input_invalid), per input of a batch of at most `manifest.batch_max`.

        Each input maps the manifest's input names to decoded values. Answers are `consistent`. Raises
        HiveError(inference_failed) if the model fails.
        """
        answers = self._kind.answer(batch)
        return [consistent(answer) if isinstance(answer, Answer) else answer for answer in answers]

    def sample(self) -> Inputs:
        """Return a valid input."""
        return self._kind.sample()

    def warm_up(self) -> None:
        """Answer a sample alone and in a full batch, so that the first real input finds everything allocated.

        Raises HiveError(model_invalid) if the specialist cannot answer even that.
        """
        for size in (1, self._manifest.batch_max):
            try:
                answers = self.answer([self.sample()] * size)
            except HiveError as error:
                raise HiveError("model_invalid", f"{self._manifest.name}: {error.detail}") from error
            for answer in answers:
                if isinstance(answer, HiveError):
                    raise HiveError(
                        "model_invalid", f"{self._manifest.name} refuses its sample: {answer.detail}"
                    )


def load(name_or_path: str | Path, kinds: Mapping[str, KindFactory] = KINDS) -> Specialist:
    """Return the specialist of that name, `name@version` or directory; its kind must be one of `kinds`.

    Raises HiveError: model_not_found, manifest_invalid, model_digest_mismatch or model_invalid.
    """
    manifest = read_manifest(find(name_or_path))
    factory = kinds.get(manifest.kind)
    if factory is None:
        known = ", ".join(sorted(kinds))
        raise HiveError(
            "manifest_invalid", f"`kind` is {manifest.kind!r}; known kinds: {known}.", field="kind"
        )
    verify(manifest)
    bound_s = manifest.run_bound_ms / 1000
    engine: Engine | None = None
    if manifest.engine == "onnx":
        model = manifest.read(MODEL_FILE)
        _refuse_dependent_answers(manifest, model)
        engine = OnnxEngine(model, bound_s)
    tokenizer = TextTokenizer(manifest.read(manifest.tokenizer)) if manifest.tokenizer else None
    return Specialist(manifest, factory(Parts(manifest, engine, tokenizer)))


def _refuse_dependent_answers(manifest: Manifest, model: bytes) -> None:
    """Raise HiveError(manifest_invalid) if an answer of `model` would hang on what else is in its batch."""
    dynamic = sorted(operators(model) & WHOLE_BATCH) if manifest.batch_max > 1 else []
    if dynamic:
        raise HiveError(
            "manifest_invalid",
            f"{manifest.name}: `batch.max_size` is {manifest.batch_max}, but {dynamic[0]} in {MODEL_FILE} takes one "
            "scale over a whole batch, so that an answer would hang on its neighbours. Set it to 1, or quantize the "
            "activations with static scales.",
            field="batch.max_size",
        )


def find(name_or_path: str | Path) -> Path:
    """Return the directory of a specialist: a bundled `name` (its newest version), `name@version`, or a directory.

    Anything with a path separator, or that is a Path, is a directory. Raises HiveError(model_not_found).
    """
    text = str(name_or_path)
    if isinstance(name_or_path, Path) or "/" in text or text in (".", ".."):
        if not Path(text).is_dir():
            raise HiveError(
                "model_not_found", f"There is no directory {text}. Give the directory of a specialist."
            )
        return Path(text)
    name, _, version = text.partition("@")
    found = [path for path in bundled() if path.parent.name == name and version in ("", path.name)]
    if found:
        return found[-1]
    raise HiveError("model_not_found", _no_such(name, version), candidates=_bundled_names())


def bundled() -> list[Path]:
    """Return the directories of the bundled specialists, by name and then by version, oldest first."""
    found = (path.parent for path in MODELS.glob(f"*/*/{FILE_NAME}"))
    return sorted(found, key=lambda path: (path.parent.name, _version_key(path.name)))


def _version_key(version: str) -> tuple[tuple[int, str], ...]:
    return tuple((int(part), "") if part.isdigit() else (-1, part) for part in version.split("."))


def _bundled_names() -> list[str]:
    return sorted({path.parent.name for path in bundled()})


def _no_such(name: str, version: str) -> str:
    names = _bundled_names()
    if name in names:
        versions = ", ".join(path.name for path in bundled() if path.parent.name == name)
        return f"There is no version {version} of {name}; bundled: {versions}."
    close = get_close_matches(name, names, n=3, cutoff=0.4)
    hint = f"Did you mean {' or '.join(close)}?" if close else f"Bundled: {', '.join(names)}."
    return (
        f"There is no bundled specialist {name!r}. {hint} A directory is given as a path, such as ./{name}."
    )
