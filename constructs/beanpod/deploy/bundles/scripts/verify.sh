#!/bin/sh
# Fail the deployment on this instance unless every container that should run does so without restarts, every job has
# ended with exit code 0, and the health path answers here.
set -u
# "NAME KIND" a line: server, job, once, worker; see Kind in bundles/compose/services.py. Empty without a compose file.
services='__SERVICES__'
# Without a compose file: the image of the one container.
image='__IMAGE__'
health_path=__PATH__
health_codes=__CODES__

# Seconds in which nothing may restart, and seconds until that has to hold.
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
# A HEALTHCHECK has a timeout itself. A deployment has 600 s by default.
check_patience=$((patience + 300))

main() {
    began=$(now)
    quiet=$began
    ran='' restarted='' looping='' last=''
    while :; do
        look
        looked=$(now)
        if [ "$runs" != "$ran" ]; then
            ran=$runs
            quiet=$looked
        fi
        elapsed=$((looked - began))
        if [ -z "$waiting" ] && [ $((looked - quiet)) -ge "$watch" ]; then
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

# Look at every container. waiting: the first that is not ready; runs: which run, and since when.
look() {
    waiting='' running_jobs='' checking='' runs='' workers=''
    found=$(list)
    # One command for all: each costs processor time that the application needs.
    states=$(docker inspect --format "{{.ID}} $format" $(echo "$found" | cut -d ' ' -f 3) 2>/dev/null)
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
    containers=$(docker ps --all --no-trunc --filter label=com.docker.compose.oneoff=False \
        --format '{{.Label "com.docker.compose.service"}},{{.ID}}')
    while read -r name kind; do
        ids=''
        for container in $containers; do
            [ "${container%,*}" != "$name" ] || ids="$ids ${container#*,}"
        done
        for id in ${ids:-''}; do
            echo "$name $kind $id"
        done
    done <<EOF
$services
EOF
}

# Elastic Beanstalk builds an image with this name on top of the release's, and runs that.
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
    state=$(echo "$states" | sed -n "s/^$id //p")
    [ -n "$state" ] || state='removed - 0 - none'
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
            not_yet "$title is not healthy yet, according to its HEALTHCHECK"
            ;;
        # Docker says so while an app starts for longer than its start_period, too.
        unhealthy)
            not_yet "$title is unhealthy, according to its HEALTHCHECK (start_period gives it time to start, $off)"
            ;;
    esac
}
off='healthcheck: {disable: true} turns it off'

judge_ended() {
    if [ "$code" != 0 ]; then
        fail "$title has failed"
    elif [ "$kind" = server ]; then
        fail "$title has ended, though it should run (for a job, write restart: \"no\")"
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
        read_state
        # A container that was just restarted has no exit code until it ends again.
        for _ in 1 2 3 4 5; do
            [ -n "$id" ] && [ "$id" = "$looping" ] && [ "$status" = running ] && [ -z "${ended_with:-}" ] || break
            sleep 1
            read_state
        done
        [ "$status" != running ] || code=${ended_with:-unknown}
        hint=''
        [ -z "${ended_with:-}" ] || [ "$code" != 0 ] || hint=" (for a job, write restart: \"no\")"
        fail "${waiting:-$restarted}$hint"
    fi
    fail "not everything stays up for $watch s"
}

read_state() {
    [ -z "$id" ] || state=$(docker inspect --format "$format" "$id" 2>/dev/null) || id=''
    read -r status code restarts started health policy <<EOF
${state:-}
EOF
    [ "$status" != restarting ] || ended_with=$code
}

fail() {
    details=''
    if [ -n "$id" ]; then
        [ "$code" != 137 ] ||
            code='137 (killed, often for lack of memory: write a larger type into environment.instance_types)'
        details=" Exit code $code, $restarts restarts. Its last lines: $(last_lines)"
    fi
    echo "The release is not healthy: $1.$details" >&2
    exit 1
}

# In one line, as Elastic Beanstalk quotes only one of a hook.
last_lines() {
    docker logs --tail 5 "$id" 2>&1 | tr -c '[:print:]\n' '?' | cut -c 1-200 | paste -s -d '|' - | sed 's/|/ | /g'
}

# Start them again after a reboot, too.
keep_workers() {
    for worker in $workers; do
        if [ "${worker#*,}" = on-failure ]; then
            docker update --restart unless-stopped "${worker%,*}" >/dev/null || true
        fi
    done
}

# A load balancer sends the same request; a single instance has none.
ask() {
    id=''
    if ! command -v curl >/dev/null; then
        echo "curl is not on this instance: the health path is not asked here."
        return
    fi
    asked=$(now)
    while :; do
        response=$(curl --silent --globoff --output /dev/null --max-time 5 --noproxy '*' \
            --write-out '%{http_code} %{redirect_url}' --header 'User-Agent: beanpod-verify' \
            "http://localhost$health_path")
        answer=${response%% *}
        if accepts "$answer"; then
            echo "The release is healthy: GET http://localhost$health_path answered $answer${unseen:-}."
            return
        fi
        [ $(($(now) - asked)) -lt "$patience" ] || break
        sleep 1
    done
    everywhere='listen on 0.0.0.0, not on 127.0.0.1 only'
    case "$answer" in
        000)
            remedy="write the port on which the app listens into service.port; it must $everywhere"
            fail "GET http://localhost$health_path is not answered on this instance; $remedy"
            ;;
        30?)
            target=$(printf %s "${response#* }" | tr -c '[:print:]' '?' | cut -c 1-200)
            hint="; it redirects to $target: write a path that the app answers itself into service.health_check_path"
            ;;
        404) hint='; write a path that the app answers into service.health_check_path' ;;
        502) hint="; where the proxy does not reach the app, this must $everywhere" ;;
        400 | 421) hint='; does it take the host name localhost?' ;;
        *) hint='' ;;
    esac
    fail "GET http://localhost$health_path answered $answer on this instance, expected $health_codes$hint"
}

# Codes as in MatcherHTTPCode: 200,301 or 200-299.
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
