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

# Keys of a service that is built and publishes port 80, and what Docker Compose says is wrong with them.
BY_COMPOSE = {
    "prots: []": "services.app additional properties 'prots' not allowed",
    "healthcheck: {tests: x}": "services.app.healthcheck additional properties 'tests' not allowed",
    'ports: !override [{target: 80, publish: "80"}]': "compose.prod.yaml: services.app.ports.0 additional properties",
    "volumes: data": "services.app.volumes must be a",
    "depends_on: [other]": 'service "app" depends on undefined service "other"',
    "pid: service:other": 'service "app" depends on undefined service "other"',
    "networks: [inner]": 'service "app" refers to undefined network inner',
    'volumes: ["data:/data"]': 'service "app" refers to undefined volume data',
    "secrets: [{source: key}]": 'service "app" refers to undefined secret key',
    "extends: {file: other.yaml, service: app}": "other.yaml: no such file or directory",
    "volumes: [{type: bind, source: .}]": "missing a mount target",
    "volumes: [{type: bind, target: /a}]": "field Source must not be empty",
    "ports: !override [http]": "invalid containerPort: http",
    "ports: !override [{target: 70000}]": "invalid containerPort: 70000",
    'ports: !override ["80:70000"]': "invalid containerPort: 70000",
    'ports: !override ["80-81:80-83"]': "invalid ranges",
    "depends_on: [app]": "dependency cycle detected: app -> app",
}

# The same, and what we say is wrong.
OF_A_SERVICE = {
    "command: $NONE": (
        "service app, command: ${NONE} is not set on Elastic Beanstalk: "
        "add NONE to [variables] or [secrets], or write ${NONE:-default}"
    ),
    "environment: [TOKEN]": (
        "service app, environment.TOKEN: TOKEN is not set on Elastic Beanstalk: "
        "give it a value, or add it to [variables] or [secrets]"
    ),
    'environment: ["${LEVEL}=1"]': (
        "service app, environment.${LEVEL}: the name of a variable cannot contain a variable: write it out"
    ),
    "env_file: dev.env": (
        "service app, env_file: dev.env is not uploaded: move what the service needs to "
        "[variables] and [secrets], and write env_file: !override .env in compose.prod.yaml, "
        "or, if it holds no secret, name it in compose.prod.yaml"
    ),
    'volumes: ["/etc/ssl:/ssl"]': (
        "service app, volumes: /etc/ssl is outside the project: move files into the project, use a named volume "
        "for data, or, if it is a path on the instance, name it in compose.prod.yaml"
    ),
    'volumes: ["~/.aws:/root/.aws"]': (
        "service app, volumes: ~/.aws is in your home directory: move it into the project and write ./.aws, "
        "or use a named volume for data"
    ),
    'volumes: ["${LEVEL}/x:/x"]': (
        "service app, volumes: ${LEVEL}/x is outside the project: move files into the project, use a named volume "
        "for data, or, if it is a path on the instance, name it in compose.prod.yaml"
    ),
    'volumes: ["../other:/other"]': (
        "service app, volumes: ../other is outside the project: move it next to or below the manifest"
    ),
    "volumes: [{type: tmpfs, target: b}]": "service app, volumes: b: write an absolute path in the container",
    "volumes: [{type: npipe, source: a, target: /a}]": (
        "service app, volumes: /a: an instance has no mounts of type npipe: remove it"
    ),
    "scale: 2": "service app, scale: 2 containers cannot share port 80: write 1",
    "deploy: {replicas: 3}": "service app, deploy.replicas: 3 containers cannot share port 80: write 1",
    "network_mode: none": "service app, network_mode: none cannot publish a port of the instance: remove it",
    "network_mode: host": (
        "service app, network_mode: host: requests arrive at port 80 of the instance, but service.port is 8080: "
        'listen on 80 and write port = 80 in [service], or write ports: ["80:8080"] instead of network_mode'
    ),
    "network_mode: container:vpn": (
        "service app, network_mode: there is no container vpn on the instance: name a service of this file"
    ),
    'external_links: ["shop_cache:cache"]': (
        "service app, external_links: there is no container shop_cache on the instance: name a service of this file"
    ),
    "build: {context: nowhere}": (
        "service app, build.context: nowhere: no such folder: write its path from the compose file"
    ),
    'build: "https://example.org/app.git"': (
        "service app, build.context: https://example.org/app.git is elsewhere: name a folder"
    ),
    "build: {dockerfile: Other}": (
        "service app, build.dockerfile: Other: no such file: write its path from the context"
    ),
    "build: {secrets: [key]}": (
        "service app, build.secrets: the deploy script builds without it: move it into the Dockerfile"
    ),
    "build: {args: [TOKEN]}": "service app, build.args.TOKEN: its value would be this machine's: write one",
    "build: {args: {LEVEL: $LEVEL}}": (
        "service app, build.args.LEVEL: a build finds no ${LEVEL}: write the value, or ${LEVEL:-default}"
    ),
}


