//! One cell: the bytes that PostgreSQL sent, by their type, as a value of one of our columns.
//!
//! Exactly or not at all: a refusal says what stood there and why it does not fit.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;

use messages::number::NumberError;
use messages::{Cash, Price, Quantity, UtcNanos};
use uuid::Uuid;

use super::mapping::Unit;
use super::targets;
use crate::duck::sheet::{Kind, Sheet};
use crate::postgres::EPOCH;
use crate::postgres::catalog::Type;
use crate::postgres::numeric::{self, Misfit};

const DAY_MICROS: i64 = 86_400_000_000;

/// A value of one of our columns.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell<'a> {
    Null,
    Text(Cow<'a, str>),
    Int(i64),
    Small(u16),
    P(Price),
    Q(Quantity),
    Time(UtcNanos),
    Flag(bool),
    Id(Uuid),
}

impl Cell<'_> {
    /// The same value, for longer than what it was read from.
    pub(super) fn into_owned(self) -> Cell<'static> {
        match self {
            Self::Text(text) => Cell::Text(Cow::Owned(text.into_owned())),
            Self::Null => Cell::Null,
            Self::Int(value) => Cell::Int(value),
            Self::Small(value) => Cell::Small(value),
            Self::P(value) => Cell::P(value),
            Self::Q(value) => Cell::Q(value),
            Self::Time(value) => Cell::Time(value),
            Self::Flag(value) => Cell::Flag(value),
            Self::Id(value) => Cell::Id(value),
        }
    }

    /// The same value, of a text without a copy.
    pub(super) fn borrowed(&self) -> Cell<'_> {
        match self {
            Self::Text(text) => Cell::Text(Cow::Borrowed(text)),
            other => other.clone(),
        }
    }

    /// Writes it as the next cell of a sheet whose column is of `kind`.
    pub(super) fn write(&self, kind: Kind, sheet: &mut Sheet) {
        match (self, kind) {
            (Self::Text(text), _) => sheet.text(text.as_ref()),
            (Self::Int(value), _) => sheet.int(*value),
            (Self::Small(value), _) => sheet.small(*value),
            (Self::P(value), _) => sheet.p(*value),
            (Self::Q(value), _) => sheet.q(*value),
            (Self::Time(value), _) => sheet.time(*value),
            (Self::Flag(value), _) => sheet.flag(*value),
            (Self::Id(value), _) => sheet.id(*value),
            (Self::Null, Kind::Text) => sheet.text(None),
            (Self::Null, Kind::Int) => sheet.int(None),
            (Self::Null, Kind::P) => sheet.p(None),
            (Self::Null, Kind::Q) => sheet.q(None),
            (Self::Null, Kind::Time) => sheet.time(None),
            (Self::Null, Kind::Id) => sheet.id(None),
            (Self::Null, Kind::Real) => sheet.real(None),
            (Self::Null, Kind::Small | Kind::Flag) => unreachable!("such a column is required, and never NULL"),
        };
    }
}

/// A value that does not fit.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{column} = {value}: {reason}")]
pub struct Refusal {
    /// Our column.
    pub column: &'static str,
    /// What stood there.
    pub value: String,
    /// Why it does not fit.
    pub reason: String,
}

/// How a cell of theirs becomes one of ours.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rule {
    pub(super) table: &'static str,
    pub(super) column: &'static str,
    pub(super) kind: Kind,
    pub(super) is_required: bool,
    pub(super) source: Type,
    /// Texts that are replaced; if there are any, no others may come.
    pub(super) values: BTreeMap<String, String>,
    /// Of a whole number that is a time.
    pub(super) unit: Option<Unit>,
}

/// Why, before the column and the value are added.
type Reason = String;

