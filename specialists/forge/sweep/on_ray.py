"""Trials on Ray Tune, side by side on this machine or on a cluster. The only module of the forge that knows Ray.

Ray Tune: Liaw et al., "Tune: A Research Platform for Distributed Model Selection and Training", 2018. All machines need
this version of Hive and its forge, and one cache and one data folder that all of them see under the same path: trials
find there what they have in common, such as the teacher, and the first that needs it makes it.
"""

from __future__ import annotations

import socket
import tempfile
from io import StringIO
from typing import Any, Final

from rich.console import Console

from hive.errors import HiveError
from specialists.forge.pipeline.progress import Lines
from specialists.forge.sweep.run import Sweep
from specialists.forge.sweep.space import Choice
from specialists.forge.sweep.trial import Outcome, run_trial

_KNOCK_S: Final = 10.0


def on_ray(sweep: Sweep, address: str) -> list[Outcome]:
    """Return the outcomes of all trials, in the order of the combinations.

    `address` is that of a cluster, or `local`. Raises HiveError: extra_missing without Ray Tune, unreachable if there
    is no cluster there.
    """
    ray, tune = _ray()
    _knock(address)
    try:
        ray.init(address=address, logging_level="ERROR", log_to_driver=False)
    except (ConnectionError, OSError, ValueError, RuntimeError) as error:
        raise HiveError("unreachable", f"There is no Ray cluster at {address!r}: {error}.") from error
    try:
        return _tuned(tune, sweep)
    finally:
        ray.shutdown()


def _tuned(tune: Any, sweep: Sweep) -> list[Outcome]:  # noqa: ANN401 - Ray is optional and has no types here
    def trial(config: dict[str, int]) -> None:
        quiet = Lines(Console(file=StringIO()))
        choice = sweep.choices[config["number"]]
        tune.report({"outcome": run_trial(sweep.recipe, choice, sweep.task, sweep.place, quiet)})

    numbers = list(range(len(sweep.choices)))
    with tempfile.TemporaryDirectory(prefix="hive-sweep-") as folder:
        tuner = tune.Tuner(
            tune.with_resources(trial, {"cpu": sweep.place.threads}),
            param_space={"number": tune.grid_search(numbers)},
            run_config=tune.RunConfig(name="sweep", storage_path=folder, verbose=0),
        )
        results = {int(result.config["number"]): result for result in tuner.fit()}
    return [_outcome(sweep.choices[number], results[number]) for number in numbers]


def _outcome(choice: Choice, result: Any) -> Outcome:  # noqa: ANN401
    outcome = (result.metrics or {}).get("outcome")
    if isinstance(outcome, Outcome):
        return outcome
    last = str(result.error or "no reason is known").strip().splitlines()[-1]
    return Outcome(choice, None, None, 0.0, f"The trial died: {last}")


def _ray() -> tuple[Any, Any]:
    try:
        import ray  # noqa: PLC0415 - only who sweeps with it needs it
        from ray import tune  # noqa: PLC0415
    except ImportError as error:
        detail = "A sweep on Ray needs Ray Tune: pip install 'hive-mesh[sweep]'. With --ray no, trials run in turn."
        raise HiveError("extra_missing", detail) from error
    return ray, tune


def _knock(address: str) -> None:
    """Raise HiveError(unreachable) where nobody listens: Ray itself would try for minutes."""
    host, _, port = address.rpartition("://")[2].rpartition(":")
    if not port.isdigit():
        return  # `local` and `auto` are no addresses
    try:
        socket.create_connection((host, int(port)), _KNOCK_S).close()
    except OSError as error:
        raise HiveError("unreachable", f"Nobody listens at {address!r}: {error}.") from error
