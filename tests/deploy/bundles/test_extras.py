import os
from pathlib import Path

from tests.deploy.bundles.projects import dockerfile_bundle, refused, write


def test_extra_folders_are_taken_along_with_their_modes(tmp_path: Path) -> None:
    write(tmp_path, {".platform/hooks/predeploy/warm.sh": "#!/bin/sh\n", ".ebextensions/disk.config": "files: {}\n"})
    (tmp_path / ".platform/hooks/predeploy/warm.sh").chmod(0o700)
    (tmp_path / ".ebextensions/disk.config").chmod(0o666)
    files = dockerfile_bundle(tmp_path).files
    assert files[".platform/hooks/predeploy/warm.sh"].mode == 0o755
    assert files[".ebextensions/disk.config"].mode == 0o644
    assert files[".ebextensions/disk.config"].data == b"files: {}\n"


def test_what_desktops_and_git_leave_behind_stays_here(tmp_path: Path) -> None:
    plain = dockerfile_bundle(tmp_path)
    write(tmp_path, {".platform/.DS_Store": "x", ".platform/hooks/predeploy/.gitkeep": ""})
    assert dockerfile_bundle(tmp_path).data == plain.data


def test_a_name_of_our_own_is_refused(tmp_path: Path) -> None:
    name = ".platform/hooks/postdeploy/99_beanpod_cleanup.sh"
    write(tmp_path, {name: "#!/bin/sh\n"})
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        f"Dockerfile: {name}: the deploy script writes a file of this name: choose another"
    ]


def test_symbolic_links_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {".platform/hooks/predeploy/real.sh": "#!/bin/sh\n"})
    (tmp_path / ".platform/hooks/predeploy/link.sh").symlink_to("real.sh")
    (tmp_path / ".ebextensions").symlink_to("/etc")
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        ".platform/hooks/predeploy/link.sh: a symbolic link: put the file itself there",
        ".ebextensions: a symbolic link: put the file itself there",
    ]


def test_pipes_secrets_and_strange_names_are_refused(tmp_path: Path) -> None:
    write(tmp_path, {".platform/.env": "PASSWORD=1\n"})
    os.mkfifo(tmp_path / ".platform" / "pipe")
    os.close(os.open(os.fsencode(tmp_path / ".platform") + b"/z\xff", os.O_CREAT))
    assert refused(lambda: dockerfile_bundle(tmp_path)) == [
        ".platform/.env: holds secrets: move them to [secrets], and the file out of the folder",
        ".platform/pipe: no regular file: take it out of the folder",
        ".platform/z : a name that cannot be shown: rename it",
    ]
