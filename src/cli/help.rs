//! The texts below the flags in `--help`: examples and exit statuses.

/// What a newcomer is to try first.
pub(super) const START: &str = "\
Start here:
  swarmlet demo

See 'swarmlet --help' for more examples, 'swarmlet COMMAND --help' for the flags of a command.";

/// Examples, variables and statuses of the whole program.
pub(super) const NOTES: &str = "\
Examples:
  swarmlet demo
      a fleet on this machine, to watch
  swarmlet create image.iso --peer 10.0.0.5 -o torrent.conf
      describe a file that this machine has
  swarmlet get 'magnet:?xt=urn:btih:...'
      fetch what a magnet link, a .torrent or a torrent.conf describes
  swarmlet seed photos
      share a folder, and print its magnet link
  swarmlet node --conf torrent.conf --data image.iso
      serve it; on the other machines, fetch it
  swarmlet node --conf /dev/null --data image.iso --peer 10.0.0.5
      know nothing but one peer, and learn the rest from it

Every flag can also be given as an environment variable, which its help names; the flag wins.
RUST_LOG sets what is logged (default: info), NO_COLOR turns colours off.

Exit status:
  0  done: the command did what it was asked to do; for verify: every part is right
  1  failed: one line on stderr says why; for verify: something is wrong or missing
  2  the command line is wrong
  For others, of `get` and of `node` with a COMMAND, see their help.";

/// How to run a node.
pub(super) const NODE: &str = "\
Examples:
  swarmlet node
      as in a container: /torrent.conf, /data.bin, port 6881 on all addresses
  swarmlet node --conf torrent.conf --data image.iso --peer node-1.example
      a config of one's own, and one more peer
  swarmlet node --conf photos.torrent --data /srv/photos
      a folder of files; they lie in /srv/photos itself
  swarmlet node --data image.iso --sweep auto --exit-when-complete
      no config: find a node in the /24, learn what it shares, fetch it and end
  swarmlet node --conf a.conf --data a.iso --conf b.conf --data b.iso
      two files, one port
  swarmlet node --shares /srv/images
      every file and folder NAME that has NAME.conf or NAME.torrent beside it
  swarmlet node --data /models --peer seed.example -- server --models /models
      fetch and verify /models, then start the server, and serve on beside it
  swarmlet node --data /models --peer seed.example --seed-for 10m --exit-when-complete
      fetch it, give it to others for ten minutes, and end: for jobs and init containers

Exit status: 0 ended as asked (by a signal, or complete), 1 failed, 2 wrong command line.
With a COMMAND: its own, or 128 and the number of the signal that ended it; 126 it cannot be run,
127 it was not found; 143 and 130 if SIGTERM or SIGINT came before it was started.";

/// How to fetch something.
pub(super) const GET: &str = "\
Examples:
  swarmlet get photos.torrent
      puts the folder photos into this directory and ends; run again, it goes on where it was
  swarmlet get 'magnet:?xt=urn:btih:...' -o /srv --peer 10.0.0.5
      what it is is learned from peers; one is named here
  swarmlet get https://example.org/linux.torrent --select '*.iso' --seed ratio 1.5
      one file of it, and gives back one and a half times as much

Exit status: 0 all that was selected is here and verified, 1 failed, 2 wrong command line,
130 stopped by Ctrl-C before that.";

/// How to share something.
pub(super) const SEED: &str = "\
Examples:
  swarmlet seed photos image.iso
      two contents, each with a magnet link, until it is stopped
  swarmlet seed image.iso --listen 10.0.0.5 --tracker http://tracker.example/announce
      the magnet link names this address and this tracker

Nothing is written to PATH. The infohash is that of the .torrent that `swarmlet create` makes
with the same flags.

Exit status: 0 ended by a signal, 1 failed, 2 wrong command line.";

/// How to look at a description.
pub(super) const SHOW: &str = "\
Examples:
  swarmlet show photos.torrent
  swarmlet show /torrent.conf
  swarmlet show 'magnet:?xt=urn:btih:...'

Exit status: 0 shown, 1 failed, 2 wrong command line.";

/// How to describe a file.
pub(super) const CREATE: &str = "\
Examples:
  swarmlet create image.iso
      writes torrent.conf in the current directory
  swarmlet create image.iso --part-size 256KiB --peer 10.0.0.5 --peer node-2.example:6881 -o -
      writes to stdout, with two peers
  swarmlet create photos --tracker http://tracker.example/announce
      writes photos.torrent: all files below the folder, sorted by name, and prints a magnet link
  swarmlet create image.iso --name data.bin -o image.torrent
      a .torrent with the infohash that the torrent.conf of the same file stands for

The same files under the same name give the same .torrent, to the byte. Symbolic links are left out.

Exit status: 0 written, 1 failed, 2 wrong command line.";

/// How to check a file.
pub(super) const VERIFY: &str = "\
Examples:
  swarmlet verify --conf torrent.conf --data image.iso
  swarmlet verify --conf photos.torrent --data /srv/photos

Exit status: 0 every part is right and nothing follows the last one, 1 it is not so or could not be
found out, 2 wrong command line.";

/// How to run the demo, and what it does.
pub(super) const DEMO: &str = "\
Examples:
  swarmlet demo
  swarmlet demo --nodes 20 --size 256MiB

The nodes are real processes on 127.x addresses of one free /24. One has the config, the others have
nothing and find each other. Each part is right on exactly one node at first. Nodes are killed on
the way (SIGKILL) and started again. All of it happens in a temporary directory (see TMPDIR) that is
removed at the end.

Exit status: 0 all files became identical, 1 they did not, 2 wrong command line.";
