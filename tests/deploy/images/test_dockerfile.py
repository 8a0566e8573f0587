"""A Dockerfile is read as Docker reads it, and what only BuildKit builds is found."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from beanpod.deploy.images import Dockerfile


def exposed(text: str, target: str | None = None, **arguments: str) -> tuple[int, ...] | None:
    return Dockerfile.parse(text, arguments).exposed(target)


def keywords(text: str) -> list[tuple[int, str]]:
    return [(one.line, one.keyword) for one in Dockerfile.parse(text).stages[0].instructions]


@pytest.mark.parametrize(
    ("text", "ports"),
    [
        ("FROM a\nEXPOSE 3000\n", (3000,)),
        ("from a\nexpose 3000/tcp\n", (3000,)),
        ('FROM a\nEXPOSE 80 "443"/tcp 53/udp\nEXPOSE 8080\n', (80, 443, 8080)),
        ("FROM a\nEXPOSE 7000-7002\n", (7000, 7001, 7002)),
        ("FROM a\nEXPOSE 80:3000 127.0.0.1:81:3001/TCP\n", (3000, 3001)),
        ("FROM a\nEXPOSE 53/udp\n", ()),
        ("FROM a\nENV PORT=3000\nEXPOSE $PORT\n", (3000,)),
        ("FROM a\nENV PORT 3000\nEXPOSE ${PORT}/tcp\n", (3000,)),
        ('FROM a\nENV A="1 2" PORT="3000"\nEXPOSE ${PORT:-80}\n', (3000,)),
        ("FROM a\nARG PORT=3000\nENV PORT=${PORT}\nEXPOSE $PORT\n", (3000,)),
        ("FROM a\nARG PORT\nEXPOSE ${PORT:-3000}\n", (3000,)),
        ("ARG PORT=3000\nFROM a\nARG PORT\nEXPOSE $PORT\n", (3000,)),
        ("FROM a AS base\nENV PORT=3000\nEXPOSE 9000\nFROM base\nEXPOSE $PORT\n", (9000, 3000)),
        ("FROM a AS Base\nEXPOSE 9000\nFROM base\n", (9000,)),
        ("FROM a AS build\nEXPOSE 9000\nFROM b\nCOPY --from=build /x /x\nEXPOSE 80\n", (80,)),
        ("FROM a\nRUN echo \\\n  EXPOSE 1\nEXPOSE \\\n  # why\n\n  3000\n", (3000,)),
        ("# escape=`\nFROM a\nEXPOSE `\n 3000\n", (3000,)),
        ("FROM a\nRUN <<EOF\nEXPOSE 1\nEOF\nEXPOSE 3000\n", (3000,)),
        ("FROM a\nCOPY <<-'A' <<B /x/\nEXPOSE 1\n\tA\nEXPOSE 2\nB\nEXPOSE 3000\n", (3000,)),
        ("\ufeffFROM a\r\nENV P=3000\r\nEXPOSE \\\r\n $P\r\n", (3000,)),
        # Nothing is known of what the base image brings.
        ("FROM a\n", None),
        ("FROM a\nEXPOSE $PORT\n", None),
        ("FROM a AS b\nARG PORT=3000\nFROM b\nEXPOSE $PORT\n", None),
        ("ARG PORT=3000\nFROM a\nEXPOSE $PORT\n", None),
        ("FROM a\nEXPOSE http\n", None),
        ("FROM a\nONBUILD EXPOSE 3000\n", None),
        ("FROM a\n# EXPOSE 3000\nCMD echo EXPOSE 3000\n", None),
        ("", None),
    ],
)
def test_ports_of_the_last_stage(text: str, ports: tuple[int, ...] | None) -> None:
    assert exposed(text) == ports


def test_arguments_of_the_build_win_over_defaults() -> None:
    assert exposed("FROM a\nARG PORT=3000\nEXPOSE $PORT\n", PORT="4000") == (4000,)
    assert exposed("FROM a\nARG PORT=3000\nENV PORT=5000\nEXPOSE $PORT\n", PORT="4000") == (5000,)


def test_ports_of_the_stage_that_is_named() -> None:
    text = "FROM a AS api\nEXPOSE 1\nFROM a AS Web\nEXPOSE 2\nFROM a\nEXPOSE 3\n"
    assert [exposed(text, target) for target in ("api", "WEB", "2", None)] == [(1,), (2,), (3,), (3,)]
    assert exposed(text, "nowhere") is None


@pytest.mark.parametrize(
    "text",
    [
        "RUN cat <<EOF > /x\nMKDIR\nEOF",
        "RUN <<'E F' cat\nMKDIR\nE F",
        'RUN python3 <<"EOF"\nMKDIR\nEOF',
        "RUN 3<<EOF cat <&3\nMKDIR\nEOF",
        "COPY <<robots.txt /x\nMKDIR\nrobots.txt",
        "RUN --mount=type=cache,target=/c <<EOF\nMKDIR\nEOF",
    ],
)
def test_the_text_of_a_here_document_is_no_instruction(text: str) -> None:
    assert keywords(f"FROM a\n{text}\nUSER x") == [(1, "FROM"), (2, text.split()[0]), (5, "USER")]


@pytest.mark.parametrize(
    "text",
    ['RUN cat <<< "EOF"', "RUN echo $((1<<2))", "RUN cat << EOF", 'RUN echo "a <<EOF b"', 'RUN ["cat", "<<EOF"]'],
)
def test_other_uses_of_less_than_signs_are_no_here_documents(text: str) -> None:
    assert keywords(f"FROM a\n{text}\nUSER x") == [(1, "FROM"), (2, "RUN"), (3, "USER")]


@pytest.mark.parametrize(
    ("text", "need"),
    [
        ("FROM a\nRUN --mount=type=secret,id=x true\n", "line 2, RUN --mount"),
        ("FROM a\nRUN --network=none true\n", "line 2, RUN --network"),
        ("FROM a\nRUN \\\n  --mount=type=cache,target=/c true\n", "line 2, RUN --mount"),
        ("FROM a\ncopy --chown=1:1 --chmod=755 a /\n", "line 2, COPY --chmod"),
        ("FROM a\nADD --checksum=sha256:0 https://example.org/x /\n", "line 2, ADD --checksum"),
        ("FROM a\nCOPY <<A /a\nx\nA\n", "line 2, a here-document of COPY"),
        ("FROM --platform=$BUILDPLATFORM a\n", "line 1, FROM with BUILDPLATFORM"),
        ("FROM a-${TARGETARCH}\n", "line 1, FROM with TARGETARCH"),
        ("# syntax=ghcr.io/ada/frontend\nanything\n", "line 1, syntax ghcr.io/ada/frontend"),
        ("# only a remark\n# syntax=ghcr.io/ada/frontend:1\nFROM a\n", None),
        ("# syntax=docker/dockerfile:1\nFROM a\nRUN true\n", None),
        ("#syntax = docker.io/docker/dockerfile:1.7-labs\nFROM a\n", None),
        ("ARG BUILDPLATFORM\nFROM --platform=$BUILDPLATFORM a\n", None),
        ("FROM --platform=linux/amd64 a\nCOPY --chown=1:1 --from=b a /\n", None),
        ("FROM a\nARG TARGETARCH\nHEALTHCHECK --interval=5s CMD true\nRUN echo --mount\n", None),
    ],
)
def test_what_needs_buildkit_is_named_with_its_line(text: str, need: str | None) -> None:
    assert Dockerfile.parse(text).needs_buildkit(None) == need


def test_stages_after_the_target_are_not_built_by_the_classic_builder() -> None:
    file = Dockerfile.parse("FROM a AS web\nFROM web\nRUN --mount=type=cache,target=/c true\n")
    assert file.needs_buildkit(None) == "line 3, RUN --mount"
    assert file.needs_buildkit("web") is None


def test_a_base_stage_may_be_named_by_a_variable() -> None:
    text = "FROM a AS base-arm64\nEXPOSE 1\nFROM base-${TARGETARCH}\n"
    assert exposed(text, TARGETARCH="arm64") == (1,)


_LINES = st.sampled_from(
    [
        *("FROM a", "FROM a AS b", "FROM b", "FROM", "ARG A=${B:-1}", "ENV A $A", "ENV", "ARG", "EXPOSE $A 1-"),
        *("EXPOSE 99999999999", "COPY --from=b x y", "COPY", 'COPY ["x', "RUN <<EOF \\", "EOF", "\\", "# escape=`"),
        *("RUN --mount=type=bind,from=0 x", "'", "`"),
    ]
)


@given(st.lists(_LINES | st.text(max_size=20)), st.text(max_size=3))
def test_any_text_is_read(lines: list[str], target: str) -> None:
    file = Dockerfile.parse("\n".join(lines), {"A": "1"})
    for wanted in (None, target):
        ports = file.exposed(wanted)
        assert ports is None or all(isinstance(port, int) for port in ports)
        assert len(file.needed(wanted)) <= len(file.stages)
        file.needs_buildkit(wanted)
