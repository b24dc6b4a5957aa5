//! A figure that is known, or what it would take to know it. Nothing that is not finite is ever a figure.

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};

/// A number of a report. In JSON `{"value": 1.5, "needs": null}`, or `{"value": null, "needs": "…"}`.
#[derive(Debug, Clone, PartialEq)]
pub enum Figure {
    /// The number, finite.
    Known(f64),
    /// What is missing, in words for people.
    Unknown(String),
}

impl Figure {
    /// The number, if there is one and it is finite; else what it needs.
    pub fn of(value: Option<f64>, needs: &str) -> Self {
        match value.filter(|value| value.is_finite()) {
            Some(value) => Self::Known(value),
            None => Self::Unknown(needs.to_owned()),
        }
    }

    /// What it needs; `None` where it is known.
    pub fn needs(&self) -> Option<&str> {
        match self {
            Self::Known(_) => None,
            Self::Unknown(needs) => Some(needs),
        }
    }

    /// The number.
    #[cfg(test)]
    pub fn value(&self) -> Option<f64> {
        match self {
            Self::Known(value) => Some(*value),
            Self::Unknown(_) => None,
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut figure = serializer.serialize_struct("Figure", 2)?;
        match self {
            Self::Known(value) => {
                figure.serialize_field("value", value)?;
                figure.serialize_field("needs", &())?;
            }
            Self::Unknown(needs) => {
                figure.serialize_field("value", &())?;
                figure.serialize_field("needs", needs)?;
            }
        }
        figure.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_finite_is_unknown_and_says_what_it_needs() {
        for value in [None, Some(f64::NAN), Some(f64::INFINITY), Some(-1.0 / 0.0)] {
            let json = serde_json::to_string(&Figure::of(value, "a losing trip")).unwrap();
            assert_eq!(json, r#"{"value":null,"needs":"a losing trip"}"#);
        }
        assert_eq!(serde_json::to_string(&Figure::of(Some(0.5), "")).unwrap(), r#"{"value":0.5,"needs":null}"#);
    }
}
