//! What rustls is told: TLS 1.3 and nothing older, a certificate from both sides, nothing to be resumed.

use std::io;
use std::sync::Arc;

use rustls::client::{ResolvesClientCert, Resumption};
use rustls::crypto::{CryptoProvider, aws_lc_rs};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::{ClientHello, NoServerSessionStorage, ResolvesServerCert};
use rustls::sign::CertifiedKey;
use rustls::time_provider::TimeProvider;
use rustls::{ClientConfig, ClientConnection, ServerConfig, ServerConnection, SignatureScheme};
use swarmlet_protocol::secret::proof;
use swarmlet_protocol::secret::{Hour, SecretId, Secrets};

use super::authority::Authority;
use super::identity::{Identity, random};
use super::share::{KEY_EXCHANGE, KeyShare};
use super::verify::{Verifier, is_by};
use crate::clock::WallClock;

/// What links are made with while these are the secrets.
pub(super) struct Configs {
    pub(super) secrets: Secrets,
    pub(super) authorities: Arc<Vec<Authority>>,
    client: Arc<ClientConfig>,
    servers: Vec<(SecretId, Arc<ServerConfig>)>,
}

impl Configs {
    pub(super) fn new(
        identity: &Arc<Identity>,
        secrets: Secrets,
        wall: &WallClock,
    ) -> io::Result<Self> {
        let provider = Arc::new(provider());
        let authorities: io::Result<Vec<_>> = secrets.iter().map(Authority::new).collect();
        let authorities = Arc::new(authorities?);
        let mut servers = Vec::new();
        for (place, authority) in authorities.iter().enumerate() {
            let certificates = Certificates {
                identity: Arc::clone(identity),
                authorities: Arc::clone(&authorities),
                place,
                wall: wall.clone(),
            };
            let server = server(&provider, certificates, wall)?;
            servers.push((authority.secret, Arc::new(server)));
        }
        let certificates = Certificates {
            identity: Arc::clone(identity),
            authorities: Arc::clone(&authorities),
            place: 0,
            wall: wall.clone(),
        };
        let client = client(&provider, certificates, wall)?;
        Ok(Self {
            secrets,
            authorities,
            client: Arc::new(client),
            servers,
        })
    }

    /// A dialer, whose first message shows that it knows the secrets.
    pub(super) fn client(&self, now: Hour) -> io::Result<ClientConnection> {
        let share = KeyShare::new().map_err(io::Error::other)?;
        let name = proof::name(&self.secrets, share.public(), now, &random()?);
        let name = ServerName::try_from(name).map_err(io::Error::other)?;
        let client = share.used_by(|| ClientConnection::new(Arc::clone(&self.client), name));
        client.map_err(io::Error::other)
    }

    /// The secret whose authority made this certificate.
    pub(super) fn by_whom(
        &self,
        certificate: &CertificateDer<'_>,
        now: UnixTime,
    ) -> Option<SecretId> {
        let algorithms = aws_lc_rs::default_provider().signature_verification_algorithms;
        let mut authorities = self.authorities.iter();
        let is_by =
            |authority: &&Authority| is_by(authority, certificate, now, &algorithms).is_ok();
        authorities.find(is_by).map(|authority| authority.secret)
    }

    /// An acceptor, for a dialer that knows this secret.
    pub(super) fn server(&self, secret: SecretId) -> Result<ServerConnection, rustls::Error> {
        let mut servers = self.servers.iter();
        let server = servers.find(|(id, _)| *id == secret);
        let (_, server) = server.ok_or(rustls::Error::HandshakeNotComplete)?;
        ServerConnection::new(Arc::clone(server))
    }
}

/// The processor has instructions for AES: without them another cipher is three times as fast.
fn has_aes() -> bool {
    #[cfg(target_arch = "x86_64")]
    return std::arch::is_x86_feature_detected!("aes");
    #[cfg(target_arch = "aarch64")]
    return std::arch::is_aarch64_feature_detected!("aes");
    #[allow(unreachable_code, reason = "for other processors")]
    false
}

