#!/usr/bin/env bash
# Whether two people who build this commit get the same bytes:
#
#   deploy/reproduce.sh            builds twice and compares
#   deploy/reproduce.sh --once     builds once, as a release is built; prints the sum
#
# Each build is of a fresh clone of HEAD, in a folder, with a HOME and a cargo home of its own, so that nothing of
# this machine's user is in it. What must be the same: the toolchain (rust-version in Cargo.toml is checked), the
# target, the C compiler (aws-lc is C) and its C library; and the folder, which is therefore always the same one:
# the program does not say where it was built, but cargo names what is linked by the compiler's flags, and
# those name the folder. What need not: the user, the time, the number of cores. The crates come from crates.io,
# as Cargo.lock names them by their sums.
set -euo pipefail
cd "$(dirname "$0")/.."

wanted=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' Cargo.toml)
rustc --version | grep -q "^rustc $wanted\." || {
    echo "error: built with rustc $wanted; here is $(rustc --version)" >&2
    exit 1
}
work=/tmp/swarmlet-reproduce
mkdir "$work" || {
    echo "error: somebody builds in $work, or did: remove it" >&2
    exit 1
}
trap 'rm -rf "$work"' EXIT
toolchain=$(rustc --print sysroot)

# build KEPT JOBS: the program, built by so many jobs at once, and kept under that name.
build() {
    local place=$work/build home=$work/build/home
    rm -rf "$place"
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
            cargo build --release --locked --bin swarmlet --jobs "$2" >&2
    )
    mv "$place/target/release/swarmlet" "$1"
}

build "$work/one" "$(nproc)"
sha256sum <"$work/one" | sed 's/-$/swarmlet/'
if grep -aqF "$work" "$work/one"; then
    echo "error: the program says where it was built" >&2
    exit 1
fi
[ "${1:-}" != --once ] || exit 0
build "$work/two" 1
sha256sum <"$work/two" | sed 's/-$/swarmlet, built again/'
cmp "$work/one" "$work/two" && echo 'the same bytes'
