//! Why what a venue wrote could not be read, and one field of it on its way from text to value.
//!
//! An error names the field and quotes its text, so that a person can tell what the venue has changed.

use messages::number::NumberError;
use messages::{Size, Symbol};

/// Why a frame could not be decoded. Nothing of such a frame is used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// Longer than [`messages::caps::FRAME_BYTES`].
    #[error("frame of {bytes} bytes; expected at most {max}")]
    TooLong {
        /// Its length.
        bytes: usize,
        /// The limit.
        max: usize,
    },
    /// The text is not UTF-8 or not JSON.
    #[error("not json: {detail}: `{text}`")]
    NotJson {
        /// What the parser met.
        detail: String,
        /// The beginning of the text.
        text: String,
    },
    /// JSON of another shape than this kind of message has.
    #[error("unexpected shape of a {event}: {detail}")]
    Shape {
        /// The kind of message.
        event: &'static str,
        /// What the parser met.
        detail: String,
    },
    /// A field that this kind of message always has is missing.
    #[error("{event} without field `{field}`")]
    Missing {
        /// The kind of message.
        event: &'static str,
        /// The field, as the venue names it.
        field: &'static str,
    },
    /// A field's text is not what the field holds.
    #[error("field `{field}` of a {event}: `{text}` is {problem}")]
    Invalid {
        /// The kind of message.
        event: &'static str,
        /// The field, as the venue names it.
        field: &'static str,
        /// Its text, cut to 80 characters.
        text: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// A depth message with more levels on a side than [`messages::caps::DEPTH_LEVELS`].
    #[error("more than {max} levels in field `{field}`")]
    TooManyLevels {
        /// The side, as the venue names it.
        field: &'static str,
        /// The limit.
        max: usize,
    },
    /// A kind of message that we do not know.
    #[error("unknown event kind `{kind}`")]
    UnknownEvent {
        /// What the venue calls it.
        kind: String,
    },
    /// A message that does not say what it is, and does not look like any that we know.
    #[error("a message of no known shape: `{text}`")]
    Unrecognised {
        /// The beginning of its text.
        text: String,
    },
    /// A depth snapshot that does not name its symbol, while not exactly one depth stream was seen.
    #[error("depth snapshot without a symbol, after depth diffs of {seen} symbols; expected exactly one")]
    SnapshotWithoutSymbol {
        /// `no` or `several`.
        seen: &'static str,
    },
}

/// The beginning of a text, for an error: at most 80 characters.
pub(crate) fn cut(text: &str) -> String {
    text.chars().take(80).collect()
}

/// One field on its way from the venue's text to a value; carries what an error has to name.
#[derive(Clone, Copy)]
pub(crate) struct Field<'a> {
    pub event: &'static str,
    pub name: &'static str,
    pub text: &'a str,
}

impl Field<'_> {
    pub fn invalid(self, problem: &'static str) -> DecodeError {
        DecodeError::Invalid { event: self.event, field: self.name, text: cut(self.text), problem }
    }

    pub fn number(self, problem: NumberError) -> DecodeError {
        self.invalid(match problem {
            NumberError::Empty => "not a number: it has no digit",
            NumberError::Malformed => "not a decimal number",
            NumberError::TooManyDecimals { .. } => "too fine: it has more decimals than are kept exactly",
            NumberError::OutOfRange => "out of range",
        })
    }

    pub fn symbol(self) -> Result<Symbol, DecodeError> {
        self.text.parse().map_err(|_| self.invalid("not a symbol that fits"))
    }

    /// A size; counts in `rounded` when a ninth decimal was rounded.
    pub fn size(self, rounded: &mut u64) -> Result<Size, DecodeError> {
        let (size, was_rounded) = Size::parse_tick(self.text.as_bytes()).map_err(|e| self.number(e))?;
        if size.is_negative() {
            return Err(self.invalid("negative"));
        }
        *rounded += u64::from(was_rounded);
        Ok(size)
    }
}
