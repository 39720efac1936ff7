#!/bin/bash
#
# docker/: the images are built, compose.yaml brings the demo up, its spans
# reach the collector, all of it is healthy, and goes down again.
#
#   containers.sh [--keep]     leaves the demo running
#
# With podman, or docker when it has an engine.  Base images come from where
# the engine gets them, else they are made of Debian's packages and of the Go
# of this machine.  SUITE (bookworm) is Debian's.

set -u

cd "$(dirname "$0")/../.."

SUITE=${SUITE:-bookworm}
GOLANG=golang:1.26-bookworm

dir=$PWD/build/containers
mkdir -p "$dir"

n=0 passed=0 failed=0 service=

ok() {
    n=$((n + 1))
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok $n - $2"
    else
        failed=$((failed + 1))
        echo "not ok $n - $2"
    fi
}

finish() {
    [ -z "$service" ] || kill "$service"
    echo "$passed passed, $failed failed"
    [ $failed = 0 ] && [ $passed -gt 0 ]
    exit
}

if docker info > /dev/null 2>&1; then
    engine=docker
else
    engine=podman

    # what works without systemd, and without the right to raise limits
    cat > "$dir/containers.conf" <<CONF
[containers]
default_ulimits = ["nofile=4096:4096", "nproc=4096:4096"]
netns = "host"
[engine]
cgroup_manager = "cgroupfs"
$(command -v runc > /dev/null && echo 'runtime = "runc"')
CONF
    export CONTAINERS_CONF=$dir/containers.conf
fi

# an https proxy of this machine may have a CA of its own
ca=${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}
options=()

if [ $engine = podman ]; then
    options+=(--format docker)
    [ -f "$ca" ] && options+=(-v "$ca:/etc/ssl/certs/ca-certificates.crt:ro")
fi


# --- base images ---

have() {
    $engine image inspect "$1" > /dev/null 2>&1 \
        || timeout 120 $engine pull -q "$1" > /dev/null 2>&1
}

base_debian() {
    local mirror

    echo "no registry: debian:$SUITE-slim is made of packages"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' \
                 'Created-By: Packages' | grep -v security | head -n 1)
    mmdebstrap --quiet --mode=root --variant=minbase \
        --aptopt='Acquire::Check-Valid-Until "false"' \
        --include=ca-certificates "$SUITE" "$dir/base.tar" "$mirror" \
        2> "$dir/base.log" || { tail -5 "$dir/base.log"; return 1; }
    $engine import "$dir/base.tar" "docker.io/library/debian:$SUITE-slim" \
        > /dev/null 2>&1 || return 1
    rm "$dir/base.tar"
}

base_golang() {
    echo "no registry: $GOLANG is made of this machine's Go"
    printf '%s\n' "FROM debian:$SUITE-slim" 'COPY . /usr/local/go' \
        'ENV PATH=/usr/local/go/bin:/usr/sbin:/usr/bin:/sbin:/bin' \
        | $engine build -q --network=host -t "docker.io/library/$GOLANG" \
            -f - "$(go env GOROOT)" > /dev/null
}

if ! have "debian:$SUITE-slim" && ! base_debian; then
    ok 1 "a base image of Debian's $SUITE"
    finish
fi

have $GOLANG || base_golang || { ok 1 "an image with Go"; finish; }


# --- images ---

for image in gateway sim client collector; do
    extra=("${options[@]}")

    # modules that this machine has need not come again
    if [ $engine = podman ] && [ $image = collector ] \
        && [ -d "$(go env GOMODCACHE 2>/dev/null)" ]
    then
        extra+=(-v "$(go env GOMODCACHE):/root/go/pkg/mod"
                -v "$(go env GOCACHE):/root/.cache/go-build")
    fi

    begin=$SECONDS
    $engine build --network=host -f docker/Dockerfile --target $image \
        --build-arg "SUITE=$SUITE" --build-arg "GOLANG=$GOLANG" \
        "${extra[@]}" -t "genai-$image" . > "$dir/$image.log" 2>&1
    rc=$?
    [ $rc = 0 ] || tail -20 "$dir/$image.log"
    ok $rc "genai-$image is built ($((SECONDS - begin)) s)"
done

[ $failed = 0 ] || finish

size=$($engine image inspect -f '{{.Size}}' genai-gateway)
echo "# genai-gateway: $((size / 1000000)) MB," \
     "debian:$SUITE-slim: $(($($engine image inspect -f '{{.Size}}' \
                              debian:$SUITE-slim) / 1000000)) MB"

