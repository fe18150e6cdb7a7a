"""An endpoint is asked once for each text, again where that may help, and never without the user's word."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.errors import HiveError
from specialists.forge.teachers.endpoint import Endpoint, EndpointLabeller, named_in
from tests.fakes.chat_server import Reply, chat_server, said

CLASSES = ("weather", "banking", "small talk")


def test_an_answer_is_read_generously_and_what_names_no_class_says_nothing(tmp_path: Path) -> None:
    answers = {"a": "Small  Talk.", "b": '"weather"', "c": "weather or banking", "d": "", "e": "I cannot say"}
    with chat_server(lambda text, _: said(answers[text])) as chat:
        found = EndpointLabeller(Endpoint(chat.url, "m"), CLASSES, tmp_path / "kept").label(list(answers))
    assert found.round(2).tolist() == [[0.05, 0.05, 0.9], [0.9, 0.05, 0.05], *[[0.33, 0.33, 0.33]] * 3]
    (instruction,) = chat.instructions
    assert '"small talk"' in instruction


@pytest.mark.parametrize(
    ("answer", "named"),
    [
        ("Light on.", ["light on"]),
        ("The label is `light_on`!", ["light on"]),
        ("light", ["light"]),
        ("I would say light, not heat", ["light", "heat"]),
        ("lighter", []),
    ],
)
def test_a_class_in_a_sentence_counts_if_it_stands_alone(answer: str, named: list[str]) -> None:
    classes = ["light", "light on", "heat"]
    assert [classes[n] for n in named_in(answer, classes)] == named


def test_some_examples_of_each_class_are_shown(tmp_path: Path) -> None:
    examples = {"weather": ["rain", "sun", "snow", "fog"], "banking": []}
    with chat_server(lambda _, __: said("weather")) as chat:
        EndpointLabeller(Endpoint(chat.url, "m"), CLASSES, tmp_path / "kept", examples).label(["a"])
    (instruction,) = chat.instructions
    assert '"weather", such as "rain"; "sun"; "snow"\n"banking"\n"small talk"' in instruction


def test_answers_are_kept_and_nothing_is_asked_twice(tmp_path: Path) -> None:
    with chat_server(lambda _, __: said("weather")) as chat:
        endpoint = Endpoint(chat.url, "m")
        EndpointLabeller(endpoint, CLASSES, tmp_path / "kept").label(["a", "b", "a"])
        with (tmp_path / "kept").open("a") as file:
            file.write('\n["cut off')
        EndpointLabeller(endpoint, CLASSES, tmp_path / "kept").label(["b", "c", "a"])
        assert sorted(chat.texts) == ["a", "b", "c"]
        EndpointLabeller(Endpoint(chat.url, "other"), CLASSES, tmp_path / "kept").label(["a"])
        assert sorted(chat.texts) == ["a", "a", "b", "c"]


def test_it_is_asked_again_after_a_while_where_that_may_help(tmp_path: Path) -> None:
    def reply(_: str, before: int) -> Reply:
        return [(429, {"retry-after": "7"}, {}), (503, {}, {}), said("banking")][before]

    waits: list[float] = []
    with chat_server(reply) as chat:
        labeller = EndpointLabeller(Endpoint(chat.url, "m"), CLASSES, tmp_path / "kept", sleep=waits.append)
        assert labeller.label(["a"]).argmax() == 1
    assert waits[0] == 7
    assert 1 <= waits[1] <= 2


def test_it_gives_up_after_some_tries_and_keeps_what_it_has(tmp_path: Path) -> None:
    waits: list[float] = []

    def reply(text: str, _: int) -> Reply:
        return said("weather") if text == "a" else (500, {}, {})

    with chat_server(reply) as chat:
        endpoint = Endpoint(chat.url, "m", at_once=1)
        labeller = EndpointLabeller(endpoint, CLASSES, tmp_path / "kept", sleep=waits.append)
        with pytest.raises(HiveError, match="did not answer 6 times: HTTP 500") as caught:
            labeller.label(["a", "b"])
        assert caught.value.code == "unreachable"
        assert len(waits) == 5
        EndpointLabeller(endpoint, CLASSES, tmp_path / "kept", sleep=waits.append).label(["a"])
        assert chat.texts.count("a") == 1


@pytest.mark.parametrize(
    ("reply", "code", "words"),
    [
        ((401, {}, {}), "unauthenticated", "refuses the key. It is read from MY_KEY"),
        ((200, {}, {"choices": []}), "unreachable", "no chat completion"),
        ((404, {}, {"error": "no such model"}), "unreachable", "HTTP 404"),
    ],
)
def test_what_does_not_pass_is_not_asked_again(tmp_path: Path, reply: Reply, code: str, words: str) -> None:
    with chat_server(lambda _, __: reply) as chat:
        endpoint = Endpoint(chat.url, "m", key_variable="MY_KEY")
        labeller = EndpointLabeller(endpoint, CLASSES, tmp_path / "kept", environ={"MY_KEY": "s3cret"})
        with pytest.raises(HiveError, match=words) as caught:
            labeller.label(["a"])
    assert caught.value.code == code
    assert chat.texts == ["a"]
    assert chat.keys == ["Bearer s3cret"]
    assert "s3cret" not in str(caught.value)


def test_no_more_is_asked_than_was_permitted(tmp_path: Path) -> None:
    with chat_server(lambda _, __: said("weather")) as chat:
        labeller = EndpointLabeller(Endpoint(chat.url, "m", most_asked=2), CLASSES, tmp_path / "kept")
        with pytest.raises(
            HiveError, match=r"3 texts or more would be sent to m at 127\.0\.0\.1, and 2 may be"
        ):
            labeller.label(["a", "b", "c"])
        assert chat.texts == []


def test_lots_count_together(tmp_path: Path) -> None:
    with chat_server(lambda _, __: said("weather")) as chat:
        labeller = EndpointLabeller(Endpoint(chat.url, "m", most_asked=2), CLASSES, tmp_path / "kept")
        labeller.label(["a", "b"])
        labeller.label(["a", "b"])  # kept answers cost nothing
        with pytest.raises(HiveError, match="3 texts or more") as caught:
            labeller.label(["c"])
    assert caught.value.code == "bad_request"
    assert sorted(chat.texts) == ["a", "b"]


@pytest.mark.parametrize(
    ("url", "may", "code"),
    [
        ("https://labels.example/v1", False, "label_forbidden"),
        ("http://labels.example/v1", True, "label_forbidden"),
        ("http://10.0.0.7/v1", False, "label_forbidden"),
        ("ftp://labels.example", True, "recipe_invalid"),
        ("labels.example", True, "recipe_invalid"),
    ],
)
def test_no_text_leaves_without_the_users_word_or_in_the_clear(
    tmp_path: Path, url: str, *, may: bool, code: str
) -> None:
    with pytest.raises(HiveError) as caught:
        EndpointLabeller(Endpoint(url, "m", may_see_data=may), CLASSES, tmp_path / "kept")
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("url", "may"),
    [("https://labels.example/v1", True), ("http://localhost:1/v1", False), ("http://[::1]/v1", False)],
)
def test_with_the_users_word_or_on_this_machine_it_is_prepared(
    tmp_path: Path, url: str, *, may: bool
) -> None:
    assert EndpointLabeller(Endpoint(url, "m", may_see_data=may), CLASSES, tmp_path / "kept").name.startswith(
        "m at "
    )
