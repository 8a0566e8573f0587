#!/bin/sh
# Logs Docker in at __REGISTRY__, so that the instance can pull a private image.
# Beanstalk runs this as root before each deployment of a version and of a configuration.
set -eu
export HOME="${HOME:-/root}"

value_of() {
    /opt/elasticbeanstalk/bin/get-config environment -k "$1"
}

username=${DOCKER_USERNAME:-$(value_of DOCKER_USERNAME)}
password=${DOCKER_PASSWORD:-$(value_of DOCKER_PASSWORD)}
if [ -z "$username" ] || [ -z "$password" ]; then
    echo "No DOCKER_USERNAME or DOCKER_PASSWORD: name both under [secrets] in beanpod.toml." >&2
    exit 1
fi

attempt=1
until printf '%s' "$password" | docker login --username "$username" --password-stdin __REGISTRY__; do
    if [ "$attempt" -ge 3 ]; then
        echo "No login at __REGISTRY__: is the password in the secret still right?" >&2
        exit 1
    fi
    attempt=$((attempt + 1))
    sleep "${BEANPOD_PAUSE:-5}"
done
