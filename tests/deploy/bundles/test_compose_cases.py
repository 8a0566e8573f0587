"""Compose files as people write them: what is deployed and noted, and what is refused until the remedy is applied."""

from pathlib import Path
from typing import Any

import pytest

from beanpod.deploy.bundles import plan_bundle
from tests.deploy.bundles.cases import bundle_of, change, copied, notes_of, problems_of, services_of, services_with
from tests.deploy.bundles.projects import COMPOSE, IMAGE, compose_stage, composed, write

OVER = "compose.prod.yaml"
BUILT = 'services:\n  web:\n    build: .\n    ports: ["80:8080"]\n'

# Data that containers write.
LOST = "is lost at the next release"
IN_PLACE = "store data in a named volume (kept across releases, lost with the instance), EFS, S3 or the database"
PRODUCTION = '[stages.prod]\npreset = "production"\n'
MOUNTS = [
    ('"./data:/data"', True),
    ('"./data:/data:ro"', False),
    ('"./data:/data:ro,z"', False),
    ('"./data/index.html:/data/index.html"', True),
    ("{type: bind, source: ./data, target: /data}", True),
    ("{type: bind, source: ./data, target: /data, read_only: true}", False),
    ('"kept:/data:ro"', False),
]


def test_writable_mounts_are_noted(tmp_path: Path) -> None:
    project = copied("written-bind-mount", tmp_path)
    change(project, "services:\n", "volumes: {kept: }\nservices:\n")
    with (project / "compose.yaml").open("a") as file:
        file.write(services_with((f"volumes: [{mount}]" for mount, _ in MOUNTS), "image: wiki"))
    for number, (_, noted) in enumerate(MOUNTS):
        notes = notes_of(project, f"service s{number}, volumes")
        assert [LOST in note and IN_PLACE in note for note in notes] == [True] * noted
    assert not notes_of(project, "volume kept")
    assert "data/index.html" in bundle_of(project).files


def test_data_written_to_a_removed_mount_is_noted(tmp_path: Path) -> None:
    files = {"app.sqlite3": "", "Dockerfile": "FROM busybox:stable\nCOPY app.sqlite3 /\n"}
    project = copied("written-bind-mount", tmp_path, files)
    change(project, "    build: .\n", '    build: .\n    volumes: ["./app.sqlite3:/app.sqlite3"]\n')
    left_out = "left out: ./app.sqlite3 on /app.sqlite3, because the image already contains it;"
    (note,) = notes_of(project, "service helper, volumes")
    assert note.startswith(f"service helper, volumes: {left_out}")
    assert LOST in note
    write(project, {OVER: 'services: {helper: {volumes: ["./app.sqlite3:/app.sqlite3"]}}'})
    (note,) = notes_of(project, "service helper, volumes")
    assert ("left out" in note, LOST in note) == (False, True)


@pytest.mark.parametrize(
    ("line", "copied_there"),
    [
        ("COPY start.sh /", False),
        ("COPY --from=0 /conf /conf", False),
        ("COPY conf/site.conf /", True),
        ("COPY conf /conf", True),
        ("ADD . /app", True),
        ("COPY *.conf /", True),
        ("COPY conf/site.conf.d /", False),
        ("RUN --mount=type=bind,target=/src cp -r /src/conf /", True),
    ],
)
def test_a_removed_mount_that_is_not_in_the_image_says_so(tmp_path: Path, line: str, *, copied_there: bool) -> None:
    text = 'services:\n  web: {build: web, ports: ["80:80"], volumes: ["./web/conf/site.conf:/tmp/site.conf:ro"]}\n'
    files = ("web/start.sh", "web/conf/site.conf", "web/conf/site.conf.d/x")
    write(tmp_path, {"compose.yaml": text, "beanpod.toml": COMPOSE + "[stages.dev]\n", **dict.fromkeys(files, "")})
    write(tmp_path, {"web/Dockerfile": f"FROM debian AS build\nFROM debian\n{line}\n"})
    there = "because the image already contains it"
    missing = "but no COPY or ADD names it: copy it into the image if the app reads it"
    mount = f"left out: ./web/conf/site.conf on /tmp/site.conf, {there if copied_there else missing}"
    named = f"service web, volumes: {mount}; to keep it, name it in compose.prod.yaml"
    assert notes_of(tmp_path, "service web, volumes") == [named]


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("", "not shared between instances, and lost when an instance is terminated, as by releases, scaling in and "),
        ("Immutable", "lost at every release, because deployment_policy Immutable replaces the instances"),
        ("TrafficSplitting", "lost at every release"),
        ("Rolling", "lost when an instance is terminated, as by scaling in and platform updates"),
    ],
)
def test_notes_about_data_depend_on_the_deployment_policy(tmp_path: Path, policy: str, expected: str) -> None:
    project = copied("written-bind-mount", tmp_path)
    table = f'[stages.prod.environment]\ndeployment_policy = "{policy}"\n' if policy else ""
    change(project, "[service]", f"{PRODUCTION}{table}[service]", "beanpod.toml")
    change(project, '["./data:/data"]', '["./data:/data", "kept:/kept"]')
    change(project, "services:\n", "volumes: {kept: }\nservices:\n")
    (note,) = [note for note in notes_of(project, "service wiki, volumes") if LOST in note]
    assert "store data in EFS, S3 or the database;" in note
    assert "named volume" not in note
    (note,) = notes_of(project, "volume kept:")
    assert expected in note
    assert note.endswith(": store data in EFS, S3 or the database")


