"""Whether the services of a compose file keep our rules: compose.py FILE, FILE being what
`docker-compose config` printed.

No root, no capabilities, nothing writable but volumes, limits, ports on loopback only, and files
that are mounted must exist. Says each fault in a line and ends with 1 if there was any.
"""

import os
import sys

import yaml

# The one that gives the volumes to the others, and what it may.
OWNER, OWNER_MAY = "owner", ["CHOWN"]
LIMITS = ("mem_limit", "cpus", "pids_limit")
# What the steps of the README make.
MADE_BY_STEPS = ("demo",)


def check(name, service, secrets):
    user = str(service.get("user", "")).split(":")[0]
    if user in ("", "0", "root") and name != OWNER:
        yield "runs as root"
    if service.get("cap_drop") != ["ALL"] or service.get("cap_add", []) != (OWNER_MAY if name == OWNER else []):
        yield "has capabilities"
    if "no-new-privileges:true" not in service.get("security_opt", []):
        yield "may gain rights"
    if service.get("read_only") is not True or service.get("privileged"):
        yield "its root file system can be written"
    for limit in LIMITS:
        if not service.get(limit):
            yield f"has no {limit}"
    for secret in service.get("secrets", []):
        if (secret["source"] if isinstance(secret, dict) else secret) not in secrets:
            yield f"there is no secret {secret}"
    if not service.get("image"):
        yield "names no image"
    for port in service.get("ports", []):
        if not str(port).startswith("127.0.0.1:"):
            yield f"is open to the world: {port}"
    for volume in service.get("volumes", []):
        source = volume.split(":")[0]
        if source.startswith("/") and not os.path.exists(source) and os.path.basename(source) not in MADE_BY_STEPS:
            yield f"mounts what is not there: {source}"
        if source.startswith("/") and not volume.endswith(":ro"):
            yield f"may write to this machine: {volume}"
    if service["image"] == "swarmlet" and name != OWNER and "healthcheck" not in service:
        yield "has no health check"


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        project = yaml.safe_load(file) or {}
    services, secrets = project.get("services", {}), project.get("secrets", {})
    faults = [f"{name}: {text}" for name, service in services.items() for text in check(name, service, secrets)]
    if not services:
        faults.append("no services")
    print("\n".join(faults) or f"{len(services)} services")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