impl Rule {
    /// The value of a cell.
    ///
    /// # Errors
    /// It does not fit.
    pub(super) fn read<'a>(&self, bytes: Option<&'a [u8]>) -> Result<Cell<'a>, Refusal> {
        let Some(bytes) = bytes else {
            return if self.is_required { Err(self.refuse("NULL", "must have a value")) } else { Ok(Cell::Null) };
        };
        self.value(bytes).map_err(|reason| self.refuse(self.shown(bytes), reason))
    }

    fn value<'a>(&self, bytes: &'a [u8]) -> Result<Cell<'a>, Reason> {
        match self.kind {
            Kind::Text => self.text(bytes).map(Cell::Text),
            Kind::Int => self.whole(bytes).map(Cell::Int),
            Kind::Small => {
                let small = u16::try_from(self.whole(bytes)?).ok().filter(|v| i16::try_from(*v).is_ok());
                small.map(Cell::Small).ok_or_else(|| "is out of range; expected 0 to 32767".to_owned())
            }
            Kind::P => {
                let raw = i64::try_from(self.decimal(bytes, Price::SCALE)?).ok().and_then(Price::from_raw);
                raw.map(Cell::P).ok_or_else(|| Misfit::OutOfRange.to_string())
            }
            Kind::Q => {
                let raw = Quantity::from_raw(self.decimal(bytes, Quantity::SCALE)?);
                raw.map(Cell::Q).ok_or_else(|| Misfit::OutOfRange.to_string())
            }
            Kind::Time => self.time(bytes).map(Cell::Time),
            Kind::Flag => self.flag(bytes).map(Cell::Flag),
            Kind::Id => self.id(bytes).map(Cell::Id),
            Kind::Real => Err("a measured value is not brought over".to_owned()),
        }
    }

    /// A text of ours, after it was replaced where the mapping says so.
    fn text<'a>(&self, bytes: &'a [u8]) -> Result<Cow<'a, str>, Reason> {
        let found = plain(&self.source, bytes)?;
        let text = match self.values.get(found.as_ref()) {
            Some(ours) => Cow::Owned(ours.clone()),
            None if self.values.is_empty() => found,
            None => {
                let known: Vec<&str> = self.values.keys().map(String::as_str).collect();
                return Err(format!("is none of the values that the mapping lists ({})", known.join(", ")));
            }
        };
        targets::check_text(self.table, self.column, &text).map(|()| text)
    }

    fn whole(&self, bytes: &[u8]) -> Result<i64, Reason> {
        match &self.source {
            Type::Int(_) => int(bytes),
            Type::Text | Type::LooseText => {
                utf8(bytes)?.parse().map_err(|_| "is no whole number of 64 bits".to_owned())
            }
            _ => {
                let value = numeric::decode(bytes, 0).map_err(|e| e.to_string())?;
                i64::try_from(value).map_err(|_| Misfit::OutOfRange.to_string())
            }
        }
    }

    /// A decimal number at `scale`. Of a floating-point number the shortest decimal that is the same one, which is what
    /// PostgreSQL shows for it.
    fn decimal(&self, bytes: &[u8], scale: u32) -> Result<i128, Reason> {
        match &self.source {
            Type::Int(_) => Ok(i128::from(int(bytes)?) * 10i128.pow(scale)),
            Type::Double => parse(&finite(f64::from_be_bytes(sized(bytes)?))?, scale),
            Type::Real => parse(&finite(f32::from_be_bytes(sized(bytes)?))?, scale),
            Type::Text | Type::LooseText => parse(utf8(bytes)?, scale),
            _ => numeric::decode(bytes, scale).map_err(|e| e.to_string()),
        }
    }

    fn time(&self, bytes: &[u8]) -> Result<UtcNanos, Reason> {
        const INFINITE: [i64; 2] = [i64::MIN, i64::MAX];
        let far = || "lies outside of the years 1678 to 2261".to_owned();
        if let (Type::Int(_), Some(unit)) = (&self.source, self.unit) {
            let nanos = int(bytes)?.checked_mul(unit.nanos()).ok_or_else(far)?;
            return if nanos % 1_000 == 0 { Ok(UtcNanos(nanos)) } else { Err("has parts of a microsecond".to_owned()) };
        }
        let since_2000 = match &self.source {
            Type::Date => match i32::from_be_bytes(sized(bytes)?) {
                i32::MIN | i32::MAX => return Err(far()),
                days => i64::from(days) * DAY_MICROS,
            },
            _ => i64::from_be_bytes(sized(bytes)?),
        };
        if INFINITE.contains(&since_2000) {
            return Err("is infinite; expected an instant".to_owned());
        }
        let micros = since_2000.checked_add(EPOCH).ok_or_else(far)?;
        micros.checked_mul(1_000).map(UtcNanos).ok_or_else(far)
    }

    fn flag(&self, bytes: &[u8]) -> Result<bool, Reason> {
        let found = plain(&self.source, bytes)?;
        match self.values.get(found.as_ref()).map_or(found.as_ref(), String::as_str) {
            "true" => Ok(true),
            "false" => Ok(false),
            _ => Err("is neither true nor false; list it under `values`".to_owned()),
        }
    }

    fn id(&self, bytes: &[u8]) -> Result<Uuid, Reason> {
        match &self.source {
            Type::Uuid => Ok(Uuid::from_bytes(sized(bytes)?)),
            _ => Uuid::try_parse(utf8(bytes)?).map_err(|e| format!("is no UUID ({e})")),
        }
    }

    /// What stands there, for a message.
    fn shown(&self, bytes: &[u8]) -> String {
        let is_number =
            matches!(self.source, Type::Numeric(_) | Type::Double | Type::Real | Type::Timestamptz | Type::Timestamp);
        match plain(&self.source, bytes) {
            Ok(text) if !is_number => format!("`{}`", text.chars().take(80).collect::<String>()),
            _ => self.text_of(bytes),
        }
    }

    /// What stands there, all of it.
    pub(super) fn text_of(&self, bytes: &[u8]) -> String {
        match &self.source {
            Type::Numeric(_) => numeric::text(bytes),
            Type::Double => sized(bytes).map_or_else(|e| e, |b| f64::from_be_bytes(b).to_string()),
            Type::Real => sized(bytes).map_or_else(|e| e, |b| f32::from_be_bytes(b).to_string()),
            Type::Timestamptz | Type::Timestamp => micros_shown(bytes),
            other => plain(other, bytes).map_or_else(|e| e, Cow::into_owned),
        }
    }

    fn refuse(&self, value: impl Into<String>, reason: impl Into<String>) -> Refusal {
        Refusal { column: self.column, value: value.into(), reason: reason.into() }
    }
}

