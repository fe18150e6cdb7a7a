"""Reading mesh files: what is taken from them, and the sentence for each mistake."""

from __future__ import annotations

from pathlib import Path

import pytest

from hive.config import MeshConfig, find_device, find_site, load_config, parse_config, parse_source
from hive.errors import HiveError

SMALL = """\
mesh: small
sites:
  home:
    devices:
      desk:
        nodes:
          - {specialist: mesh-echo}
policy:
  sites:
    - {rule: data, site: home, labels: [internal], default_label: internal}
"""
TWO = """\
mesh: two
labels: [trade-secret]
sites:
  a:
    conductor: {bind: "tcp://127.0.0.1:7001", http: {port: 7002}}
    devices:
      press: {nodes: [{specialist: mesh-echo, count: 3}, {specialist: ./models/mesh-echo@1, credit: 2}]}
      panel: {nodes: [{specialist: mesh-echo}]}
  b:
    conductor: {bind: "tcp://127.0.0.1:7003", http: null}
policy:
  sites: [{rule: a-data, site: a, labels: [trade-secret]}]
  principals:
    - {rule: anna, principal: anna, capabilities: ["text.*"], labels: [public], token_sha256: TOKEN}
""".replace("TOKEN", "ab" * 32)


def parse(text: str) -> MeshConfig:
    return parse_config(parse_source(text, "mesh.yaml"))


def mistakes(text: str) -> list[str]:
    with pytest.raises(HiveError) as caught:
        parse(text)
    assert caught.value.code == "config_invalid"
    return caught.value.detail.splitlines()


def test_what_is_left_out_has_a_default_on_loopback() -> None:
    conductor = parse(SMALL).sites["home"].conductor
    assert (conductor.bind, conductor.insecure) == ("tcp://127.0.0.1:8421", False)
    assert conductor.http is not None
    assert (conductor.http.host, conductor.http.port) == ("127.0.0.1", 8420)
    assert (conductor.store.url, dict(conductor.tuning)) == ("sqlite:", {})


def test_node_ids_count_per_device_and_ignore_the_path_of_a_specialist() -> None:
    ids = parse(TWO).node_ids("a", "press")
    assert [(name, node.credit) for name, node in ids] == [
        ("press/mesh-echo", 8),
        ("press/mesh-echo-2", 8),
        ("press/mesh-echo-3", 8),
        ("press/mesh-echo-4", 2),
    ]


def test_the_policy_becomes_values_that_decide() -> None:
    config = parse(SMALL)
    assert config.compiled_policy.may_be_at("home", ["internal"]).rule == "data"
    assert not config.compiled_policy.may_be_at("home", ["pii"]).allowed
    assert config.compiled_policy.default_label("home") == "internal"


def test_labels_of_the_mesh_follow_the_built_in_ones() -> None:
    assert parse(TWO).label_table.names == ("public", "internal", "pii", "phi", "trade-secret")


def test_tokens_name_their_principals() -> None:
    assert parse(TWO).tokens() == {"ab" * 32: "anna"}


def test_values_do_not_change() -> None:
    config = parse(SMALL)
    with pytest.raises(ValueError, match="frozen"):
        config.mesh = "other"  # type: ignore[misc]


def test_one_device_and_one_site_need_no_name() -> None:
    assert find_device(parse(SMALL), None, None) == ("home", "desk")
    assert find_site(parse(SMALL), None) == "home"
    assert find_device(parse(TWO), "panel", None) == ("a", "panel")
    assert find_site(parse(TWO), "b") == "b"


