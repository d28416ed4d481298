//! Who is believed: a node with a certificate of our time by an authority of the fleet, for its own key.

use std::io;
use std::ops::Range;
use std::sync::Arc;

use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::client::verify_server_cert_signed_by_trust_anchor;
use rustls::crypto::{CryptoProvider, WebPkiSupportedAlgorithms, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::server::{ParsedCertificate, WebPkiClientVerifier};
use rustls::{CertificateError, DigitallySignedStruct, DistinguishedName, Error, SignatureScheme};
use swarmlet_protocol::id::NodeId;

use super::authority::Authority;

/// Checks certificates by some of the authorities. Names are not checked: certificates hold none.
#[derive(Debug)]
pub(super) struct Verifier {
    authorities: Authorities,
    /// For dialers, one to each authority.
    clients: Vec<Arc<dyn ClientCertVerifier>>,
    algorithms: WebPkiSupportedAlgorithms,
    names: Vec<DistinguishedName>,
}

struct Authorities(Arc<Vec<Authority>>, Range<usize>);

impl Authorities {
    fn iter(&self) -> impl Iterator<Item = &Authority> {
        self.0.get(self.1.clone()).unwrap_or_default().iter()
    }
}

impl std::fmt::Debug for Authorities {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Authorities({:?})", self.1)
    }
}

impl Verifier {
    pub(super) fn new(
        authorities: Arc<Vec<Authority>>,
        those: Range<usize>,
        provider: &Arc<CryptoProvider>,
    ) -> io::Result<Self> {
        let authorities = Authorities(authorities, those);
        let mut clients = Vec::new();
        for authority in authorities.iter() {
            let roots = Arc::clone(&authority.roots);
            let verifier = WebPkiClientVerifier::builder_with_provider(roots, Arc::clone(provider));
            clients.push(verifier.build().map_err(io::Error::other)?);
        }
        Ok(Self {
            names: authorities.iter().flat_map(Authority::subjects).collect(),
            authorities,
            clients,
            algorithms: provider.signature_verification_algorithms,
        })
    }
}

/// The node that a certificate is for.
pub(super) fn node(certificate: &CertificateDer<'_>) -> Result<NodeId, Error> {
    let key = ParsedCertificate::try_from(certificate)?.subject_public_key_info();
    Ok(NodeId::of(&key))
}

/// Is it a certificate by this authority, of this time?
pub(super) fn is_by(
    authority: &Authority,
    certificate: &CertificateDer<'_>,
    now: UnixTime,
    algorithms: &WebPkiSupportedAlgorithms,
) -> Result<(), Error> {
    let certificate = ParsedCertificate::try_from(certificate)?;
    verify_server_cert_signed_by_trust_anchor(
        &certificate,
        &authority.roots,
        &[],
        now,
        algorithms.all,
    )
}

const UNKNOWN: Error = Error::InvalidCertificate(CertificateError::UnknownIssuer);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let mut refused = UNKNOWN;
        for authority in self.authorities.iter() {
            match is_by(authority, certificate, now, &self.algorithms) {
                Ok(()) => return Ok(ServerCertVerified::assertion()),
                Err(error) if error == UNKNOWN => {}
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NOT_1_2)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

impl ClientCertVerifier for Verifier {
    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.names
    }

    fn verify_client_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        now: UnixTime,
    ) -> Result<ClientCertVerified, Error> {
        let mut refused = UNKNOWN;
        for verifier in &self.clients {
            match verifier.verify_client_cert(certificate, &[], now) {
                Ok(verified) => return Ok(verified),
                Err(error) => refused = error,
            }
        }
        Err(refused)
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(NOT_1_2)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        SCHEMES.to_vec()
    }
}

/// Nodes sign with nothing else.
const SCHEMES: [SignatureScheme; 1] = [SignatureScheme::ED25519];

/// Nobody speaks it here.
const NOT_1_2: Error =
    Error::PeerIncompatible(rustls::PeerIncompatible::ServerTlsVersionIsDisabledByOurConfig);