def test_a_network_file_system_needs_no_note(tmp_path: Path) -> None:
    project = copied("volume-with-a-device", tmp_path)
    change(project, "{type: none, o: bind, device: ./data}", '{type: nfs4, o: "addr=fs-1.efs.example", device: ":/"}')
    assert not notes_of(project)
    assert composed(bundle_of(project))["volumes"]["data"]["driver_opts"]["device"] == ":/"


def test_the_folder_of_a_bound_volume_is_added_to_the_bundle(tmp_path: Path) -> None:
    project = copied("volume-with-a-device", tmp_path)
    bundle = bundle_of(project)
    assert bundle.files["data/seed.txt"].data == b"seed\n"
    assert composed(bundle)["volumes"]["data"]["driver_opts"]["device"] == "./data"
    (note,) = notes_of(project, "service web, volumes")
    assert "what the container writes to /data is lost at the next release" in note


@pytest.mark.parametrize("broken", ["missing", "empty", "rbind", "elsewhere"])
def test_a_missing_or_empty_device_is_refused(tmp_path: Path, broken: str) -> None:
    project = copied("volume-with-a-device", tmp_path)
    if broken in ("missing", "empty"):
        (project / "data/seed.txt").unlink()
    if broken == "missing":
        (project / "data").rmdir()
    elif broken == "rbind":
        change(project, "o: bind", "o: rbind")
    elif broken == "elsewhere":
        change(project, "./data", "/srv/data")
    (problem,) = problems_of(project)
    assert "volumes.data.driver_opts" in problem
    assert problem.endswith("remove driver_opts, so that data is a named volume")
    lines = (project / "compose.yaml").read_text().splitlines(True)
    write(project, {"compose.yaml": "".join(line for line in lines if "driver_opts" not in line)})
    assert notes_of(project, "volume data: on the instance's disk")


def test_an_empty_folder_is_created_on_the_instance(tmp_path: Path) -> None:
    project = copied("missing-data-folder", tmp_path)
    (project / "data/cache").mkdir(parents=True)
    assert "./data/cache:/data" in services_of(project)["cache"]["volumes"]
    change(project, '"./data/cache:/data"', "{type: bind, source: ./data/cache, target: /data}")
    assert "./data/cache:/data" in services_of(project)["cache"]["volumes"]


# Which files are read.
@pytest.mark.parametrize(
    "named", ["docker-compose.prod.yml", "compose.yaml", "./docker-compose.prod.yml", "more/../docker-compose.prod.yml"]
)
def test_one_file_is_one_file(tmp_path: Path, named: str) -> None:
    project = copied("prod-file-over-itself", tmp_path)
    (project / "compose.yaml").symlink_to("docker-compose.prod.yml")
    (project / "more").mkdir()
    change(project, '"docker-compose.prod.yml"', f'"{named}"', "beanpod.toml")
    file = composed(bundle_of(project))
    assert len(file["services"]["web"]["post_start"]) == 1
    assert len(file["networks"]["inner"]["ipam"]["config"]) == 1
    uploaded = "dev.env is uploaded with the bundle; to avoid that, move its values to [variables] and [secrets]"
    assert notes_of(project) == [f"service web, env_file: {uploaded}"]
    header = bundle_of(project).files["docker-compose.yml"].data.decode().splitlines()[0]
    assert header == f"# Generated by beanpod deploy from {Path(named)}: edit that, not this file."


