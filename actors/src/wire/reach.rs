//! How venues are reached: TLS with the system's roots, and through a proxy where the usual variables name one
//! (`HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, `NO_PROXY`).
//!
//! Made once at the edge, where the environment comes in.

use std::sync::Arc;
use std::time::Duration;

use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::client::legacy::connect::proxy::Tunnel;
use hyper_util::client::proxy::matcher::{Intercept, Matcher};
use reqwest::Client;
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::http::Uri;
use tower_service::Service;

/// Why nothing can be reached.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// TLS cannot be set up.
    #[error("tls cannot be set up with the system's roots")]
    Tls(#[from] rustls::Error),
    /// The HTTP client cannot be made.
    #[error("the http client cannot be made")]
    Client(#[from] reqwest::Error),
}

/// The ways out of this machine.
#[derive(Clone)]
pub struct Reach {
    /// For `wss://`.
    pub tls: Arc<ClientConfig>,
    /// For requests by REST; it has the same roots and proxies.
    pub client: Client,
    proxies: Arc<Matcher>,
}

impl Reach {
    /// With the system's roots and the proxies of the environment. A request by REST gives up after `request_timeout`.
    ///
    /// # Errors
    /// TLS cannot be set up.
    pub fn from_environment(request_timeout: Duration) -> Result<Self, Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let tls = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()?
            .with_platform_verifier()?
            .with_no_client_auth();
        let client = Client::builder()
            .timeout(request_timeout)
            // A venue's key is for the venue: headers would follow to wherever it points.
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("merganser/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { tls: Arc::new(tls), client, proxies: Arc::new(Matcher::from_env()) })
    }

    /// A connection to the host of a `ws://` or `wss://` URL, through its proxy if it has one.
    ///
    /// # Errors
    /// Why not, in words that name the host, or the proxy.
    pub async fn connect(&self, url: &Uri) -> Result<TcpStream, String> {
        let is_tls = url.scheme_str() == Some("wss");
        let host = url.host().ok_or_else(|| format!("`{url}` names no host"))?;
        let port = url.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        // Proxies are chosen by the schemes of HTTP.
        let scheme = if is_tls { "https" } else { "http" };
        let target: Uri = format!("{scheme}://{host}:{port}/").parse().map_err(|e| format!("`{url}`: {e}"))?;
        let stream = match self.proxies.intercept(&target) {
            Some(proxy) => tunnel(&proxy, target).await?,
            None => TcpStream::connect((host.trim_matches(['[', ']']), port))
                .await
                .map_err(|e| format!("cannot connect to {host}:{port}: {e}"))?,
        };
        // A frame that is asked for late is data that comes late.
        let _ = stream.set_nodelay(true);
        Ok(stream)
    }
}

async fn tunnel(proxy: &Intercept, target: Uri) -> Result<TcpStream, String> {
    let uri = proxy.uri();
    if uri.scheme_str() != Some("http") {
        return Err(format!(
            "the proxy {} is not spoken to in plain http; give HTTPS_PROXY or ALL_PROXY as http://host:port",
            uri.host().unwrap_or("without a host")
        ));
    }
    let mut connector = HttpConnector::new();
    connector.enforce_http(false);
    let mut tunnel = Tunnel::new(uri.clone(), connector);
    if let Some(auth) = proxy.basic_auth() {
        tunnel = tunnel.with_auth(auth.clone());
    }
    let authority = uri.authority().map_or("", |a| a.as_str()).rsplit('@').next().unwrap_or_default().to_owned();
    let stream = tunnel.call(target).await.map_err(|e| format!("the proxy {authority} gives no way: {e}"))?;
    Ok(stream.into_inner())
}

/// Why a request came to no answer, with the causes, in one line.
pub(crate) fn words(error: &reqwest::Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(source) = cause {
        text.push_str(": ");
        text.push_str(&source.to_string());
        cause = source.source();
    }
    text
}
