#!/bin/sh
# Fails the deployment on this instance unless the release runs well: every container that should run runs, without
# restarting; every job that should end has ended well; the health path answers here.
set -u
# "NAME KIND" a line: server, job, once, worker; see Kind in bundles/compose/services.py. Nothing without compose.
services='__SERVICES__'
# Without compose: the image of the one container.
image='__IMAGE__'
health_path=__PATH__
health_codes=__CODES__

# For so long nothing may restart, and so long has everything to come to that.
watch=${BEANPOD_WATCH_SECONDS:-15}
patience=${BEANPOD_SETTLE_SECONDS:-60}
for seconds in "BEANPOD_WATCH_SECONDS $watch" "BEANPOD_SETTLE_SECONDS $patience"; do
    case "${seconds#* }" in
        '' | *[!0-9]*)
            echo "${seconds% *} must be a number of seconds, got ${seconds#* }" >&2
            exit 1
            ;;
    esac
done
[ "$patience" -ge $((watch * 2)) ] || patience=$((watch * 2))
# A HEALTHCHECK says itself when its time is over. A deployment has 600 s, unless its Timeout says otherwise.
check_patience=$((patience + 300))

main() {
    began=$(now)
    quiet=$began
    ran='' restarted='' looping='' last=''
    while :; do
        look
        if [ "$runs" != "$ran" ]; then
            ran=$runs
            quiet=$(now)
        fi
        elapsed=$(($(now) - began))
        if [ -z "$waiting" ] && [ $(($(now) - quiet)) -ge "$watch" ]; then
            [ -z "$running_jobs" ] && break
            if [ "$elapsed" -ge "$patience" ]; then
                echo "Still running after $elapsed s, as far as this release waits for them:$running_jobs."
                break
            fi
        fi
        if [ "$elapsed" -ge "$patience" ] && [ -z "$checking" ] || [ "$elapsed" -ge "$check_patience" ]; then
            give_up
        fi
        sleep 1
    done
    keep_workers
    ask
}

# What everything does at this moment. waiting: what is not as it should be yet; runs: what runs since when.
look() {
    waiting='' running_jobs='' checking='' runs='' workers=''
    found=$(list)
    while read -r name kind id; do
        [ -z "$name" ] || judge
    done <<EOF
$found
EOF
}

# "NAME KIND ID" a line; an ID is missing where there is no container.
list() {
    if [ -z "$services" ]; then
        echo "container server $(single)"
        return
    fi
    while read -r name kind; do
        ids=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.service=$name" \
            --filter label=com.docker.compose.oneoff=False)
        for id in ${ids:-''}; do
            echo "$name $kind $id"
        done
    done <<EOF
$services
EOF
}

# Elastic Beanstalk runs an image of its own that it builds on top of the release's, and calls it so.
single() {
    for ancestor in aws_beanstalk/current-app "$image"; do
        id=$(docker ps --all --quiet --no-trunc --filter "ancestor=$ancestor" | head -n 1)
        if [ -n "$id" ]; then
            echo "$id"
            return
        fi
    done
}

judge() {
    title="service $name"
    [ -n "$services" ] || title='the container'
    if [ -z "$id" ]; then
        if [ -n "$services" ]; then
            not_yet "$title has no container"
        else
            # The name of the image is not documented: a release must not fail for that.
            unseen=', though its container was not found'
        fi
        return
    fi
    state=$(docker inspect --format "$format" "$id" 2>/dev/null) || state='removed - 0 - none'
    read -r status code restarts started health policy <<EOF
$state
EOF
    case "$status" in
        running) judge_running ;;
        exited | dead) judge_ended ;;
        restarting)
            loops
            not_yet "$restarted"
            ended_with=$code
            ;;
        *) not_yet "$title is $status" ;;
    esac
}
format='{{.State.Status}} {{.State.ExitCode}} {{.RestartCount}} {{.State.StartedAt}}'
format="$format {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.HostConfig.RestartPolicy.Name}}"

