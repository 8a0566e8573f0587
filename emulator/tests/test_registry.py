from pathlib import Path

from beanpod_emulator.registry import local_registry
from tests.deploy.engine import Engine, docker_engine

__all__ = ["docker_engine"]


def _names(engine: Engine) -> str:
    return engine.run("images", "--digests", "--format", "{{.Repository}}:{{.Tag}}@{{.Digest}}")


def test_removes_the_images_of_a_stopped_registry(docker_engine: Engine, tmp_path: Path) -> None:
    with local_registry(tmp_path / "stays") as other:
        with local_registry(tmp_path / "goes") as registry:
            # Deeper than user and name, and known by its digest alone.
            tagged, by_digest = f"{registry.host}/team/app/web:1", f"{registry.host}/worker:1"
            for name in (tagged, by_digest, f"{other.host}/app:1"):
                docker_engine.run("tag", "busybox:stable", name)
                docker_engine.run("push", "--quiet", name)
            docker_engine.run("image", "rm", by_digest)
            docker_engine.run("pull", "--quiet", f"{registry.host}/worker@{registry.digest('worker', '1')}")
            assert f"{registry.host}/worker:<none>@sha256:" in _names(docker_engine)
        assert registry.host not in _names(docker_engine)
        assert f"{other.host}/app:1" in _names(docker_engine)
