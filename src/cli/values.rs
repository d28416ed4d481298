//! The values of flags that no library type reads: listen addresses, switches and sweeps.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::num::NonZeroU64;
use std::str::FromStr;
use std::time::Duration;

use globset::{GlobBuilder, GlobMatcher};
use swarmlet_protocol::address::{Cidr, DEFAULT_PORT};
use thiserror::Error;

use super::size::{ParseSizeError, Size};

/// Where a node listens.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct ListenAddress(pub(crate) SocketAddr);

/// Where a node shows itself over HTTP.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum HttpAddress {
    /// There.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// A limit in bytes per second.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Rate(pub(crate) NonZeroU64);

/// Something that is on or off.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) enum Switch {
    /// It happens.
    On,
    /// It does not.
    Off,
}

/// How long something is to last.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Time(pub(crate) Duration);

/// How long to serve what is complete.
#[derive(Copy, Clone, Debug, PartialEq)]
pub(crate) enum GoOn {
    /// Until the node is stopped.
    Forever,
    /// So long.
    For(Duration),
    /// Until so many times the size of it was sent.
    Ratio(f64),
}

/// How long something is to last: at most a year.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct Span(pub(crate) Duration);

/// How long it takes until all that is here is hashed again, if it is.
#[derive(Copy, Clone, Debug, Eq, PartialEq)]
pub(crate) struct TimeOrOff(pub(crate) Option<Duration>);

/// Says which files are meant.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    /// As it was typed.
    pub(crate) text: String,
    glob: GlobMatcher,
}

/// Which addresses a node tries without having been told of them.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) enum Sweep {
    /// The /24 around the node's own addresses.
    Auto,
    /// None.
    Off,
    /// Exactly these.
    Range(Cidr),
}

/// A text that is none of the values that a flag takes.
#[derive(Clone, Debug, Eq, PartialEq, Error)]
pub(crate) enum ParseValueError {
    /// Not an address to listen on. A host name is none: it may have several.
    #[error("expected IP, IP:PORT or [IPv6]:PORT")]
    Listen,
    /// Neither an address nor the word for none.
    #[error("expected IP, IP:PORT, [IPv6]:PORT or off")]
    Http,
    /// Nothing per second is no limit that anything could be moved under.
    #[error("expected at least 1 byte per second; leave the flag out for no limit")]
    NoRate,
    /// Not a number of bytes.
    #[error("{0}")]
    Rate(#[from] ParseSizeError),
    /// Neither a time nor a ratio.
    #[error(
        "expected `for` and a time such as 90s, 30m, 2h or 1d, or `ratio` and a number such as 1.5"
    )]
    GoOn,
    /// Not a time.
    #[error("expected a time such as 90s, 30m, 2h or 1d")]
    Time,
    /// Not a time, or more than a year.
    #[error("expected a time such as 90s, 30m, 2h or 1d, of a year at most")]
    Span,
    /// Neither a time nor the word for none.
    #[error("expected a time such as 90s, 30m, 2h or 1d, or off")]
    TimeOrOff,
    /// A pattern that is none.
    #[error("{0}")]
    Pattern(String),
    /// Neither on nor off.
    #[error("expected on or off")]
    Switch,
    /// Neither a word of ours nor a range of addresses.
    #[error("expected off, auto or a range of addresses such as 10.0.0.0/24")]
    Sweep,
    /// A range of addresses, but not one that can be swept.
    #[error("{0}")]
    Range(String),
}

impl FromStr for ListenAddress {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_address(text, DEFAULT_PORT)
            .map(Self)
            .ok_or(ParseValueError::Listen)
    }
}

impl FromStr for HttpAddress {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self::Off);
        }
        read_address(text, HTTP_PORT)
            .map(Self::At)
            .ok_or(ParseValueError::Http)
    }
}

/// 6880: where a node shows itself over HTTP unless another port is named: beside that of its links.
pub(crate) const HTTP_PORT: u16 = 6880;

/// An IP with or without a port.
pub(crate) fn read_address(text: &str, port: u16) -> Option<SocketAddr> {
    let with_port = |ip: IpAddr| SocketAddr::new(ip, port);
    let bracketed = || {
        text.strip_prefix('[')?
            .strip_suffix(']')?
            .parse::<Ipv6Addr>()
            .ok()
    };
    text.parse::<SocketAddr>()
        .or_else(|error| text.parse::<IpAddr>().map(with_port).map_err(|_| error))
        .ok()
        .or_else(|| bracketed().map(IpAddr::V6).map(with_port))
}

impl FromStr for Rate {
    type Err = ParseValueError;

    /// A size, with or without `/s` behind it.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let Size(bytes) = text.strip_suffix("/s").unwrap_or(text).parse()?;
        let bytes = NonZeroU64::new(bytes).ok_or(ParseValueError::NoRate)?;
        Ok(Self(bytes))
    }
}

