"""The arguments and options of the commands that ask a mesh for something."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

CapabilityArgument = Annotated[
    str | None, typer.Argument(help="What to call, such as text.classify_intent; left out with --want.")
]
InputArgument = Annotated[
    str | None,
    typer.Argument(
        help="Text, a JSON object, @FILE (.json or text), or - for standard input.", metavar="INPUT"
    ),
]
InputsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--input",
        "-i",
        metavar="NAME=INPUT",
        help="One of several inputs, by its name; NAME:TYPE=INPUT says its data type too. May be repeated.",
    ),
]
WantOption = Annotated[
    str | None, typer.Option("--want", help="The data type that is wanted, instead of a capability.")
]
TypeOption = Annotated[
    str | None, typer.Option("--input-type", help="Data type of the input, if it is not obvious.")
]
LabelsOption = Annotated[
    list[str] | None, typer.Option("--label", "-l", help="A label that the data carries; may be repeated.")
]
PrincipalOption = Annotated[
    str | None, typer.Option("--principal", help="Who asks. Default: $HIVE_PRINCIPAL, else local.")
]
TextOption = Annotated[bool, typer.Option("--text", help="Take INPUT as text, whatever it looks like.")]
TaskArgument = Annotated[str, typer.Argument(help="The task's id: 32 hexadecimal digits.")]


DurableOption = Annotated[
    bool | None,
    typer.Option(
        "--durable/--not-durable", help="Accept only once it is stored. Default: with --no-wait or --key."
    ),
]
HoldOption = Annotated[
    bool, typer.Option("--hold", help="Wait for a site that cannot be reached, instead of a refusal.")
]
TraceOption = Annotated[
    str | None, typer.Option("--traceparent", help="W3C trace context that goes with the task.")
]
NoWaitOption = Annotated[bool, typer.Option("--no-wait", help="Print the task's id and do not wait.")]
OutboxOption = Annotated[
    Path | None,
    typer.Option(
        "--outbox",
        help="Keep it in this file until a mesh has accepted it, and do not wait. With --no-wait: $HIVE_OUTBOX.",
    ),
]
ExpiresOption = Annotated[
    int | None,
    typer.Option("--expires-ms", min=1, help="How long it may wait in the outbox. Default: for ever."),
]
BeforeOption = Annotated[
    int, typer.Option("--before", help="Go on after the row with this `cursor`, which --json shows.")
]
