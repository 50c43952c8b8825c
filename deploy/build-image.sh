#!/bin/sh
# Build the image without a container engine, and show it at work: migrate, web, healthcheck, and
# what it says to `run`, which it is not made for. Needs root, Debian's buildah and debootstrap, and some gigabytes in
# the temporary directory.
#
#   deploy/build-image.sh [--install] [--base IMAGE] [-- OPTIONS OF buildah bud…]
#
# --install  install buildah and debootstrap from Debian first
# --base     an image to build on, with `python` 3.11 or 3.12 in it; without it one is made of Debian
#            by debootstrap (set MIRROR for another mirror than its usual one)
#
# Behind a proxy of your own, hand its certificates and pip's configuration to the build:
#   … -- --volume /etc/ssl/certs:/etc/ssl/certs:ro --volume /etc/pip.conf:/etc/pip.conf:ro
set -eu

install=no base=''
while [ $# -gt 0 ]; do
    case $1 in
    --install) install=yes ;;
    --base) base=$2; shift ;;
    --) shift; break ;;
    *) sed -n '2,/^set/s/^# \{0,1\}//p' "$0" >&2; exit 2 ;;
    esac
    shift
done

cd "$(dirname "$0")/.."
tell() { printf '\n== %s\n' "$*"; }

if [ "$install" = yes ]; then
    tell 'Install buildah and debootstrap'
    apt-get update -qq
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq buildah debootstrap
fi
for tool in buildah debootstrap; do
    command -v "$tool" >/dev/null || { echo "$tool is missing: say it again with --install" >&2; exit 1; }
done

work=$(mktemp -d)
# Storage of its own: nothing of this is left on the host, and no other image is touched.
export STORAGE_DRIVER=vfs BUILDAH_ISOLATION=chroot
store() { buildah --root "$work/root" --runroot "$work/runroot" --storage-driver vfs "$@"; }
trap 'store rm --all >/dev/null 2>&1 || true; rm -rf "$work"' EXIT

if [ -z "$base" ]; then
    tell 'A base of Debian: python, and nothing else'
    debootstrap --variant=minbase --include=python3,python3-venv,ca-certificates,tzdata \
        bookworm "$work/debian" ${MIRROR:-} >"$work/debootstrap.log" 2>&1 || {
        tail -n 20 "$work/debootstrap.log" >&2
        exit 1
    }
    ln -s python3 "$work/debian/usr/bin/python"
    rm -rf "$work/debian/var/cache/apt/archives"/*.deb
    made=$(store from scratch)
    store add --quiet "$made" "$work/debian" /
    base=localhost/python-of-debian
    store commit --quiet "$made" "$base" >/dev/null
    store rm "$made" >/dev/null
    rm -rf "$work/debian"
fi

tell "Build on $base"
store bud --isolation chroot --pull-never --build-arg "BASE=$base" \
    --format docker --tag localhost/drchrono-oncall "$@" .

tell 'Inside the image'
made=$(store from --pull-never localhost/drchrono-oncall)
store run --isolation chroot "$made" -- sh -eu -c '
    id
    umask
    drchrono-oncall --version
    # No Redis is here: web takes webhooks without one, and the beat rings what they raised.
    export ENCRYPTION_KEYS DIGEST_KEYS PORT=8765 OPS_PORT=8766 HOST=127.0.0.1 REDIS_URL=redis://127.0.0.1:1/0
    ENCRYPTION_KEYS=$(python -c "from cryptography.fernet import Fernet as F; print(F.generate_key().decode())")
    DIGEST_KEYS=$(python -c "import secrets; print(secrets.token_urlsafe(32))")
    echo "-- migrate"
    drchrono-oncall migrate
    echo "-- web, healthcheck"
    drchrono-oncall web & web=$!
    tries=0
    until drchrono-oncall healthcheck web; do
        tries=$((tries + 1))
        [ "$tries" -lt 30 ] || exit 1
        sleep 1
    done
    python -c "import requests; print(\"readyz\", requests.get(\"http://127.0.0.1:8765/readyz\", timeout=9).text)"
    echo "-- the operations pages"
    for page in sign-in static/ops.css static/vendor/htmx.min.js; do
        python -c "import requests, sys; requests.get(f\"http://127.0.0.1:8766/ops/{sys.argv[1]}\", timeout=9).raise_for_status()" "$page"
    done
    kill "$web"
    wait "$web" || true
    ls -ln var
    echo "-- run, which needs the extra local"
    if drchrono-oncall run >/tmp/run.log 2>&1; then exit 1; fi
    cat /tmp/run.log
    grep -q "rich, sandbox" /tmp/run.log
'
tell 'It builds, migrates, serves and is healthy'
