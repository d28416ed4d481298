#!/bin/sh
# Healthy: a swarmlet process lives here and has a listening TCP socket.
#
# Which port it listens on is the node's own business, so none is named here: the sockets of the
# process are looked up in the kernel's tables. Looking at the tables alone would not do, since
# an engine's name server listens in every container.
set -u

for comm in /proc/[0-9]*/comm; do
    process=${comm%/comm}
    [ "$(cat "$comm" 2>/dev/null)" = swarmlet ] || continue
    for descriptor in "$process"/fd/*; do
        socket=$(readlink "$descriptor") || continue
        case $socket in
            "socket:["*"]") ;;
            *) continue ;;
        esac
        inode=${socket#"socket:["}
        inode=${inode%"]"}
        # Fields: number, local, remote, state (0A listens), queues, timer, retries, user,
        # time-out, inode.
        while read -r _ _ _ state _ _ _ _ _ number _; do
            if [ "$state" = 0A ] && [ "$number" = "$inode" ]; then
                exit 0
            fi
        done <<TABLES
$(cat "$process"/net/tcp "$process"/net/tcp6 2>/dev/null)
TABLES
    done
done

echo "no swarmlet process listens here"
exit 1