judge_running() {
    case "$kind" in
        job)
            not_yet "$title is a job and still runs"
            return
            ;;
        once) running_jobs="$running_jobs $name" ;;
        worker) workers="$workers $id,$policy" ;;
    esac
    case "$ran" in
        *"$id,$started "*) ;;
        *"$id,"*) loops ;;
    esac
    runs="$runs$id,$started "
    case "$health" in
        starting)
            checking=yes
            not_yet "$title is not healthy yet, says its HEALTHCHECK"
            ;;
        unhealthy) fail "$title is unhealthy, says its HEALTHCHECK (where it has none to pass: healthcheck: {disable: true})" ;;
    esac
}

judge_ended() {
    if [ "$code" != 0 ]; then
        fail "$title has failed"
    elif [ "$kind" = server ]; then
        fail "$title has ended, though it should run (a job says so: restart: \"no\")"
    fi
}

loops() {
    looping=$id
    restarted="$title restarts again and again"
}

not_yet() {
    [ -n "$waiting" ] || last=$id
    waiting="${waiting:-$1}"
}

give_up() {
    if [ -n "$waiting" ] || [ -n "$restarted" ]; then
        id=$looping
        [ -z "$waiting" ] || id=$last
        [ -z "$id" ] || state=$(docker inspect --format "$format" "$id" 2>/dev/null) || id=''
        read -r status code restarts started health policy <<EOF
${state:-}
EOF
        # What has just been started again has no exit code of its own.
        [ "${status:-}" != running ] || code=${ended_with:-unknown}
        hint=''
        [ -z "${ended_with:-}" ] || [ "$code" != 0 ] || hint=" (a job says so: restart: \"no\")"
        fail "${waiting:-$restarted}$hint"
    fi
    fail "not everything stays up for $watch s"
}

fail() {
    told=''
    if [ -n "$id" ]; then
        told=" Exit code $code, $restarts restarts. Its last lines: $(last_lines)"
    fi
    echo "The release does not run well: $1.$told" >&2
    exit 1
}

# On the line that says what failed: what Elastic Beanstalk quotes of a hook is one.
last_lines() {
    docker logs --tail 5 "$id" 2>&1 | tr -c '[:print:]\n' '?' | cut -c 1-200 | paste -s -d '|' - | sed 's/|/ | /g'
}

# After a reboot they come up again, too, and whatever they end with.
keep_workers() {
    for worker in $workers; do
        if [ "${worker#*,}" = on-failure ]; then
            docker update --restart unless-stopped "${worker%,*}" >/dev/null || true
        fi
    done
}

# On a single instance nobody else asks; behind a load balancer this is the question that it asks.
ask() {
    id=''
    if ! command -v curl >/dev/null; then
        echo "curl is not on this instance: the health path is not asked here."
        return
    fi
    asked=$(now)
    while :; do
        answer=$(curl --silent --globoff --output /dev/null --max-time 5 --noproxy '*' --write-out '%{http_code}' \
            --header 'User-Agent: beanpod-verify' "http://localhost$health_path")
        if accepts "$answer"; then
            echo "The release runs well: GET http://localhost$health_path answered $answer${unseen:-}."
            return
        fi
        [ $(($(now) - asked)) -lt "$patience" ] || break
        sleep 1
    done
    case "$answer" in
        000) fail "GET http://localhost$health_path is not answered on this instance" ;;
        400 | 421) hint='; does it take the host name localhost?' ;;
        *) hint='' ;;
    esac
    fail "GET http://localhost$health_path answered $answer on this instance, $health_codes is wanted$hint"
}

# The codes as MatcherHTTPCode has them: 200,301 or 200-299.
accepts() {
    for codes in $(echo "$health_codes" | tr ',' ' '); do
        [ "$1" -ge "${codes%-*}" ] && [ "$1" -le "${codes#*-}" ] && return
    done
    return 1
}

now() {
    date +%s
}

main
