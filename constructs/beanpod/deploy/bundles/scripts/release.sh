#!/bin/sh
# Write the release's metadata, which containers find in __MOUNT__/release.json.
set -eu
export PATH="$PATH:/opt/elasticbeanstalk/bin"
# The user of a container is seldom root.
umask 022
# The name is only for display: do not fail without it.
environment=$(get-config container -k environment_name || true)

stamp() {
    mkdir -p "$1"
    printf '{"version": "%s", "image": "%s", "environment": "%s"}\n' __VERSION__ "$2" "$environment" > "$1/release.json"
}

__STAMPS__
