#!/bin/sh
# Removes the images of earlier releases from the disk. Those of this release and of the one before stay, so that
# a rollback need not pull. Never fails: a full disk is no reason to undo a deployment that went well.
set -u
current='__IMAGES__'
state=/var/lib/beanpod

main() {
    mkdir -p "$state"
    remember
    keep=$(ids "$current")
    # An engine that does not know what runs on it is not asked to remove anything.
    [ -n "$keep" ] || return 1
    keep="$keep $(ids "$(cat "$state/previous")")"
    # First what Beanstalk built on top of the old images: Docker removes no image that another one rests on.
    docker image prune --force
    for id in $(ours); do
        case "$keep" in
            *"$id"*) ;;
            # Without force Docker keeps what a container uses.
            *) docker image rm "$id" || true ;;
        esac
    done
}

# The same release again, as after a change of configuration, does not make its predecessor forgotten.
remember() {
    touch "$state/current" "$state/previous"
    if [ "$(cat "$state/current")" != "$current" ]; then
        cp "$state/current" "$state/previous"
        printf '%s\n' "$current" > "$state/current"
    fi
}

ids() {
    for image in $1; do
        docker image inspect --format '{{.Id}}' "$image" 2>/dev/null
    done
}

# Every image of the repositories that the two releases come from.
ours() {
    for image in $current $(cat "$state/previous"); do
        name=${image%@*}
        case "${name##*/}" in
            *:*) name=${name%:*} ;;
        esac
        docker image ls --all --quiet --no-trunc "$name"
    done | sort -u
}

main || echo "Old images were not removed."
exit 0