user=$($engine run --rm --no-healthcheck --entrypoint id genai-gateway -un)
[ "$user" = www-data ]
ok $? "the gateway runs as ${user:-?}"


# --- the demo ---

if docker compose version > /dev/null 2>&1; then
    compose=(docker compose)
elif command -v docker-compose > /dev/null; then
    compose=(docker-compose)
else
    compose=("$dir/compose/usr/libexec/docker/cli-plugins/docker-compose")
    [ -x "${compose[0]}" ] \
        || t/tools/fetch-deb.sh trixie docker-compose "$dir/compose"
fi

if [ $engine = podman ]; then
    podman system service --time=0 "unix://$dir/podman.sock" \
        > "$dir/service.log" 2>&1 &
    service=$!
    export DOCKER_HOST=unix://$dir/podman.sock DOCKER_BUILDKIT=0

    for _ in $(seq 50); do
        [ -S "$dir/podman.sock" ] && break
        sleep 0.1
    done
fi

compose+=(-p genai -f docker/compose.yaml)

"${compose[@]}" up -d --no-build > "$dir/up.log" 2>&1
rc=$?
[ $rc = 0 ] || tail -20 "$dir/up.log"
ok $rc "compose up"

name() {
    "${compose[@]}" ps -a -q "$1"
}

# podman wants systemd's timers for it, so it is asked
healthy() {
    if [ $engine = podman ]; then
        podman healthcheck run "$(name "$1")" > /dev/null 2>&1
    else
        [ "$(docker inspect -f '{{.State.Health.Status}}' "$(name "$1")")" \
          = healthy ]
    fi
}

wait_for() {
    for _ in $(seq 60); do
        "$@" && return 0
        sleep 0.5
    done
    return 1
}

logs() {
    $engine logs "$(name "$1")" 2>&1
}

for s in sim collector gateway; do
    wait_for healthy $s
    ok $? "$s is healthy"
done

ended() {
    [ "$($engine inspect -f '{{.State.Status}}' "$(name client)")" = exited ]
}

wait_for ended && [ "$($engine inspect -f '{{.State.ExitCode}}' \
                       "$(name client)")" = 0 ]
ok $? "the client made its calls"

calls=$(grep -c '"name"' docker/calls.json)
answered=$(logs client | grep -c '"request_id"')
[ "$answered" = "$calls" ]
ok $? "boto3 saw $answered answers to $calls calls"

# one of them is made twice by the SDK
spans() {
    [ "$(logs collector | grep -c '^Span #')" = $((calls + 1)) ]
}

wait_for spans
ok $? "the collector has a span for each, and for the one that was retried"

logs collector | grep -q 'gen_ai.usage.input_tokens: Int(642)'
ok $? "with its tokens"

sum() {
    curl -s "http://127.0.0.1:$1" \
        | python3 -c "import sys, json; print($2)"
}

metered=$(sum 8090/sim/meter \
              "json.load(sys.stdin)['total']['output']")
counted=$(curl -s http://127.0.0.1:8088/genai/metrics \
    | awk '/^genai_tokens_total{.*type="output"/ { n += $NF }
           END { printf "%d", n }')
# the stream that broke off is on no meter, what it had said is estimated
guessed=$(logs gateway | sed -n 's/.* out=\([0-9]*\) from=estimate .*/\1/p')
[ -n "$metered" ] && [ -n "$guessed" ] \
    && [ $((metered + guessed)) = "$counted" ]
ok $? "output tokens: $metered metered, $guessed guessed, $counted counted"

! logs gateway | grep -E '\[(alert|crit|emerg|error)\]' \
    | grep -v 'upstream prematurely closed'
ok $? "nothing alarming in the gateway's log"

if [ "${1:-}" = --keep ]; then
    echo "# metrics: http://127.0.0.1:8088/genai/metrics"
    service=
    finish
fi

begin=$SECONDS
"${compose[@]}" stop gateway > /dev/null 2>&1
code=$($engine inspect -f '{{.State.ExitCode}}' "$(name gateway)")
[ "$code" = 0 ]
ok $? "the gateway ends with $code, in $((SECONDS - begin)) s"

"${compose[@]}" down -v > "$dir/down.log" 2>&1
ok $? "compose down"

finish