def test_merged_files_are_noted(tmp_path: Path) -> None:
    project = copied("dev-and-standalone-prod", tmp_path)
    merged = "merged into docker-compose.yml, as docker compose does with two --file options"
    alone = 'to deploy it alone, write compose = "docker-compose.prod.yml"'
    assert notes_of(project, "merged into") == [f"docker-compose.prod.yml: {merged}; {alone}"]
    change(project, '"docker-compose.yml"', '"docker-compose.prod.yml"', "beanpod.toml")
    services = services_of(project)
    assert list(services) == ["web"]
    assert (services["web"]["ports"], services["web"]["environment"]) == (["80:8080"], {"NODE_ENV": "production"})
    assert not notes_of(project, "merged into")


@pytest.mark.parametrize("name", ["compose.override.yaml", "docker-compose.override.yml"])
def test_a_compose_override_file_is_noted_and_not_read(tmp_path: Path, name: str) -> None:
    project = copied("dev-and-standalone-prod", tmp_path, {name: "services: {web: {command: debug}}"})
    assert notes_of(project, name) == [f"{name}: not read: it is for development; use compose.prod.yaml for production"]
    assert "command" not in services_of(project)["web"]


@pytest.mark.parametrize("port", ["${PORT}:8080", "$PORT:8080/tcp", "127.0.0.1:${PORT:?which}:8080"])
def test_a_published_port_that_becomes_80_may_be_a_variable(tmp_path: Path, port: str) -> None:
    text = BUILT.replace("80:8080", port)
    assert services_of(copied("crlf", tmp_path, {"compose.yaml": text}))["web"]["ports"] == ["80:8080"]
    change(tmp_path / "crlf", ":8080", ":8081")
    assert "${PORT} is not set on Elastic Beanstalk" in problems_of(tmp_path / "crlf")[0]


# Names by which services reach each other.
@pytest.mark.parametrize("given", ["container-name-as-host-cache-1", "container-name-as-host_cache_1"])
def test_a_generated_container_name_becomes_an_alias(tmp_path: Path, given: str) -> None:
    project = copied("container-name-as-host", tmp_path)
    change(project, "    container_name: shop_cache\n", "")
    assert "networks" not in services_of(project)["cache"]
    change(project, "CACHE_HOST: shop_cache", f"CACHE_URL: redis://{given}:6379")
    assert services_of(project)["cache"]["networks"] == {"default": {"aliases": [given]}}


def test_other_services_still_reach_one_by_its_container_name(tmp_path: Path) -> None:
    project = copied("container-name-as-host", tmp_path)
    networks = "networks: {inner: {aliases: [redis]}, outer: }\n"
    change(project, "    container_name: shop_cache\n", f"    container_name: shop_cache\n    {networks}")
    keys = (
        'network_mode: "container:shop_cache"',
        'ipc: "container:shop_cache"',
        'volumes_from: ["container:shop_cache:ro"]',
        'external_links: ["shop_cache:redis"]',
    )
    others = services_with(keys, "image: busybox:stable")
    change(project, "services:\n", f"networks: {{inner: , outer: }}\nservices:\n{others}")
    services = services_of(project)
    aliases = {"inner": {"aliases": ["redis", "shop_cache"]}, "outer": {"aliases": ["shop_cache"]}}
    assert services["cache"]["networks"] == aliases
    assert services["s0"]["network_mode"] == services["s1"]["ipc"] == "service:cache"
    assert services["s2"]["volumes_from"] == ["cache:ro"]
    assert services["s3"]["links"] == ["cache:redis"]


# Networks.
def test_a_service_with_network_mode_host_listens_on_port_80(tmp_path: Path) -> None:
    project = copied("host-network", tmp_path)
    web = services_of(project)["web"]
    assert (web["network_mode"], web["expose"], "ports" in web) == ("host", ["80"], False)
    change(project, "services:\n", "services:\n  other: {build: ., network_mode: host}\n")
    (problem,) = problems_of(project)
    assert problem.endswith('write expose: ["80"] for the one that listens on that port')
    change(project, "    network_mode: host\n", '    network_mode: host\n    expose: ["80"]\n')
    assert services_of(project)["web"]["expose"] == ["80"]
    change(project, "services:\n", 'services:\n  proxy: {image: "nginx:stable", ports: ["80:80"]}\n')
    assert bundle_of(project).image == "nginx:stable"
    assert services_of(project)["web"]["network_mode"] == "host"


