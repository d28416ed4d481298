use proptest::prelude::*;

use super::*;

const NODE: &str = "4f1c0c5a7d0e4b6f8a9b0c1d2e3f4a5b";
const OTHER: &str = "00000000000000000000000000000001";

fn list(text: &str) -> AccessList {
    AccessList::parse(text.as_bytes()).unwrap()
}

fn address(list: &AccessList, ip: &str) -> Result<(), Denied> {
    list.check_address(ip.parse().unwrap())
}

#[test]
fn an_empty_list_allows_everybody() {
    for text in ["", "\n", "# nobody yet\n\n"] {
        let list = list(text);
        assert!(list.is_empty() && !list.names_nodes());
        assert_eq!(address(&list, "10.0.0.1"), Ok(()));
        assert_eq!(list.check_node(NODE.parse().unwrap()), Ok(()));
    }
}

#[test]
fn a_deny_wins_over_every_allow_in_any_order() {
    for text in [
        "allow 10.0.0.0/8\ndeny 10.1.2.3",
        "deny 10.1.2.3 # it misbehaves\r\n allow\t10.0.0.0/8\r\n",
    ] {
        let list = list(text);
        assert_eq!(address(&list, "10.1.2.4"), Ok(()));
        assert_eq!(address(&list, "10.1.2.3"), Err(Denied::Named));
        assert_eq!(address(&list, "::ffff:10.1.2.3"), Err(Denied::Named));
        assert_eq!(address(&list, "11.0.0.1"), Err(Denied::NotAllowed));
        assert_eq!(address(&list, "fd00::1"), Err(Denied::NotAllowed));
        assert_eq!(list.len(), 2);
    }
}

#[test]
fn a_network_that_is_named_the_long_way_is_the_same_one() {
    let long = list("allow 127.0.0.0/8\ndeny ::ffff:127.1.10.0/120");
    assert_eq!(address(&long, "127.1.10.5"), Err(Denied::Named));
    assert_eq!(address(&long, "::ffff:127.1.10.5"), Err(Denied::Named));
    assert_eq!(address(&long, "127.1.11.5"), Ok(()));
    assert!(AccessList::parse(b"deny ::ffff:127.1.10.1/120").is_err());
}

#[test]
fn networks_of_both_families_and_of_every_length_are_kept_apart() {
    let list = list("deny 0.0.0.0/0\nallow fd00::/8\nallow ::1\nallow ::ffff:10.0.0.1");
    assert_eq!(address(&list, "1.2.3.4"), Err(Denied::Named));
    assert_eq!(address(&list, "fdff::1"), Ok(()));
    assert_eq!(address(&list, "::1"), Ok(()));
    assert_eq!(address(&list, "fe80::1"), Err(Denied::NotAllowed));
    assert_eq!(address(&list, "10.0.0.1"), Err(Denied::Named));
    let all = AccessList::parse(b"deny ::/0").unwrap();
    assert_eq!(address(&all, "fe80::1"), Err(Denied::Named));
    assert_eq!(address(&all, "10.0.0.1"), Ok(()));
}

#[test]
fn nodes_are_judged_by_rules_for_nodes_alone() {
    let (node, other) = (NODE.parse().unwrap(), OTHER.parse().unwrap());
    let denied = list(&format!("allow 10.0.0.0/8\ndeny node {NODE}"));
    assert!(denied.names_nodes());
    assert_eq!(denied.check_node(node), Err(Denied::Named));
    assert_eq!(denied.check_node(other), Ok(()));
    let allowed = list(&format!("allow node {}", NODE.to_uppercase()));
    assert_eq!(allowed.check_node(node), Ok(()));
    assert_eq!(allowed.check_node(other), Err(Denied::NotAllowed));
    assert_eq!(address(&allowed, "10.0.0.1"), Ok(()));
}

#[test]
fn what_is_no_rule_is_refused_with_its_line_and_the_remedy() {
    for (line, expected) in [
        (
            "permit 10.0.0.0/8",
            "'permit' is neither allow nor deny: a rule is such as 'allow 10.0.0.0/8' or 'deny node 4f1c...'",
        ),
        (
            "allow",
            "'allow' names nobody: a network such as 10.0.0.0/8, an address, or node and an id must follow",
        ),
        (
            "deny node",
            "'deny node' names nobody: a network such as 10.0.0.0/8, an address, or node and an id must follow",
        ),
        (
            "deny node 4f1c",
            "'4f1c' is not a node id of 32 hex digits, as `swarmlet status` shows it",
        ),
        (
            "allow 10.0.0.0/8 10.1.0.0/16",
            "'10.1.0.0/16' follows a whole rule: each has a line of its own",
        ),
        (
            "allow db.example",
            "'db.example' is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8",
        ),
        (
            "allow 10.0.0.0/x",
            "'10.0.0.0/x' is neither an IP address nor a network such as 10.0.0.0/8 or fd00::/8",
        ),
        (
            "allow 10.0.0.0/33",
            "'10.0.0.0/33' has a prefix of more than 32 bits",
        ),
        (
            "allow fd00::/999",
            "'fd00::/999' has a prefix of more than 128 bits",
        ),
        (
            "allow 10.1.2.3/8",
            "'10.1.2.3/8' has bits beyond its prefix: the network is 10.0.0.0/8, the address alone 10.1.2.3",
        ),
    ] {
        let error = AccessList::parse(format!("# rules\n{line}\n").as_bytes()).unwrap_err();
        assert_eq!(error.to_string(), format!("line 2: {expected}"));
    }
    let error = AccessList::parse(b"allow 10.0.0.1\ndeny \xff").unwrap_err();
    assert_eq!(error.to_string(), "line 2: it is not UTF-8 text");
    let many = "deny 10.0.0.1\n".repeat(MAX_RULES + 1);
    let error = AccessList::parse(many.as_bytes()).unwrap_err();
    assert_eq!(error.reason, AccessReason::TooMany);
    let long = vec![b'#'; MAX_ACCESS_FILE + 1];
    assert!(AccessList::parse(&long).is_err());
}

proptest! {
    #[test]
    fn no_file_makes_the_reader_panic(
        bytes: Vec<u8>,
        text in "((allow|deny)( node)? [0-9a-f.:/]{0,40}\n){0,5}",
    ) {
        let _ = AccessList::parse(&bytes);
        let _ = AccessList::parse(text.as_bytes());
    }

    /// The sets by prefix say what looking at each rule would say.
    #[test]
    fn a_network_holds_the_addresses_that_share_its_prefix(ip: u32, other: u32, prefix in 0_u8..=32) {
        let first = Ipv4Addr::from_bits(ip & mask_v4(prefix));
        let list = list(&format!("allow {first}/{prefix}"));
        let is_in = prefix == 0 || (ip ^ other) >> (32 - u32::from(prefix)) == 0;
        let judged = list.check_address(Ipv4Addr::from_bits(other).into());
        prop_assert_eq!(judged.is_ok(), is_in);
        prop_assert!(list.check_address(Ipv4Addr::from_bits(ip).into()).is_ok());
    }
}
