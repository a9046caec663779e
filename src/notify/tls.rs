//! TLS for HTTP: rustls with ring, the system's certificates and one's own.

use super::NotifyError;
use crate::config::Receiver;
use std::sync::Arc;
use tokio_rustls::{
    TlsConnector,
    rustls::{
        ClientConfig, DigitallySignedStruct, Error, RootCertStore, SignatureScheme,
        client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier},
        crypto::{CryptoProvider, ring, verify_tls12_signature, verify_tls13_signature},
        pki_types::{CertificateDer, ServerName, UnixTime, pem::PemObject},
    },
};

/// What connections to a receiver are protected by.
pub(super) fn connector(receiver: &Receiver) -> Result<TlsConnector, NotifyError> {
    let fault = |message: String| NotifyError::of(receiver, message);
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| fault(format!("TLS cannot be set up: {error}")))?;
    let config = if receiver.danger_accept_invalid_certs {
        builder.dangerous().with_custom_certificate_verifier(Arc::new(Anybody(provider))).with_no_client_auth()
    } else {
        builder.with_root_certificates(roots(receiver).map_err(fault)?).with_no_client_auth()
    };
    Ok(TlsConnector::from(Arc::new(config)))
}

fn roots(receiver: &Receiver) -> Result<RootCertStore, String> {
    let mut roots = RootCertStore::empty();
    // A certificate of the system that cannot be read is no reason to tell nobody.
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(file) = &receiver.ca_file {
        let file = file.get_ref();
        let pem = std::fs::read(file).map_err(|error| format!("cannot read ca_file {}: {error}", file.display()))?;
        let mut count = 0;
        for certificate in CertificateDer::pem_slice_iter(&pem) {
            certificate
                .map_err(|error| error.to_string())
                .and_then(|certificate| roots.add(certificate).map_err(|error| error.to_string()))
                .map_err(|error| format!("ca_file {} holds a bad certificate: {error}", file.display()))?;
            count += 1;
        }
        if count == 0 {
            return Err(format!("ca_file {} holds no PEM certificates", file.display()));
        }
    }
    Ok(roots)
}

/// Believes every certificate, because the operator wrote `danger_accept_invalid_certs`.
#[derive(Debug)]
struct Anybody(Arc<CryptoProvider>);

impl ServerCertVerifier for Anybody {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls12_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signed: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, certificate, signed, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
