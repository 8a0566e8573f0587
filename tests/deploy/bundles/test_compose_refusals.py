"""What cannot run on Beanstalk is refused with the service, the key and the remedy: all of it at once."""

from pathlib import Path

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.projects import (
    COMPOSE,
    DATABASE,
    IMAGE,
    compose_bundle,
    compose_stage,
    composed,
    refused,
    write,
)

WEB = 'services:\n  app:\n    build: .\n    ports: ["80:8080"]\n'
NOT_SET = "is not set on Elastic Beanstalk:"
LEAVE_OUT = "; if the service is for development only, write profiles: [development] in compose.prod.yaml"
OUTSIDE = (
    "is outside the project: move files into the project, use a named volume for data, or, if it is a path on the "
    f"instance, name it in compose.prod.yaml{LEAVE_OUT}"
)
UPLOAD = (
    "[variables] and [secrets], and write env_file: !override .env in compose.prod.yaml, or, if it holds no secret, "
    "name it in compose.prod.yaml"
)
HOME = "is in your home directory: move it into the project and write ./.aws, or use a named volume for data"
NO_FOLDER = "no such file or folder: create it, in CI too, or use a named volume for data that the container creates"
NO_VALUE = (
    f"{NOT_SET} give it a value, or add it to [variables] or [secrets]; if your CDK app sets it, leave this line out"
)
NO_CONTAINER = "on the instance: name a service of this file"
ONLY_AMD64 = "does not run on the instances, which are linux/amd64: leave it out"
WITHOUT = "beanpod deploy builds without it:"
BUILT_ELSEWHERE = "fetch what needs it before the build and COPY it, or push the image yourself and name it in image"
SECRETS = "contains secrets: move them to [secrets], and remove the file"

# Keys of a service, and what we say is wrong with them.
OF_A_SERVICE = {
    "command: $NONE": (
        f"command: ${{NONE}} {NOT_SET} add NONE to [variables] or [secrets], write $$ for a dollar itself, or write "
        "${NONE:-default}"
    ),
    "environment: [TOKEN]": f"environment.TOKEN: TOKEN {NO_VALUE}",
    "environment: [RATE_ID-1]": f"environment.RATE_ID-1: RATE_ID-1 {NO_VALUE}",
    'environment: ["${LEVEL}=1"]': (
        "environment.${LEVEL}: the name of a variable cannot contain a variable: write it out"
    ),
    "env_file: dev.env": f"env_file: dev.env is not uploaded: move what the service needs to {UPLOAD}",
    "env_file: api/.env": f"env_file: api/.env is not uploaded: move what the service needs of KEY, TZ to {UPLOAD}",
    'volumes: ["/etc/ssl:/ssl"]': f"volumes: /etc/ssl {OUTSIDE}",
    'volumes: ["${LEVEL}/x:/x"]': f"volumes: ${{LEVEL}}/x {OUTSIDE}",
    'volumes: ["~/.aws:/root/.aws"]': f"volumes: ~/.aws {HOME}",
    'volumes: ["../other:/other"]': "volumes: ../other is outside the project: move it next to or below the manifest",
    "volumes: [{type: tmpfs, target: b}]": "volumes: b: write an absolute path in the container",
    "volumes: [{type: npipe, target: /a}]": "volumes: /a: an instance has no mounts of type npipe: remove it",
    "network_mode: container:vpn": f"network_mode: there is no container vpn {NO_CONTAINER}",
    'external_links: ["shop_cache:cache"]': f"external_links: there is no container shop_cache {NO_CONTAINER}",
    "build: {context: nowhere}": "build.context: nowhere: no such folder: write its path from the compose file",
    'build: "https://a.example/b.git"': "build.context: https://a.example/b.git is elsewhere: name a folder",
    "build: {dockerfile: Other}": "build.dockerfile: Other: no such file: write its path from the context",
    "build: {secrets: [key]}": f"build.secrets: {WITHOUT} {BUILT_ELSEWHERE}",
    "build: {ssh: [default]}": f"build.ssh: {WITHOUT} {BUILT_ELSEWHERE}",
    "build: {additional_contexts: {a: ./x}}": (
        f"build.additional_contexts: {WITHOUT} name a context that has all folders, and COPY from it"
    ),
    "build: {context: api, dockerfile_inline: FROM x}": f"build.dockerfile_inline: {WITHOUT} move it into a Dockerfile",
    "build: {network: host}": f"build.network: {WITHOUT} write network: !reset null in compose.prod.yaml",
    "build: {labels: {a: b}}": f"build.labels: {WITHOUT} write LABEL in the Dockerfile",
    "build: {args: [TOKEN]}": "build.args.TOKEN: its value would be this machine's: write one",
    'build: {args: {A: "$LEVEL$NONE"}}': (
        "build.args.A: a build finds no ${NONE}: add NONE to [variables], or write the value or ${NONE:-default}"
    ),
    "security_opt: [seccomp=none.json]": (
        "security_opt: none.json: no such file or folder: create it, in CI too, or remove the reference"
    ),
    "image: x\n    platform: linux/arm64": f"platform: linux/arm64 {ONLY_AMD64}",
    'image: x\n    volumes: ["./conf:/conf"]': f"volumes: ./conf: {NO_FOLDER}",
    'image: x\n    volumes: [".:/site"]': (
        f"volumes: . is the whole project: name the folder in it that the service needs{LEAVE_OUT}"
    ),
    'image: x\n    volumes: ["./folder:/site"]': f"volumes: folder/.env: {SECRETS}",
    'image: x\n    volumes: ["./link:/site"]': (
        "volumes: link: a link to /etc, which is outside the project: replace it with the file"
    ),
}

