import os
import socket
from pathlib import Path

import pytest

from tests.deploy.bundles.cases import copied, plan_of
from tests.deploy.bundles.projects import SERVICE, dockerfile_bundle, refused, write


def test_platform_files_are_added_with_their_modes(tmp_path: Path) -> None:
    hook, settings, binary = ".platform/hooks/predeploy/warm.sh", ".ebextensions/a.config", ".platform/hooks/prebuild/x"
    plain = dockerfile_bundle(tmp_path).files.keys()
    left_out = {".platform/.DS_Store": "x", ".platform/hooks/predeploy/.gitkeep": ""}
    write(tmp_path, {hook: "#!/bin/sh\n", settings: "files: {}\n", binary: "", **left_out})
    (tmp_path / binary).write_bytes(b"\x7fELF\x02\0\r\n")
    for name, mode in ((hook, 0o700), (settings, 0o666)):
        (tmp_path / name).chmod(mode)
    files = dockerfile_bundle(tmp_path).files
    assert {name: (files[name].data, files[name].mode) for name in files.keys() - plain} == {
        hook: (b"#!/bin/sh\n", 0o755),
        settings: (b"files: {}\n", 0o644),
        binary: (b"\x7fELF\x02\0\r\n", 0o755),
    }


def test_hooks_get_lf_line_endings(tmp_path: Path) -> None:
    name = ".platform/hooks/prebuild/10_hello.sh"
    bundle = plan_of(copied("hook-crlf", tmp_path)).preview()
    assert (bundle.files[name].data, bundle.files[name].executable) == (b"#!/bin/bash\necho hello\n", True)
    (note,) = bundle.notes
    assert note.startswith(f"{name}: line endings are converted from CRLF to LF")


def test_a_reserved_name_is_refused(tmp_path: Path) -> None:
    name = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"
    write(tmp_path, {name: "#!/bin/sh\n"})
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        f"Dockerfile: {name}: Beanpod writes a file of this name: rename it"
    ]


def test_links_are_followed(tmp_path: Path) -> None:
    write(tmp_path, {".platform/hooks/prebuild/10_a.sh": "#!/bin/sh\n", "ops/disk.config": "files: {}\n"})
    (tmp_path / ".platform/confighooks").mkdir()
    links = {".platform/hooks/prebuild/20_b.sh": "10_a.sh", ".platform/confighooks/prebuild": "../hooks/prebuild"}
    for link, target in {**links, ".ebextensions": "ops"}.items():
        (tmp_path / link).symlink_to(target)
    files = dockerfile_bundle(tmp_path).files
    assert files[".ebextensions/disk.config"].data == b"files: {}\n"
    scripts = [f".platform/{it}/prebuild/{name}" for it in ("hooks", "confighooks") for name in ("10_a.sh", "20_b.sh")]
    assert [(files[name].data, files[name].executable) for name in scripts] == [(b"#!/bin/sh\n", True)] * 4


@pytest.mark.parametrize(
    ("target", "why"),
    [
        ("nowhere", "which does not exist: fix the link, or remove it"),
        ("/etc/hostname", "which is outside the project: replace it with the file"),
        ("../../../..", "which is outside the project: replace it with the file"),
        ("../..", "a folder that contains it: remove it"),
        ("link", "which does not exist: fix the link, or remove it"),
    ],
)
def test_broken_links_are_refused_by_their_name(tmp_path: Path, target: str, why: str) -> None:
    link = tmp_path / ".platform/hooks/prebuild/link"
    write(tmp_path, {".platform/hooks/prebuild/10_a.sh": "#!/bin/sh\n"})
    link.symlink_to(target)
    expected = f".platform/hooks/prebuild/link: a link to {target}, {why}"
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [expected]
    link.unlink()
    if "replace it" in why:
        write(tmp_path, {".platform/hooks/prebuild/link": "#!/bin/sh\n"})
    assert dockerfile_bundle(tmp_path)