def test_a_service_in_the_network_of_another_one_is_reached_through_it(tmp_path: Path) -> None:
    project = copied("host-network", tmp_path)
    change(project, "network_mode: host", 'network_mode: "service:vpn"')
    change(project, "services:\n", 'services:\n  vpn: {image: "busybox:stable", ports: ["80:8080"]}\n')
    services = services_of(project)
    assert (services["web"]["network_mode"], services["vpn"]["ports"]) == ("service:vpn", ["80:8080"])


# Paths of the instance and of this machine.
def test_paths_on_the_instance_are_kept_if_the_file_for_production_names_them(tmp_path: Path) -> None:
    project = copied("docker-socket", tmp_path)
    remedy = "if it is a path on the instance, name it in compose.prod.yaml"
    assert [remedy in problem for problem in problems_of(project)] == [True] * 4
    text = (project / "compose.yaml").read_text()
    write(project, {OVER: f"services:\n  agent:\n{text[text.index('    volumes:') :]}"})
    assert services_of(project)["agent"]["volumes"][:4] == [
        "/var/run/docker.sock:/var/run/docker.sock:ro",
        "/etc/localtime:/etc/localtime:ro",
        "/proc/:/host/proc:ro",
        "/mnt/efs:/data",
    ]
    assert notes_of(project, "/mnt/efs is on the instance's disk")
    above = """
services:
  web: {env_file: [/opt/elasticbeanstalk/deployment/env.list], secrets: [key]}
secrets: {key: {file: /etc/pki/tls/private/server.key}}
"""
    write(project, {"compose.yaml": BUILT, OVER: above})
    file = composed(bundle_of(project))
    assert file["services"]["web"]["env_file"] == ["/opt/elasticbeanstalk/deployment/env.list", ".env"]
    assert file["secrets"]["key"]["file"] == "/etc/pki/tls/private/server.key"


def test_folders_of_this_machine_are_refused_with_the_relative_path(tmp_path: Path) -> None:
    project = copied("pwd", tmp_path, {"a.conf": "", "b.conf": "", "c.conf": ""})
    homes = '["~/a.conf:/a:ro", "$HOME/b.conf:/b:ro", "${HOME}/c.conf:/c:ro"]'
    change(project, "services:\n", f"services:\n  home: {{image: x, volumes: {homes}}}\n")
    *of_home, proxy, web = problems_of(project)
    assert proxy == "service proxy, volumes: ${PWD} is a folder of this machine: write ./page.html"
    assert web == "service web, volumes: ${PWD} is a folder of this machine: write ."
    for letter, problem in zip("abc", of_home, strict=True):
        assert f"your home directory: move it into the project and write ./{letter}.conf" in problem
    for given in ("~/a", "$HOME/b", "${HOME}/c", "$PWD/page.html"):
        change(project, given, f"./{given.rpartition('/')[2]}")
    change(project, "${PWD}:/www", ".:/www")
    services = services_of(project)
    assert services["home"]["volumes"][:3] == [f"./{letter}.conf:/{letter}:ro" for letter in "abc"]
    assert "./page.html:/usr/share/nginx/html/index.html" in services["proxy"]["volumes"]


def test_an_env_file_that_neither_exists_nor_is_optional_is_refused(tmp_path: Path) -> None:
    project = copied("env-file-made-by-a-hook", tmp_path)
    for name in ("compose.yaml", OVER):
        change(project, "[{path: .env_eb, required: false}]", ".env_eb", name)
    (problem,) = problems_of(project)
    assert problem.endswith(
        "move its values to [variables] and [secrets] and leave it out, or write {path: .env_eb, required: false} if a "
        "hook creates it"
    )


