use std::net::IpAddr;

use proptest::prelude::*;

use super::beacon::SealedBeacon;
use super::hello::{Foreign, Hello, MAX_HELLO, look};
use super::proof::{Unproved, judge, name};
use super::*;

const OLD: &str = "b2xkIHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
const NEW: &str = "bmV3IHNlY3JldCBvZiB0aGUgZmxlZXQsIDMyIGJ5dGVz";
const OTHER: &str = "YW5vdGhlciBmbGVldCdzIHNlY3JldCwgMzIgYnl0ZXMu";
const NOON: Hour = Hour(480_000);

fn secrets(lines: &[&str]) -> Secrets {
    Secrets::parse(lines.join("\n").as_bytes()).unwrap()
}

fn hello<'text>(name: &'text str, key_share: &'text [u8]) -> Hello<'text> {
    Hello { name, key_share }
}

/// A first message as TLS clients write it.
fn message(name: &str, key_share: &[u8]) -> Vec<u8> {
    fn block(width: usize, content: &[u8]) -> Vec<u8> {
        let length = content.len().to_be_bytes();
        [&length[8 - width..], content].concat()
    }
    let host = block(2, &[&[0][..], &block(2, name.as_bytes())].concat());
    let shares = block(2, &[&[0x11, 0xec][..], &block(2, key_share)].concat());
    let extensions = [
        &[0, 43][..],
        &block(2, &[2, 3, 4]),
        &[0, 0],
        &block(2, &host),
        &[0, 51],
        &block(2, &shares),
    ];
    let body = [
        &[3, 3][..],
        &[7; 32],
        &block(1, &[9; 32]),
        &block(2, &[0x13, 1]),
        &block(1, &[0]),
        &block(2, &extensions.concat()),
    ];
    let message = [&[1][..], &block(3, &body.concat())].concat();
    [&[22, 3, 1][..], &block(2, &message)].concat()
}

#[test]
fn a_file_holds_one_secret_or_two() {
    let one = secrets(&[OLD]);
    assert_eq!(one.iter().count(), 1);
    for text in [
        format!("{OLD}\n"),
        format!("\r\n  {OLD}\t\r\n\n"),
        format!("{OLD}\n{OLD}\n"),
    ] {
        assert_eq!(Secrets::parse(text.as_bytes()), Ok(one.clone()), "{text:?}");
    }
    let two = secrets(&[OLD, "", NEW]);
    assert_eq!(two.iter().count(), 2);
    assert_eq!(two.first().id(), one.first().id());
    assert_ne!(two, secrets(&[NEW, OLD]), "the order counts");
}

#[test]
fn what_can_be_guessed_is_refused_with_its_line_and_without_its_text() {
    let refused = |text: &str| Secrets::parse(text.as_bytes()).unwrap_err();
    let short = "swordfish";
    let (repeated, long) = ("ab".repeat(32), "x1y2z3w4".repeat(200));
    for (text, expected) in [
        ("", SecretError::Empty),
        ("\n \n", SecretError::Empty),
        (short, SecretError::TooShort { line: 1, length: 9 }),
        (
            &format!("{OLD}\n{short}\n"),
            SecretError::TooShort { line: 2, length: 9 },
        ),
        (
            &repeated,
            SecretError::TooSimple {
                line: 1,
                variety: 2,
            },
        ),
        (
            &long,
            SecretError::TooLong {
                line: 1,
                length: 1_600,
            },
        ),
        (
            &format!("{OLD}\n{NEW}\n{OTHER}\n"),
            SecretError::TooMany { count: 3 },
        ),
        (&format!("{OLD}\u{7}"), SecretError::NotText { line: 1 }),
    ] {
        let error = refused(text);
        assert_eq!(error, expected);
        assert!(!error.to_string().contains(short), "{error}");
    }
    assert_eq!(
        Secrets::parse(&[0xff; 40]),
        Err(SecretError::NotText { line: 1 })
    );
}