@pytest.mark.parametrize(
    ("find", "sentence"),
    [
        (lambda c: find_device(c, None, None), "The mesh has 2 devices; name one with --device"),
        (lambda c: find_device(c, "pres", None), "'pres' fits 0 devices"),
        (lambda c: find_device(c, "press", "b"), "'b/press' fits 0 devices"),
        (lambda c: find_site(c, None), "The mesh has several sites; name one with --site. Sites: a, b."),
        (lambda c: find_site(c, "c"), "There is no site 'c'. Sites: a, b."),
    ],
)
def test_a_wrong_name_is_answered_with_the_right_ones(find: object, sentence: str) -> None:
    with pytest.raises(HiveError, match=sentence.replace("(", r"\(")) as caught:
        find(parse(TWO))  # type: ignore[operator]
    assert caught.value.code == "config_invalid"


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("mesh: small", "mesh: Small!", "mesh.yaml:1: mesh: 'Small!' does not fit; use a-z"),
        ("mesh: small", "mehs: small", "mesh.yaml:1: mehs: unknown key 'mehs'; did you mean 'mesh'?"),
        ("mesh: small\n", "", "mesh.yaml:1: mesh: 'mesh' is missing"),
        ("mesh: small", "mesh: 3", "mesh.yaml:1: mesh: want text, got 3; put it in quotes"),
        ("specialist: m", "spezialist: m", "nodes[0].spezialist: unknown key 'spezialist'; did you mean"),
        ("specialist: mesh-echo", "specialist: e, credit: x", "[0].credit: want a whole number, got 'x'"),
        ("specialist: mesh-echo", "specialist: e, count: 0", "[0].count: 0 is too small; write 1 or more"),
        ("specialist: mesh-echo", "specialist: e, credit: 9999", "9999 is too large; write 4096 or less"),
        ("{specialist: mesh-echo}", "mesh-echo", "[0]: want keys with values, got 'mesh-echo'"),
        ("- {specialist: mesh-echo}", "[]", "desk.nodes: this must not be empty"),
        ("  home:", "  Home office:", "mesh.yaml:3: sites.Home office: 'Home office' does not fit"),
        ("site: home", "site: hom", "policy.sites[0].site: there is no site 'hom'; did you mean 'home'?"),
        ("[internal]", "[intern]", "policy.sites[0].labels[0]: there is no label 'intern'; did you mean"),
        ("[internal]", "internal", "mesh.yaml:10: policy.sites[0].labels: want a list, got 'internal'"),
        ("_label: internal", "_label: pii", "'pii' is not among this rule's labels; write one of them: int"),
    ],
)
def test_a_mistake_is_told_with_its_line_and_what_to_write(old: str, new: str, mistake: str) -> None:
    assert old in SMALL
    found = mistakes(SMALL.replace(old, new))
    assert [line for line in found if mistake in line], found


@pytest.mark.parametrize(
    ("conductor", "mistake"),
    [
        ("{bind: '127.0.0.1:1'}", "bind: '127.0.0.1:1' does not fit; write an address such as tcp://"),
        ("{bind: 'tcp://127.0.0.1:70000'}", "bind: there is no port 70000; write one from 1 to 65535"),
        ("{bind: 'tcp://0.0.0.0:8421'}", "bind: tcp://0.0.0.0:8421 can be reached from other machines"),
        ("{http: {host: 0.0.0.0}}", "http.port: tcp://0.0.0.0:8420 can be reached from other machines"),
        (
            "{http: {port: 8421}}",
            "http.port: port 8421 is used by sites.home.conductor.bind already; write another port",
        ),
        ("{insecure: 'yes'}", "insecure: want true or false, got 'yes'"),
        (
            "{store: {url: 'sqlite:x'}}",
            "store.url: 'sqlite:x' does not fit; write sqlite:, sqlite:///PATH, postgres",
        ),
        ("{store: {keep_days: 0}}", "store.keep_days: 0 is too small; write more than 0"),
        ("{tuning: {beat_mss: 3}}", "tuning.beat_mss: unknown key 'beat_mss'; did you mean 'beat_ms'?"),
        ("{tuning: {phi: x}}", "tuning.phi: want a number, got 'x'"),
        ("{tuning: {queue_max_tasks: 0}}", "tuning.queue_max_tasks: 0 is too small; write 1 or more"),
    ],
)
def test_a_conductor_s_mistakes(conductor: str, mistake: str) -> None:
    text = SMALL.replace("    devices:", f"    conductor: {conductor}\n    devices:")
    assert [line for line in mistakes(text) if f"mesh.yaml:4: sites.home.conductor.{mistake}" in line]


def test_an_address_that_others_reach_is_taken_with_insecure() -> None:
    text = SMALL.replace(
        "    devices:", "    conductor: {bind: 'tcp://0.0.0.0:1', insecure: true}\n    devices:"
    )
    assert parse(text).sites["home"].conductor.insecure


def test_every_mistake_is_told_at_once() -> None:
    text = SMALL.replace("mesh: small", "mesh: A").replace("desk:", "Desk!:").replace("rule: data, ", "")
    assert [line.split(": ")[0] for line in mistakes(text)] == ["mesh.yaml:1", "mesh.yaml:5", "mesh.yaml:10"]


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ("7003", "7001", "sites.b.conductor.bind: port 7001 is used by sites.a.conductor.bind already"),
        (
            "http: null}",
            "http: null}\n    devices: {press: {nodes: [{specialist: e}]}}",
            "site 'a' has a device",
        ),
        ("./models/mesh-echo@1", "mesh-echo-2", "two nodes would be called 'press/mesh-echo-2'"),
        ("principal: anna", "principal: 'a*'", "a token belongs to one principal, and 'a*' is a pattern"),
        ("[trade-secret]\nsites", "[pii]\nsites", "labels: A label is named twice"),
        ("rule: anna", "rule: a-data", "the rule name 'a-data' is used by policy.sites[0] already"),
        ("rule: anna", "rule: ''", "policy.principals[0].rule: this must not be empty"),
        ("abab", "abxx", "token_sha256: 'abxx"),
    ],
)
def test_contradictions_between_parts(old: str, new: str, mistake: str) -> None:
    assert old in TWO
    found = mistakes(TWO.replace(old, new, 1))
    assert [line for line in found if mistake in line], found


