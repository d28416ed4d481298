//! What comes by HTTP and what is typed: files of the program as they stand, since a program is no
//! crate that another could import.

#[allow(dead_code, reason = "the program uses all of it")]
#[allow(unreachable_pub, reason = "it is where it comes from")]
#[path = "../../../src/http/access.rs"]
mod access;
#[path = "../../../src/cli/filter.rs"]
mod filter;
pub mod http;
#[path = "../../../src/http/content/range.rs"]
mod range;
#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../../../src/cli/size.rs"]
mod size;
#[path = "../../../src/cli/client/sse.rs"]
mod sse;
pub mod state;
#[allow(dead_code, reason = "the program uses all of it")]
#[path = "../../../src/cli/values.rs"]
mod values;

use std::net::IpAddr;
use std::str::FromStr;

use self::access::{Access, Caller, Denied, Need, Topic};
use self::range::{Asked, asked};
use crate::{Hand, oracle};

/// The `Range` of a request for a file.
pub fn check_range(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let length = match hand.below(4) {
        0 => 0,
        1 => u64::MAX,
        _ => hand.magnitude(),
    };
    let text = String::from_utf8_lossy(hand.rest());
    match asked(Some(&text), length) {
        Asked::Part(part) => assert!(part.start < part.end && part.end <= length, "{part:?}"),
        Asked::All | Asked::Beyond => {}
    }
}

/// Who may do what: without the token nobody changes anything, and nobody who names a host that DNS
/// could say looks at anything.
pub fn check_access(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let flags = hand.byte();
    let token = (flags & 1 == 1).then(|| "a long secret".to_owned());
    let topics = [Topic::Status, Topic::Metrics, Topic::Content];
    let open = topics
        .into_iter()
        .filter(|_| hand.below(8) == 0)
        .collect::<Vec<_>>();
    let need = match hand.below(4) {
        3 => Need::Change,
        topic => Need::Look(topics[topic as usize]),
    };
    let ip: IpAddr = match hand.below(4) {
        0 => [127, 0, 0, hand.byte()].into(),
        1 => [10, 0, 0, 7].into(),
        2 => IpAddr::V6(u128::from(hand.long()).into()),
        _ => [0, 0, 0, 0, 0, 0xffff, 0x7f00, hand.short()].into(),
    };
    let bearer = match hand.below(4) {
        0 => Some(String::from_utf8_lossy(hand.some_bytes()).into_owned()),
        1 => Some("a long secret".to_owned()),
        _ => None,
    };
    let host = String::from_utf8_lossy(hand.rest()).into_owned();
    let caller = Caller {
        by_socket: false,
        ip: (flags & 2 == 0).then_some(ip),
        host: (flags & 4 == 0).then_some(&host),
        token: bearer.as_deref(),
    };
    let access = Access::new(token.clone(), open.clone());
    let judged = access.judge(need, &caller);
    let bears = bearer.is_some() && bearer == token;
    match judged {
        Ok(()) if bears => {}
        Ok(()) => {
            let Need::Look(topic) = need else {
                panic!("a change without the token");
            };
            assert!(bearer.is_none(), "a wrong token was let in");
            let is_here = caller.ip.is_some_and(|ip| ip.to_canonical().is_loopback());
            // Names end at the colon; what DNS could say of another name is not looked at.
            let name = host.split(':').next().unwrap_or_default();
            let inner = host
                .trim_start_matches('[')
                .split(']')
                .next()
                .unwrap_or_default();
            let is_local = [name, inner].iter().any(|name| {
                name.eq_ignore_ascii_case("localhost") || name.parse::<IpAddr>().is_ok()
            });
            let is_free = open.contains(&topic) || (is_here && is_local);
            assert!(is_free, "{host:?} was let in");
        }
        Err(denied) => {
            assert!(!bears, "refused with the token: {denied:?}");
            assert!(denied != Denied::NoneSet || token.is_none());
            oracle::is_short(&denied.words());
        }
    }
    assert_eq!(access.can_change(&caller), bears);
}

/// The event stream of a node, as the client reads it.
pub fn check_events(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let cut = 1 + hand.below(40) as usize;
    let stream = hand.rest();
    let whole = sse::Parser::default().push(stream);
    let mut parser = sse::Parser::default();
    let mut parts = Vec::new();
    for part in stream.chunks(cut) {
        parts.extend(parser.push(part).expect("not too long"));
    }
    assert_eq!(whole, Ok(parts));
    for event in whole.expect("not too long") {
        assert!(!event.kind.is_empty() && !event.id.contains('\0'));
        assert!(
            ![&event.kind, &event.id]
                .iter()
                .any(|text| text.contains(['\n', '\r']))
        );
    }
}

/// Patterns for files (`get --select`): no pattern panics or takes long, and a whole path without magic
/// matches itself.
pub fn check_pattern(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let path = String::from_utf8_lossy(hand.some_bytes()).into_owned();
    let Ok(text) = std::str::from_utf8(hand.rest()) else {
        return;
    };
    match values::Pattern::from_str(text) {
        Ok(pattern) => {
            let matched = pattern.matches(&path);
            let is_plain = |text: &str| text.bytes().all(|byte| byte.is_ascii_alphanumeric());
            if is_plain(text) && is_plain(&path) {
                assert_eq!(matched, text == path);
            }
        }
        Err(error) => assert!(!error.to_string().is_empty()),
    }
}

/// Values of flags: sizes, rates, times, addresses.
pub fn check_values(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else {
        return;
    };
    if let Ok(size) = text.parse::<size::Size>() {
        assert!(!size.to_string().is_empty());
    }
    if let Ok(rate) = text.parse::<values::Rate>() {
        assert!(rate.0.get() > 0);
    }
    if let Ok(time) = text.parse::<values::Time>() {
        assert!(time.0.as_secs() > 0);
    }
    match filter::checked(text) {
        Ok(filter) => {
            oracle::is_printable(&filter);
            assert_eq!(filter::checked(&filter).as_ref(), Ok(&filter));
        }
        Err(error) => oracle::is_short(&error),
    }
    let _ = text.parse::<values::GoOn>();
    let _ = text.parse::<values::Sweep>();
    if let Ok(address) = text.parse::<values::ListenAddress>() {
        assert_eq!(address.0.to_string().parse(), Ok(address));
    }
}
