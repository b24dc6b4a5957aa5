//! TLS to the server: always verified, by the system's authorities or by those in a file.
//!
//! There is no mode that encrypts without knowing to whom: it would stop nobody who can listen in. A private authority
//! is one setting.

use std::fs;
use std::sync::Arc;

use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use rustls_tokio_postgres::MakeRustlsConnect;

use super::Error;

const SETTING: &str = "timescale.ca_file";

/// What makes TLS connections; `ca_file` empty for the system's authorities.
///
/// # Errors
/// [`Error::Settings`]: the file holds no certificates, or the system has none.
pub(super) fn connector(ca_file: &str) -> Result<MakeRustlsConnect, Error> {
    let refused = |reason: String| Error::Settings { key: SETTING, value: ca_file.to_owned(), reason };
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(|e| refused(format!("TLS cannot be set up ({e})")))?;
    let config = if ca_file.is_empty() {
        builder
            .with_platform_verifier()
            .map_err(|e| refused(format!("the system's authorities cannot be read ({e}); name a file with them")))?
            .with_no_client_auth()
    } else {
        builder.with_root_certificates(authorities(ca_file)?).with_no_client_auth()
    };
    Ok(MakeRustlsConnect::new(config))
}

fn authorities(file: &str) -> Result<RootCertStore, Error> {
    let refused = |reason: String| Error::Settings { key: SETTING, value: file.to_owned(), reason };
    let text = fs::read(file).map_err(|e| refused(format!("the file cannot be read ({e})")))?;
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(&text) {
        let certificate = certificate.map_err(|e| refused(format!("it is not in PEM form ({e})")))?;
        roots.add(certificate).map_err(|e| refused(format!("a certificate in it cannot be used ({e})")))?;
    }
    if roots.is_empty() {
        return Err(refused("no certificate is in it; expected those of the authority in PEM form".to_owned()));
    }
    Ok(roots)
}