/// A cell as the text that PostgreSQL would show.
fn plain<'a>(source: &Type, bytes: &'a [u8]) -> Result<Cow<'a, str>, Reason> {
    Ok(match source {
        Type::Bool => Cow::Borrowed(if sized::<1>(bytes)? == [0] { "false" } else { "true" }),
        Type::Int(_) => Cow::Owned(int(bytes)?.to_string()),
        Type::Uuid => Cow::Owned(Uuid::from_bytes(sized(bytes)?).to_string()),
        Type::Date => Cow::Owned(format!("day {} since 2000", i32::from_be_bytes(sized(bytes)?))),
        // One byte says which version of the form it is; there is only one.
        Type::Jsonb => match bytes {
            [1, text @ ..] => Cow::Borrowed(utf8(text)?),
            _ => return Err("is not in the binary form of a jsonb".to_owned()),
        },
        _ => Cow::Borrowed(utf8(bytes)?),
    })
}

fn micros_shown(bytes: &[u8]) -> String {
    match sized(bytes).map(i64::from_be_bytes) {
        Ok(i64::MAX) => "infinity".to_owned(),
        Ok(i64::MIN) => "-infinity".to_owned(),
        Ok(micros) => match micros.checked_add(EPOCH).and_then(|micros| micros.checked_mul(1_000)) {
            Some(nanos) => UtcNanos(nanos).to_string(),
            None => format!("{micros} µs since 2000"),
        },
        Err(reason) => reason,
    }
}

fn sized<const N: usize>(bytes: &[u8]) -> Result<[u8; N], Reason> {
    bytes
        .try_into()
        .map_err(|_| format!("has {} bytes where its type has {N}; its column may have changed", bytes.len()))
}

fn int(bytes: &[u8]) -> Result<i64, Reason> {
    match bytes.len() {
        2 => Ok(i16::from_be_bytes(sized(bytes)?).into()),
        4 => Ok(i32::from_be_bytes(sized(bytes)?).into()),
        _ => Ok(i64::from_be_bytes(sized(bytes)?)),
    }
}

fn utf8(bytes: &[u8]) -> Result<&str, Reason> {
    str::from_utf8(bytes).map_err(|_| "is not UTF-8".to_owned())
}

/// The shortest decimal that reads back as the same number: Rust writes it, without an exponent.
fn finite<T: fmt::Display + Into<f64> + Copy>(value: T) -> Result<String, Reason> {
    if value.into().is_finite() { Ok(value.to_string()) } else { Err(Misfit::NotFinite.to_string()) }
}

/// A decimal text at one of our two scales.
fn parse(text: &str, scale: u32) -> Result<i128, Reason> {
    let parsed: Result<i128, NumberError> = match scale {
        Price::SCALE => text.parse::<Price>().map(|p| p.raw().into()),
        _ => text.parse::<Cash>().map(Cash::raw),
    };
    parsed.map_err(|e| match e {
        NumberError::TooManyDecimals { max } => Misfit::TooManyDecimals { max }.to_string(),
        NumberError::OutOfRange => Misfit::OutOfRange.to_string(),
        NumberError::Empty | NumberError::Malformed => "is no decimal number".to_owned(),
    })
}
