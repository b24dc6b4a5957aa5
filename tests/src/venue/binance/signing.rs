//! Who asks: API keys, signatures and the clock. Source: "SIGNED request security" in `rest-api.md`.

use aws_lc_rs::{hmac, signature};
use base64::Engine;
use messages::UtcNanos;

use super::params::{ApiError, Params};

/// How a key signs.
#[derive(Clone)]
pub enum Secret {
    /// HMAC-SHA256 with this secret; signatures in hexadecimal digits.
    Hmac(String),
    /// Ed25519 with this public key, 32 bytes; signatures in base64.
    Ed25519(Vec<u8>),
}

/// Shows nothing.
impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Hmac(_) => "Hmac(…)",
            Self::Ed25519(_) => "Ed25519(…)",
        })
    }
}

/// A key, and whose it is.
#[derive(Debug, Clone)]
pub struct Key {
    /// What the client sends with each request.
    pub api_key: String,
    /// How it signs.
    pub secret: Secret,
    /// The account.
    pub account: String,
}

impl Key {
    /// Looks whether a signature is the key's over a text.
    ///
    /// # Errors
    /// -1022.
    pub fn verify(&self, text: &str, signed: &str) -> Result<(), ApiError> {
        let right = match &self.secret {
            Secret::Hmac(secret) => hex::decode(signed).is_ok_and(|tag| {
                hmac::verify(&hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()), text.as_bytes(), &tag).is_ok()
            }),
            Secret::Ed25519(public) => base64::engine::general_purpose::STANDARD.decode(signed).is_ok_and(|tag| {
                signature::UnparsedPublicKey::new(&signature::ED25519, public).verify(text.as_bytes(), &tag).is_ok()
            }),
        };
        if right { Ok(()) } else { Err(ApiError::new(-1022, "Signature for this request is not valid.")) }
    }
}

/// The text that a REST request signs, and its signature: query and body as they were sent, without the signature.
#[must_use]
pub fn signed_parts(query: &str, body: &str) -> (String, Option<String>) {
    let mut found = None;
    let mut strip = |form: &str| {
        let kept: Vec<&str> = form
            .split('&')
            .filter(|part| match part.strip_prefix("signature=") {
                Some(value) => {
                    found = form_urlencoded::parse(format!("s={value}").as_bytes()).next().map(|(_, v)| v.to_string());
                    false
                }
                None => true,
            })
            .collect();
        kept.join("&")
    };
    let text = strip(query) + &strip(body);
    (text, found)
}

/// Holds a request's time against the venue's clock.
///
/// # Errors
/// -1102, -1131, -1021.
pub fn in_time(params: &Params, now: UtcNanos) -> Result<(), ApiError> {
    let sent: i64 = params.need_parsed("timestamp")?;
    // Sixteen digits are microseconds.
    let sent_us = if sent > 100_000_000_000_000 { sent } else { sent.saturating_mul(1_000) };
    let window_us = match params.get("recvWindow") {
        Some(text) => messages::Price::parse(text.as_bytes())
            .map(|window| window.raw() / 100_000)
            .map_err(|_| ApiError::new(-1100, "Illegal characters found in parameter 'recvWindow'."))?,
        None => 5_000_000,
    };
    if window_us > 60_000_000 {
        return Err(ApiError::new(-1131, "recvWindow must be less than 60000"));
    }
    if sent_us >= now.micros() + 1_000_000 {
        return Err(ApiError::new(-1021, "Timestamp for this request was 1000ms ahead of the server's time."));
    }
    if now.micros() - sent_us > window_us {
        return Err(ApiError::new(-1021, "Timestamp for this request is outside of the recvWindow."));
    }
    Ok(())
}