@pytest.mark.parametrize(("keys", "problem"), OF_A_SERVICE.items(), ids=OF_A_SERVICE)
def test_a_service_is_refused(tmp_path: Path, keys: str, problem: str) -> None:
    manifest = f'{COMPOSE}[variables]\nLEVEL = "x"\n'
    files = {"compose__prod__yaml": f"services:\n  app:\n    {keys}\n"} if "!override" in keys else {}
    base = WEB if files else f"{WEB.replace('    build: .', '') if keys.startswith('build') else WEB}    {keys}\n"
    if keys.startswith(("env_file", "volumes")):
        write(tmp_path, {"dev.env": ""})
    assert refused(lambda: compose_bundle(tmp_path, base, manifest, **files)) == [f"compose.yaml: {problem}"]


@pytest.mark.parametrize(("keys", "problem"), BY_COMPOSE.items(), ids=BY_COMPOSE)
def test_what_docker_compose_refuses_is_refused_in_its_words(tmp_path: Path, keys: str, problem: str) -> None:
    files = {"compose__prod__yaml": f"services:\n  app:\n    {keys}\n"} if "!override" in keys else {}
    (found,) = refused(lambda: compose_bundle(tmp_path, WEB if files else f"{WEB}    {keys}\n", **files))
    assert found.startswith("compose.yaml: ")
    assert problem in found
    assert str(tmp_path) not in found


TWO = "services:\n  app: {build: ., ports: [%s]}\n  web: {image: nginx, ports: [%s]}\n"
TO_PUBLISH = 'write ports: ["80:8080"] for the one that receives requests'

