"""Docker containers as environments' instances and RDS databases: docker_runtime.backend.DockerBackend."""