# Sections of a file, and what we say is wrong with them.
SECTIONS = {
    "volumes: {data: {external: true}}": "volumes.data: external: it does not exist on the instance: remove external",
    "networks: {out: {external: true}}": "networks.out: external: it does not exist on the instance: remove external",
    "secrets: {there: {file: ./key.pem}, given: {environment: KEY}}": (
        "secrets.there: ./key.pem: no such file or folder: create it, in CI too, or remove the reference"
    ),
    "configs: {site: {file: /etc/site}}": (
        "configs.site: /etc/site is outside the project: move it next to or below the manifest"
    ),
}


def test_everything_that_cannot_run_is_refused_at_once(tmp_path: Path) -> None:
    write(tmp_path, {"dev.env": "", "folder/.env": "A=1", "docker-compose.yml": "", "api/.env": "KEY=1\nTZ=x\n"})
    (tmp_path / "link").symlink_to("/etc")
    services = {f"s{number}": keys for number, keys in enumerate(OF_A_SERVICE)}
    text = WEB + "".join(
        f"  {name}:\n    {keys}\n{'' if keys.startswith(('build', 'image')) else '    build: .' + chr(10)}"
        for name, keys in services.items()
    )
    uses = '{image: x, volumes: ["data:/data", "./docker-compose.yml:/x"], networks: [out], configs: [site], '
    uses += "secrets: [there, given]}"
    manifest = f'{COMPOSE}[variables]\nLEVEL = "x"\n'
    problems = refused(lambda: compose_bundle(tmp_path, f"{text}  uses: {uses}\n" + "\n".join(SECTIONS), manifest))
    expected = [f"service {name}, {OF_A_SERVICE[keys]}" for name, keys in services.items()]
    expected += [*SECTIONS.values(), f"secrets.given: KEY {NOT_SET} add it to [secrets]"]
    expected += ["docker-compose.yml: Beanpod writes a file of this name: rename it"]
    assert sorted(problems) == sorted(expected)


