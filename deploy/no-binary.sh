#!/bin/sh
# Stands where the program should: `docker build --target prebuilt` was told of none.
echo "error: this image has no swarmlet: build it with --build-arg BINARY=target/release/swarmlet" >&2
exit 1
