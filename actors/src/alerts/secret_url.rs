//! A URL that is a secret: whoever knows it may post there. It is shown by scheme and host alone.

use std::fmt;

use serde::{Deserialize, Serialize, Serializer};

/// A URL of http or https, or none.
#[derive(Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct SecretUrl(Option<reqwest::Url>);

impl SecretUrl {
    /// Whole, for who asks there.
    #[must_use]
    pub fn reveal(&self) -> Option<&reqwest::Url> {
        self.0.as_ref()
    }

    /// True where there is none.
    #[must_use]
    pub fn is_none(&self) -> bool {
        self.0.is_none()
    }
}

impl TryFrom<String> for SecretUrl {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        if text.ends_with('…') {
            return Err("a URL as it is shown, without its secret part; give it whole");
        }
        // Nothing of the text goes into the refusal.
        let url = reqwest::Url::parse(&text).ok().filter(|url| matches!(url.scheme(), "http" | "https"));
        url.map(|url| Self(Some(url))).ok_or("no URL that begins with http:// or https://")
    }
}

impl fmt::Display for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            None => Ok(()),
            Some(url) => write!(f, "{}://{}/…", url.scheme(), url.host_str().unwrap_or_default()),
        }
    }
}

impl fmt::Debug for SecretUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretUrl({self})")
    }
}

impl Serialize for SecretUrl {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scheme_and_host_are_shown() {
        let secret =
            SecretUrl::try_from("https://me:word@hooks.example.com:8443/T0/B0/xyz?key=abc".to_owned()).unwrap();
        let shown = format!("{secret} {secret:?} {}", serde_json::to_string(&secret).unwrap());
        assert!(shown.contains("https://hooks.example.com/"), "{shown}");
        for hidden in ["word", "8443", "T0", "xyz", "abc"] {
            assert!(!shown.contains(hidden), "{hidden} in {shown}");
        }
        assert_eq!(secret.reveal().unwrap().path(), "/T0/B0/xyz");
    }

    #[test]
    fn what_is_no_url_is_refused_without_its_text() {
        assert!(SecretUrl::try_from(String::new()).unwrap().is_none());
        for wrong in
            ["file:///etc/passwd", "hooks.example.com/xyz", "https://two words/", "https://hooks.example.com/…"]
        {
            let refused = SecretUrl::try_from(wrong.to_owned()).unwrap_err();
            assert!(!refused.contains(wrong), "{refused}");
        }
    }
}
