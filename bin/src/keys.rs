//! The keys of accounts at venues: from a file of their own, or from the environment. Settings name the file and never hold a key.
//!
//! Nothing of a key stands in an error.

use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::{Context, bail};

/// The rights of a file that others than its owner and his group have.
const OTHERS: u32 = 0o007;

/// Whose keys, and what they are called.
pub struct Kind {
    whose: &'static str,
    /// In a file.
    names: [&'static str; 2],
    /// In the environment: those that the venue's own tools read, where it has some.
    variables: [&'static str; 2],
}

/// Of Alpaca.
pub const ALPACA: Kind =
    Kind { whose: "Alpaca", names: ["key_id", "secret_key"], variables: ["APCA_API_KEY_ID", "APCA_API_SECRET_KEY"] };

/// Of Binance.
pub const BINANCE: Kind =
    Kind { whose: "Binance", names: ["api_key", "secret"], variables: ["BINANCE_API_KEY", "BINANCE_API_SECRET"] };

/// A key: its public part and its secret. It has no `Debug`.
pub struct Pair {
    pub public: String,
    pub secret: String,
}

impl Kind {
    /// The key in `file`, or in the environment where that is empty. `setting` is the path of the setting that names the file.
    ///
    /// # Errors
    /// There is none, or others may read it, and how to give it.
    pub fn read(&self, setting: &str, file: &str) -> anyhow::Result<Pair> {
        if file.is_empty() { self.in_environment(setting) } else { self.in_file(Path::new(file)) }
    }

    fn in_environment(&self, setting: &str) -> anyhow::Result<Pair> {
        let [public, secret] = self.variables;
        match (variable(public), variable(secret)) {
            (Some(public), Some(secret)) => Ok(Pair { public, secret }),
            _ => bail!("{} asks for keys: set {public} and {secret}, or {setting}", self.whose),
        }
    }

    fn in_file(&self, path: &Path) -> anyhow::Result<Pair> {
        let shown = path.display();
        let rights = std::fs::metadata(path).with_context(|| format!("the keys' file `{shown}` cannot be read"))?;
        let rights = rights.permissions().mode();
        if rights & OTHERS != 0 {
            bail!(
                "everybody on this machine may use the keys' file `{shown}` (mode {:o}); run: chmod 600 {shown}",
                rights & 0o777
            );
        }
        let text = std::fs::read_to_string(path).with_context(|| format!("the keys' file `{shown}` cannot be read"))?;
        let [public, secret] = self.names;
        // The parser's own words would show the line, and with it the secret.
        let table: Option<toml::Table> = toml::from_str(&text).ok();
        let found =
            |name: &str| Some(table.as_ref()?.get(name)?.as_str()?.to_owned()).filter(|value| !value.is_empty());
        match (found(public), found(secret)) {
            (Some(public), Some(secret)) => Ok(Pair { public, secret }),
            _ => bail!("`{shown}` must hold {public} = \"…\" and {secret} = \"…\""),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "secrets come from the environment, not from settings that are shown")]
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use std::fs::Permissions;
    use std::io::Write as _;

    use super::*;

    fn read(text: &str, mode: u32) -> Result<Pair, String> {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(text.as_bytes()).unwrap();
        file.as_file().set_permissions(Permissions::from_mode(mode)).unwrap();
        BINANCE.read("venues.parameters.credentials_file", file.path().to_str().unwrap()).map_err(|e| format!("{e:#}"))
    }

    #[test]
    fn a_file_of_its_owner_holds_both_parts_and_errors_hold_none() {
        let whole = "api_key = \"public\"\nsecret = \"\"\"hush\nhush\"\"\"\n";
        let pair = read(whole, 0o600).ok().unwrap();
        assert_eq!((pair.public.as_str(), pair.secret.as_str()), ("public", "hush\nhush"));
        for (text, mode, word) in [
            (whole, 0o644, "chmod 600"),
            ("api_key = \"public\"\nsecret = hush", 0o600, "must hold api_key"),
            ("api_key = \"public\"\nsecret = \"\"", 0o600, "must hold api_key"),
            ("key_id = \"public\"\nsecret_key = \"hush\"", 0o400, "must hold api_key"),
        ] {
            let why = read(text, mode).err().unwrap();
            assert!(why.contains(word) && !why.contains("hush") && !why.contains("public"), "{why}");
        }
        let gone = BINANCE.read("venues.parameters.credentials_file", "/nowhere/at/all").err().unwrap();
        assert!(format!("{gone:#}").contains("/nowhere/at/all"));
    }
}