# Whole files, and what is wrong with them.
FILES = {
    "no services": ("volumes: {}", "services: no services are defined: define the app as one"),
    "another platform": (
        f"{WEB}  other: {{image: x, platform: linux/arm64}}",
        "service other, platform: linux/arm64 does not run on the instances, which are linux/amd64: leave it out",
    ),
    "nobody at port 80": (
        "services: {app: {build: .}}",
        f"services: no service publishes port 80 or its container port 8080 (service.port): {TO_PUBLISH}",
    ),
    "a loopback port 80": (
        'services: {app: {build: ., ports: ["127.0.0.1:80:3000"]}}',
        f"services: no service publishes port 80 or its container port 8080 (service.port): {TO_PUBLISH}",
    ),
    "two at port 80": (
        TWO % ('"80:8080"', '"80:80"'),
        "services app and web: each publish port 80: publish it from one of them only",
    ),
    "two that may be meant": (
        TWO % ('"3000:8080"', '"3001:8080"'),
        f"services app and web: each publish container port 8080 (service.port), none port 80: {TO_PUBLISH}",
    ),
    "an external volume": (
        f'{WEB}    volumes: ["data:/data"]\nvolumes: {{data: {{external: true}}}}',
        "volumes.data: external: it does not exist on the instance: remove external",
    ),
    "an external network": (
        f"{WEB}    networks: [out]\nnetworks: {{out: {{external: true}}}}",
        "networks.out: external: it does not exist on the instance: remove external",
    ),
    "a secret that is not there": (
        f"{WEB}    secrets: [key]\nsecrets: {{key: {{file: ./key.pem}}}}",
        "secrets.key: ./key.pem: no such file or folder: create it, in CI too, or remove the reference",
    ),
    "a secret that nothing gives": (
        f"{WEB}    secrets: [key]\nsecrets: {{key: {{environment: KEY}}}}",
        "secrets.key: KEY is not set on Elastic Beanstalk: add it to [secrets]",
    ),
    "a config outside of the project": (
        f"{WEB}    configs: [site]\nconfigs: {{site: {{file: /etc/site}}}}",
        "configs.site: /etc/site is outside the project: move it next to or below the manifest",
    ),
    "a mount that is not there": (
        f'{WEB}  web: {{image: nginx, volumes: ["./conf:/conf"]}}',
        (
            "service web, volumes: ./conf: no such file or folder: create it, in CI too, or use a named volume for "
            "data that the container creates"
        ),
    ),
    "the whole project": (
        f'{WEB}  web: {{image: nginx, volumes: [".:/site"]}}',
        "service web, volumes: . is the whole project: name the folder in it that the service needs",
    ),
    "a folder with secrets": (
        f'{WEB}  web: {{image: nginx, volumes: ["./folder:/site"]}}',
        "service web, volumes: folder/.env: contains secrets: move them to [secrets], and remove the file",
    ),
    "a link": (
        f'{WEB}  web: {{image: nginx, volumes: ["./link:/site"]}}',
        "service web, volumes: link: a link to /etc, which is outside the project: replace it with the file",
    ),
    "a file of our own name": (
        f'{WEB}  web: {{image: nginx, volumes: ["./docker-compose.yml:/site"]}}',
        "docker-compose.yml: the deploy script writes a file of this name: choose another",
    ),
}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "empty compose file"),
        ("services: [", "yaml: line 1: did not find expected node content"),
        ("services: [a]", "services must be a mapping"),
        (f"{WEB}include: [other.yaml]", "other.yaml: no such file or directory"),
        (f"{WEB}  other: {{tty: true}}", 'docker compose: service "other" has neither an image nor a build context'),
        (
            f"{WEB}    depends_on: [tool]\n  tool: {{image: x, profiles: [tools]}}",
            'docker compose: service "app" depends on undefined service "tool"',
        ),
    ],
)
def test_a_file_that_docker_compose_refuses_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    (found,) = refused(lambda: compose_bundle(tmp_path, text))
    assert found.startswith("compose.yaml: ")
    assert problem in found


@pytest.mark.parametrize(("text", "problem"), FILES.values(), ids=FILES)
def test_a_file_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    write(tmp_path, {"folder/.env": "A=1", "docker-compose.yml": "services: {}"})
    (tmp_path / "link").symlink_to("/etc")
    assert refused(lambda: compose_bundle(tmp_path, text)) == [f"compose.yaml: {problem}"]


LOGIN = "${RDS_USERNAME}:${RDS_PASSWORD}@"


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("DB_HOST", "db", "DB_HOST: ${RDS_HOSTNAME}"),
        ("DB_SERVER", "db:3306", "DB_SERVER: ${RDS_HOSTNAME}:${RDS_PORT}"),
        (
            "DATABASE_URL",
            "mysql://a:x@db/app",
            f"DATABASE_URL: mysql://{LOGIN}${{RDS_HOSTNAME}}:${{RDS_PORT}}/${{RDS_DB_NAME}}",
        ),
        ("OTHER", "http://db:80", "OTHER: http://${RDS_HOSTNAME}:${RDS_PORT}"),
    ],
)
def test_a_variable_that_names_the_database_is_refused(tmp_path: Path, variable: str, value: str, remedy: str) -> None:
    text = f"{WEB}    environment: {{{variable}: '{value}'}}\n  db: {{image: 'mysql:8.4'}}\n"
    table = "[secrets]" if "@" in value else "[variables]"
    (problem,) = refused(lambda: compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}"))
    assert problem == (
        f"compose.yaml: service app, environment.{variable}: refers to service db, which RDS replaces: "
        f"write {remedy} in compose.prod.yaml, or put {variable} into {table}"
    )
    above = f"services: {{app: {{environment: {{'{variable}': '{remedy.partition(': ')[2]}'}}}}}}"
    file = composed(compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}", compose__prod__yaml=above))
    assert file["services"]["app"]["environment"] == {variable: remedy.partition(": ")[2]}


