"""A project with a Dockerfile: what is built, missing files, where the container listens, and the bundle."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from beanpod.deploy.bundles import Bundle, plan_bundle
from beanpod.manifest import Manifest
from tests.deploy.bundles.cases import copied, plan_of
from tests.deploy.bundles.projects import (
    COMPOSE,
    IMAGE,
    SERVICE,
    compose_stage,
    composed,
    dockerfile_bundle,
    dockerfile_stage,
    refused,
    stage_of,
    write,
)

HEAD = "FROM busybox:stable\n"
SECRETS = '[secrets]\nDOCKER_USERNAME = { ssm = "/docker/user" }\nDOCKER_PASSWORD = { ssm = "/docker/password" }\n'


def previewed(root: Path, dockerfile: str, text: str = SERVICE) -> Bundle:
    write(root, {"Dockerfile": dockerfile})
    return plan_bundle(stage_of(root, text), root).preview()


def port_of(bundle: Bundle) -> int:
    return int(json.loads(bundle.files["Dockerrun.aws.json"].data)["Ports"][0]["ContainerPort"])


# The bundle.
def test_dockerrun_has_the_image_by_digest_and_the_port_of_the_container(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path, text=f"{SERVICE}port = 3000\n")
    assert json.loads(bundle.files["Dockerrun.aws.json"].data) == {
        "AWSEBDockerrunVersion": "1",
        "Image": {"Name": IMAGE, "Update": "true"},
        "Ports": [{"ContainerPort": 3000}],
        "Volumes": [{"HostDirectory": f"/var/lib/beanpod/{bundle.hash}", "ContainerDirectory": "/run/beanpod"}],
    }
    assert not [name for name in bundle.files if "login" in name]


def test_label_and_key_are_of_the_content(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path)
    assert bundle.label == f"guestbook-{bundle.hash}"
    assert bundle.key == f"bundles/guestbook-dev/{bundle.hash}.zip"
    again = dockerfile_bundle(tmp_path)
    assert (again.label, again.data) == (bundle.label, bundle.data)
    assert dockerfile_bundle(tmp_path, image=IMAGE.replace("ab", "cd")).label != bundle.label


def test_a_private_image_adds_both_login_hooks(tmp_path: Path) -> None:
    bundle = dockerfile_bundle(tmp_path, login_hooks=True, text=SERVICE + SECRETS)
    names = [name for name in bundle.files if "login" in name]
    assert names == [f".platform/{hooks}/prebuild/00_beanpod_login.sh" for hooks in ("hooks", "confighooks")]
    assert all(bundle.files[name].executable for name in names)


@pytest.mark.parametrize(
    ("secrets", "missing"),
    [
        (SECRETS.replace("DOCKER_USERNAME", "OTHER"), "secrets.DOCKER_USERNAME is missing: the instances need it"),
        ("", "secrets.DOCKER_USERNAME and secrets.DOCKER_PASSWORD are missing: the instances need them"),
    ],
)
def test_a_private_image_without_a_login_for_the_instances_is_refused(
    tmp_path: Path, secrets: str, missing: str
) -> None:
    problems = refused(lambda: dockerfile_bundle(tmp_path, login_hooks=True, text=SERVICE + secrets))
    assert problems == [f"Dockerfile: ada/guestbook is private, and {missing} to pull"]


def test_a_project_with_a_dockerfile_loads_nothing_of_compose(tmp_path: Path) -> None:
    dockerfile_stage(tmp_path)
    script = """