def test_pipes_sockets_secrets_and_strange_names_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {".platform/.env": "PASSWORD=1\n", ".platform/a\\b": ""})
    (tmp_path / ".platform/secret").symlink_to(".env")
    os.mkfifo(tmp_path / ".platform" / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(os.path.relpath(tmp_path / ".platform" / "mysql.sock"))
    os.close(os.open(os.fsencode(tmp_path / ".platform") + b"/z\xff", os.O_CREAT))
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        ".platform/.env: contains secrets: move them to [secrets], and remove the file",
        ".platform/a\\b: its name cannot be displayed or unzipped: rename it",
        ".platform/mysql.sock: not a regular file: remove it",
        ".platform/pipe: not a regular file: remove it",
        ".platform/secret: contains secrets: move them to [secrets], and remove the file",
        ".platform/z : its name cannot be displayed or unzipped: rename it",
    ]


@pytest.mark.parametrize(
    "content",
    ["", "echo hello\n", "# a\n#!/bin/bash\n", " #!/bin/bash\n", "#!bash\n", "# !/bin/sh\n", "\ufeff#!/bin/sh\n"],
)
def test_a_hook_that_cannot_be_executed_is_refused(tmp_path: Path, content: str) -> None:
    name = ".platform/hooks/postdeploy/10_hello.sh"
    write(tmp_path, {name: content})
    (problem,) = refused(lambda: dockerfile_bundle(tmp_path))
    assert problem.startswith(f"{name}: ")
    write(tmp_path, {name: f"#!/bin/bash\n{content.strip(chr(0xFEFF))}"})
    assert dockerfile_bundle(tmp_path)


@pytest.mark.parametrize(
    ("name", "content", "note_text"),
    [
        (".platform/hooks/prebuild/10.sh", "#!/bin/bash\n", None),
        (".platform/hooks/prebuild/10.sh", "#! /usr/bin/env -S bash -e\n", None),
        (".platform/hooks/prebuild/10.py", "#!/usr/bin/env python3\n", None),
        (".platform/hooks/prebuild/10.js", "#!/usr/bin/env node\n", "is run by node"),
        (".platform/hooks/prebuild/10.sh", "#!/bin/zsh\n", "is run by zsh"),
        (".platform/hooks/pre-build/10.sh", "", "pre-build is not a folder of hooks: rename it to prebuild"),
        (".platform/hooks/PreBuild/10.sh", "", "rename it to prebuild"),
        (".platform/confighooks/prebuild", "../hooks/prebuild", "Elastic Beanstalk expects a folder, not a file"),
        (".platform/hooks/10.sh", "", "not run: move it into one of prebuild, predeploy, postdeploy"),
        (".platform/hooks/prebuild/lib/10.sh", "", "not run by itself"),
        (".platform/hook/prebuild/10.sh", "", ".platform/hook is not a folder of Elastic Beanstalk: rename it to"),
        (".platform/config-hooks/prebuild/10.sh", "", "rename it to confighooks"),
        (".platform/ngnix/conf.d/a.conf", "", "rename it to nginx"),
        (".platform/nginx/conf.d/a.conf", "", None),
        (".platform/nginx/nginx.conf", "", None),
        (".platform/nginx/conf.d/elasticbeanstalk/a.conf", "", None),
        (".platform/nginx/a.conf", "", "not read"),
        (".platform/nginx/conf.d/a.config", "", "not read"),
        (".platform/files/lib.sh", "", None),
        (".platform", "", "Elastic Beanstalk expects a folder, not a file"),
        (".ebextensions", "", "not read"),
        (".ebextensions/a.config", "", None),
        (".ebextensions/a.config", "day: 2024-99-99\n", None),
        (".ebextensions/a.config", "files: {}\n", None),
        (".ebextensions/a.yaml", "files: {}\n", "not read: Elastic Beanstalk reads only *.config"),
        (".ebextensions/more/a.config", "files: {}\n", "not read"),
        (".ebextensions/nginx/conf.d/a.conf", "", "move it to .platform/nginx"),
        (".ebextensions/a.config", "option_settings:\n  aws:x:y:\n    A: b\n", "move them to [variables]"),
        (".ebextensions/a.config", '{"option_settings": [{"option_name": "A"}]}', "move them to [variables]"),
        (".ebextensions/a.config", "Resources:\n  A: !Ref B\n", "Resources: not among what the deploy user may change"),
        (".ebextensions/a.config", '{"Resources": {}}', "move them to stacks/"),
        (".ebextensions/a.config", "container_commands: {a: {command: bundle exec rails db:migrate}}\n", "bundle exec"),
        (".ebextensions/a.config", "container_commands: {a: {command: 'docker exec x php artisan x'}}\n", None),
        (".ebextensions/a.config", "commands:\n  # npm ci\n  a: {command: swapon /x}\n", None),
        (
            ".platform/hooks/postdeploy/a.sh",
            "#!/bin/sh\n. /var/app/venv/x/bin/activate\n",
            "the app is not installed",
        ),
        (
            ".ebextensions/a.config",
            "files: {/opt/elasticbeanstalk/hooks/appdeploy/post/a.sh: {}}\n",
            "to .platform/hooks",
        ),
        (
            ".ebextensions/a.config",
            "files: {/etc/nginx/conf.d/a.conf: {content: x}}\n",
            "move it to .platform/nginx/conf.d",
        ),
        (".ebextensions/cron.config", "files:\n  /etc/cron.d/a:\n    content: x\n", "install cronie"),
        (".platform/hooks/predeploy/10.sh", "#!/bin/sh\necho '* * * * * x' | crontab -\n", "install cronie"),
        (".ebextensions/cron.config", "packages: {yum: {cronie: []}}\nfiles: {/etc/cron.d/a: {content: x}}\n", None),
        (
            "Procfile",
            "web: x\n",
            "left out: the container runs the command of its image; release and worker are services",
        ),
        ("Buildfile", "make: x\n", "left out"),
        ("Dockerrun.aws.json", "{}", "left out: a release makes it of the manifest"),
        ("cron.yaml", "version: 1\n", "left out"),
        (".ebignore", "x\n", "left out"),
    ],
)
def test_ignored_files_are_noted(tmp_path: Path, name: str, content: str, note_text: str | None) -> None:
    write(tmp_path, {name: content})
    notes = dockerfile_bundle(tmp_path).notes
    assert len(notes) == bool(note_text)
    assert all(note.startswith(f"{name}: ") and str(note_text) in note for note in notes)


