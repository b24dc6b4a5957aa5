//! The keys of the store, from a file: Amazon's credentials file (section `default`), or `KEY=VALUE` lines as a shell
//! or a service manager reads them. No key ever appears in an error.

use std::fs;

use object_store::aws::AwsCredential;

use super::error::Error;

const SETTING: &str = "tiers.cold.credentials_file";

/// Reads the keys.
///
/// # Errors
/// The file cannot be read, or a key is missing.
pub(super) fn read(file: &str) -> Result<AwsCredential, Error> {
    let refused = |reason: String| Error::Settings { key: SETTING, value: file.to_owned(), reason };
    let text = fs::read_to_string(file)
        .map_err(|e| refused(format!("the file cannot be read ({e}); expected aws_access_key_id and its secret")))?;
    let needed = |name: &str| {
        value(&text, name).ok_or_else(|| {
            refused(format!("`{name}` is missing; expected `{name} = …` in section [default], or `{}=…`", upper(name)))
        })
    };
    Ok(AwsCredential {
        key_id: needed("aws_access_key_id")?,
        secret_key: needed("aws_secret_access_key")?,
        token: value(&text, "aws_session_token"),
    })
}

/// The value of `name`, before any section or in `[default]`.
fn value(text: &str, name: &str) -> Option<String> {
    let mut ours = true;
    for line in text.lines().map(str::trim) {
        if let Some(section) = line.strip_prefix('[') {
            ours = section.trim_end_matches(']').trim() == "default";
            continue;
        }
        let line = line.strip_prefix("export ").unwrap_or(line);
        let Some((key, value)) = line.split_once('=') else { continue };
        let value = value.trim().trim_matches(['"', '\'']);
        if ours && key.trim().eq_ignore_ascii_case(name) && !value.is_empty() {
            return Some(value.to_owned());
        }
    }
    None
}

fn upper(name: &str) -> String {
    name.to_ascii_uppercase()
}
