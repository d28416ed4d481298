//! Access lists: by address and by node, changed while the nodes run.

use crate::stage::{OLD, Stage, hang_up};
use crate::support::handful::Has;

#[test]
fn a_list_that_changes_closes_links_and_lets_others_in() {
    let mut stage = Stage::new("a_list_that_changes", 400);
    let (one, two) = (stage.subnet.ip(1), stage.subnet.ip(2));
    let list = stage.write("access", &format!("# one may\nallow {one}\n"));
    let list = list.to_str().unwrap().to_owned();
    stage.add(Has::File, &[], &["--access-file", &list]);
    stage.add(Has::Config, &[], &[]);
    let peers = [stage.subnet.ip(0).to_string()];
    stage.add_knowing(Has::Config, &[], &peers, &[]);
    stage.handful.start_all();
    stage.wait_for_file(&[1]);
    stage
        .handful
        .wait_for_log(0, "is turned away: the access list does not allow it");
    assert!(!stage.handful.nodes[2].log().contains("is ready"));
    let log = stage.handful.nodes[0].log();
    assert!(
        log.contains(&format!("{two}")) && log.contains("the access list does not allow it"),
        "{log}"
    );
    // The other way round.
    stage.write("access", &format!("deny {one}/32\nallow {two}\n"));
    stage
        .handful
        .wait_for_log(0, "the access list has changed: 2 rules");
    stage.wait_for_file(&[2]);
    stage
        .handful
        .wait_for_log(0, "ended: the access list denies it");
    // A broken list changes nothing, a good one does, at a signal or by itself.
    stage.write("access", "permit everybody");
    stage
        .handful
        .wait_for_log(0, "line 1: 'permit' is neither allow nor deny");
    stage.handful.wait_for_log(0, "the list of before is kept");
    let before = stage.handful.lines_with(1, "is ready: swarmlet");
    stage.write("access", "allow 0.0.0.0/0\nallow ::/0\n");
    hang_up(&stage, 0);
    stage.wait_for_lines(1, "is ready: swarmlet", before + 1);
}

#[test]
fn a_list_that_is_empty_while_it_is_written_lets_nobody_in() {
    let mut stage = Stage::new("a_list_that_is_empty_while_it_is_written", 40);
    let deny = format!("deny {}\n", stage.subnet.ip(1));
    let list = stage.write("access", &deny);
    let list = list.to_str().unwrap().to_owned();
    stage.add(Has::File, &[], &["--access-file", &list]);
    stage.add(Has::Config, &[], &[]);
    stage.handful.start_all();
    let turned_away = "is turned away: the access list denies it";
    stage.handful.wait_for_log(0, turned_away);
    // Nothing but remarks is no rule, either.
    for (times, text) in [(1, ""), (2, "# nobody yet\n")] {
        stage.write("access", text);
        stage.wait_for_lines(0, "the access list has no rule any more", times);
    }
    stage.handful.wait_for_log(0, "'allow 0.0.0.0/0'");
    assert_eq!(stage.handful.lines_with(1, "is ready: swarmlet"), 0);
    assert_eq!(
        stage.handful.lines_with(0, "the access list has changed"),
        0
    );
    // What is written at last holds.
    stage.write("access", "allow 0.0.0.0/0\n");
    stage
        .handful
        .wait_for_log(0, "the access list has changed: 1 rule");
    stage.wait_for_file(&[1]);
}

#[test]
fn a_node_is_denied_by_its_id_wherever_it_is() {
    let mut stage = Stage::new("a_node_is_denied_by_its_id", 400);
    let list = stage.write("access", "");
    let list = list.to_str().unwrap().to_owned();
    stage.add(Has::File, &[OLD], &["--access-file", &list]);
    stage.add(Has::Config, &[OLD], &[]);
    let peers = [stage.subnet.ip(0).to_string()];
    stage.add_knowing(Has::Config, &[OLD], &peers, &[]);
    stage.handful.start_all();
    stage.wait_for_file(&[1, 2]);
    let (one, two) = (stage.id_of(1), stage.id_of(2));
    stage.write("access", &format!("deny node {one}\n"));
    stage
        .handful
        .wait_for_log(0, "ended: the access list denies it");
    // It comes back as the same node after a restart, at another address.
    stage.handful.nodes[1].stop().unwrap();
    stage.handful.nodes[1].address = stage.subnet.address(7);
    std::fs::remove_file(&stage.handful.nodes[1].files.data).unwrap();
    stage.handful.nodes[1].start();
    stage.wait_for_lines(1, &format!("this is node {one}"), 2);
    stage
        .handful
        .wait_for_log(0, &format!("node {one}: the access list denies it"));
    // Only nodes that are named may.
    stage.write("access", &format!("allow node {one}\n"));
    stage.wait_for_file(&[1]);
    stage
        .handful
        .wait_for_log(0, "ended: the access list does not allow it");
    let before = stage.handful.lines_with(2, "is ready: swarmlet");
    stage.write("access", &format!("allow node {one}\nallow node {two}\n"));
    stage.wait_for_lines(2, "is ready: swarmlet", before + 1);
}

#[test]
fn two_nodes_with_one_key_work_and_are_reported() {
    let mut stage = Stage::new("two_nodes_with_one_key", 400);
    stage.add(Has::File, &[OLD], &[]);
    stage.add(Has::Nothing, &[OLD], &[]);
    stage.add(Has::Nothing, &[OLD], &[]);
    stage.handful.nodes[1].start();
    let id = stage.id_of(1);
    stage.handful.nodes[1].stop().unwrap();
    // Two containers of one snapshot.
    let key = |node: usize| stage.handful.nodes[node].files.state.join("node-key");
    std::fs::copy(key(1), key(2)).unwrap();
    stage.handful.start_all();
    stage.wait_for_file(&[1, 2]);
    assert_eq!(stage.id_of(2), id);
    crate::support::wait_for(
        "somebody says that a node id is there twice",
        || {
            (0..3).any(|node| {
                stage
                    .handful
                    .lines_with(node, &format!("has the node id {id}, and"))
                    > 0
            })
        },
        || stage.handful.nodes[0].log_tail(),
    );
}
