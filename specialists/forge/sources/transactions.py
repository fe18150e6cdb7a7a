"""Made-up payments with known patterns of fraud. Synthetic throughout: no person, bank or shop stands behind a row.

It shows what a specialist for payments looks like and lets its pipeline be tested. What it learns here are the patterns
below, as bluntly as they are written; on real payments train on real ones.

Lawful customers differ in how much they spend, when and where, and do odd things too: they travel, buy a new telephone,
pay something large once, send money to a new payee. Fraud comes in five patterns:

| pattern | looks like |
|---|---|
| testing | a stolen number tried out: many small online payments within an hour, some declined |
| takeover | someone else in the account: a device seen first today, failed log-ins, a large transfer to a new payee |
| stolen | a card on a spree: electronics, jewellery and gift cards far above the usual, one after the other |
| skimmed | a copied card abroad: round sums at cash machines in the night, far from home |
| persuaded | a customer talked into a transfer: own device, in the day, large and round, to a new payee; hard to see |

Some fraud is never reported and stands as lawful, and some lawful payments are reported by mistake.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

Columns = dict[str, npt.NDArray[Any]]
"""Numbers as floats, words as objects."""
_FRAUD: Final = 0.02
_UNREPORTED: Final = 0.04
_MISTAKEN: Final = 0.0005
_UNKNOWN: Final = 0.01
_MERCHANTS: Final = (
    "grocery", "restaurant", "fuel", "clothing", "electronics", "travel", "health", "digital", "jewellery", "gift card",
    "gambling", "person",
)  # fmt: skip
_MERCHANT_SHARES: Final = (0.3, 0.16, 0.09, 0.09, 0.06, 0.05, 0.05, 0.09, 0.01, 0.015, 0.015, 0.07)
_FACTORS: Final = (0.8, 0.7, 0.9, 1.2, 3.0, 4.0, 0.9, 0.3, 4.0, 0.9, 0.8, 2.5)
"""How a merchant's payments compare with the customer's usual one."""
_COUNTRIES: Final = ("home", "neighbour", "europe", "overseas")


def transactions(count: int, seed: int) -> Columns:
    """Return `count` payments, as columns; `fraud` is 1 where one was reported as fraud."""
    rng = np.random.default_rng(seed)
    columns = _lawful(count, rng)
    fraud = rng.random(count) < _FRAUD
    kind = rng.choice(len(_PATTERNS), count, p=(0.25, 0.25, 0.2, 0.15, 0.15))
    for number, pattern in enumerate(_PATTERNS):
        rows = np.flatnonzero(fraud & (kind == number))
        pattern(columns, rows, rng)
    reported = fraud & (rng.random(count) >= _UNREPORTED)
    reported |= ~fraud & (rng.random(count) < _MISTAKEN)
    for name in ("device_age_days", "km_from_home"):
        columns[name][rng.random(count) < _UNKNOWN] = np.nan
    return {**columns, "fraud": reported.astype(np.int64)}


def _lawful(count: int, rng: np.random.Generator) -> Columns:
    usual = np.exp(rng.normal(3.4, 0.6, count))
    merchant = rng.choice(len(_MERCHANTS), count, p=_MERCHANT_SHARES)
    large = rng.random(count) < 0.02
    amount = usual * np.array(_FACTORS)[merchant] * np.exp(rng.normal(0, 0.6, count)) * np.where(large, 8, 1)
    night = rng.random(count) < 0.06
    hour = np.where(night, rng.uniform(0, 6, count), np.clip(rng.normal(14.5, 4, count), 6, 23.99))
    away = rng.random(count) < 0.06
    country = np.where(away, rng.choice([1, 2, 3], count, p=(0.5, 0.35, 0.15)), 0)
    online = (rng.random(count) < 0.25) | np.isin(merchant, [7])
    channel = np.where(online, "online", rng.choice(["chip", "contactless"], count, p=(0.45, 0.55)))
    channel = np.where(merchant == 11, "transfer", channel)
    cash = (rng.random(count) < 0.04) & (merchant != 11) & ~online
    channel = np.where(cash, "cash machine", channel)
    amount = np.where(cash, np.maximum(10, np.round(amount / 10) * 10), amount)
    round_transfer = (merchant == 11) & (rng.random(count) < 0.6)
    amount = np.where(round_transfer, np.maximum(5, np.round(amount / 5) * 5), amount)
    km = np.where(country > 0, np.array([0, 300, 1200, 7000])[country] * np.exp(rng.normal(0, 0.4, count)), 0)
    km = km + rng.exponential(12, count)
    new_device = rng.random(count) < 0.02
    return {
        "amount": np.round(np.maximum(0.5, amount), 2),
        "usual_amount": np.round(usual, 2),
        "hour": np.round(hour, 2),
        "country": np.array(_COUNTRIES, dtype=object)[country],
        "merchant": np.array(_MERCHANTS, dtype=object)[merchant],
        "channel": channel.astype(object),
        "km_from_home": np.round(km, 1),
        "payments_last_hour": rng.poisson(0.25, count).astype(np.float64),
        "declined_last_day": rng.poisson(0.04, count).astype(np.float64),
        "failed_logins_last_day": rng.poisson(0.08, count).astype(np.float64),
        "device_age_days": np.round(
            np.where(new_device, rng.uniform(0, 2, count), rng.exponential(400, count)), 1
        ),
        "account_age_days": np.round(rng.gamma(1.5, 900, count)),
        "new_payee": np.where(rng.random(count) < np.where(merchant == 11, 0.25, 0.0), "yes", "no").astype(
            object
        ),
    }


def _testing(columns: Columns, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    count = len(rows)
    columns["amount"][rows] = np.round(rng.uniform(0.5, 6, count), 2)
    columns["merchant"][rows] = rng.choice(["digital", "gift card", "gambling"], count, p=(0.6, 0.25, 0.15))
    columns["channel"][rows] = "online"
    columns["payments_last_hour"][rows] = 2 + rng.poisson(4, count)
    columns["declined_last_day"][rows] = rng.poisson(1.8, count)
    columns["hour"][rows] = np.round(rng.uniform(0, 24, count) % 24, 2)


def _takeover(columns: Columns, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    count = len(rows)
    columns["amount"][rows] = np.round(columns["usual_amount"][rows] * rng.uniform(6, 40, count), 2)
    columns["merchant"][rows] = "person"
    columns["channel"][rows] = "transfer"
    columns["new_payee"][rows] = np.where(rng.random(count) < 0.92, "yes", "no")
    columns["device_age_days"][rows] = np.round(rng.exponential(0.6, count), 1)
    columns["failed_logins_last_day"][rows] = rng.poisson(1.8, count)


def _stolen(columns: Columns, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    count = len(rows)
    columns["amount"][rows] = np.round(columns["usual_amount"][rows] * rng.uniform(4, 25, count), 2)
    columns["merchant"][rows] = rng.choice(
        ["electronics", "jewellery", "gift card", "clothing"], count, p=(0.4, 0.2, 0.25, 0.15)
    )
    columns["channel"][rows] = rng.choice(["contactless", "chip", "online"], count, p=(0.3, 0.3, 0.4))
    columns["payments_last_hour"][rows] = 1 + rng.poisson(1.8, count)
    columns["km_from_home"][rows] = np.round(rng.exponential(60, count), 1)


def _skimmed(columns: Columns, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    count = len(rows)
    columns["amount"][rows] = rng.choice([100.0, 200.0, 300.0, 400.0, 500.0], count)
    columns["channel"][rows] = "cash machine"
    columns["country"][rows] = rng.choice(["neighbour", "europe", "overseas"], count, p=(0.2, 0.35, 0.45))
    columns["km_from_home"][rows] = np.round(rng.uniform(400, 9000, count), 1)
    columns["hour"][rows] = np.round(rng.normal(2.5, 1.8, count) % 24, 2)
    columns["payments_last_hour"][rows] = rng.poisson(1.2, count)


def _persuaded(columns: Columns, rows: npt.NDArray[np.intp], rng: np.random.Generator) -> None:
    count = len(rows)
    columns["amount"][rows] = (
        np.round(columns["usual_amount"][rows] * rng.uniform(10, 60, count) / 50) * 50 + 50
    )
    columns["merchant"][rows] = "person"
    columns["channel"][rows] = "transfer"
    columns["new_payee"][rows] = "yes"
    columns["hour"][rows] = np.round(np.clip(rng.normal(13, 2.5, count), 8, 19), 2)


_PATTERNS: Final[tuple[Callable[[Columns, npt.NDArray[np.intp], np.random.Generator], None], ...]] = (
    _testing,
    _takeover,
    _stolen,
    _skimmed,
    _persuaded,
)
