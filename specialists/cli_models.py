"""`hive models`: the bundled specialists, what was measured of them, and the digests that mesh files pin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from hive.cli.report import JsonOption, emit, escape, out, reported

if TYPE_CHECKING:
    from specialists.pins import Pin

models_app = typer.Typer(help="List the bundled specialists.", no_args_is_help=True, add_completion=False)


@models_app.command("list")
def list_models(as_json: JsonOption = False) -> None:
    """List the bundled specialists: capability, data types, size and digest."""
    from specialists.describe import as_row, models_screen  # noqa: PLC0415 - keeps `hive --help` quick
    from specialists.load import bundled  # noqa: PLC0415
    from specialists.manifest import read_manifest  # noqa: PLC0415

    with reported(as_json=as_json):
        manifests = [read_manifest(path) for path in bundled()]
        emit([as_row(manifest) for manifest in manifests]) if as_json else out.print(models_screen(manifests))


@models_app.command()
def show(
    name: Annotated[str, typer.Argument(help="A bundled name, NAME@VERSION, or a directory such as ./mine.")],
    every: Annotated[bool, typer.Option("--all", "-a", help="Show all figures, not just the first.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show one specialist, with the figures that were measured of it; each file is checked against its digest.

    Exit status 0 if the files are those that the manifest pins, else that of model_digest_mismatch.
    """
    from specialists.describe import as_row, lineage_screen, model_screen  # noqa: PLC0415
    from specialists.load import find  # noqa: PLC0415
    from specialists.manifest import read_manifest, verify  # noqa: PLC0415

    with reported(as_json=as_json):
        manifest = read_manifest(find(name))
        verify(manifest)
        if as_json:
            emit(as_row(manifest))
            return
        out.print(model_screen(manifest, every=every))
        if (lineage := lineage_screen(manifest)) is not None:
            out.print("", lineage)


@models_app.command()
def compare(
    names: Annotated[
        list[str], typer.Argument(help="Bundled names, NAME@VERSION, or directories such as ./mine.")
    ],
    plot: Annotated[
        str | None,
        typer.Option(help="Draw quality against size and time to FILE.svg, and FILE.png beside it."),
    ] = None,
    measure: Annotated[
        str | None, typer.Option(help="The measure that is drawn. Default: the first.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Compare specialists: measured quality, size, and the time of an answer here, side by side.

    Differences are to the first; one in bold is larger than the 95 % intervals of both.
    """
    from specialists import compare as comparing  # noqa: PLC0415

    with reported(as_json=as_json):
        models = comparing.compared(names)
        if plot is not None:
            comparing.plot(models, measure, plot)
        emit(comparing.comparison(models)) if as_json else out.print(comparing.compare_screen(models))


@models_app.command()
def digests(
    configs: Annotated[list[str], typer.Argument(help="Mesh files, or names of bundled ones.")],
    update: Annotated[
        bool, typer.Option("--update", help="Write the newest bundled digest in place of unknown ones.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Compare the digests in the removal rules of mesh files with the bundled specialists.

    A digest that no bundled specialist of the rule's capability has is named with its line. --update replaces it:
    look at `hive models show` first, since the rule then trusts that model. Exit status 0 if every digest is a
    bundled one now, 1 if not.
    """
    from specialists.pins import pins_in, replace_unknown  # noqa: PLC0415

    with reported(as_json=as_json):
        pins = [pin for config in configs for pin in (replace_unknown if update else pins_in)(config)]
        if as_json:
            emit([pin.as_json() for pin in pins])
        else:
            out.print("\n".join(map(_line, pins)) or "[dim]no digests[/]", soft_wrap=True)
        raise typer.Exit(0 if all(pin.known or pin.written for pin in pins) else 1)


def _line(pin: Pin) -> str:
    """Return the line about one digest."""
    where = f"[dim]{escape(pin.place)}[/]  {escape(pin.capability)}"
    if pin.known:
        return f"[green]●[/] {where}  {pin.known}"
    if pin.written:
        return f"[yellow]●[/] {where}  now {pin.newest}"
    if pin.newest:
        return (
            f"[red]●[/] {where}  no bundled specialist has {pin.digest[:19]}…; --update writes {pin.newest}"
        )
    return f"[red]●[/] {where}  no bundled specialist serves it"