TWO = "services:\n  app: {build: ., ports: [%s]}\n  web: {image: nginx, ports: [%s]}\n"
TO_PUBLISH = 'write ports: ["80:8080"] for the one that receives requests'
NONE_PUBLISHES = f"services: no service publishes port 80 or its container port 8080 (service.port): {TO_PUBLISH}"


EACH = "services app and web: each publish"
HOST = "requests arrive at port 80 of the instance, but service.port is 8080: listen on 80 and write port = 80 in "


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("volumes: {}", "services: no services are defined: define the app as one"),
        ("services: {app: {build: .}}", NONE_PUBLISHES),
        ('services: {app: {build: ., ports: ["127.0.0.1:80:3000"]}}', NONE_PUBLISHES),
        (TWO % ('"80:8080"', '"80:80"'), f"{EACH} port 80: publish it from one of them only"),
        (
            TWO % ('"3000:8080"', '"3001:8080"'),
            f"{EACH} container port 8080 (service.port), none port 80: {TO_PUBLISH}",
        ),
        (f"{WEB}    scale: 2", "service app, scale: 2 containers cannot share port 80: write 1"),
        (
            f"{WEB}    deploy: {{replicas: 3}}",
            "service app, deploy.replicas: 3 containers cannot share port 80: write 1",
        ),
        (
            f"{WEB}    network_mode: none",
            "service app, network_mode: none cannot publish a port of the instance: remove it",
        ),
        (
            f"{WEB}    network_mode: host",
            f'service app, network_mode: host: {HOST}[service], or write ports: ["80:8080"] instead of network_mode',
        ),
    ],
)
def test_exactly_one_service_receives_requests(tmp_path: Path, text: str, problem: str) -> None:
    assert refused(lambda: compose_bundle(tmp_path, text)) == [f"compose.yaml: {problem}"]


@pytest.mark.parametrize(
    ("text", "above", "problem"),
    [
        ("", "", "empty compose file"),
        ("services: [", "", "yaml: line 1: did not find expected node content"),
        (WEB, "a: [", "compose.prod.yaml: yaml: line 1: "),
        (f"{WEB}include: [other.yaml]", "", "other.yaml: no such file or directory"),
        (f"{WEB}    prots: []", "", "services.app additional properties 'prots' not allowed"),
        (WEB, 'services: {app: {ports: !override ["80:70000"]}}', "invalid containerPort: 70000"),
        (WEB, "services: {app: {ports: !override [{target: 70000}]}}", "invalid containerPort: 70000"),
        (f"{WEB}    networks: [inner]", "", 'service "app" refers to undefined network inner'),
        (f"{WEB}    volumes: [{{type: bind, target: /a}}]", "", "field Source must not be empty"),
        (f"{WEB}    depends_on: [app]", "", "dependency cycle detected: app -> app"),
        (f"{WEB}  other: {{tty: true}}", "", 'service "other" has neither an image nor a build context'),
        (
            f"{WEB}    depends_on: [tool]\n  tool: {{image: x, profiles: [tools]}}",
            "",
            'docker compose: service "app" depends on undefined service "tool"',
        ),
    ],
)
def test_what_docker_compose_refuses_is_refused_in_its_words(
    tmp_path: Path, text: str, above: str, problem: str
) -> None:
    files = {"compose__prod__yaml": above} if above else {}
    (found,) = refused(lambda: compose_bundle(tmp_path, text, **files))
    assert found.startswith("compose.yaml: ")
    assert problem in found
    assert str(tmp_path) not in found


def test_the_password_file_of_the_database_is_refused(tmp_path: Path) -> None:
    text = f"{WEB}    secrets: [key]\n  db: {{image: x, secrets: [key]}}\nsecrets: {{key: {{file: key.txt}}}}\n"
    (problem,) = refused(lambda: compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}", key__txt="x"))
    remedy = "write key: !override {environment: RDS_PASSWORD} under secrets in compose.prod.yaml"
    assert problem == f"compose.yaml: secrets.key: is the password of service db: {remedy}"
    above = "secrets:\n  key: !override {environment: RDS_PASSWORD}\n"
    bundle = compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}", key__txt="x", compose__prod__yaml=above)
    assert composed(bundle)["secrets"] == {"key": {"environment": "RDS_PASSWORD"}}