#[test]
fn nothing_prints_a_secret() {
    let both = secrets(&[OLD, NEW]);
    let printed = format!("{both:?} {:?} {:?}", both.first(), both.first().id());
    assert_eq!(
        printed,
        "Secrets { first: FleetSecret(..), second: Some(FleetSecret(..)) } FleetSecret(..) SecretId(..)"
    );
}

#[test]
fn whoever_knows_one_of_the_secrets_is_known_by_it() {
    let share = [5; 1_216];
    // Every step of a change of secrets, in which nodes are one step apart at most, and more.
    let steps = [&[OLD][..], &[OLD, NEW], &[NEW, OLD], &[NEW]].map(secrets);
    for (from, dialer) in steps.iter().enumerate() {
        for (to, acceptor) in steps.iter().enumerate() {
            let name = name(dialer, &share, NOON, &[3; 20]);
            let judged = judge(&hello(&name, &share), acceptor, NOON);
            let is_common = acceptor.iter().find(|one| dialer.contains(one.id()));
            assert_eq!(
                judged.map(|(id, _)| id),
                is_common.map(FleetSecret::id).ok_or(Unproved::Unknown),
                "{from} dials {to}"
            );
        }
    }
    let stranger = name(&secrets(&[OTHER]), &share, NOON, &[3; 20]);
    for acceptor in &steps {
        let judged = judge(&hello(&stranger, &share), acceptor, NOON);
        assert_eq!(judged, Err(Unproved::Unknown));
    }
}

#[test]
fn what_was_recorded_says_nothing_with_another_key_share_or_later() {
    let one = secrets(&[OLD]);
    let shown = name(&one, &[5; 32], NOON, &[0; 20]);
    let judged = |share: &[u8], hour| judge(&hello(&shown, share), &one, Hour(hour));
    assert!(judged(&[5; 32], NOON.0).is_ok());
    assert_eq!(judged(&[6; 32], NOON.0), Err(Unproved::Unknown));
    for hours in [-(MAX_SKEW as i64), MAX_SKEW as i64] {
        assert!(judged(&[5; 32], NOON.0.saturating_add_signed(hours as i32)).is_ok());
    }
    for hours in [-25, 25, 9_999] {
        let judged = judged(&[5; 32], NOON.0.saturating_add_signed(-hours));
        let hours = i64::from(hours);
        assert_eq!(judged, Err(Unproved::Clock { hours }));
    }
    // Whoever moves the time of a recorded name is not believed.
    let moved = format!("v{}", &shown[1..]);
    assert_eq!(
        judge(&hello(&moved, &[5; 32]), &one, NOON),
        Err(Unproved::Unknown)
    );
}

#[test]
fn a_name_looks_the_same_with_one_secret_and_with_two() {
    for lines in [&[OLD][..], &[OLD, NEW]] {
        let name = name(&secrets(lines), &[5; 32], NOON, &[0xab; 20]);
        let labels: Vec<_> = name.split('.').map(str::len).collect();
        assert_eq!(labels, [32, 32], "{name}");
        assert!(
            name.bytes()
                .all(|byte| byte == b'.' || byte.is_ascii_alphanumeric())
        );
    }
}

#[test]
fn a_first_message_is_read_as_soon_as_it_is_whole() {
    let bytes = message("a.b", &[5; 1_216]);
    for end in 0..bytes.len() {
        assert_eq!(look(&bytes[..end]), Ok(None), "{end}");
    }
    let expected = Some(hello("a.b", &[5; 1_216]));
    assert_eq!(look(&bytes), Ok(expected.clone()));
    assert_eq!(look(&[&bytes[..], b"more"].concat()), Ok(expected));
}

