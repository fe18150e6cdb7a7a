"""Where the public data sets lie, and how each is cited."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

CITATIONS: Final = {
    "clinc150": "CLINC150 (Larson et al. 2019, An Evaluation Dataset for Intent Classification and Out-of-Scope "
    "Prediction), github.com/clinc/oos-eval, CC BY 3.0",
    "hwu64": "HWU64 (Liu et al. 2019, Benchmarking Natural Language Understanding Services), "
    "github.com/xliuhw/NLU-Evaluation-Data, CC BY 4.0",
    "mts": "MTS-Dialog (Ben Abacha et al. 2023), github.com/abachaa/MTS-Dialog, CC BY 4.0",
    "nab": "Numenta Anomaly Benchmark (Ahmad et al. 2017), github.com/numenta/NAB, MIT",
    "skab": "Skoltech Anomaly Benchmark (Katser and Kozitsin 2020), github.com/waico/SKAB, GPL-3.0 (measured on, "
    "never trained on)",
    "presidio": "presidio-research synthetic texts, github.com/microsoft/presidio-research, MIT",
    "wnut17": "WNUT 2017 (Derczynski et al. 2017), CC BY 4.0",
    "btc": "Broad Twitter Corpus (Derczynski et al. 2016), CC BY 4.0",
    "wikigold": "Wikigold (Balasuriya et al. 2009), CC BY 4.0",
}


def data_directory(given: str | None) -> Path:
    """Return the data directory: `given`, or the environment's HIVE_DATA; exit with a sentence if there is none."""
    path = given or os.environ.get("HIVE_DATA")
    if not path:
        raise SystemExit("Say where the data sets are: --data DIR, or set HIVE_DATA.")
    if not Path(path).is_dir():
        raise SystemExit(f"There is no directory {path}.")
    return Path(path)