@pytest.mark.parametrize(("variable", "value"), [("DB_NAME", "db"), ("DB_HOST", "database"), ("URL", "http://a/db")])
def test_a_variable_with_a_similar_value_is_accepted(tmp_path: Path, variable: str, value: str) -> None:
    text = f"{WEB}    environment: {{{variable}: '{value}'}}\n  db: {{image: 'mysql:8.4'}}\n"
    assert compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}")


def test_the_password_file_of_the_database_is_refused(tmp_path: Path) -> None:
    text = f"{WEB}    secrets: [key]\n  db: {{image: x, secrets: [key]}}\nsecrets: {{key: {{file: key.txt}}}}\n"
    (problem,) = refused(lambda: compose_bundle(tmp_path, text, f"{COMPOSE}{DATABASE}", key__txt="x"))
    remedy = "write environment: RDS_PASSWORD there instead of file"
    assert problem == f"compose.yaml: secrets.key: is the password of service db: {remedy}"


def test_a_database_that_is_not_in_the_file_is_refused(tmp_path: Path) -> None:
    assert refused(lambda: compose_bundle(tmp_path, WEB, f"{COMPOSE}{DATABASE}")) == [
        "compose.yaml: database.compose_service: there is no service db: name one of app"
    ]


def test_a_file_for_production_is_named_where_it_cannot_be_read(tmp_path: Path) -> None:
    (problem,) = refused(lambda: compose_bundle(tmp_path, WEB, compose__prod__yaml="a: ["))
    assert problem.startswith("compose.yaml: compose.prod.yaml: yaml: line 1: ")


def test_two_files_for_production_are_refused(tmp_path: Path) -> None:
    files = {"compose__prod__yaml": WEB, "docker-compose__prod__yml": WEB}
    assert refused(lambda: compose_bundle(tmp_path, WEB, **files)) == [
        "compose.yaml: compose.prod.yaml, docker-compose.prod.yml: more than one file for production: keep one"
    ]


def test_all_problems_are_found_at_once_and_before_anything_is_built(tmp_path: Path) -> None:
    text = """
services:
  app:
    build: ./nowhere
    env_file: dev.env
  worker:
    image: worker
    volumes: ["/etc:/etc"]
"""
    stage = compose_stage(tmp_path, text)
    write(tmp_path, {".platform/hooks/postdeploy/99_beanpod_cleanup.sh": "#!/bin/sh\n"})
    images: dict[str | None, str] = {"app": IMAGE}
    problems = refused(lambda: plan_bundle(stage, tmp_path).bundle(images, application="a", login_hooks=False))
    assert [problem.partition(":")[0] for problem in problems] == [
        "service app, env_file",
        "service worker, volumes",
        "services",
        "service app, build.context",
        ".platform/hooks/postdeploy/99_beanpod_cleanup.sh",
    ]
    assert refused(lambda: compose_bundle(tmp_path, text)) == problems


def test_a_build_that_was_not_pushed_is_refused(tmp_path: Path) -> None:
    stage = compose_stage(tmp_path, WEB)
    assert refused(lambda: plan_bundle(stage, tmp_path).bundle({}, application="a", login_hooks=False)) == [
        "compose.yaml: service app: no image of it was pushed: build and push it first"
    ]