#[test]
fn a_stranger_is_known_by_the_first_byte_that_is_wrong() {
    assert_eq!(look(b"\x13BitTorrent"), Err(Foreign::NotTls(0x13)));
    assert_eq!(look(b"G"), Err(Foreign::NotTls(b'G')));
    assert_eq!(look(&[22, 2]), Err(Foreign::OtherTls));
    assert_eq!(look(&[22, 3, 9]), Err(Foreign::OtherTls));
    assert_eq!(look(&[22, 3, 1, 0, 200, 2]), Err(Foreign::OtherTls));
    let length = 16_384;
    assert_eq!(look(&[22, 3, 1, 0x40, 0]), Err(Foreign::TooLong { length }));
    // Whole, and not as ours.
    let mut odd = message("a.b", &[5; 32]);
    let last = odd.len() - 1;
    odd.truncate(last);
    odd[4] -= 1;
    assert_eq!(look(&odd), Err(Foreign::OtherTls));
    for without in [&[0_u8, 0][..], &[0, 51]] {
        // Another extension in the place of one that is needed.
        let mut odd = message("a.b", &[5; 32]);
        let head = odd.len() - if without[1] == 0 { 60 } else { 42 };
        let place = odd[head..].windows(2).position(|two| two == without);
        let place = head + place.unwrap();
        odd[place] = 0x77;
        assert_eq!(look(&odd), Err(Foreign::OtherTls), "{without:?}");
    }
}

#[test]
fn a_beacon_is_believed_from_its_sender_for_a_day() {
    let both = secrets(&[OLD, NEW]);
    let ip: IpAddr = "10.0.0.7".parse().unwrap();
    let beacon = SealedBeacon {
        port: 6881,
        mark: 0x0123_4567_89ab_cdef,
    };
    for secret in both.iter() {
        let sealed = beacon.seal(secret, ip, NOON);
        let open =
            |from: &str, hour| SealedBeacon::open(&sealed, &both, from.parse().unwrap(), hour);
        assert_eq!(open("10.0.0.7", NOON), Some(beacon));
        assert_eq!(open("::ffff:10.0.0.7", NOON), Some(beacon));
        assert_eq!(open("10.0.0.8", NOON), None);
        assert_eq!(open("10.0.0.7", Hour(NOON.0 + 25)), None);
        assert_eq!(
            SealedBeacon::open(&sealed, &secrets(&[OTHER]), ip, NOON),
            None
        );
        for place in 0..sealed.len() {
            let mut changed = sealed;
            changed[place] ^= 1;
            assert_eq!(
                SealedBeacon::open(&changed, &both, ip, NOON),
                None,
                "{place}"
            );
        }
    }
}

#[test]
fn trackers_are_asked_for_something_else_by_every_fleet() {
    let hash = InfoHash([7; 20]);
    let topic = |line: &str| secrets(&[line]).first().topic(hash);
    assert_eq!(topic(OLD), topic(OLD));
    assert_ne!(topic(OLD), topic(OTHER));
    assert_ne!(topic(OLD), hash);
}

proptest! {
    #[test]
    fn what_a_dialer_shows_is_believed_for_its_key_share(share: Vec<u8>, hour: u32, noise: [u8; 20]) {
        let one = secrets(&[OLD]);
        let name = name(&one, &share, Hour(hour), &noise);
        let bytes = message(&name, &share);
        if bytes.len() <= MAX_HELLO {
            let hello = look(&bytes).unwrap().unwrap();
            prop_assert!(judge(&hello, &one, Hour(hour)).is_ok());
        }
    }

    #[test]
    fn no_first_bytes_make_the_reader_panic(
        bytes: Vec<u8>,
        place in 0_usize..200,
        byte: u8,
        end in 0_usize..200,
    ) {
        let _ = look(&bytes);
        let _ = look(&[&[22, 3, 1][..], &bytes].concat());
        let mut changed = message("a.b", &[5; 32]);
        let place = place % changed.len();
        changed[place] = byte;
        changed.truncate(end.max(place));
        if let Ok(Some(hello)) = look(&changed) {
            prop_assert!(judge(&hello, &secrets(&[OLD]), NOON).is_err());
        }
        let _ = SealedBeacon::open(&bytes, &secrets(&[OLD]), IpAddr::from([10, 0, 0, 1]), NOON);
    }

    #[test]
    fn no_file_makes_the_reader_panic(bytes: Vec<u8>, text: String) {
        let _ = Secrets::parse(&bytes);
        let _ = Secrets::parse(text.as_bytes());
    }
}
