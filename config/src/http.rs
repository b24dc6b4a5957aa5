//! `[http]`: where the edge listens, and who may do what there.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// `[http]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Where it listens.
    pub address: String,
    /// Names by which it is reached, beside those of the address itself.
    pub hosts: Vec<String>,
    /// The certificate chain, in PEM; empty for plain HTTP.
    pub tls_certificate: PathBuf,
    /// Its key, in PEM.
    pub tls_key: PathBuf,
    /// A proxy in front of it does TLS.
    pub behind_proxy: bool,
    /// Requests that may come from one place.
    pub requests_per_second: u32,
    /// Who may do what, beside the owner of the data directory.
    pub tokens: Vec<Token>,
}

/// `[[http.tokens]]`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Token {
    /// Whose; stands in the ledger beside what was done with it.
    pub name: String,
    /// What it may do.
    pub scope: Scope,
    /// The BLAKE3 hash of the token, in 64 hexadecimal digits.
    pub hash: String,
}

impl Token {
    /// What is wrong with it, if anything.
    ///
    /// # Errors
    /// That, with what was expected.
    pub fn check(&self) -> Result<(), String> {
        let Self { name, hash, .. } = self;
        let known = |c: char| c.is_ascii_alphanumeric() || "-_.".contains(c);
        // Names that stand in the ledger for others.
        let taken = ["local", "manual", "merganser", "venue"].contains(&name.as_str());
        if !(1..=32).contains(&name.len()) || !name.chars().all(known) || taken {
            return Err(format!("`{name}` is no name: expected 1 to 32 of A-Z a-z 0-9 - _ . and none of ours"));
        }
        if hash.len() != 64 || !hash.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f')) {
            return Err(format!("the hash of `{name}` is not 64 digits of 0-9 a-f; see `merganser config token`"));
        }
        Ok(())
    }

    /// As it stands in a file of settings.
    #[must_use]
    pub fn to_toml(&self) -> String {
        let Self { name, scope, hash } = self;
        format!("[[http.tokens]]\nname = \"{name}\"\nscope = \"{scope}\"\nhash = \"{hash}\"\n")
    }
}

/// What a token may do; each scope includes those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// See everything.
    Read,
    /// Trade: orders, strategies, the trading state.
    Trade,
    /// The rest: archive, backups.
    Admin,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Read => "read",
            Self::Trade => "trade",
            Self::Admin => "admin",
        })
    }
}

/// What is wrong with the section.
pub(crate) fn contradictions(http: &Http, must: &mut impl FnMut(bool, String)) {
    let address: Option<SocketAddr> = http.address.parse().ok();
    let text = format!("http.address: `{}` is not an address with a port, as 127.0.0.1:0", http.address);
    must(address.is_some(), text);
    let (certificate, key) = (!http.tls_certificate.as_os_str().is_empty(), !http.tls_key.as_os_str().is_empty());
    must(certificate == key, "http.tls_certificate and http.tls_key: give both, or none".to_owned());
    must(!(certificate && http.behind_proxy), "http.behind_proxy: not together with http.tls_certificate".to_owned());
    if address.is_some_and(|address| !address.ip().is_loopback()) {
        let needs = |what: &str| format!("http.address: {} is not loopback, and needs {what}", http.address);
        let token = "a token: see `merganser config token --help`";
        must(!http.tokens.is_empty(), needs(token));
        must(
            certificate || http.behind_proxy,
            needs("http.tls_certificate and http.tls_key, or http.behind_proxy = true"),
        );
    }
    must(http.requests_per_second > 0, "http.requests_per_second: at least 1 is needed".to_owned());
    for (at, token) in http.tokens.iter().enumerate() {
        let sound = token.check();
        must(sound.is_ok(), format!("http.tokens: {}", sound.err().unwrap_or_default()));
        let is_new = http.tokens[..at].iter().all(|other| other.name != token.name);
        must(is_new, format!("http.tokens: `{}` stands there twice", token.name));
    }
}
