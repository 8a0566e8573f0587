"""What is read from a Dockerfile before it is built: missing files, and where the container listens."""

import json
from pathlib import Path

import pytest

from beanpod.deploy.bundles import Bundle, plan_bundle
from beanpod.manifest import Manifest
from tests.deploy.bundles.projects import COMPOSE, SERVICE, compose_stage, composed, refused, stage_of, write
from tests.deploy.bundles.test_build_context import add_key, case_of

HEAD = "FROM busybox:stable\n"


def previewed(root: Path, dockerfile: str, text: str = SERVICE) -> Bundle:
    write(root, {"Dockerfile": dockerfile})
    return plan_bundle(stage_of(root, text), root).preview()


def port_of(bundle: Bundle) -> int:
    return int(json.loads(bundle.files["Dockerrun.aws.json"].data)["Ports"][0]["ContainerPort"])


def problems_of(root: Path, dockerfile: str, text: str = SERVICE) -> list[str]:
    return refused(lambda: previewed(root, dockerfile, text))


@pytest.mark.parametrize(
    ("dockerfile", "keys", "port", "noted"),
    [
        ("EXPOSE 3000\n", "", 3000, True),
        ("EXPOSE 3000\n", "port = 3000\n", 3000, False),
        ("EXPOSE 3000\n", "port = 4000\n", 4000, True),
        ("EXPOSE 3000\n", "port = 8080\n", 8080, True),
        ("EXPOSE 9229 8080\n", "", 8080, False),
        ("EXPOSE 80 443\n", "port = 80\n", 80, False),
        ("EXPOSE 53/udp\n", "", 8080, False),
        ("EXPOSE $PORT\n", "", 8080, False),
        ("ARG PORT=3000\nEXPOSE $PORT\n", 'args = { PORT = "4000" }\n', 4000, True),
        ("", "", 8080, False),
    ],
)
def test_port_is_the_one_that_is_exposed_unless_the_manifest_says_another(
    tmp_path: Path, dockerfile: str, keys: str, port: int, noted: bool
) -> None:
    bundle = previewed(tmp_path, HEAD + dockerfile, SERVICE + keys)
    assert port_of(bundle) == port
    assert any("EXPOSE" in note for note in bundle.notes) is noted


def test_several_exposed_ports_need_the_manifests_port(tmp_path: Path) -> None:
    assert problems_of(tmp_path, f"{HEAD}EXPOSE 80 443\n") == [
        "Dockerfile: EXPOSE names 80 and 443: set port in [service] to the one that serves HTTP"
    ]
    assert port_of(previewed(tmp_path, f"{HEAD}EXPOSE 80 443\n", f"{SERVICE}port = 80\n")) == 80


def test_the_exposed_port_is_used(tmp_path: Path) -> None:
    project = case_of(tmp_path, "exposed-port-is-another")
    bundle = plan_bundle(Manifest.read(project / "beanpod.toml").stage(), project).preview()
    assert port_of(bundle) == 3000
    assert len(bundle.notes) == 1


def test_a_compose_service_that_exposes_another_port_is_noted(tmp_path: Path) -> None:
    compose = 'services:\n  web:\n    build: .\n    ports: ["80:8080"]\n'
    stage = compose_stage(tmp_path, compose)
    write(tmp_path, {"Dockerfile": f"{HEAD}EXPOSE 3000\n"})
    (note,) = (note for note in plan_bundle(stage, tmp_path).preview().notes if "EXPOSE" in note)
    assert note == "service web, Dockerfile: EXPOSE names 3000, but ports names 8080: requests are sent to 8080"
    write(tmp_path, {"Dockerfile": f"{HEAD}EXPOSE 8080\n"})
    assert not [note for note in plan_bundle(stage, tmp_path).preview().notes if "EXPOSE" in note]


@pytest.mark.parametrize(
    ("ports", "key", "published"),
    [
        ('"3000:3000"', "", "80:3000"),
        ('"8080"', "", "80:8080"),
        ('"3000:3000"', "port = 3000\n", "80:3000"),
        ('"3000:3000", "9229:9229"', "", None),
        ('"3000:3000"', "port = 8080\n", None),
    ],
)
def test_only_published_port_is_the_one_that_requests_reach(
    tmp_path: Path, ports: str, key: str, published: str | None
) -> None:
    compose = f"services:\n  web:\n    build: .\n    ports: [{ports}]\n"
    stage = compose_stage(tmp_path, compose, COMPOSE + key)
    if published:
        assert published in composed(plan_bundle(stage, tmp_path).preview())["services"]["web"]["ports"]
    else:
        (problem,) = refused(lambda: plan_bundle(stage, tmp_path).specs)
        assert "no service publishes port 80" in problem


def test_service_on_the_instances_network_publishes_no_port_to_compare(tmp_path: Path) -> None:
    compose = "services:\n  web:\n    build: .\n    network_mode: host\n"
    stage = compose_stage(tmp_path, compose, f"{COMPOSE}port = 80\n")
    write(tmp_path, {"Dockerfile": f"{HEAD}EXPOSE 3000\n"})
    assert not [note for note in plan_bundle(stage, tmp_path).preview().notes if "None" in note]


