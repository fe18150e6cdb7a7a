"""The bundled specialists of records know clear cases from ordinary ones, and say why."""

from __future__ import annotations

import pytest

from specialists.kinds.base import Answer
from specialists.load import load

MACHINE = {
    "type": "L",
    "air_temperature_k": 300.0,
    "process_temperature_k": 310.2,
    "rotational_speed_rpm": 1500,
    "torque_nm": 40.0,
    "tool_wear_min": 60,
}
PAYMENT = {
    "amount": 32.5,
    "usual_amount": 30.0,
    "hour": 14.2,
    "country": "home",
    "merchant": "grocery",
    "channel": "chip",
    "km_from_home": 6.0,
    "payments_last_hour": 0,
    "declined_last_day": 0,
    "failed_logins_last_day": 0,
    "device_age_days": 420.0,
    "account_age_days": 1500,
    "new_payee": "no",
}
LOAN = {
    "status_of_existing_checking_account": "no checking account",
    "duration_in_month": 12,
    "credit_history": "critical account/ other credits existing (not at this bank)",
    "purpose": "radio/television",
    "credit_amount": 1500,
    "savings_account_and_bonds": "... >= 1000 DM",
    "present_employment_since": "... >= 7 years",
    "installment_rate_in_percentage_of_disposable_income": 2,
    "other_debtors_or_guarantors": "none",
    "present_residence_since": 4,
    "property": "real estate",
    "other_installment_plans": "none",
    "housing": "own",
    "number_of_existing_credits_at_this_bank": 1,
    "job": "skilled employee / official",
    "number_of_people_being_liable_to_provide_maintenance_for": 1,
    "telephone": "none",
}


def asked(name: str, record: dict[str, object], **changes: object) -> Answer:
    specialist = load(name)
    (answer,) = specialist.answer([{next(iter(specialist.manifest.inputs)): {**record, **changes}}])
    assert isinstance(answer, Answer)
    assert isinstance(answer.output, dict)
    return answer


def output(answer: Answer) -> dict[str, object]:
    assert isinstance(answer.output, dict)
    return answer.output


def reasons(answer: Answer) -> str:
    found = output(answer)["reasons"]
    assert isinstance(found, list)
    return "; ".join(found)


def test_an_ordinary_machine_does_not_fail() -> None:
    answer = asked("machine-predict-failure", MACHINE)
    assert output(answer)["risky"] is False
    assert "mode" not in output(answer)
    assert not answer.unsure
    assert answer.confidence > 0.98


@pytest.mark.parametrize(
    ("mode", "changes", "words"),
    [
        ("PWF", {"torque_nm": 70.0, "rotational_speed_rpm": 1380}, "torque 70 Nm is high"),
        ("PWF", {"torque_nm": 11.0, "rotational_speed_rpm": 2750}, "rotational speed"),
        (
            "OSF",
            {"torque_nm": 62.0, "rotational_speed_rpm": 1330, "tool_wear_min": 215},
            "tool wear 215 min is high",
        ),
        (
            "HDF",
            {
                "air_temperature_k": 302.6,
                "process_temperature_k": 310.7,
                "rotational_speed_rpm": 1330,
                "torque_nm": 48.0,
            },
            "air temperature",
        ),
    ],
)
def test_a_failing_machine_is_told_by_mode_and_reason(
    mode: str, changes: dict[str, object], words: str
) -> None:
    answer = asked("machine-predict-failure", MACHINE, **changes)
    assert output(answer)["risky"] is True
    assert output(answer)["mode"] == mode
    assert words in reasons(answer)


def test_a_machine_far_from_any_that_was_learned_is_unfamiliar() -> None:
    answer = asked("machine-predict-failure", MACHINE, torque_nm=400.0)
    assert output(answer)["unfamiliar"] is True
    assert answer.unsure
    assert "torque 400 Nm is far from all that was learned from" in reasons(answer)
    together = asked("machine-predict-failure", MACHINE, air_temperature_k=304.0, process_temperature_k=305.9)
    assert together.unfamiliar


def test_a_lawful_payment_is_let_through() -> None:
    answer = asked("transaction-score-risk", PAYMENT)
    assert output(answer)["risky"] is False
    assert answer.confidence > 0.98
    missing = asked("transaction-score-risk", PAYMENT, device_age_days=None, km_from_home=None)
    assert output(missing)["risky"] is False


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {
                "amount": 1.2,
                "merchant": "digital",
                "channel": "online",
                "payments_last_hour": 7,
                "declined_last_day": 3,
            },
            "payments in the last hour 7",
        ),
        (
            {
                "amount": 700.0,
                "merchant": "person",
                "channel": "transfer",
                "new_payee": "yes",
                "device_age_days": 0.2,
                "failed_logins_last_day": 3,
            },
            "new payee is 'yes'",
        ),
        (
            {
                "amount": 400.0,
                "channel": "cash machine",
                "country": "overseas",
                "km_from_home": 7000.0,
                "hour": 2.5,
                "payments_last_hour": 2,
            },
            "channel is 'cash machine'",
        ),
    ],
)
def test_patterns_of_fraud_are_flagged_with_their_reasons(changes: dict[str, object], words: str) -> None:
    answer = asked("transaction-score-risk", PAYMENT, **changes)
    assert output(answer)["risky"] is True
    assert words in reasons(answer)


def test_loans_are_told_apart_without_what_may_not_count() -> None:
    good = asked("transaction-score-credit", LOAN)
    bad = asked(
        "transaction-score-credit",
        LOAN,
        status_of_existing_checking_account="... < 0 DM",
        duration_in_month=48,
        credit_amount=9000,
        savings_account_and_bonds="... < 100 DM",
        credit_history="no credits taken/ all credits paid back duly",
    )
    assert output(good)["risky"] is False
    assert output(bad)["risky"] is True
    assert "duration 48 months is high" in reasons(bad) or "checking account is '... < 0 DM'" in reasons(bad)
    fields = {entry["name"] for entry in load("transaction-score-credit").manifest.preprocess["columns"]}  # type: ignore[attr-defined]
    assert not fields & {"personal_status_and_sex", "foreign_worker", "age_in_years"}
    aged = asked("transaction-score-credit", LOAN, age_in_years=70)
    assert output(aged) == output(good)


@pytest.mark.parametrize(
    "name", ["machine-predict-failure", "transaction-score-risk", "transaction-score-credit"]
)
def test_cards_are_honest_about_bars_and_data(name: str) -> None:
    manifest = load(name).manifest
    assert set(manifest.quality) == {"auroc", "average_precision", "ece", "accuracy", "macro_f1"}
    assert sum(pin.size_bytes for pin in manifest.files.values()) < 2_000_000
    assert manifest.licence == "Apache-2.0"