import sys
from pathlib import Path
from beanpod.deploy.bundles import plan_bundle
from beanpod.manifest import Manifest
root = Path(sys.argv[1])
plan_bundle(Manifest.read(root / "beanpod.toml").stage(), root).preview()
print([name for name in sys.modules if name.startswith("beanpod.deploy.bundles.compose")])
"""
    done = subprocess.run([sys.executable, "-c", script, tmp_path], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


# Context, arguments and target.
def test_build_arguments_and_target_reach_the_build(tmp_path: Path) -> None:
    text = f'{SERVICE}target = "web"\nargs = {{ A = "1" }}\n[stages.dev]\n[stages.prod.service.args]\nB = "2"\n'
    write(tmp_path, {"Dockerfile": "FROM busybox:stable AS web\n", "beanpod.toml": text})
    for stage, args in (("dev", {"A": "1"}), ("prod", {"A": "1", "B": "2"})):
        (spec,) = plan_bundle(Manifest.read(tmp_path / "beanpod.toml").stage(stage), tmp_path).specs
        assert (spec.name, spec.target, dict(spec.args)) == (None, "web", args)


@pytest.mark.parametrize(
    ("keys", "context", "dockerfile"),
    [
        ('dockerfile = "api/Dockerfile"\n', "api", "api/Dockerfile"),
        ('context = "api"\n', "api", "api/Dockerfile"),
        ('context = "."\ndockerfile = "api/Dockerfile"\n', ".", "api/Dockerfile"),
    ],
)
def test_context_and_dockerfile_default_to_each_others_folder(
    tmp_path: Path, keys: str, context: str, dockerfile: str
) -> None:
    write(tmp_path, {"api/Dockerfile": HEAD})
    (spec,) = plan_bundle(stage_of(tmp_path, SERVICE + keys), tmp_path).specs
    assert (spec.context, spec.dockerfile) == (tmp_path / context, tmp_path / dockerfile)


API = 'dockerfile = "api/Dockerfile"\n'
NO_FILE = "no such file: write service.dockerfile"


@pytest.mark.parametrize(
    ("keys", "problem", "mended"),
    [
        ("", f"Dockerfile: {NO_FILE}, its path relative to the manifest", API),
        (
            'context = "api"\ndockerfile = "Dockerfile.web"\n',
            f'Dockerfile.web: {NO_FILE} = "api/Dockerfile.web"',
            'context = "api"\ndockerfile = "api/Dockerfile.web"\n',
        ),
        ('dockerfile = "api"\n', 'api: is a folder: write service.dockerfile = "api/Dockerfile"', API),
        (
            f'context = "src"\n{API}',
            "api/Dockerfile: service.context src: no such folder: write its path relative to the manifest",
            f'context = "."\n{API}',
        ),
    ],
)
def test_a_missing_path_names_the_setting_to_write(tmp_path: Path, keys: str, problem: str, mended: str) -> None:
    write(tmp_path, {"api/Dockerfile": HEAD, "api/Dockerfile.web": HEAD})
    assert refused(lambda: plan_bundle(stage_of(tmp_path, SERVICE + keys), tmp_path).specs) == [problem]
    assert plan_bundle(stage_of(tmp_path, SERVICE + mended), tmp_path).specs


def test_a_stage_with_a_compose_file_ignores_the_keys_of_the_dockerfile(tmp_path: Path) -> None:
    text = f'{SERVICE}context = "."\ntarget = "x"\n[stages.dev.service]\ncompose = "compose.yaml"\n'
    service = stage_of(tmp_path, text).service
    assert (service.context, service.target, dict(service.args)) == (None, None, {})


def test_a_link_to_a_script_is_not_judged_by_a_file_of_this_machine(tmp_path: Path) -> None:
    write(tmp_path, {"elsewhere.sh": "#!/bin/sh\n", "app/Dockerfile": f'{HEAD}COPY start.sh /\nCMD ["/start.sh"]\n'})
    (tmp_path / "app/start.sh").symlink_to(tmp_path / "elsewhere.sh")
    write(tmp_path / "app", {"beanpod.toml": SERVICE})
    assert plan_bundle(Manifest.read(tmp_path / "app/beanpod.toml").stage(), tmp_path / "app").preview()


SCRIPT = "COPY start.sh /usr/local/bin/\n"
MODE = "starts start.sh, which is not executable: run `chmod +x start.sh`, or on Windows `git add --chmod=+x"
LINES = "starts start.sh, whose lines end as on Windows, so that its program is not found: save it with LF, and write"


@pytest.mark.parametrize(
    ("text", "dockerfile", "problem"),
    [
        ("#!/bin/sh\n", f'{SCRIPT}ENTRYPOINT ["start.sh"]\nCMD ["serve"]\n', MODE),
        ("#!/bin/sh\n", 'WORKDIR /app\nCOPY . .\nCMD ["./start.sh"]\n', MODE),
        ("#!/bin/sh\n", "WORKDIR /app\nCOPY . ./\nCMD /app/start.sh --port 80\n", MODE),
        ("#!/bin/sh\n", "COPY start.sh /run.sh\nENTRYPOINT /run.sh\n", MODE),
        ("#!/bin/sh\r\nset -e\r\n", f'{SCRIPT}RUN chmod +x /usr/local/bin/*\nENTRYPOINT ["start.sh"]\n', LINES),
        # What is prepared, or not started.
        ("#!/bin/sh\n", f'{SCRIPT}RUN chmod +x /usr/local/bin/*\nENTRYPOINT ["start.sh"]\n', None),
        ("#!/bin/sh\n", 'COPY --chmod=755 start.sh /\nENTRYPOINT ["/start.sh"]\n', None),
        (
            "#!/bin/sh\r\n",
            "COPY start.sh /\nRUN sed -i 's/\\r//;' /start.sh && chmod 755 /start.sh\nCMD /start.sh\n",
            None,
        ),
        ("#!/bin/sh\n", 'COPY . /app\nENTRYPOINT ["sh", "/app/start.sh"]\n', None),
        ("#!/bin/sh\n", 'COPY . /app\nENTRYPOINT ["/other/start.sh"]\n', None),
        ("#!/bin/sh\n", f'{SCRIPT}CMD ["start.sh"]\nCMD ["httpd"]\n', None),
    ],
)
def test_a_script_that_cannot_start_is_refused(tmp_path: Path, text: str, dockerfile: str, problem: str | None) -> None:
    write(tmp_path, {"Dockerfile": f"FROM busybox\n{dockerfile}"})
    (tmp_path / "start.sh").write_bytes(text.encode())
    if problem is None:
        assert plan_bundle(stage_of(tmp_path), tmp_path).specs
    else:
        (found,) = refused(lambda: plan_bundle(stage_of(tmp_path), tmp_path).specs)
        assert found.startswith(f"Dockerfile: {problem}")


@pytest.mark.parametrize(("keys", "refusals"), [("", 1), ("entrypoint: [httpd]", 0), ("command: [httpd]", 0)])
def test_a_script_that_a_compose_file_replaces_may_be_any(tmp_path: Path, keys: str, refusals: int) -> None:
    write(tmp_path, {"start.sh": "#!/bin/sh\n"})
    compose = f"services:\n  web:\n    build: .\n    ports: ['80:80']\n    {keys}\n"
    stage = compose_stage(tmp_path, compose, Dockerfile=f'FROM busybox\n{SCRIPT}CMD ["start.sh"]\n')
    if refusals:
        (found,) = refused(lambda: plan_bundle(stage, tmp_path).specs)
        assert MODE in found
    else:
        assert plan_bundle(stage, tmp_path).specs


def test_what_is_above_the_repository_is_no_context(tmp_path: Path) -> None:
    write(tmp_path, {"shop/.git/HEAD": ""})
    (problem,) = refused(lambda: previewed(tmp_path / "shop", f"{HEAD}COPY shop /\n"))
    assert problem.endswith("COPY shop: not found in the build context: create it, in CI too, or remove the line")


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
    project = copied(name, tmp_path)
    assert refused(lambda: plan_of(project, manifest)) == [
        f"{dockerfile}: line {line}: COPY {source}: not found in the build context: write {key} in [service]"
        for line, source in ((2, "libs/lib.txt"), (3, "apps/api/server.sh"))
    ]
    with (project / manifest).open("a") as file:
        file.write(f"{key}\n")
    (spec,) = plan_of(project, manifest).specs
    assert (spec.context, spec.dockerfile) == (project, project / "apps/api/Dockerfile")


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


LEFT_TO_DOCKER = """
COPY there.txt /
COPY ./there.txt sub/../there.txt /
COPY /there.txt /
COPY ["there.txt", "/"]
COPY . /
COPY sub /
COPY missing* /
COPY $MISSING /
COPY --from=other missing /
COPY <<missing /x
missing
ADD https://example.org/missing /
ADD git@example.org:ada/shop.git /
COPY link /
"""


def test_files_that_may_be_there_are_left_to_docker(tmp_path: Path) -> None:
    write(tmp_path, {"there.txt": "", "sub/x": ""})
    (tmp_path / "link").symlink_to("nowhere")
    assert previewed(tmp_path, HEAD + LEFT_TO_DOCKER)
    assert previewed(tmp_path, "#syntax=ghcr.io/ada/mockerfile:1\napiVersion: v1\n")


NO_FROM = "there is no FROM, so Docker has nothing to build: begin it with FROM and an image"
STAGES = "FROM a AS build\nFROM a AS Web\n"
UNUSED = "FROM a AS dev\nCOPY missing /\nFROM a AS tools\nFROM a AS web\nCOPY --from=tools /x /x\n"
NO_STAGE = "write one of its build stages"


@pytest.mark.parametrize(
    ("dockerfile", "target", "problem"),
    [
        ("", "", NO_FROM),
        ("# FROM a\n", "", NO_FROM),
        (STAGES, "wbe", f"there is no build stage wbe: {NO_STAGE} (build, web), or leave it out"),
        ("FROM a\n", "1", f"there is no build stage 1: {NO_STAGE} (none has a name), or leave it out"),
        *((STAGES, name, "") for name in ("0", "1", "BUILD", "web")),
        (UNUSED, "web", ""),
        (
            UNUSED,
            "dev",
            "line 2: COPY missing: not found in the build context: create it, in CI too, or remove the line",
        ),
        (
            f"{HEAD}EXPOSE 80 443\n",
            "",
            "EXPOSE names 80 and 443: set port in [service] to the one that serves HTTP",
        ),
    ],
)
def test_what_cannot_be_built_or_reached_is_named(tmp_path: Path, dockerfile: str, target: str, problem: str) -> None:
    text = f'{SERVICE}target = "{target}"\n' if target else SERVICE
    if problem:
        assert refused(lambda: previewed(tmp_path, dockerfile, text)) == [f"Dockerfile: {problem}"]
    else:
        assert previewed(tmp_path, dockerfile, text)


def test_dockerfile_of_windows_powershell_is_named(tmp_path: Path) -> None:
    stage = stage_of(tmp_path)
    (tmp_path / "Dockerfile").write_bytes(HEAD.encode("utf-16"))
    (problem,) = refused(lambda: plan_bundle(stage, tmp_path).specs)
    assert "save it as UTF-8" in problem
    (tmp_path / "Dockerfile").write_bytes(HEAD.encode("utf-8-sig"))
    assert plan_bundle(stage, tmp_path).specs


# The port.
@pytest.mark.parametrize(
    ("dockerfile", "keys", "port", "noted"),
    [
        ("EXPOSE 3000\n", "", 3000, True),
        ("EXPOSE 3000\n", "port = 3000\n", 3000, False),
        ("EXPOSE 3000\n", "port = 4000\n", 4000, True),
        ("EXPOSE 3000\n", "port = 8080\n", 8080, True),
        ("EXPOSE 9229 8080\n", "", 8080, False),
        ("EXPOSE 80 443\n", "port = 80\n", 80, False),
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


@pytest.mark.parametrize(
    ("keys", "exposed", "noted"),
    [
        ('ports: ["80:8080"]', 3000, True),
        ('ports: ["80:8080"]', 8080, False),
        # A service on the instance's network publishes no port to compare.
        ('network_mode: host\n    expose: ["80"]', 3000, False),
    ],
)
def test_a_compose_service_that_exposes_another_port_is_noted(
    tmp_path: Path, keys: str, exposed: int, noted: bool
) -> None:
    stage = compose_stage(tmp_path, f"services:\n  web:\n    build: .\n    {keys}\n")
    write(tmp_path, {"Dockerfile": f"{HEAD}EXPOSE {exposed}\n"})
    notes = [one for one in plan_bundle(stage, tmp_path).preview().notes if "EXPOSE" in one]
    note = "service web, Dockerfile: EXPOSE names 3000, but ports names 8080: requests are sent to 8080"
    assert notes == [note] * noted


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


@pytest.mark.parametrize(
    ("name", "noted"),
    [
        *((name, True) for name in ("heredoc-only", "buildkit-only", "mount-only")),
        *((name, False) for name in ("syntax-line", "listens-on-loopback", "crlf", "umlauts")),
    ],
)
def test_a_preview_notes_what_only_buildkit_builds(tmp_path: Path, name: str, noted: bool) -> None:
    notes = plan_of(copied(name, tmp_path)).preview().notes
    assert any("needs BuildKit" in note for note in notes) is noted


# What the image starts.
@pytest.mark.parametrize("image", ["alpine", "debian:bookworm-slim", "docker.io/library/ubuntu:24.04", "scratch"])
def test_an_image_that_starts_nothing_is_noted(tmp_path: Path, image: str) -> None:
    dockerfile = f"FROM golang AS build\nCMD never\nFROM {image} AS base\nFROM base\nCOPY --from=build /app /app\n"
    (note,) = previewed(tmp_path, dockerfile).notes
    starts = f"neither CMD nor ENTRYPOINT starts the app, and FROM {image} starts none: the container ends at once"
    assert note == f"Dockerfile: {starts}: write CMD and the command that starts the app"
    for command, noted in (("", True), (", command: /app", False)):
        stage = compose_stage(
            tmp_path, f"services: {{web: {{build: ., ports: ['80:80']{command}}}}}", Dockerfile=dockerfile
        )
        assert any(starts in note for note in plan_bundle(stage, tmp_path).preview().notes) == noted


@pytest.mark.parametrize(
    "dockerfile",
    ["FROM debian\nENTRYPOINT /app\n", "FROM debian AS base\nCMD /app\nFROM base\n", "FROM node\n", "FROM me/debian\n"],
)
def test_an_image_that_may_start_the_app_is_not_noted(tmp_path: Path, dockerfile: str) -> None:
    assert not previewed(tmp_path, dockerfile).notes


# What the image keeps, and what it loses.
ENV = "# local\nPORT=3000\nexport API_KEY='abc'\nDB_PASSWORD=\n"


@pytest.mark.parametrize(
    "ignored", ["", "# .env\n", "node_modules\n*.log\nenv\n/app/.env\n", ".env\n!.env\n", "*\n!.env*\n"]
)
@pytest.mark.parametrize(
    "lines", ["COPY . /app\n", 'COPY ["./", "/app"]\n', "ADD a .env /\n", "COPY . .\nFROM one AS two\n"]
)
def test_an_env_file_with_secrets_in_the_image_is_noted(tmp_path: Path, ignored: str, lines: str) -> None:
    write(tmp_path, {".env": ENV, "a": "", ".dockerignore": ignored})
    (note,) = previewed(tmp_path, f"FROM node AS one\n{lines}").notes
    assert note.startswith("Dockerfile: line 2: ")
    assert "copies .env, and with it API_KEY, into the image" in note
    assert "abc" not in note


def test_a_byte_order_mark_hides_no_secret(tmp_path: Path) -> None:
    write(tmp_path, {".env": "\ufeffAPI_KEY=abc\n", ".dockerignore": "\ufeffa\n"})
    (note,) = previewed(tmp_path, "FROM node\nCOPY . /app\n").notes
    assert "API_KEY" in note


@pytest.mark.parametrize(
    "ignored", [".env\n", " /.env \n", "**/.env*\n", "*\n", "./.e?v\n", "!.env\n.*\n", "**\n!src\n"]
)
def test_an_env_file_that_dockerignore_leaves_out_is_not_noted(tmp_path: Path, ignored: str) -> None:
    write(tmp_path, {".env": ENV, ".dockerignore": ignored})
    assert not previewed(tmp_path, "FROM node\nCOPY . /app\n").notes


@pytest.mark.parametrize(
    ("dockerfile", "env"),
    [
        ("FROM node\nCOPY . /app\n", "PORT=3000\nDB_PASSWORD=\n# TOKEN=abc\n"),
        ("FROM node\nCOPY a /app\n", ENV),
        ("FROM node\nCOPY --exclude=.env . /app\n", ENV),
        ("FROM node AS one\nCOPY . /app\nFROM nginx\nCOPY --from=one /app/dist /html\n", ENV),
    ],
)
def test_an_image_without_secrets_of_an_env_file_is_not_noted(tmp_path: Path, dockerfile: str, env: str) -> None:
    write(tmp_path, {".env": env, "a": ""})
    assert not [note for note in previewed(tmp_path, dockerfile).notes if ".env" in note]


def test_the_dockerfiles_own_dockerignore_is_read_in_the_place_of_the_contexts(tmp_path: Path) -> None:
    write(tmp_path, {".env": ENV, ".dockerignore": "a\n", "Dockerfile.dockerignore": ".env\n"})
    assert not previewed(tmp_path, "FROM node\nCOPY . /app\n").notes
    write(tmp_path, {".dockerignore": ".env\n", "Dockerfile.dockerignore": "a\n"})
    assert previewed(tmp_path, "FROM node\nCOPY . /app\n").notes


def test_an_env_file_in_the_image_of_a_compose_service_is_noted(tmp_path: Path) -> None:
    files = {"api/Dockerfile": "FROM node\nCOPY . /app\n", "api/.env": ENV}
    stage = compose_stage(tmp_path, "services: {web: {build: api, ports: ['80:80']}}", **files)
    assert any("copies .env, and with it API_KEY" in note for note in plan_bundle(stage, tmp_path).preview().notes)


def test_a_volume_of_the_image_is_noted(tmp_path: Path) -> None:
    (note,) = previewed(tmp_path, 'FROM node AS base\nVOLUME /tmp /data\nFROM base\nVOLUME ["/tmp/cache"]\n').notes
    assert note.startswith("Dockerfile: line 2: VOLUME /data: is removed with its container, at the next release")
