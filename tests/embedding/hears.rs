//! A node is heard without an actor, waited for, and used from any thread.

use std::time::Duration;

use swarmlet::{Error, Event, Events, Node, NodeBuilder, Place, Reader, Refusal, Share};
use tokio::time::timeout;

use crate::inprocess::{Content, Member, Network};
use crate::{Scene, on_system};

/// What may be held and used on any thread, and what may be sent to one.
const fn _may_travel() {
    const fn shared<T: Send + Sync + 'static>() {}
    const fn sent<T: Send + 'static>() {}
    shared::<Node>();
    shared::<Event>();
    shared::<Error>();
    shared::<Refusal>();
    sent::<NodeBuilder>();
    sent::<Events>();
    sent::<Reader>();
    sent::<Share>();
    #[cfg(feature = "http")]
    shared::<swarmlet::http::Face>();
}

/// What a node is asked, as a task of a runtime of several threads would ask it.
fn _may_be_awaited_anywhere(node: &'static Node, mut reader: Reader, mut events: Events) {
    fn sent(_: impl Future + Send) {}
    sent(node.report());
    sent(node.completed());
    sent(node.shutdown());
    sent(async move { reader.next().await });
    sent(async move { events.next().await });
}

#[test]
fn events_are_read_from_the_first_to_the_last_and_end_with_the_node() {
    on_system(async {
        let scene = Scene::new(64).await;
        let leecher = scene.leecher(11, |node| node);
        let (mut events, elsewhere) = (leecher.node.events(), leecher.node.events());
        // A thread that knows nothing of actix.
        let thread = std::thread::spawn(move || {
            let mut events = elsewhere;
            let runtime = tokio::runtime::Builder::new_current_thread()
                .build()
                .unwrap();
            let count = async {
                let mut count = 0;
                while events.next().await.is_some() {
                    count += 1;
                }
                count + events.missed()
            };
            runtime.block_on(count)
        });
        leecher.node.completed().await.unwrap();
        leecher.holds(&scene.content);
        leecher.node.shutdown().await;
        let mut heard = Vec::new();
        while let Some(event) = events.next().await {
            heard.push(event);
        }
        assert_eq!(events.missed(), 0);
        assert!(matches!(heard[0], Event::Listening(_)), "{:?}", heard[0]);
        let is_end = |event: &Event| matches!(event, Event::Completed { .. });
        assert!(heard.iter().any(is_end), "{heard:?}");
        assert_eq!(thread.join().unwrap(), heard.len() as u64);
        // There is nothing to be heard of one that is gone.
        assert!(leecher.node.events().next().await.is_none());
        scene.seed.node.shutdown().await;
    });
}

#[test]
fn waiting_for_all_ends_when_all_is_there_and_when_it_never_will_be() {
    on_system(async {
        let scene = Scene::new(64).await;
        scene.seed.node.completed().await.unwrap();
        // Nobody has it.
        let lonely = Network::any().host(10);
        let conf = Content::pieces(3).conf(&[]);
        let lonely = Member::start(scene.folder.path(), lonely, &conf);
        let short = Duration::from_millis(100);
        assert!(timeout(short, lonely.node.completed()).await.is_err());
        let (waited, ()) = tokio::join!(lonely.node.completed(), lonely.node.shutdown());
        assert!(matches!(waited, Err(Refusal::NotNow(_))), "{waited:?}");
        assert!(lonely.node.completed().await.is_err());
        // A link that names a file which the content does not have: that shows when it is known.
        let report = scene.seed.node.report().await.unwrap();
        let link = format!(
            "magnet:?xt=urn:btih:{}&x.pe={}&so=7",
            report.swarms[0].info_hash, report.listen
        );
        let place = Place::Under(scene.folder.path().join("under"));
        let share = Share::magnet(link.parse().unwrap(), place);
        let choosy = Node::sharing([share]).listen(scene.network.host(12));
        let choosy = choosy.start().unwrap();
        let refused = choosy.completed().await;
        assert!(matches!(refused, Err(Refusal::Place(_))), "{refused:?}");
        choosy.shutdown().await;
        scene.seed.node.shutdown().await;
    });
}
