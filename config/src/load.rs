//! Layers: defaults < profile < file < environment < `--set`.

use std::path::PathBuf;

use figment::Figment;
use figment::providers::{Env, Format, Serialized, Toml};
use figment::value::{Dict, Value};

use crate::{DEFAULTS, Error, Settings, check};

/// Where settings come from, beside the defaults.
#[derive(Debug, Clone, Default)]
pub struct Layers {
    /// A named profile.
    pub profile: Option<String>,
    /// A file.
    pub file: Option<PathBuf>,
    /// `section.key=value`, in order.
    pub set: Vec<String>,
}

/// The profiles that come with Merganser.
const PROFILES: &[(&str, &str)] = &[
    ("simulated", ""),
    ("binance-paper", include_str!("../profiles/binance-paper.toml")),
    ("alpaca-paper", include_str!("../profiles/alpaca-paper.toml")),
    ("binance-test", include_str!("../profiles/binance-test.toml")),
    ("alpaca-account", include_str!("../profiles/alpaca-account.toml")),
];

/// Loads and checks the settings.
///
/// # Errors
/// Everything that is wrong, at once.
pub fn load(layers: &Layers) -> Result<Settings, Error> {
    let figment = merge(layers).map_err(|problem| Error { problems: vec![problem] })?;
    let mut problems = check::unknown_keys(&figment);
    match check::sections(&figment) {
        Ok(settings) if problems.is_empty() => {
            problems = check::contradictions(&settings);
            if problems.is_empty() {
                return Ok(settings);
            }
        }
        Ok(_) => {}
        // An unknown key has been named already, with those that are known.
        Err(wrong) => {
            let named = |w: &String| problems.iter().any(|p| p.split(':').next() == w.split(':').next());
            let fresh: Vec<String> = wrong.into_iter().filter(|w| !named(w)).collect();
            problems.extend(fresh);
        }
    }
    Err(Error { problems })
}

fn merge(layers: &Layers) -> Result<Figment, String> {
    let mut figment = Figment::from(Toml::string(DEFAULTS));
    if let Some(name) = &layers.profile {
        let known: Vec<&str> = PROFILES.iter().map(|(n, _)| *n).collect();
        let (_, text) = PROFILES
            .iter()
            .find(|(n, _)| n == name)
            .ok_or_else(|| format!("there is no profile `{name}`; known are {}", known.join(", ")))?;
        figment = figment.merge(Toml::string(text));
    }
    if let Some(path) = &layers.file {
        if !path.is_file() {
            return Err(format!("there is no settings file {}", path.display()));
        }
        figment = figment.merge(Toml::file_exact(path));
    }
    figment = figment.merge(Env::prefixed("MERGANSER__").split("__"));
    for assignment in &layers.set {
        figment = figment.merge(one(assignment)?);
    }
    Ok(figment)
}

/// `section.key=value`: the value as TOML if it is some, else as text.
fn one(assignment: &str) -> Result<Serialized<Value>, String> {
    let (key, text) = assignment
        .split_once('=')
        .filter(|(key, _)| !key.is_empty())
        .ok_or_else(|| format!("`--set {assignment}` is not section.key=value"))?;
    let value = toml::from_str::<Dict>(&format!("value = {text}"))
        .ok()
        .and_then(|mut parsed| parsed.remove("value"))
        .unwrap_or_else(|| Value::from(text));
    Ok(Serialized::default(key, value))
}
