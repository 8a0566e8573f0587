"""The package's public names."""

from beanpod.deploy import images


def test_the_public_names_are_these() -> None:
    names = (
        "INSTRUCTIONS BuildSpec BuildStage Builder Docker Dockerfile Finished Image Instruction LocalImage Platform "
        "ProcessRunner Registry Repository Runner TimedOutError"
    )
    functions = (
        "build_and_push connect given_credentials is_public needs_buildkit platform_arguments platform_of "
        "read_dockerfile tag_of"
    )

    assert images.__all__ == [*names.split(), *functions.split()]
    assert all(hasattr(images, name) for name in images.__all__)