@pytest.mark.parametrize(
    "settings",
    [
        "{aws:elasticbeanstalk:container:python: {WSGIPath: a}}",
        "[{namespace: aws:elasticbeanstalk:container:python, option_name: WSGIPath, value: a}]",
    ],
)
def test_an_option_of_another_platform_is_refused(tmp_path: Path, settings: str) -> None:
    write(tmp_path, {".ebextensions/a.config": f"option_settings: {settings}\n"})
    (problem,) = refused(lambda: dockerfile_bundle(tmp_path))
    assert problem == (
        ".ebextensions/a.config: aws:elasticbeanstalk:container:python is not of the Docker platform, and its options "
        "fail the deployment: remove them"
    )
    write(tmp_path, {".ebextensions/a.config": "# aws:elasticbeanstalk:container:python: {}\noption_settings: {}\n"})
    assert dockerfile_bundle(tmp_path)


def test_configuration_that_is_not_yaml_is_refused(tmp_path: Path) -> None:
    write(tmp_path, {".ebextensions/a.config": "files:\n\t- x\n"})
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        ".ebextensions/a.config: neither YAML nor JSON, which fails the deployment: fix it, or remove it"
    ]
    for text in ("files: {}\n", '{\n\t"files": {}\n}\n'):
        write(tmp_path, {".ebextensions/a.config": text})
        assert dockerfile_bundle(tmp_path)


def test_nginx_configuration_is_noted_with_a_compose_file_only(tmp_path: Path) -> None:
    project = copied("platform-dead-nginx", tmp_path)
    (note,) = plan_of(project).preview().notes
    assert note.startswith(".platform/nginx: ignored with a compose file")
    write(project, {"beanpod.toml": SERVICE})
    assert plan_of(project).preview().notes == ()


def test_files_of_a_single_container_are_noted_with_a_compose_file(tmp_path: Path) -> None:
    extension = ".ebextensions/a.config"
    project = copied("platform-dead-nginx", tmp_path)
    write(project, {extension: "files: {/etc/nginx/conf.d/a.conf: {content: x}}\n", "Dockerrun.aws.json": "{}"})
    notes = plan_of(project).preview().notes
    assert "Dockerrun.aws.json: left out: the Compose file is deployed in its place" in notes
    assert any(note.startswith(f"{extension}: /etc/nginx: does not run with a compose file") for note in notes)
