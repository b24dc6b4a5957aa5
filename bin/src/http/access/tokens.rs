//! Tokens: 256 random bits each, known by their BLAKE3 hashes alone, so that settings hold no secret.

use std::io::Read;

use anyhow::Context;
use blake3::Hash;
use config::Scope;

use super::Who;

/// The name of the token of this run, which lies in the data directory.
const OF_THIS_RUN: &str = "local";

/// A new token, and what settings keep of it.
pub struct Token {
    /// What is shown once, to its owner.
    pub secret: String,
    /// What stands in the settings.
    pub hash: String,
}

/// Makes a token.
///
/// # Errors
/// The system has no randomness.
pub fn make() -> anyhow::Result<Token> {
    let mut bytes = [0; 32];
    std::fs::File::open("/dev/urandom").and_then(|mut f| f.read_exact(&mut bytes)).context("cannot make a token")?;
    let secret = hex(&bytes);
    let hash = blake3::hash(secret.as_bytes()).to_string();
    Ok(Token { secret, hash })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

/// Every token that is known.
pub(super) struct Tokens(Vec<(Who, Hash)>);

impl Tokens {
    pub fn new(settings: &[config::Token], run: &str) -> Self {
        let who = |name: &str, scope| Who { name: name.to_owned(), scope, by_cookie: false };
        let of_this_run = (who(OF_THIS_RUN, Scope::Admin), blake3::hash(run.as_bytes()));
        // The settings were checked: each hash is one.
        let known = |token: &config::Token| Some((who(&token.name, token.scope), Hash::from_hex(&token.hash).ok()?));
        Self(settings.iter().filter_map(known).chain([of_this_run]).collect())
    }

    /// Who shows this token. Hashes are compared in constant time, and all of them are: time tells nothing.
    pub fn find(&self, token: &str) -> Option<Who> {
        let given = blake3::hash(token.as_bytes());
        self.0.iter().fold(None, |found, (who, hash)| if given == *hash { Some(who.clone()) } else { found })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_known_by_its_hash() {
        let token = make().unwrap();
        let settings = config::Token { name: "ops".to_owned(), scope: Scope::Trade, hash: token.hash };
        let tokens = Tokens::new(&[settings], "of this run");
        let found = |text: &str| tokens.find(text).map(|who| (who.name, who.scope));
        assert_eq!(found(&token.secret), Some(("ops".to_owned(), Scope::Trade)));
        assert_eq!(found("of this run"), Some(("local".to_owned(), Scope::Admin)));
        assert_eq!(found(&token.secret[1..]), None);
        assert_eq!(found(""), None);
        assert_ne!(make().unwrap().secret, make().unwrap().secret);
    }
}
