//! `USE_DUCKDB`: who answers questions to history, whatever the phase of the way out of PostgreSQL. No setting, for it is
//! meant for the one start at which it is needed, and is written nowhere.

use std::env::VarError;

use crate::Error;

const NAME: &str = "USE_DUCKDB";

/// What it says; `None` where it is not set, or empty.
///
/// # Errors
/// It is neither `true` nor `false`.
#[expect(clippy::disallowed_methods, reason = "this is the home of that variable")]
pub fn use_duckdb() -> Result<Option<bool>, Error> {
    match std::env::var(NAME) {
        Ok(value) => read(Some(&value)),
        Err(VarError::NotPresent) => read(None),
        Err(VarError::NotUnicode(value)) => read(Some(&value.to_string_lossy())),
    }
}

fn read(value: Option<&str>) -> Result<Option<bool>, Error> {
    match value {
        None | Some("") => Ok(None),
        Some("true") => Ok(Some(true)),
        Some("false") => Ok(Some(false)),
        Some(other) => {
            let text = format!("{NAME}: `{other}` says not who answers; expected true, DuckDB, or false, PostgreSQL");
            Err(Error { problems: vec![text] })
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_who_answers_or_is_refused_by_name() {
        assert_eq!(read(None).unwrap(), None);
        assert_eq!(read(Some("")).unwrap(), None);
        assert_eq!(read(Some("true")).unwrap(), Some(true));
        assert_eq!(read(Some("false")).unwrap(), Some(false));
        for wrong in ["1", "TRUE", "yes", "duckdb"] {
            let error = read(Some(wrong)).unwrap_err().to_string();
            assert!(error.contains(&format!("USE_DUCKDB: `{wrong}`")), "{error}");
        }
    }
}
