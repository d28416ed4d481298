//! What signs the certificates of a fleet's nodes: a key that each of them derives from the secret.
//!
//! Nobody is sent the certificate of an authority. It is there so that a verifier knows its name and key,
//! and is the same on every node. Certificates of nodes hold a public key, the authority's name and a
//! time, and nothing of the machine or the fleet.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose,
};
use rustls::RootCertStore;
use rustls::crypto::aws_lc_rs::sign::any_eddsa_type;
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use rustls::sign::CertifiedKey;
use swarmlet_protocol::secret::{FleetSecret, Hour, MAX_SKEW, SecretId};

use super::identity::{Identity, key};

/// 2 h: a certificate is good for so much longer than clocks may differ, both before and after it was
/// made. It is made anew each hour, when a link needs it.
const MARGIN: u32 = 2;

/// The year 8814: a certificate cannot name one of five digits, whatever a broken clock says.
const LAST_HOUR: u32 = 60_000_000;

/// The authority of one secret, and our own certificate by it.
pub(super) struct Authority {
    pub(super) secret: SecretId,
    /// By which peers' certificates are checked.
    pub(super) roots: Arc<RootCertStore>,
    issuer: Issuer<'static, KeyPair>,
    certificate: Mutex<Option<(Hour, Arc<CertifiedKey>)>>,
}

impl Authority {
    pub(super) fn new(secret: &FleetSecret) -> io::Result<Self> {
        let mut params = CertificateParams::default();
        params.distinguished_name = name(secret.id());
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        let key = key(secret.authority_seed())?;
        let certificate = params.self_signed(&key).map_err(io::Error::other)?;
        let mut roots = RootCertStore::empty();
        roots
            .add(certificate.der().clone())
            .map_err(io::Error::other)?;
        Ok(Self {
            secret: secret.id(),
            roots: Arc::new(roots),
            issuer: Issuer::new(params, key),
            certificate: Mutex::default(),
        })
    }

    /// Our certificate for now. It is made anew when the clock has moved on, or was moved.
    pub(super) fn certificate(&self, identity: &Identity, now: Hour) -> Option<Arc<CertifiedKey>> {
        let mut kept = self
            .certificate
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some((made, certificate)) = kept.as_ref()
            && *made == now
        {
            return Some(Arc::clone(certificate));
        }
        let certificate = Arc::new(self.sign(identity, now).ok()?);
        *kept = Some((now, Arc::clone(&certificate)));
        Some(certificate)
    }

    /// Is it among those that a server names?
    pub(super) fn is_named(&self, names: &[&[u8]]) -> bool {
        let ours = self.subjects();
        names
            .iter()
            .any(|name| ours.iter().any(|ours| ours.as_ref() == *name))
    }

    /// Its name as it stands in certificates.
    pub(super) fn subjects(&self) -> Vec<rustls::DistinguishedName> {
        self.roots.subjects()
    }

    fn sign(&self, identity: &Identity, now: Hour) -> io::Result<CertifiedKey> {
        let mut params = CertificateParams::default();
        params.distinguished_name = DistinguishedName::new();
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![
            ExtendedKeyUsagePurpose::ServerAuth,
            ExtendedKeyUsagePurpose::ClientAuth,
        ];
        let reach = MAX_SKEW + MARGIN;
        let begin_of = |hour: u32| {
            let hours = u64::from(hour.min(LAST_HOUR));
            rcgen::date_time_ymd(1970, 1, 1) + Duration::from_secs(hours * 3_600)
        };
        params.not_before = begin_of(now.0.saturating_sub(reach));
        params.not_after = begin_of(now.0.saturating_add(reach));
        let signed = params.signed_by(identity.key(), &self.issuer);
        let chain = vec![CertificateDer::from(signed.map_err(io::Error::other)?)];
        let der = PrivatePkcs8KeyDer::from(identity.key().serialize_der());
        let key = any_eddsa_type(&der).map_err(io::Error::other)?;
        Ok(CertifiedKey::new(chain, key))
    }
}

/// The name of an authority: it tells one from another while a secret is being changed.
fn name(secret: SecretId) -> DistinguishedName {
    let mut name = DistinguishedName::new();
    name.push(DnType::CommonName, secret.to_string());
    name
}
