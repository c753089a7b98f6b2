#!/bin/sh
# Installs the peers that tests/peers talk to: by name, each from its own registry. Run by `make peers`; with the word
# `slow` (`make peers-slow`) those that only the campaign uses, too.
# What is there already is left alone, so a second run ends at once; one that fails does not hold up the others.
set -u
with_slow=${1:-}
cd "$(dirname "$0")/.." || exit 1
into=$PWD/var/peers
mkdir -p "$into"
missing=""

say() { printf '%-28s %s\n' "$1" "$2"; }
has() { command -v "$1" >/dev/null 2>&1; }
stamp() { cat "$@" | sha256sum | cut -d' ' -f1; }
is_there() { [ "$(cat "$into/$1.stamp" 2>/dev/null)" = "$2" ]; }
failed() { say "$1" "FAILED${2:+: $2}"; missing="$missing $1"; }

# A registry that stumbles is asked again: a machine that checks a change has nobody to do it.
patiently() {
  for pause in 5 20 0; do
    "$@" && return 0
    [ $pause = 0 ] || { echo "again in $pause s: $*"; sleep $pause; }
  done
  return 1
}

# peer NAME STAMP FUNCTION: unless this very thing is there; what it said is shown when it failed
peer() {
  if is_there "$1" "$2"; then say "$1" "there"; return; fi
  say "$1" "installing ..."
  from=$(date +%s)
  if patiently "$3" >"$into/$1.log" 2>&1; then
    echo "$2" >"$into/$1.stamp"
    say "$1" "installed ($(($(date +%s) - from)) s)"
  else
    tail -n 20 "$into/$1.log"
    failed "$1" "all of what it said: var/peers/$1.log"
  fi
}

# Debian starts a server as soon as it is installed, on every address; here tests start them.
without_starting() {
  ours=/usr/sbin/policy-rc.d
  if [ -e $ours ]; then "$@"; return; fi
  printf '#!/bin/sh\nexit 101\n' >$ours && chmod 755 $ours
  "$@"; status=$?
  rm -f $ours
  return $status
}

# Another who installs is waited for. The lists are fetched anew each time: an old one names files that are gone.
from_debian() {
  apt-get update -o DPkg::Lock::Timeout=120 &&
    DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends -o DPkg::Lock::Timeout=120 "$@"
}

debian() {
  wanted=""
  for package in "$@"; do
    [ "$(dpkg-query -W -f '${db:Status-Status}' "$package" 2>/dev/null)" = installed ] || wanted="$wanted $package"
  done
  if [ -z "$wanted" ]; then say debian "there"; return; fi
  if ! has apt-get || [ "$(id -u)" != 0 ]; then failed debian "as root, on Debian: apt-get install$wanted"; return; fi
  say debian "installing$wanted ..."
  from=$(date +%s)
  # shellcheck disable=SC2086 # a list of names
  if patiently without_starting from_debian $wanted >"$into/debian.log" 2>&1; then
    say debian "installed ($(($(date +%s) - from)) s)"
  else
    tail -n 20 "$into/debian.log"
    failed debian "$wanted"
  fi
}

python_peers() {
  .venv/bin/uv venv --quiet --clear --python .venv/bin/python "$into/python" &&
    VIRTUAL_ENV="$into/python" .venv/bin/uv pip sync --quiet --require-hashes peers/python/requirements.txt
}

node_peers() {
  mkdir -p "$into/node" && cp peers/node/package.json peers/node/package-lock.json peers/node/.npmrc "$into/node/" &&
    npm ci --prefix "$into/node" --ignore-scripts --no-audit --no-fund
}

hapi() { mvn -B -q -f peers/hapi/pom.xml package; }

versitygw() { GOBIN="$into/bin" go install "github.com/versity/versitygw/cmd/versitygw@$versitygw_version"; }

# A program that others wrote, from its module, with its checksums locked here.
composer() {
  mkdir -p "$into/bin" &&
    (cd peers/compose && go build -mod=readonly -trimpath -ldflags='-s -w' -o "$into/bin/docker-compose" \
      github.com/docker/compose/v2/cmd)
}

versitygw_version=v1.7.0
tools="orthanc orthanc-dicomweb dcmtk nginx-light chromium prometheus tesseract-ocr tesseract-ocr-eng"
# An engine for `make compose-test`, and what its stand-in images are made of.
tools="$tools docker.io iptables slirp4netns tini mmdebstrap caddy"
[ "$with_slow" = slow ] && tools="$tools ceph-mon ceph-osd radosgw docker-registry systemd"
has java && has mvn || tools="$tools maven default-jdk-headless"
has node && has npm || tools="$tools nodejs npm"
# shellcheck disable=SC2086
debian $tools
peer python "$(stamp peers/python/requirements.txt)" python_peers
if has npm; then peer node "$(stamp peers/node/package-lock.json)" node_peers; else failed node "npm is missing"; fi
if has go; then
  peer versitygw "$versitygw_version" versitygw
  peer docker-compose "$(stamp peers/compose/go.mod peers/compose/go.sum)" composer
else
  failed versitygw "Go 1.25 or later is missing"
fi
if has mvn; then
  peer hapi "$(stamp peers/hapi/pom.xml peers/hapi/src/main/java/*.java peers/hapi/src/main/resources/*)" hapi
else
  failed hapi "maven and a JDK from 17 on are missing"
fi

[ -z "$missing" ] && exit 0
echo "Not installed:$missing. Their tests are skipped by name, unless TRANSFER_DEMAND_PEERS=1."
exit 1