/// One key exchange, and the two ciphers of 128 bits and more that TLS 1.3 wants everybody to have. The
/// host's own provider is left alone.
fn provider() -> CryptoProvider {
    let mut suites = vec![
        aws_lc_rs::cipher_suite::TLS13_AES_128_GCM_SHA256,
        aws_lc_rs::cipher_suite::TLS13_CHACHA20_POLY1305_SHA256,
    ];
    if !has_aes() {
        suites.reverse();
    }
    CryptoProvider {
        cipher_suites: suites,
        kx_groups: vec![&KEY_EXCHANGE],
        ..aws_lc_rs::default_provider()
    }
}

fn server(
    provider: &Arc<CryptoProvider>,
    certificates: Certificates,
    wall: &WallClock,
) -> io::Result<ServerConfig> {
    let place = certificates.place..certificates.place + 1;
    let verifier = Verifier::new(Arc::clone(&certificates.authorities), place, provider)?;
    let time = Arc::new(Wall(wall.clone()));
    let config = ServerConfig::builder_with_details(Arc::clone(provider), time);
    let config = config
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    let mut config = config
        .with_client_cert_verifier(Arc::new(verifier))
        .with_cert_resolver(Arc::new(certificates));
    config.send_tls13_tickets = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    Ok(config)
}

fn client(
    provider: &Arc<CryptoProvider>,
    certificates: Certificates,
    wall: &WallClock,
) -> io::Result<ClientConfig> {
    let all = 0..certificates.authorities.len();
    let verifier = Verifier::new(Arc::clone(&certificates.authorities), all, provider)?;
    let time = Arc::new(Wall(wall.clone()));
    let config = ClientConfig::builder_with_details(Arc::clone(provider), time);
    let config = config
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    let mut config = config
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_client_cert_resolver(Arc::new(certificates));
    config.resumption = Resumption::disabled();
    Ok(config)
}

/// Our certificates, made when they are needed.
struct Certificates {
    identity: Arc<Identity>,
    authorities: Arc<Vec<Authority>>,
    /// Which authority's certificate a server shows.
    place: usize,
    wall: WallClock,
}

impl std::fmt::Debug for Certificates {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Certificates({:?})", self.identity)
    }
}

impl ResolvesServerCert for Certificates {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        let authority = self.authorities.get(self.place)?;
        authority.certificate(&self.identity, self.wall.hour())
    }
}

impl ResolvesClientCert for Certificates {
    /// The server says, under encryption, by which authority it wants a certificate: that of the secret
    /// it has chosen.
    fn resolve(&self, wanted: &[&[u8]], _: &[SignatureScheme]) -> Option<Arc<CertifiedKey>> {
        let mut authorities = self.authorities.iter();
        let authority = authorities.find(|authority| authority.is_named(wanted))?;
        authority.certificate(&self.identity, self.wall.hour())
    }

    fn has_certs(&self) -> bool {
        true
    }
}

/// The clock as rustls wants it.
#[derive(Debug)]
struct Wall(WallClock);

impl TimeProvider for Wall {
    fn current_time(&self) -> Option<UnixTime> {
        Some(UnixTime::since_unix_epoch(self.0.now()))
    }
}

/// A dialer that knows the secrets and has no certificate to show.
#[cfg(test)]
pub(super) fn without_certificate(authorities: &Arc<Vec<Authority>>) -> io::Result<ClientConfig> {
    let provider = Arc::new(provider());
    let all = 0..authorities.len();
    let verifier = Verifier::new(Arc::clone(authorities), all, &provider)?;
    let config = ClientConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(io::Error::other)?;
    let config = config.dangerous();
    let config = config.with_custom_certificate_verifier(Arc::new(verifier));
    Ok(config.with_no_client_auth())
}
