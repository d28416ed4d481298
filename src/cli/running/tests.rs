//! A run whose node fails, which cannot be brought about from outside.

use std::ffi::OsString;
use std::fs;

use super::*;

#[test]
fn a_command_goes_on_when_the_node_fails_and_gives_the_status() {
    let folder = tempfile::tempdir().unwrap();
    let go_on = folder.path().join("go on");
    let script = "until [ -e \"$1\" ]; do sleep 0.02; done; exit 9";
    let words = ["sh", "-c", script, "sh", &go_on.display().to_string()];
    let program = Program::new(words.map(OsString::from).to_vec()).unwrap();
    let end = on_system(async {
        let signals = Signals::listen().unwrap();
        let (events, heard) = mpsc::unbounded_channel();
        let console = Console(events.clone()).start();
        let address = "127.86.7.9:0".parse().unwrap();
        let node = Node::builder(folder.path().join("data"))
            .listen(address)
            .listener(console.clone().recipient())
            .start()
            .unwrap();
        let info_hash = swarmlet_protocol::id::InfoHash([1; 20]);
        for event in [
            Event::SwarmAdded { info_hash },
            Event::Completed { info_hash },
            Event::Failed {
                error: "a test says so".to_owned(),
            },
        ] {
            events.send(event).unwrap();
        }
        let notifier = Notifier::from_environment();
        let mut run = Run {
            ending: Ending::new(Aim::Accompany),
            contents: Completion::of(1),
            heard,
            _console: console,
            signals,
            bar: NodeBar::new(),
            watch: notifier.watch(Watched::Node(node.clone())),
            notifier,
            node: node.clone(),
            reloads: false,
            deadline: None,
            program: Some(&program),
            command: None,
            runs_command: Arc::default(),
        };
        let gone = async {
            while node.is_running() {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
            fs::write(&go_on, "").unwrap();
        };
        let (end, ()) = tokio::join!(run.until_end(), gone);
        end
    });
    assert_eq!(end.ok(), Some(End::Status(9)));
}