def test_dockerfile_of_windows_powershell_is_named(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    (tmp_path / "Dockerfile").write_bytes(HEAD.encode("utf-16"))
    (problem,) = refused(lambda: plan_bundle(stage, tmp_path).specs)
    assert "save it as UTF-8" in problem
    (tmp_path / "Dockerfile").write_bytes(HEAD.encode("utf-8-sig"))
    assert plan_bundle(stage, tmp_path).specs


@pytest.mark.parametrize(
    ("name", "manifest", "dockerfile", "key"),
    [
        ("monorepo-dockerfile", "beanpod.toml", "apps/api/Dockerfile", 'context = "."'),
        ("dockerfile-above", "infra/beanpod.toml", "../apps/api/Dockerfile", 'context = ".."'),
    ],
)
def test_files_above_the_context_name_the_context_to_write(
    tmp_path: Path, name: str, manifest: str, dockerfile: str, key: str
) -> None:
    file = case_of(tmp_path, name) / manifest
    assert refused(lambda: plan_bundle(Manifest.read(file).stage(), file.parent).specs) == [
        f"{dockerfile}: line {line}: COPY {source}: not found in the build context: write {key} in [service]"
        for line, source in ((2, "libs/lib.txt"), (3, "apps/api/server.sh"))
    ]
    add_key(file, key)
    assert plan_bundle(Manifest.read(file).stage(), file.parent).specs


def test_files_above_the_context_of_a_compose_service_name_what_to_write(tmp_path: Path) -> None:
    compose = 'services:\n  web:\n    build: api\n    ports: ["80:8080"]\n'
    stage = compose_stage(tmp_path, compose, libs__x="", **{"api/Dockerfile": f"{HEAD}COPY libs.x /\n"})
    (problem,) = refused(lambda: plan_bundle(stage, tmp_path).specs)
    assert problem == (
        "compose.yaml: service web, api/Dockerfile: line 2: COPY libs.x: not found in the build context: "
        "write context: . and dockerfile: api/Dockerfile in its build"
    )
    mended = compose.replace("build: api", "build: {context: ., dockerfile: api/Dockerfile}")
    write(tmp_path, {"compose.yaml": mended})
    assert "web" in composed(plan_bundle(stage, tmp_path).preview())["services"]


@pytest.mark.parametrize(
    "line",
    [
        "COPY there.txt /",
        "COPY ./there.txt sub/../there.txt /",
        "COPY /there.txt /",
        'COPY ["there.txt", "/"]',
        "COPY . /",
        "COPY sub /",
        "COPY missing* /",
        "COPY $MISSING /",
        "COPY --from=other missing /",
        "COPY <<missing /x\nmissing",
        "ADD https://example.org/missing /",
        "ADD git@example.org:ada/shop.git /",
        "COPY link /",
    ],
)
def test_files_that_may_be_there_are_left_to_docker(tmp_path: Path, line: str) -> None:
    write(tmp_path, {"there.txt": "", "sub/x": ""})
    (tmp_path / "link").symlink_to("nowhere")
    assert previewed(tmp_path, f"{HEAD}{line}\n")


def test_files_of_a_stage_that_is_not_built_are_not_checked(tmp_path: Path) -> None:
    dockerfile = "FROM a AS dev\nCOPY missing /\nFROM a AS tools\nFROM a AS web\nCOPY --from=tools /x /x\n"
    assert previewed(tmp_path, dockerfile, f'{SERVICE}target = "web"\n')
    (problem,) = problems_of(tmp_path, dockerfile, f'{SERVICE}target = "dev"\n')
    assert problem == (
        "Dockerfile: line 2: COPY missing: not found in the build context: create it, in CI too, or remove the line"
    )


def test_another_syntax_is_left_to_docker(tmp_path: Path) -> None:
    assert previewed(tmp_path, "#syntax=ghcr.io/ada/mockerfile:1\napiVersion: v1\n")


@pytest.mark.parametrize("name", ["heredoc-only", "buildkit-only", "mount-only"])
def test_a_preview_notes_what_only_buildkit_builds(tmp_path: Path, name: str) -> None:
    project = case_of(tmp_path, name)
    notes = plan_bundle(Manifest.read(project / "beanpod.toml").stage(), project).preview().notes
    assert any("needs BuildKit" in note for note in notes)


@pytest.mark.parametrize("name", ["syntax-line", "listens-on-loopback", "crlf", "umlauts"])
def test_a_preview_of_a_plain_dockerfile_does_not_mention_buildkit(tmp_path: Path, name: str) -> None:
    project = case_of(tmp_path, name)
    notes = plan_bundle(Manifest.read(project / "beanpod.toml").stage(), project).preview().notes
    assert not any("BuildKit" in note for note in notes)


def test_manifest_of_a_compose_file_has_the_keys_of_the_build_there(tmp_path: Path) -> None:
    assert COMPOSE.startswith(SERVICE)
    stage = compose_stage(tmp_path, 'services:\n  web:\n    build: .\n    ports: ["80:8080"]\n')
    assert (stage.service.context, dict(stage.service.args)) == (None, {})