impl FromStr for Time {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_time(text).map(Self).ok_or(ParseValueError::Time)
    }
}

impl FromStr for GoOn {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.split_once(' ') {
            Some(("for", time)) => read_time(time).map(Self::For),
            Some(("ratio", ratio)) => {
                let ratio = ratio.parse::<f64>().ok();
                ratio
                    .filter(|it| it.is_finite() && *it >= 0.0)
                    .map(Self::Ratio)
            }
            _ => None,
        }
        .ok_or(ParseValueError::GoOn)
    }
}

impl FromStr for Span {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        read_time(text)
            .filter(|time| time.as_secs() <= YEAR)
            .map(Self)
            .ok_or(ParseValueError::Span)
    }
}

impl FromStr for TimeOrOff {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "off" {
            return Ok(Self(None));
        }
        let period = read_time(text).filter(|time| !time.is_zero());
        let period = period.ok_or(ParseValueError::TimeOrOff)?;
        Ok(Self(Some(period)))
    }
}

/// A year: whoever is banned for longer is banned until that is lifted.
const YEAR: u64 = 365 * 86_400;

/// A whole number and a unit, once or several times: `90s`, `1h30m`.
fn read_time(text: &str) -> Option<Duration> {
    let mut seconds = 0_u64;
    let mut rest = text;
    while !rest.is_empty() {
        let end = rest.find(|letter: char| !letter.is_ascii_digit())?;
        let (number, unit) = rest.split_at(end);
        let length = match unit.chars().next()? {
            's' => 1,
            'm' => 60,
            'h' => 3_600,
            'd' => 86_400,
            _ => return None,
        };
        let number: u64 = number.parse().ok()?;
        seconds = seconds.checked_add(number.checked_mul(length)?)?;
        rest = &unit[1..];
    }
    // Further than anybody waits, a timer could not count.
    let is_possible = (1..=MAX_SECONDS).contains(&seconds);
    is_possible.then(|| Duration::from_secs(seconds))
}

/// A hundred years.
const MAX_SECONDS: u64 = 100 * 366 * 86_400;

impl FromStr for Pattern {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let pattern = text
            .strip_prefix("./")
            .unwrap_or(text)
            .trim_end_matches('/');
        let glob = GlobBuilder::new(pattern)
            .literal_separator(true)
            .backslash_escape(true)
            .build();
        let glob = glob.map_err(|error| ParseValueError::Pattern(error.kind().to_string()))?;
        if pattern.is_empty() {
            let what = "an empty pattern matches nothing".to_owned();
            return Err(ParseValueError::Pattern(what));
        }
        Ok(Self {
            text: text.to_owned(),
            glob: glob.compile_matcher(),
        })
    }
}

impl Pattern {
    /// Does it match that path, or a folder in which it lies?
    pub(crate) fn matches(&self, path: &str) -> bool {
        if !self.text.trim_end_matches('/').contains('/') {
            return path.split('/').any(|name| self.glob.is_match(name));
        }
        let folders = path.match_indices('/').map(|(end, _)| &path[..end]);
        folders.chain([path]).any(|it| self.glob.is_match(it))
    }
}

impl FromStr for Switch {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "on" => Ok(Self::On),
            "off" => Ok(Self::Off),
            _ => Err(ParseValueError::Switch),
        }
    }
}

impl FromStr for Sweep {
    type Err = ParseValueError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "off" => Ok(Self::Off),
            range if range.contains('/') => range
                .parse()
                .map(Self::Range)
                .map_err(|error| ParseValueError::Range(format!("{error}"))),
            _ => Err(ParseValueError::Sweep),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_may_serve_for_a_time_or_up_to_a_ratio() {
        let time = |seconds| Ok(GoOn::For(Duration::from_secs(seconds)));
        for (text, expected) in [
            ("for 90s", time(90)),
            ("for 1h30m", time(5_400)),
            ("for 2d", time(172_800)),
            ("ratio 1.5", Ok(GoOn::Ratio(1.5))),
            ("ratio 0", Ok(GoOn::Ratio(0.0))),
        ] {
            assert_eq!(text.parse(), expected, "{text}");
        }
        for text in [
            "for",
            "for 2",
            "for h",
            "for 0s",
            "for -1h",
            "for 1ü",
            "for 99999999999999999999d",
            "for 9999999d",
            "ratio x",
            "ratio -1",
            "ratio inf",
            "ratio NaN",
            "2h",
        ] {
            assert_eq!(text.parse::<GoOn>(), Err(ParseValueError::GoOn), "{text}");
        }
    }

