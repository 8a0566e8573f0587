"""The package's public names."""

import deploy.images


def test_the_public_names_are_these() -> None:
    names = (
        "INSTRUCTIONS BuildSpec BuildStage Builder Docker Dockerfile Finished Image Instruction LocalImage Platform "
        "ProcessRunner Registry Repository Runner TimedOutError"
    )
    functions = (
        "build_and_push connect given_credentials is_public needs_buildkit platform_arguments platform_of "
        "read_dockerfile tag_of"
    )

    assert deploy.images.__all__ == [*names.split(), *functions.split()]
    assert all(hasattr(deploy.images, name) for name in deploy.images.__all__)
