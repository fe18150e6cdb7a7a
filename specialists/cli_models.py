"""`hive models`: the specialists that come with Hive, and what a directory with one holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, out, reported

if TYPE_CHECKING:
    from specialists.manifest import Manifest

models_app = typer.Typer(help="List the bundled specialists.", no_args_is_help=True)


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the bundled specialists, and which digest each has (`hive models show` has all of it)."""
    from hive.cli.style import plain_table  # noqa: PLC0415 - keeps `hive --help` quick
    from specialists.load import bundled  # noqa: PLC0415
    from specialists.manifest import read_manifest  # noqa: PLC0415

    with reported(as_json=as_json):
        found = [read_manifest(directory) for directory in bundled()]
        if as_json:
            emit([_row(manifest) for manifest in found])
            return
        table = plain_table(("specialist", "capability", "from → to", "size", "digest"), right=("size",))
        for m in found:
            turns = f"{', '.join(m.inputs.values())} → {m.output}"
            name = f"[bold]{m.name}[/] [dim]{m.version}[/]"
            table.add_row(name, m.capability, turns, _size(m), f"[dim]{m.digest[7:19]}[/]")
        out.print(table)


@models_app.command()
def show(
    specialist: Annotated[str, typer.Argument(help="A bundled specialist's name, or a directory.")],
    as_json: JsonOption = False,
) -> None:
    """Check every file of a specialist against its manifest, and show what it does and how good it was measured."""
    from hive.cli.style import plain_table  # noqa: PLC0415
    from specialists.load import find  # noqa: PLC0415
    from specialists.manifest import read_manifest, verify  # noqa: PLC0415

    with reported(as_json=as_json):
        manifest = read_manifest(find(specialist))
        verify(manifest)
        if as_json:
            emit({**_row(manifest), "quality": {k: dict(v) for k, v in manifest.quality.items()}})
            return
        out.print(
            f"[bold]{manifest.name}[/] {manifest.version}  [dim]{manifest.directory}[/]", soft_wrap=True
        )
        table = plain_table(("", ""))
        table.show_header = False
        table.columns[0].min_width = 12
        for key, value in _row(manifest).items():
            if key not in ("specialist", "version", "directory"):
                table.add_row(f"[dim]{key}[/]", _words(value))
        for measure, figure in manifest.quality.items():
            of = "  ".join(f"{key} {figure[key]}" for key in ("n", "data") if key in figure)
            table.add_row(f"[dim]{measure}[/]", f"{figure.get('value')}  [dim]{of}[/]")
        out.print(table)
        out.print("[green]●[/] every file is the one that the manifest pins")


def _row(manifest: Manifest) -> dict[str, object]:
    return {
        "specialist": manifest.name,
        "version": manifest.version,
        "capability": manifest.capability,
        "inputs": dict(manifest.inputs),
        "output": manifest.output,
        "removes": sorted(manifest.removes),
        "size_bytes": sum(pin.size_bytes for pin in manifest.files.values()),
        "licence": manifest.licence,
        "digest": manifest.digest,
        "directory": str(manifest.directory),
    }


def _words(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {kind}" for key, kind in value.items())
    return ", ".join(map(str, value)) or "nothing" if isinstance(value, list) else str(value)


def _size(manifest: Manifest) -> str:
    size = sum(pin.size_bytes for pin in manifest.files.values())
    return f"{size / 1000:.0f} kB" if size else "-"
