#!/bin/sh
# Writes down what is released here and where: the containers find it in __MOUNT__/release.json.
set -eu
export PATH="$PATH:/opt/elasticbeanstalk/bin"
# The user of a container is seldom root.
umask 022
# No deployment has to fail for a name that is only shown.
environment=$(get-config container -k environment_name || true)

stamp() {
    mkdir -p "$1"
    printf '{"version": "%s", "image": "%s", "environment": "%s"}\n' __VERSION__ "$2" "$environment" > "$1/release.json"
}

__STAMPS__
