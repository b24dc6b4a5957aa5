//! JSON without copies: texts that borrow from the frame, and serde's errors in our words.

use std::borrow::Cow;
use std::fmt;

use messages::caps::FRAME_BYTES;
use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

use super::decode::{DecodeError, cut};

/// A JSON string: borrowed from the frame, owned only where it has escapes.
pub struct Text<'a>(Cow<'a, str>);

impl std::ops::Deref for Text<'_> {
    type Target = str;
    fn deref(&self) -> &str {
        &self.0
    }
}

impl<'a> From<&'a str> for Text<'a> {
    fn from(text: &'a str) -> Self {
        Self(Cow::Borrowed(text))
    }
}

// serde borrows a `Cow` only as a field of its own, not inside an `Option`.
impl<'de: 'a, 'a> Deserialize<'de> for Text<'a> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        struct Borrow;
        impl<'de> Visitor<'de> for Borrow {
            type Value = Text<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a string")
            }
            fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Borrowed(text)))
            }
            fn visit_str<E: Error>(self, text: &str) -> Result<Text<'de>, E> {
                Ok(Text(Cow::Owned(text.to_owned())))
            }
        }
        d.deserialize_str(Borrow)
    }
}

/// The text of a frame.
///
/// # Errors
/// Longer than [`FRAME_BYTES`], or not UTF-8.
pub fn text(frame: &[u8]) -> Result<&str, DecodeError> {
    if frame.len() > FRAME_BYTES {
        return Err(DecodeError::TooLong { bytes: frame.len(), max: FRAME_BYTES });
    }
    std::str::from_utf8(frame).map_err(|error| {
        let text = String::from_utf8_lossy(&frame[..frame.len().min(320)]);
        DecodeError::NotJson { detail: error.to_string(), text: cut(&text) }
    })
}

/// Reads one JSON value of a known shape.
///
/// # Errors
/// [`DecodeError::NotJson`] for bad syntax, [`DecodeError::Shape`] for JSON of another shape.
pub fn read<'a, T: Deserialize<'a>>(text: &'a str, event: &'static str) -> Result<T, DecodeError> {
    serde_json::from_str(text).map_err(|error| explain(&error, text, event))
}

/// serde's error in our words; bounded, for serde quotes unknown texts whole.
pub fn explain(error: &serde_json::Error, text: &str, event: &'static str) -> DecodeError {
    let detail: String = error.to_string().chars().take(160).collect();
    if error.is_data() {
        DecodeError::Shape { event, detail }
    } else {
        DecodeError::NotJson { detail, text: cut(text) }
    }
}
