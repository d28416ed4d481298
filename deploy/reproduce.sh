#!/usr/bin/env bash
# Whether two people who build this commit get the same bytes:
#
#   deploy/reproduce.sh            builds twice, in two places, and compares
#   deploy/reproduce.sh --once     builds once, as a release is built; prints the sum
#
# Each build is of a fresh clone of HEAD, in a folder, with a HOME and a cargo home of its own, so that nothing of
# this machine's user is in it. What must be the same: the toolchain (rust-version in Cargo.toml is checked), the
# target, the C compiler (aws-lc is C) and its C library. What need not: the folder, the user, the time, the
# number of cores. The crates come from crates.io, as Cargo.lock names them by their sums.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rustc --version | grep -q "^rustc $wanted\." || {
    echo "error: built with rustc $wanted; here is $(rustc --version)" >&2
    exit 1
}
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
toolchain=$(rustc --print sysroot)

# build PLACE: the program, built there; prints its path.
build() {
    local place=$1 home=$1/home
    mkdir -p "$home"
    git clone --quiet --no-hardlinks . "$place/source"
    # Crates that are here need not be fetched again; where they lie must not show.
    local cargo_home=$home/.cargo
    mkdir -p "$cargo_home/registry"
    local known=${CARGO_HOME:-$HOME/.cargo}/registry
    for part in index cache; do
        [ ! -d "$known/$part" ] || cp -r "$known/$part" "$cargo_home/registry/$part"
    done
    (
        cd "$place/source"
        env -i PATH="$toolchain/bin:/usr/local/bin:/usr/bin:/bin" HOME="$home" CARGO_HOME="$cargo_home" LANG=C TZ=UTC \
            SOURCE_DATE_EPOCH="$(git log -1 --format=%ct)" CARGO_INCREMENTAL=0 \
            CARGO_TARGET_DIR="$place/target" \
            RUSTFLAGS="--remap-path-prefix=$place/source=/swarmlet --remap-path-prefix=$cargo_home=/cargo --remap-path-prefix=$toolchain=/rust" \
            CFLAGS="-ffile-prefix-map=$cargo_home=/cargo -ffile-prefix-map=$place=/build" \
            cargo build --release --locked --bin swarmlet >&2
    )
    printf '%s\n' "$place/target/release/swarmlet"
}

one=$(build "$work/one")
sha256sum <"$one" | sed 's/-$/swarmlet/'
if grep -aqF "$work" "$one"; then
    echo "error: the program says where it was built" >&2
    exit 1
fi
[ "${1:-}" != --once ] || exit 0
two=$(build "$work/a-longer/way/to/another")
sha256sum <"$two" | sed 's/-$/swarmlet, built elsewhere/'
cmp "$one" "$two" && echo 'the same bytes'
