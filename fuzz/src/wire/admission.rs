//! Who gets in: the list of who may, the secret of a fleet, and what a stranger shows before anything is
//! answered.

use std::net::IpAddr;
use std::sync::LazyLock;

use swarmlet_protocol::access::{AccessList, Denied, MAX_RULES};
use swarmlet_protocol::secret::beacon::{LENGTH, SealedBeacon};
use swarmlet_protocol::secret::hello::{Hello, MAX_HELLO, look};
use swarmlet_protocol::secret::proof::{self, Unproved};
use swarmlet_protocol::secret::{Hour, MAX_SECRETS, Secrets};

use crate::{Hand, oracle};

static SECRETS: LazyLock<Secrets> = LazyLock::new(|| {
    let file = b"Zm9vYmFyYmF6cXV4cXV1eGNvcmdlZ3JhdWx0Z2FycGx5\nd2FsZG9mcmVkcGx1Z2h4eXp6eXRodWRmb29iYXJiYXo=\n";
    Secrets::parse(file).expect("two secrets")
});

const NOW: Hour = Hour(490_000);

/// Who may have links: read whole or not at all, in any order, and a word of denial wins.
pub fn check_list(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let ip: IpAddr = match hand.coin() {
        true => hand.word().to_be_bytes().into(),
        false => IpAddr::V6(u128::from(hand.long()).into()),
    };
    let file = hand.rest();
    let list = match AccessList::parse(file) {
        Ok(list) => list,
        Err(error) => return oracle::is_short(&error),
    };
    assert!(list.len() <= MAX_RULES);
    let mut lines: Vec<_> = file.split(|&byte| byte == b'\n').collect();
    lines.reverse();
    let backwards = lines.join(&b"\n"[..]);
    assert_eq!(
        AccessList::parse(&backwards).as_ref(),
        Ok(&list),
        "the order matters"
    );
    assert!(!list.is_empty() || list.check_address(ip).is_ok());
    let denied = [file, b"\ndeny 0.0.0.0/0\ndeny ::/0"].concat();
    let denied = AccessList::parse(&denied).expect("two rules more");
    assert_eq!(denied.check_address(ip), Err(Denied::Named));
}

/// The file of the secret: no error shows any of it.
pub fn check_secret(bytes: &[u8]) {
    match Secrets::parse(bytes) {
        Ok(secrets) => {
            assert!((1..=MAX_SECRETS).contains(&secrets.iter().count()));
            let again = Secrets::parse(bytes).expect("the same file");
            assert!(
                again
                    .iter()
                    .map(|it| it.id())
                    .eq(secrets.iter().map(|it| it.id()))
            );
        }
        Err(error) => oracle::is_short(&error),
    }
}

/// The first message of a TLS client: judged alike however much of it has come, and nobody who does not
/// know the secret is taken for one who does.
pub fn check_hello(bytes: &[u8]) {
    let whole = look(bytes);
    for cut in 0..bytes.len() {
        match look(&bytes[..cut]) {
            Ok(None) => {}
            Ok(Some(hello)) => {
                assert_eq!(whole.as_ref(), Ok(&Some(hello)), "more bytes changed it");
                break;
            }
            // The word for it may be another one, once more of it is here.
            Err(_) => {
                assert!(whole.is_err(), "refused, and then not");
                break;
            }
        }
    }
    match whole {
        Ok(Some(hello)) => {
            let judged = proof::judge(&hello, &SECRETS, NOW);
            assert_eq!(judged.map(|_| ()), Err(Unproved::Unknown), "it was guessed");
            prove(hello.key_share);
        }
        Ok(None) => assert!(bytes.len() < MAX_HELLO),
        Err(foreign) => oracle::is_short(&foreign),
    }
}

/// One who knows the secret is let in with this key share, and nobody who copies his name with another.
fn prove(key_share: &[u8]) {
    let name = proof::name(&SECRETS, key_share, NOW, &[7; 20]);
    let hello = Hello {
        name: &name,
        key_share,
    };
    assert!(proof::judge(&hello, &SECRETS, NOW).is_ok());
    let other = [key_share, b"x"].concat();
    let copied = Hello {
        name: &name,
        key_share: &other,
    };
    assert!(proof::judge(&copied, &SECRETS, NOW).is_err());
}

/// The beacon of a fleet with a secret: what is not sealed by it means nothing.
pub fn check_beacon(bytes: &[u8]) {
    let mut hand = Hand::new(bytes);
    let from: IpAddr = [10, 0, 0, hand.byte()].into();
    let beacon = SealedBeacon {
        port: hand.short(),
        mark: hand.long(),
    };
    let (at, flip) = (usize::from(hand.byte()), hand.byte());
    let noise = hand.rest();
    assert_eq!(
        SealedBeacon::open(noise, &SECRETS, from, NOW),
        None,
        "noise"
    );
    let mut sealed = beacon.seal(SECRETS.first(), from, NOW);
    let opened = SealedBeacon::open(&sealed, &SECRETS, from, NOW);
    assert_eq!(opened, Some(beacon).filter(|beacon| beacon.port != 0));
    let elsewhere = SealedBeacon::open(&sealed, &SECRETS, [10, 0, 1, 1].into(), NOW);
    assert_eq!(elsewhere, None);
    let later = Hour(NOW.0 + 100);
    assert_eq!(SealedBeacon::open(&sealed, &SECRETS, from, later), None);
    sealed[at % LENGTH] ^= flip;
    let changed = SealedBeacon::open(&sealed, &SECRETS, from, NOW);
    assert!(flip == 0 || changed.is_none(), "changed, and still sealed");
}
