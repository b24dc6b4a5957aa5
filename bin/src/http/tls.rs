//! TLS of our own: a certificate and its key, read once at the start.

use anyhow::Context;
use config::Http;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

/// What the settings say; `None` for plain HTTP.
///
/// # Errors
/// A file cannot be read, or the two do not belong together.
pub fn settings(http: &Http) -> anyhow::Result<Option<ServerConfig>> {
    let (certificate, key) = (&http.tls_certificate, &http.tls_key);
    if certificate.as_os_str().is_empty() {
        return Ok(None);
    }
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .with_context(|| format!("http.tls_certificate: {} cannot be read as PEM", certificate.display()))?;
    let private = PrivateKeyDer::from_pem_file(key)
        .with_context(|| format!("http.tls_key: {} cannot be read as PEM", key.display()))?;
    let provider = rustls::crypto::aws_lc_rs::default_provider().into();
    let settings = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .context("http.tls_certificate and http.tls_key do not belong together")?;
    Ok(Some(settings))
}
