# An image whose entrypoint is a node. Two ways to build it, both with any builder:
#
#   docker build -t swarmlet .                        everything from source, in the image
#   cargo build --release --locked &&
#     docker build -t swarmlet --target prebuilt \
#       --build-arg BINARY=target/release/swarmlet .  only copies what cargo built
#
# The base images are arguments, for those who have their own.

ARG RUST_IMAGE=rust:1.95-bookworm
ARG BASE_IMAGE=debian:bookworm-slim

# The image names no user: /data.bin and /torrent.conf stand in its root, and are commonly mounted there one by
# one, owned by whoever made them. Elsewhere nothing needs root: with other paths it runs as any user, on a
# read-only system, without capabilities and within the filter of deploy/seccomp, as deploy/compose and
# deploy/kubernetes run it.

# What both ways share. A base needs a shell and coreutils; `sha256sum /data.bin` is how
# operators compare nodes.
FROM ${BASE_IMAGE} AS base

# In a container, the neighbours are the fleet: look for them. Elsewhere both are off.
ENV SWARMLET_SWEEP=auto \
    SWARMLET_LAN=on

# What a node learned of its fleet. No volume: a restarted container keeps its own file system,
# and a new one shall start with a clean state.
RUN mkdir -p -m 0700 /var/lib/swarmlet

COPY deploy/healthcheck.sh /usr/local/bin/swarmlet-healthcheck

# BitTorrent's port, TCP; local multicast needs no port of its own to be published. 6880 is for the
# dashboard and the API, which listen on loopback unless SWARMLET_HTTP says otherwise.
EXPOSE 6881 6880

STOPSIGNAL SIGTERM
HEALTHCHECK --interval=30s --timeout=5s --retries=3 CMD ["sh", "/usr/local/bin/swarmlet-healthcheck"]
ENTRYPOINT ["swarmlet", "node"]

# The classic builder builds every stage above the one that is asked for. So this one stands
# above `build`, which takes minutes, and must not fail where no binary is given.
FROM base AS prebuilt
ARG BINARY=deploy/no-binary.sh
COPY ${BINARY} /usr/local/bin/swarmlet

FROM ${RUST_IMAGE} AS build
WORKDIR /swarmlet
COPY . .
RUN cargo build --release --locked --bin swarmlet

FROM base AS from-source
COPY --from=build /swarmlet/target/release/swarmlet /usr/local/bin/swarmlet
