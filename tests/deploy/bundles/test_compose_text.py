"""Compose's YAML, read and written, and its variables."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.bundles.compose.faults import Faulty, faults
from beanpod.deploy.bundles.compose.interpolation import ON_THE_INSTANCE, Scope, interpolated, settle
from beanpod.deploy.bundles.compose.reading import Override, Plain, Reset, UnreadableError, read_documents
from beanpod.deploy.bundles.compose.writing import written
from tests.deploy.bundles.compose_command import Compose
from tests.deploy.bundles.projects import write

scalars = st.none() | st.booleans() | st.integers(-(10**17), 10**17) | st.text(st.characters(exclude_categories=["Cs"]))
names = st.text(st.characters(exclude_categories=["Cs"]), max_size=8).filter(lambda name: name != "<<")
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(names, inner, max_size=3), max_leaves=15
)


def read(folder: Path, text: str) -> Any:
    write(folder, {"file.yaml": text})
    (document,) = read_documents(folder / "file.yaml")
    return document


@given(tree=st.dictionaries(names, trees, min_size=1, max_size=4))
def test_what_is_written_reads_the_same_here_and_with_older_yaml(
    tmp_path_factory: pytest.TempPathFactory, tree: dict[str, Any]
) -> None:
    text = written(tree)
    assert yaml.safe_load(text) == tree
    assert read(tmp_path_factory.getbasetemp(), text) == tree


# Text that YAML takes for something else, unless it is quoted.
MISTAKABLE = [
    *("yes", "off", "y", "1e3", "0x1F", "010", "22:22", "2024-01-01", ".5", "1_000", "~", "null", "True", "=", "<<"),
    *(
        "",
        " a",
        "a ",
        "a: b",
        "#a",
        "a #b",
        "- a",
        "!a",
        "&a",
        "*a",
        "{a}",
        "[a]",
        "%a",
        "@a",
        "`a",
        "|",
        ">",
        "?",
        ":",
    ),
    *("a\nb", "a\tb", '"', "'", "\\", "☃", "\x85", "\u2028", ",", "?", ":"),
]


def test_what_is_written_reads_the_same_with_compose(compose: Compose, tmp_path: Path) -> None:
    labels = {f"label{place}": text for place, text in enumerate(MISTAKABLE)}
    service = {"image": "x", "command": MISTAKABLE, "labels": labels}
    write(tmp_path, {"compose.yaml": written({"services": {"app": service}})})
    app = compose.config(tmp_path, "compose.yaml")["services"]["app"]
    assert app["command"] == MISTAKABLE
    assert app["labels"] == labels


def test_scalars_without_quotes_keep_their_notation(tmp_path: Path) -> None:
    numbers = "a: 0440\nb: 22:22\nc: 1e3\nd: 2024-01-01\ne: 1_000\n"
    tree = read(tmp_path, f"{numbers}f: yes\ng: 12\nh: true\ni: ~\nj: 123456789012345678901\n")
    assert tree == {
        "a": "0440",
        "b": "22:22",
        "c": "1e3",
        "d": "2024-01-01",
        "e": "1_000",
        "f": "yes",
        "g": 12,
        "h": True,
        "i": None,
        "j": "123456789012345678901",
    }
    assert all(isinstance(tree[key], Plain) for key in "abcdej")
    assert written(tree).startswith(numbers)


def test_anchors_and_merge_keys_are_written_out(tmp_path: Path) -> None:
    text = "x: &x {a: 1, b: 2}\ny: &y {b: 3}\nz:\n  c: 0\n  <<: [*x, *y]\n  a: 4\nw: {<<: *y}\n"
    tree = read(tmp_path, text)
    assert tree["z"] == {"b": 2, "c": 0, "a": 4}
    assert tree["w"] == {"b": 3}
    tree["w"]["b"] = 5
    assert tree["y"] == {"b": 3}


def test_tags_of_compose_are_known(tmp_path: Path) -> None:
    assert read(tmp_path, "a: !reset null\nb: !override [1]\nc: !override 5\nd: !override {e: !reset x}\n") == {
        "a": Reset(),
        "b": Override([1]),
        "c": Override(5),
        "d": Override({"e": Reset()}),
    }
    assert read(tmp_path, 'a: !!str 80\nb: !!int "80"\nc: ! x\n') == {"a": "80", "b": 80, "c": "x"}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("a: [", "line 1: not YAML: expected the node content, but found '<stream end>'"),
        ("a: 1\na: 2", "line 2: a: stands there twice: write it once"),
        ("a: &a [*a]", "line 1: an anchor that contains itself: write it out"),
        ("a: !own x", "line 1: tag !own: compose knows only !reset and !override"),
        ("a: !own {b: c}", "line 1: tag !own: compose knows only !reset and !override"),
        ("a: !!binary aGk=", "line 1: tag tag:yaml.org,2002:binary: compose knows only !reset and !override"),
        ("a: [!reset b]", "line 1: !reset in a list: write it before the whole list"),
        ("a:\n  80: b", "line 2: key 80: a key is text: put it in quotes"),
        ("[a, b]: c", "line 1: key a list or a mapping: a key is text: put it in quotes"),
        ("<<: [1]", "line 1: <<: takes a mapping or a list of mappings"),
        ("a: " + "[" * 80 + "]" * 80, "line 1: too large or too deep a file for compose: shorten it"),
        ("a: " + "[" * 5000, "nested too deeply: write it flatter"),
        ("a: *b", "line 1: not YAML: found undefined alias 'b'"),
        ("a: \x01", "not YAML: unacceptable character #x0001: special characters are not allowed"),
    ],
    ids=lambda value: value[:20] if value.isprintable() else "control",
)
def test_what_is_no_compose_yaml_is_refused_with_its_line(tmp_path: Path, text: str, problem: str) -> None:
    with pytest.raises(UnreadableError) as caught:
        read(tmp_path, text)
    assert str(caught.value).startswith(problem)


def test_a_file_that_explodes_is_refused(tmp_path: Path) -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, 9)]
    with pytest.raises(UnreadableError, match="too large or too deep a file for compose: shorten it"):
        read(tmp_path, "\n".join(lines))


def test_files_that_cannot_be_read_are_refused(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("a: é".encode("latin-1"))
    with pytest.raises(UnreadableError, match="not UTF-8: save the file as UTF-8"):
        list(read_documents(tmp_path / "latin.yaml"))
    with pytest.raises(UnreadableError, match="cannot be read: Is a directory"):
        list(read_documents(tmp_path))


GIVEN = Scope({"GIVEN"}, ON_THE_INSTANCE)
NOTHING_GIVES = (
    "${NONE} is not set on Elastic Beanstalk: add NONE to [variables] or [secrets], or write ${NONE:-default}"
)

# What a text is where the stage gives GIVEN only.
SETTLED = {
    "plain": "plain",
    "$GIVEN": "${GIVEN}",
    "a${GIVEN}b": "a${GIVEN}b",
    "${GIVEN:-x}": "${GIVEN:-x}",
    "${GIVEN:-${NONE:-y}}": "${GIVEN:-y}",
    "${GIVEN:?why}": "${GIVEN:?why}",
    "${GIVEN:+other}": "${GIVEN:+other}",
    "${NONE:-x}": "x",
    "${NONE-x}": "x",
    "${NONE-}": "",
    "${NONE:-${ALSO:-y}}": "y",
    "${NONE:-$GIVEN}": "${GIVEN}",
    "${NONE:+x}": "",
    "${NONE+x}": "",
    '${NONE:-{"a":{"b":1}}}': '{"a":{"b":1}}',
    "${NONE-a}b}": "ab}",
    "$$NONE": "$$NONE",
    "${NONE:-a$$b}": "a$$b",
    "5$": "5$$",
    "$5": "$$5",
}


@pytest.mark.parametrize(("text", "expected"), SETTLED.items(), ids=SETTLED)
def test_variables_that_the_stage_does_not_give_are_settled(text: str, expected: str) -> None:
    assert settle(text, GIVEN) == expected
    assert settle(expected, GIVEN) == expected


def test_settled_texts_mean_to_compose_what_the_first_ones_meant(compose: Compose, tmp_path: Path) -> None:
    for name, command in (("theirs", list(SETTLED)), ("ours", list(SETTLED.values()))):
        service = {"image": "x", "command": command}
        write(tmp_path, {f"{name}.yaml": written({"services": {"app": service}})})
    write(tmp_path, {".env": "GIVEN=given\n"})
    theirs, ours = (compose.config(tmp_path, f"{name}.yaml") for name in ("theirs", "ours"))
    assert ours == theirs


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("$NONE", NOTHING_GIVES),
        ("${NONE:?say which}", f"{NOTHING_GIVES} (say which)"),
        ("${NONE", "a brace is opened and not closed: close it"),
        ("${GIVEN/a/b}", "${GIVEN...} is no variable: write ${NAME} or ${NAME:-default}"),
        ("${}", "${...} is no variable: write ${NAME} or ${NAME:-default}"),
        ("${1:-x}", "${1...} is no variable: write ${NAME} or ${NAME:-default}"),
        ("${NONE:-" * 2000 + "}" * 2000, "variables are nested too deeply: write fewer"),
    ],
    ids=["missing", "required", "open", "replacing", "empty", "number", "deep"],
)
def test_texts_that_cannot_be_settled_are_refused(text: str, problem: str) -> None:
    tree = {"a": [{"b": text}]}
    settled = interpolated(tree, lambda _: GIVEN)
    assert settled == tree
    assert list(faults(settled)) == [(("a", "b"), problem)]


@given(text=st.text("${}:-?+AB1 x", max_size=20))
def test_any_text_is_settled_for_good_or_refused(text: str) -> None:
    scope = Scope({"A"}, ON_THE_INSTANCE)
    (settled,) = interpolated([text], lambda _: scope)
    if not isinstance(settled, Faulty):
        assert settle(settled, scope) == settled
