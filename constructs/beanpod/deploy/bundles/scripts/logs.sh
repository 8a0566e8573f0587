#!/bin/sh
# Give each folder of logs to the user of its container: on the instance it belongs to root.
# Not writable for others: logrotate skips folders that are.
# Never fail: a deployment can run without log files.
set -u
base=${EB_LOG_BASE_DIR:-/var/log/eb-docker/containers}

# logs FOLDER IMAGE [USER]: the user as the compose file has it; without one it is the image's.
logs() {
    docker image inspect "$2" >/dev/null 2>&1 || docker pull --quiet "$2" >/dev/null
    user=${3:-$(docker image inspect --format '{{.Config.User}}' "$2")}
    number=$(number_of "${user%%:*}" "$2")
    mkdir -p "$base/$1"
    case "$number" in
        "" | 0) ;;
        *) chown -R "$number" "$base/$1" ;;
    esac
}

number_of() {
    case "$1" in
        *[!0-9]*) accounts "$2" | awk -F: -v name="$1" '$1 == name { print $3; exit }' ;;
        *) echo "$1" ;;
    esac
}

# /etc/passwd of an image; nothing of it is run.
accounts() {
    container=$(docker create "$1" none)
    docker cp "$container:/etc/passwd" - | tar -x -O
    docker rm --volumes "$container" >/dev/null
}

__LOGS__
exit 0
