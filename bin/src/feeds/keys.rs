//! The keys of an Alpaca account: from a file, or from the variables that Alpaca's own tools read.

use actors::feeds::alpaca::Keys;
use actors::settings::AlpacaFeed;
use anyhow::{Context, bail};
use serde::Deserialize;

const ID: &str = "APCA_API_KEY_ID";
const SECRET: &str = "APCA_API_SECRET_KEY";

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    key_id: String,
    secret_key: String,
}

/// The keys of this feed.
///
/// # Errors
/// There are none, and how to give them.
pub fn of(section: &AlpacaFeed) -> anyhow::Result<Keys> {
    if section.credentials_file.is_empty() {
        let (Some(id), Some(secret)) = (variable(ID), variable(SECRET)) else {
            bail!(
                "Alpaca asks for keys: set {ID} and {SECRET}, or feeds.alpaca.credentials_file; a free account gives them"
            );
        };
        return Ok(Keys { id, secret });
    }
    let path = &section.credentials_file;
    let text = std::fs::read_to_string(path).with_context(|| format!("the keys' file `{path}` cannot be read"))?;
    // The parser's own words would show the line, and with it the secret.
    let File { key_id: id, secret_key: secret } = toml::from_str(&text)
        .ok()
        .with_context(|| format!("`{path}` must hold key_id = \"…\" and secret_key = \"…\""))?;
    Ok(Keys { id, secret })
}

#[expect(clippy::disallowed_methods, reason = "secrets come from the environment, not from settings that are shown")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}