def test_a_removal_names_the_digest_of_a_model_and_no_pattern() -> None:
    rule = "  removals: [{rule: r, capability: text.redact, digests: ['*'], labels: [pii]}]\n"
    assert "policy.removals[0].digests[0]: '*' does not fit; write sha256:" in mistakes(SMALL + rule)[0]


@pytest.mark.parametrize(
    ("text", "mistake"),
    [
        ("", "mesh.yaml: the file is empty; write at least `mesh` and `sites`"),
        ("mesh: a\nmesh: b\n", "mesh.yaml:2: 'mesh' is given twice, first in line 1; remove one."),
        ("mesh: [a\n", "mesh.yaml:2: "),
        ("mesh: !!python/object:os.system x\n", "mesh.yaml:1: could not determine a constructor"),
        ("? [a]\n: b\n", "mesh.yaml:1: a key must be a plain word."),
        ("- a\n", "mesh.yaml:1: want keys with values, got a list"),
        ("a: &a [*a]\n", "mesh.yaml: the parts are nested too deeply."),
        ("a: \x00\n", "mesh.yaml: unacceptable character"),
        ("mesh: 2026-99-99\n", "mesh.yaml: month must be in 1..12"),
    ],
)
def test_what_is_no_mesh_file_at_all(text: str, mistake: str) -> None:
    assert mistakes(text)[0].startswith(mistake)


def test_aliases_cannot_grow_without_bound() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    assert mistakes("\n".join(lines)) == ["mesh.yaml: more than 100000 values; use fewer aliases."]


def test_a_file_is_found_by_path_and_a_bundled_one_by_name(tmp_path: Path) -> None:
    path = tmp_path / "mine.yaml"
    path.write_text(SMALL, encoding="utf-8")
    assert load_config(path).mesh == "small"
    assert load_config("dev").mesh == "dev"


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("factry", "There is no file factry. Did you mean factory?"),
        ("xyzzyx", "There is no file xyzzyx. Bundled configurations: clinic, dev, factory, one-site, retail"),
    ],
)
def test_a_file_that_is_not_there(name: str, sentence: str) -> None:
    with pytest.raises(HiveError) as caught:
        load_config(name)
    assert caught.value.code == "config_not_found"
    assert caught.value.detail.startswith(sentence)


def test_a_near_file_name_is_offered(tmp_path: Path) -> None:
    (tmp_path / "plant.yaml").write_text(SMALL, encoding="utf-8")
    with pytest.raises(HiveError, match=r"Did you mean .*plant\.yaml"):
        load_config(tmp_path / "plnt.yaml")


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "mesh.yaml"
    path.write_bytes(b"mesh: \xff\n")
    with pytest.raises(HiveError, match="not UTF-8 text at byte 6") as caught:
        load_config(path)
    assert caught.value.code == "config_invalid"


def test_what_is_no_file_is_not_offered_in_its_own_place(tmp_path: Path) -> None:
    (tmp_path / "mesh.yaml").mkdir()
    with pytest.raises(HiveError) as caught:
        load_config(tmp_path / "mesh.yaml")
    assert caught.value.detail.startswith(f"{tmp_path / 'mesh.yaml'} is a directory. Bundled")


@pytest.mark.parametrize("number", [".inf", "-.inf", ".nan"])
def test_a_number_of_the_tuning_is_finite(number: str) -> None:
    conductor = f"    conductor: {{tuning: {{lost_after_s: {number}}}}}\n"
    with pytest.raises(HiveError, match=r"lost_after_s: "):
        parse_config(parse_source(SMALL.replace("    devices:\n", f"{conductor}    devices:\n"), "mesh.yaml"))


def test_a_token_for_a_site_that_links_here_is_none_for_callers() -> None:
    rules = [
        {"rule": "a", "principal": "home", "capabilities": ["*"], "labels": [], "token_sha256": "a" * 64},
        {"rule": "b", "principal": "alice", "capabilities": ["*"], "labels": [], "token_sha256": "b" * 64},
    ]
    config = MeshConfig.model_validate({"mesh": "m", "sites": {"home": {}}, "policy": {"principals": rules}})
    assert config.tokens() == {"a" * 64: "home", "b" * 64: "alice"}
    assert config.caller_tokens() == {"b" * 64: "alice"}


def test_two_sites_need_not_dial_each_other() -> None:
    text = (
        "mesh: m\nsites:\n"
        '  a: {conductor: {bind: "tcp://127.0.0.1:1", http: null, peers: [{site: b}]}}\n'
        '  b: {conductor: {bind: "tcp://127.0.0.1:2", http: null, upstream: {site: a}}}\n'
    )
    with pytest.raises(
        HiveError, match="'a' dials 'b' already, and work goes both ways; remove one of the two"
    ):
        parse_config(parse_source(text, "m.yaml"))
