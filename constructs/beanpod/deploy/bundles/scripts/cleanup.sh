#!/bin/sh
# Remove the images and the folders of earlier releases from the disk, except those of this release and the previous one,
# so that a rollback does not pull. Never fail: the release runs.
set -u
release='__BEANPOD_HASH__'
images='__IMAGES__'
state=/var/lib/beanpod

main() {
    mkdir -p "$state"
    remember
    remove_folders
    keep=$(ids "$images")
    # An engine that does not know what runs on it is not asked to remove anything.
    [ -n "$keep" ] || return 1
    keep="$keep $(ids "$(images_before)")"
    # No prune: an image that is pulled by its digest has no tag, and both releases' would be removed, too.
    for id in $({ nameless; ours; } | awk '!seen[$0]++'); do
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
    if [ "$(head -n 1 "$state/current")" != "$release" ]; then
        cp "$state/current" "$state/previous"
        printf '%s\n' "$release" "$images" > "$state/current"
    fi
}

images_before() {
    tail -n +2 "$state/previous"
}

remove_folders() {
    for folder in "$state"/*/; do
        case "$folder" in
            "$state/$release/" | "$state/$(head -n 1 "$state/previous")/") ;;
            *) rm -rf "$folder" ;;
        esac
    done
}

ids() {
    for image in $1; do
        docker image inspect --format '{{.Id}}' "$image" 2>/dev/null
    done
}

# The newest first: Docker removes no image that another one rests on, as what Beanstalk builds does on a release's.
nameless() {
    docker image ls --quiet --no-trunc --filter dangling=true
}

# Every image of the repositories that the two releases come from.
ours() {
    for image in $images $(images_before); do
        name=${image%@*}
        case "${name##*/}" in
            *:*) name=${name%:*} ;;
        esac
        docker image ls --all --quiet --no-trunc "$name"
    done | sort -u
}

main || echo "Old images were not removed."
exit 0
