//! The key of a node, by which the others know it: made once, and kept in the state directory.

use std::fmt;
use std::fs;
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use log::warn;
use rcgen::{KeyPair, PKCS_ED25519, PublicKeyData};
use rustls::crypto::aws_lc_rs;
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer};
use swarmlet_protocol::id::NodeId;

use crate::private;
use crate::reason::reason;

/// The name of its file in the state directory.
const FILE: &str = "node-key";

/// What stands before the 32 bytes of an Ed25519 key in PKCS #8 (RFC 8410, 7).
const PKCS8_HEAD: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// The key of this node.
pub struct Identity {
    key: KeyPair,
    node: NodeId,
}

impl Identity {
    /// A new key, which nobody keeps.
    ///
    /// # Errors
    /// The system has no randomness.
    pub fn passing() -> io::Result<Self> {
        Self::from_seed(&random()?)
    }

    /// The key that is kept in a state directory; it is made there if there is none.
    ///
    /// # Errors
    /// The file holds no key, or others can write it, or it cannot be written.
    pub fn kept_in(state: &Path) -> io::Result<Self> {
        let path = state.join(FILE);
        match private::open_plain(&path) {
            Ok(file) => Self::read(&path, file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let seed = random()?;
                write(&path, &seed)?;
                Self::from_seed(&seed)
            }
            Err(error) => {
                let (shown, reason) = (path.display(), reason(&error));
                let text = format!("cannot read {shown}, the key of this node: {reason}");
                Err(io::Error::new(error.kind(), text))
            }
        }
    }

    fn read(path: &Path, file: fs::File) -> io::Result<Self> {
        let mode = file.metadata()?.mode();
        if mode & 0o077 != 0 {
            warn!(
                "others can read or write {}, the key of this node: chmod 600 {0}",
                path.display()
            );
        }
        let mut text = String::new();
        file.take(1_000).read_to_string(&mut text)?;
        let seed = read_hex(text.trim()).ok_or_else(|| {
            let path = path.display();
            io::Error::other(format!(
                "{path} holds no key of 64 hex digits: remove it to have a new one, with another node id"
            ))
        })?;
        Self::from_seed(&seed)
    }

    fn from_seed(seed: &[u8; 32]) -> io::Result<Self> {
        let key = key(seed)?;
        let node = NodeId::of(&key.subject_public_key_info());
        Ok(Self { key, node })
    }

    /// The name that follows from it.
    pub(super) const fn node(&self) -> NodeId {
        self.node
    }

    pub(super) const fn key(&self) -> &KeyPair {
        &self.key
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identity({})", self.node)
    }
}

/// The Ed25519 key of a seed.
pub(super) fn key(seed: &[u8; 32]) -> io::Result<KeyPair> {
    let der = [&PKCS8_HEAD[..], seed].concat();
    let der = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(der));
    KeyPair::from_der_and_sign_algo(&der, &PKCS_ED25519).map_err(io::Error::other)
}

/// Fills bytes with the system's randomness.
pub(super) fn random<const LENGTH: usize>() -> io::Result<[u8; LENGTH]> {
    let mut bytes = [0; LENGTH];
    let filled = aws_lc_rs::default_provider().secure_random.fill(&mut bytes);
    filled.map_err(|_| io::Error::other("the system gives no randomness"))?;
    Ok(bytes)
}

/// Beside its name and renamed: a node that is killed now leaves no half a key.
fn write(path: &Path, seed: &[u8; 32]) -> io::Result<()> {
    let draft = path.with_extension(format!("draft-{}", std::process::id()));
    let written = private::create(&draft).and_then(|mut file| {
        let digits: String = seed.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(file, "{digits}")?;
        file.sync_all()
    });
    let renamed = written.and_then(|()| fs::rename(&draft, path));
    if renamed.is_err() {
        let _ = fs::remove_file(&draft);
    }
    renamed
}

fn read_hex(text: &str) -> Option<[u8; 32]> {
    let mut seed = [0; 32];
    if text.len() != 64 || !text.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return None;
    }
    for (byte, place) in seed.iter_mut().zip((0..64).step_by(2)) {
        *byte = u8::from_str_radix(&text[place..place + 2], 16).ok()?;
    }
    Some(seed)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_node_is_the_same_in_its_next_life() {
        let state = tempfile::tempdir().unwrap();
        let node = Identity::kept_in(state.path()).unwrap().node();
        assert_eq!(Identity::kept_in(state.path()).unwrap().node(), node);
        let mode = fs::metadata(state.path().join(FILE)).unwrap().permissions();
        assert_eq!(mode.mode() & 0o777, 0o600);
        let other = tempfile::tempdir().unwrap();
        assert_ne!(Identity::kept_in(other.path()).unwrap().node(), node);
        assert_ne!(Identity::passing().unwrap().node(), node);
    }

    #[test]
    fn a_file_that_holds_no_key_is_refused_with_the_remedy() {
        let state = tempfile::tempdir().unwrap();
        for text in ["", "4f", &"g".repeat(64), &"é".repeat(32)] {
            fs::write(state.path().join(FILE), text).unwrap();
            let error = Identity::kept_in(state.path()).unwrap_err().to_string();
            assert!(error.contains("remove it to have a new one"), "{error}");
        }
    }

    #[test]
    fn what_is_no_regular_file_is_refused_by_name_and_waited_for_by_nobody() {
        let root = tempfile::tempdir().unwrap();
        for place in crate::state::hostile_places(root.path()) {
            let state = tempfile::tempdir().unwrap();
            let file = state.path().join(FILE);
            fs::rename(&place, &file).unwrap();
            let error = Identity::kept_in(state.path()).unwrap_err().to_string();
            assert!(error.contains(&file.display().to_string()), "{error}");
        }
    }
}
