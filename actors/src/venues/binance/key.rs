//! The key of an account: what signs requests, and shows itself to nobody.
//!
//! Source: `rest-api.md` (SIGNED endpoints) and `web-socket-api.md` (request security) of the Spot API. RSA keys are not
//! taken: what they can do, Ed25519 keys do faster and `session.logon` takes only these.

use std::fmt;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::Ed25519KeyPair;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rustls::pki_types::PrivatePkcs8KeyDer;
use rustls::pki_types::pem::PemObject as _;

/// Why a key is none. Nothing of the key stands in it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// One of the two parts is empty, or has a sign that no header may have.
    #[error(
        "the {0} of the Binance key is empty or holds spaces or signs that no key has; copy it anew from the venue's page"
    )]
    Malformed(&'static str),
    /// It says that it is a private key, and is none that we take.
    #[error(
        "the private key of the Binance key is no Ed25519 key in PKCS#8; expected what `openssl genpkey -algorithm ed25519` \
         writes, or the secret of an HMAC key"
    )]
    Private,
}

/// How a key signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyKind {
    /// A shared secret; it cannot log a connection on.
    Hmac,
    /// A key pair.
    Ed25519,
}

enum Signer {
    Hmac(Box<hmac::Key>),
    Ed25519(Box<Ed25519KeyPair>),
}

/// A key of the venue. Its text and its secret are shown nowhere.
pub struct ApiKey {
    name: String,
    signer: Signer,
}

impl ApiKey {
    /// From the key's public text and its secret: the secret of an HMAC key, or an Ed25519 private key as PEM.
    ///
    /// # Errors
    /// Either is no such thing.
    pub fn new(name: &str, secret: &str) -> Result<Self, KeyError> {
        let is_plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        let (name, secret) = (name.trim(), secret.trim());
        if !is_plain(name) {
            return Err(KeyError::Malformed("public part"));
        }
        let signer = if secret.starts_with("-----BEGIN") {
            let der = PrivatePkcs8KeyDer::from_pem_slice(secret.as_bytes()).map_err(|_| KeyError::Private)?;
            let pair = Ed25519KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyError::Private)?;
            Signer::Ed25519(Box::new(pair))
        } else if is_plain(secret) {
            Signer::Hmac(Box::new(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes())))
        } else {
            return Err(KeyError::Malformed("secret"));
        };
        Ok(Self { name: name.to_owned(), signer })
    }

    /// How it signs.
    #[must_use]
    pub fn kind(&self) -> KeyKind {
        match self.signer {
            Signer::Hmac(_) => KeyKind::Hmac,
            Signer::Ed25519(_) => KeyKind::Ed25519,
        }
    }

    /// Its public text, for the header `X-MBX-APIKEY` and the parameter `apiKey`; for the venue alone, and no log.
    #[must_use]
    pub fn reveal_name(&self) -> &str {
        &self.name
    }

    /// The signature of a payload that is percent-encoded already: hex of an HMAC-SHA256, or Base64 of an Ed25519 signature.
    #[must_use]
    pub fn sign(&self, payload: &str) -> String {
        match &self.signer {
            Signer::Hmac(key) => {
                let tag = hmac::sign(key, payload.as_bytes());
                tag.as_ref().iter().map(|byte| format!("{byte:02x}")).collect()
            }
            Signer::Ed25519(pair) => STANDARD.encode(pair.sign(payload.as_bytes())),
        }
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ApiKey({:?}, …)", self.kind())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ED25519, KeyPair as _, UnparsedPublicKey};

    use super::*;

    const PRIVATE: &str = "-----BEGIN PRIVATE KEY-----\nMC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n-----END PRIVATE KEY-----\n";

    fn ed25519() -> ApiKey {
        ApiKey::new("public", PRIVATE).unwrap()
    }

    /// RFC 8032, section 7.1, test 1: the empty message.
    #[test]
    fn an_ed25519_key_signs_as_the_standard_says() {
        let expected = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b\
                        d25bf5f0595bbe24655141438e7a100b";
        let signed: String =
            STANDARD.decode(ed25519().sign("")).unwrap().iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(signed, expected);
    }

    #[test]
    fn its_signature_is_verified_by_its_public_half() {
        let key = ed25519();
        let payload = "apiKey=public&timestamp=1649729878532";
        let Signer::Ed25519(pair) = &key.signer else { panic!("{key:?}") };
        let verifier = UnparsedPublicKey::new(&ED25519, pair.public_key().as_ref());
        let signature = STANDARD.decode(key.sign(payload)).unwrap();
        verifier.verify(payload.as_bytes(), &signature).unwrap();
        verifier.verify(b"apiKey=public&timestamp=1649729878533", &signature).unwrap_err();
    }

    #[test]
    fn a_key_shows_nothing_of_itself() {
        for key in [ed25519(), ApiKey::new("public", "hush").unwrap()] {
            let shown = format!("{key:?}");
            assert!(!shown.contains("public") && !shown.contains("hush") && !shown.contains("MC4C"), "{shown}");
        }
        let private = PRIVATE.replace("J1hs", "!!!!");
        for (name, secret) in
            [("", "hush"), ("two words", "hush"), ("public", ""), ("public", "a b"), ("public", &private)]
        {
            let refused = ApiKey::new(name, secret).unwrap_err().to_string();
            assert!(!refused.contains("hush") && !refused.contains("MC4C"), "{refused}");
        }
    }
}
