//! Web seeds: their URLs, and the heads of their answers.

use swarmlet_protocol::web_seed::{
    Asked, Head, Judgement, MAX_RETRY_AFTER, MAX_WEB_SEEDS, Refusal, SourceUrl, judge,
    usable_sources,
};

use crate::{Hand, oracle};

/// The head of an answer to a request for a range.
pub fn check_answer(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let file_length = [1, 1_000, 1 << 40, u64::MAX][hand.below(4) as usize];
    let start = hand.magnitude().min(file_length - 1);
    let end = start.saturating_add(1 + hand.magnitude()).min(file_length);
    let status = match hand.below(4) {
        0 => hand.short(),
        _ => hand.one_of(&[200, 206, 404, 410, 416, 429, 503, 301]),
    };
    let content_length = match hand.below(4) {
        0 => None,
        1 => Some(hand.long()),
        2 => Some(file_length),
        _ => Some(end - start),
    };
    let text = |hand: &mut Hand<'_>| {
        let bytes = hand.some_bytes();
        (!bytes.is_empty()).then(|| String::from_utf8_lossy(bytes).into_owned())
    };
    let head = Head {
        status,
        content_length,
        content_encoding: text(&mut hand),
        retry_after: text(&mut hand),
        content_range: text(&mut hand),
    };
    let asked = Asked {
        range: start..end,
        file_length,
    };
    match judge(&asked, &head) {
        Judgement::Body { length, more } => {
            assert!(length >= 1 && length <= end - if status == 206 { start } else { 0 });
            assert!(status == 206 || (status == 200 && start == 0));
            assert!(!more || (status == 200 && length < file_length));
        }
        Judgement::Refused(Refusal::NotNow { why, wait }) => {
            assert!(wait.is_none_or(|wait| wait <= MAX_RETRY_AFTER));
            oracle::is_short(&why);
        }
        Judgement::Refused(Refusal::Missing(why) | Refusal::Lie(why)) => oracle::is_short(&why),
        Judgement::Refused(Refusal::NoRanges) => {}
    }
}

/// URLs of web seeds, one on each line.
pub fn check_url(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    assert!(usable_sources(text.lines()).len() <= MAX_WEB_SEEDS);
    for line in text.lines() {
        let url: SourceUrl = match line.parse() {
            Ok(url) => url,
            Err(error) => {
                oracle::is_short(&error);
                continue;
            }
        };
        assert!(
            url.as_str()
                .bytes()
                .all(|byte| byte.is_ascii_graphic() && byte != b'#')
        );
        assert_eq!(url.as_str().parse().as_ref(), Ok(&url));
        assert!(!url.host().is_empty());
        assert_eq!(url.has_query(), url.as_str().contains('?'));
        // Neither a name nor a password nor a query is shown.
        let shown = url.to_string();
        let (_, query) = shown.split_once('?').unwrap_or(("", "..."));
        assert_eq!(query, "...");
        let place = shown
            .split("://")
            .nth(1)
            .and_then(|rest| rest.split('/').next());
        assert!(!place.expect("a place").contains('@'), "{shown}");
    }
}