# Files that need no change: the manifest of each case, and what its service `web` has.
TEXTS = {"NOW": "x", "TEXT": "costs 5$$", "TWO": "a$$b", "THREE": "", "FOUR": ""}
PORTS = ["80:8080", "81:8081", "80:80/udp", "[::]:443:443", "127.0.0.1::9000"]
RIGHT: dict[str, tuple[str, dict[str, Any]]] = {
    "context-above": ("beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "crlf": ("beanpod.toml", {"command": 'sh -c "httpd -f -p 8080 -h /www"\n', "environment": {"TEXT": "one\ntwo\n"}}),
    "database-only-dumps": ("beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "manifest-below": ("infra/beanpod.toml", {"image": IMAGE, "ports": ["80:8080"]}),
    "octal-mode": ("beanpod.toml", {"configs": [{"source": "page", "target": "/www/page.html", "mode": 0o440}]}),
    "reserved-variables": ("beanpod.toml", {"environment": {"RDS_HOSTNAME": "localhost", **TEXTS}}),
    "two-build-files-one-service": ("beanpod.toml", {"environment": {"A": "1", "B": "2"}}),
    "udp-and-range": ("beanpod.toml", {"ports": PORTS}),
    "umlauts": ("beanpod.toml", {"environment": {"GRUß": "Grüße, мир 🌱", "LINE": "a\tb\u0001c"}}),
}


@pytest.mark.parametrize(("case", "expected"), RIGHT.items(), ids=RIGHT)
def test_a_file_is_deployed_as_before(tmp_path: Path, case: str, expected: tuple[str, dict[str, Any]]) -> None:
    manifest, keys = expected
    services = services_of(copied(case, tmp_path), manifest)
    assert {key: services["web"][key] for key in keys} == keys
    # A service only for the database is not built.
    assert (case != "database-only-dumps") or list(services) == ["web"]


def test_a_file_with_umlauts_in_its_name_is_added(tmp_path: Path) -> None:
    bundle = bundle_of(copied("umlauts", tmp_path))
    assert "Übersicht und mehr.conf" in bundle.files
    mounts = composed(bundle)["services"]["proxy"]["volumes"]
    assert "./Übersicht und mehr.conf:/etc/nginx/conf.d/ü.conf:ro" in mounts


def test_a_migration_and_a_volume_of_static_files_are_kept(tmp_path: Path) -> None:
    project = copied("migration-and-static-volume", tmp_path)
    services = services_of(project)
    assert list(services) == ["app", "migrate", "nginx"]
    assert services["nginx"]["ports"] == ["80:80"]
    assert services["app"]["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert "depends_on" not in services["migrate"]
    assert composed(bundle_of(project))["volumes"] == {"static": None}


def test_a_folder_above_the_manifest_is_refused_until_it_is_below(tmp_path: Path) -> None:
    project = copied("compose-file-above-the-manifest", tmp_path)
    assert problems_of(project, "infra/beanpod.toml") == [
        "../compose.yaml: service web, volumes: ./src is outside the project: move it next to or below the manifest"
    ]
    (project / "src").rename(project / "infra" / "src")
    change(project, "./src", "./infra/src")
    assert services_of(project, "infra/beanpod.toml")["web"]["image"] == IMAGE
    write(project, {OVER: 'services: {web: {volumes: ["./infra/src:/src"]}}'})
    assert "src/x" in bundle_of(project, "infra/beanpod.toml").files


@pytest.mark.parametrize(
    ("check", "keys", "noted"),
    [
        ("HEALTHCHECK CMD wget -q localhost:8080\n", "command: work", True),
        ("HEALTHCHECK CMD wget -q localhost:8080\n", "command: work\n    healthcheck: {disable: true}", False),
        ("HEALTHCHECK CMD wget -q localhost:8080\n", "command: work\n    expose: [9000]", False),
        ("HEALTHCHECK CMD wget -q localhost:8080\n", "labels: [worker]", False),
        ("HEALTHCHECK CMD wget -q localhost:8080\nHEALTHCHECK NONE\n", "command: work", False),
    ],
)
def test_a_health_check_of_the_image_is_noted_where_a_worker_has_another_command(
    tmp_path: Path, check: str, keys: str, noted: bool
) -> None:
    compose = f"services:\n  web:\n    build: .\n    ports: ['80:80']\n  worker:\n    build: .\n    {keys}\n"
    stage = compose_stage(tmp_path, compose, Dockerfile=f"FROM busybox AS base\n{check}FROM base\n")
    text = "service worker: its image's HEALTHCHECK applies to this command too: write healthcheck: {disable: true} in"
    assert any(note.startswith(text) for note in plan_bundle(stage, tmp_path).preview().notes) == noted