    #[test]
    fn times_are_numbers_with_units() {
        assert_eq!("90s".parse(), Ok(Time(Duration::from_secs(90))));
        let hour = Some(Duration::from_secs(3_600));
        assert_eq!("1h".parse(), Ok(TimeOrOff(hour)));
        assert_eq!("off".parse(), Ok(TimeOrOff(None)));
        for wrong in ["", "0s", "never", "1"] {
            assert_eq!(wrong.parse::<TimeOrOff>(), Err(ParseValueError::TimeOrOff));
        }
        assert_eq!("1h30m".parse(), Ok(Time(Duration::from_secs(5_400))));
        for text in ["", "90", "0s", "for 2h", "-1s"] {
            assert_eq!(text.parse::<Time>(), Err(ParseValueError::Time), "{text}");
        }
    }

    #[test]
    fn a_span_is_a_year_at_most() {
        let seconds = |text: &str| text.parse().map(|Span(span)| span.as_secs());
        assert_eq!(seconds("1h30m"), Ok(5_400));
        assert_eq!(seconds("365d"), Ok(31_536_000));
        for text in ["366d", "0s", "90", "soon", ""] {
            assert_eq!(text.parse::<Span>(), Err(ParseValueError::Span), "{text}");
        }
    }

    #[test]
    fn patterns_match_names_paths_and_what_is_in_folders() {
        let matches = |pattern: &str, path: &str| {
            let pattern: Pattern = pattern.parse().unwrap();
            pattern.matches(path)
        };
        for (pattern, path) in [
            ("*.iso", "a.iso"),
            ("*.iso", "deep/er/a.iso"),
            ("a.iso", "deep/a.iso"),
            ("docs", "docs/one/two"),
            ("docs/", "docs/one/two"),
            ("docs/**", "docs/one/two"),
            ("docs/*", "docs/one/two"),
            ("./docs/one", "docs/one/two"),
            ("d?cs/[a-o]ne", "docs/one"),
            ("**/two", "docs/one/two"),
            ("*.{txt,md}", "docs/a.md"),
        ] {
            assert!(matches(pattern, path), "{pattern} {path}");
        }
        for (pattern, path) in [
            ("*.iso", "a.iso.txt"),
            ("docs/*.txt", "docs/one/a.txt"),
            ("one/two", "docs/one/two"),
            ("DOCS", "docs/one"),
            ("doc", "docs/one"),
        ] {
            assert!(!matches(pattern, path), "{pattern} {path}");
        }
        for wrong in ["", "/", "a[", "{a"] {
            assert!(wrong.parse::<Pattern>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn rates_are_sizes_per_second() {
        let rate = |text: &str| text.parse().map(|Rate(rate)| rate.get());
        assert_eq!(rate("10MiB"), Ok(10 << 20));
        assert_eq!(rate("64KiB/s"), Ok(64 << 10));
        assert_eq!(rate("1"), Ok(1));
        assert_eq!(rate("0"), Err(ParseValueError::NoRate));
        assert!(matches!(rate("fast"), Err(ParseValueError::Rate(_))));
        assert!(matches!(rate("/s"), Err(ParseValueError::Rate(_))));
    }

    #[test]
    fn an_ip_alone_listens_on_the_usual_port() {
        for (text, address) in [
            ("10.0.0.1", "10.0.0.1:6881"),
            ("10.0.0.1:7000", "10.0.0.1:7000"),
            ("::1", "[::1]:6881"),
            ("[::1]", "[::1]:6881"),
            ("[::]:0", "[::]:0"),
        ] {
            assert_eq!(
                text.parse(),
                Ok(ListenAddress(address.parse().unwrap())),
                "{text}"
            );
        }
        for text in [
            "",
            "localhost",
            "10.0.0.1:",
            "10.0.0.1:70000",
            "[::1",
            "1.2.3",
        ] {
            assert_eq!(
                text.parse::<ListenAddress>(),
                Err(ParseValueError::Listen),
                "{text}"
            );
        }
    }

    #[test]
    fn switches_are_on_or_off() {
        assert_eq!("on".parse(), Ok(Switch::On));
        assert_eq!("off".parse(), Ok(Switch::Off));
        assert_eq!("yes".parse::<Switch>(), Err(ParseValueError::Switch));
    }

    #[test]
    fn a_sweep_is_a_word_or_a_range() {
        assert_eq!("off".parse(), Ok(Sweep::Off));
        assert_eq!("auto".parse(), Ok(Sweep::Auto));
        assert!(matches!("10.1.2.0/24".parse(), Ok(Sweep::Range(_))));
        assert_eq!("on".parse::<Sweep>(), Err(ParseValueError::Sweep));
        assert!(matches!(
            "10.1.2.0/99".parse::<Sweep>(),
            Err(ParseValueError::Range(_))
        ));
    }
}