def test_a_file_whose_services_all_have_a_profile_is_refused(tmp_path: Path) -> None:
    text = f"{WEB}    profiles: [web]\n  worker: {{image: x, profiles: [worker]}}\n"
    (problem,) = refused(lambda: compose_bundle(tmp_path, text))
    assert problem == (
        "compose.yaml: services app and worker: each has a profile, which leaves it out: write profiles: !reset [] in "
        "compose.prod.yaml for those that are deployed"
    )
    above = "services: {app: {profiles: !reset []}}"
    assert set(composed(compose_bundle(tmp_path, text, compose__prod__yaml=above))["services"]) == {"app"}


def test_a_problem_of_several_services_is_one(tmp_path: Path) -> None:
    more = "    environment: [TOKEN]\n  job: {build: ., environment: [TOKEN]}\n"
    (problem,) = refused(lambda: compose_bundle(tmp_path, f"{WEB}{more}"))
    assert problem.startswith("compose.yaml: services app and job, environment.TOKEN: TOKEN is not set")


def test_an_image_of_several_builds_is_refused(tmp_path: Path) -> None:
    text = (
        'services:\n  app: {build: ., image: shop, ports: ["80:8080"]}\n  same: {build: ., image: shop}\n'
        "  tool: {build: {context: ., target: dev}, image: 'shop:%s'}\n  worker: {image: shop}\n"
    )
    assert refused(lambda: compose_bundle(tmp_path, text % "latest")) == [
        "compose.yaml: service worker, image: shop is the name of different builds: give each its own"
    ]
    assert compose_bundle(tmp_path, text % "2")


def test_a_database_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    assert refused(lambda: compose_bundle(tmp_path, WEB, f"{COMPOSE}{DATABASE}")) == [
        "compose.yaml: database.compose_service: there is no service db: name one of app"
    ]


def test_two_files_for_production_are_refused(tmp_path: Path) -> None:
    files = {"compose__prod__yaml": WEB, "docker-compose__prod__yml": WEB}
    assert refused(lambda: compose_bundle(tmp_path, WEB, **files)) == [
        "compose.yaml: compose.prod.yaml, docker-compose.prod.yml: more than one file for production: keep one"
    ]


def test_a_build_that_was_not_pushed_is_refused(tmp_path: Path) -> None:
    stage = compose_stage(tmp_path, WEB)
    assert refused(lambda: plan_bundle(stage, tmp_path).bundle({}, application="a", login_hooks=False)) == [
        "compose.yaml: service app: no image of it was pushed: build and push it first"
    ]
    assert plan_bundle(stage, tmp_path).bundle({"app": IMAGE}, application="a", login_hooks=False)


def test_a_variable_that_only_the_cdk_app_sets_is_left_out_of_the_file(tmp_path: Path) -> None:
    names = 'environment: {QUEUE: "${QUEUE}", URL: "http://${HOST}/"}'
    text = f"{WEB}    {names}\n  worker: {{image: x, {names}}}\n"
    problems = sorted(refused(lambda: compose_bundle(tmp_path, text)))
    endings = ["CDK app sets it, leave this line out", "write env_file: .env instead", "write ${HOST:-default}"]
    assert [problem.endswith(ending) for problem, ending in zip(problems, endings, strict=True)] == [True] * 3, problems
    text = f"{WEB}  worker: {{image: x, env_file: .env}}\n"
    services = composed(compose_bundle(tmp_path, text))["services"]
    assert {name: service["env_file"] for name, service in services.items()} == {"app": [".env"], "worker": [".env"]}
