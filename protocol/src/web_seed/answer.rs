//! What a server's answer to a request for a range means (RFC 9110).

use std::ops::Range;
use std::time::Duration;

use super::limits::MAX_RETRY_AFTER;
use crate::text::printable;

/// Bytes of a header that are shown.
const SHOWN: usize = 80;

/// What was asked for.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Asked {
    /// Bytes of the file. Not empty, and within it.
    pub range: Range<u64>,
    /// The file's whole length, as the content has it.
    pub file_length: u64,
}

/// The head of an answer, redirects being followed already.
#[derive(Clone, Debug, Default, Eq, PartialEq)]
pub struct Head {
    /// The status.
    pub status: u16,
    /// `Content-Range`.
    pub content_range: Option<String>,
    /// `Content-Length`.
    pub content_length: Option<u64>,
    /// `Content-Encoding`.
    pub content_encoding: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
}

/// What follows from a head.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Judgement {
    /// So many bytes follow that are what was asked for, from the first one on. If `more`, others
    /// that nobody asked for come behind them.
    Body {
        /// Bytes, at least one.
        length: u64,
        /// Something follows.
        more: bool,
    },
    /// No use.
    Refused(Refusal),
}

/// Why an answer is of no use.
#[derive(Clone, Debug, Eq, PartialEq)]
pub enum Refusal {
    /// The server does not have the file, or has another one in its place: why.
    Missing(String),
    /// The server sends whole files only.
    NoRanges,
    /// Not now: why, and how long to wait if it says so.
    NotNow {
        /// Why.
        why: String,
        /// How long to wait at least.
        wait: Option<Duration>,
    },
    /// What it says cannot be: why.
    Lie(String),
}

/// Judges the head of an answer.
#[must_use]
pub fn judge(asked: &Asked, head: &Head) -> Judgement {
    let encoding = head.content_encoding.as_deref().unwrap_or("identity");
    let is_body = matches!(head.status, 200 | 206);
    if is_body && !encoding.trim().eq_ignore_ascii_case("identity") {
        let why = format!(
            "it sends {} where plain bytes were asked for",
            shown(encoding)
        );
        return Judgement::Refused(Refusal::Lie(why));
    }
    match head.status {
        206 => of_range(asked, head),
        200 => of_whole(asked, head),
        404 | 410 => refuse(Refusal::Missing(format!("HTTP {}", head.status))),
        416 => {
            let there = head.content_range.as_deref().and_then(total_of);
            refuse(Refusal::Missing(match there {
                Some(length) => other_length(length, asked.file_length),
                None => "HTTP 416, the file is shorter there".to_owned(),
            }))
        }
        status => refuse(Refusal::NotNow {
            why: format!("HTTP {status}"),
            wait: head.retry_after.as_deref().and_then(wait_of),
        }),
    }
}

fn of_range(asked: &Asked, head: &Head) -> Judgement {
    let Some(text) = &head.content_range else {
        return lie("it says HTTP 206 without a Content-Range".to_owned());
    };
    let Some((range, total)) = read_range(text) else {
        return lie(format!("its Content-Range '{}' is none", shown(text)));
    };
    if let Some(total) = total.filter(|&total| total != asked.file_length) {
        return refuse(Refusal::Missing(other_length(total, asked.file_length)));
    }
    if range.start != asked.range.start || range.end > asked.range.end {
        return lie(format!(
            "it sends the bytes {}-{} where {}-{} were asked for",
            range.start,
            range.end - 1,
            asked.range.start,
            asked.range.end - 1
        ));
    }
    let length = range.end - range.start;
    if let Some(said) = head.content_length.filter(|&said| said != length) {
        return lie(format!("it sends {said} bytes and calls them {length}"));
    }
    Judgement::Body {
        length,
        more: false,
    }
}

/// The whole file: of use only from its beginning.
fn of_whole(asked: &Asked, head: &Head) -> Judgement {
    if let Some(length) = head.content_length.filter(|&it| it != asked.file_length) {
        return refuse(Refusal::Missing(other_length(length, asked.file_length)));
    }
    if asked.range.start > 0 {
        return refuse(Refusal::NoRanges);
    }
    Judgement::Body {
        length: asked.range.end,
        more: asked.range.end < asked.file_length,
    }
}

const fn refuse(refusal: Refusal) -> Judgement {
    Judgement::Refused(refusal)
}

const fn lie(why: String) -> Judgement {
    refuse(Refusal::Lie(why))
}

fn other_length(there: u64, here: u64) -> String {
    format!("the file has {there} bytes there; it must have {here}")
}

fn shown(text: &str) -> String {
    printable(text.as_bytes(), SHOWN)
}

/// `bytes 0-99/1000`, the whole being unknown in `bytes 0-99/*`.
fn read_range(text: &str) -> Option<(Range<u64>, Option<u64>)> {
    let (range, total) = in_bytes(text)?.split_once('/')?;
    let (first, last) = range.trim().split_once('-')?;
    let first: u64 = number(first)?;
    let end = number(last)?.checked_add(1)?;
    let total = match total.trim() {
        "*" => None,
        total => Some(number(total)?),
    };
    (first < end).then_some((first..end, total))
}

/// The length in `bytes */1000`.
fn total_of(text: &str) -> Option<u64> {
    let (_, total) = in_bytes(text)?.split_once('/')?;
    number(total)
}

fn in_bytes(text: &str) -> Option<&str> {
    let (unit, rest) = text.trim().split_once(' ')?;
    unit.eq_ignore_ascii_case("bytes").then_some(rest)
}

fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

/// Seconds. A date is not understood: the pause is ours then.
fn wait_of(text: &str) -> Option<Duration> {
    let seconds = Duration::from_secs(number(text)?);
    Some(seconds.min(MAX_RETRY_AFTER))
}
