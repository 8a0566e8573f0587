#!/bin/sh
# Log Docker in at __TITLE__, so that the instance can pull a private image.
# Elastic Beanstalk runs this as root before each deployment of a version or a configuration. The app's containers see the
# same variables: use a read-only token, not the one that CI pushes with.
set -eu
export HOME="${HOME:-/root}"
export PATH="$PATH:/opt/elasticbeanstalk/bin"

# Beanstalk gives hooks the environment's variables; get-config knows them as well.
username=${DOCKER_USERNAME:-$(get-config environment -k DOCKER_USERNAME || true)}
password=${DOCKER_PASSWORD:-$(get-config environment -k DOCKER_PASSWORD || true)}
if [ -z "$username" ] || [ -z "$password" ]; then
    echo "DOCKER_USERNAME or DOCKER_PASSWORD is empty: name both under [secrets] in beanpod.toml." >&2
    exit 1
fi

attempt=1
until printf '%s' "$password" | docker login --username "$username" --password-stdin__REGISTRY__; do
    if [ "$attempt" -eq 3 ]; then
        echo "$username cannot log in at __TITLE__: put the right password into the secret." >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep 5
done
