//! Corrections (`c`) and cancels (`x`): a trade that was reported is not as it was reported.
//!
//! Each becomes a tick that repeats the sequence of the trade first reported, with a revision one higher than the last
//! known; a cancel has size zero. A correction gives the trade a new id, by which a second correction calls it: the
//! chain leads back to the first id. In answers by REST the same stands on the trades themselves, as `u`.
//!
//! Invariant: what repeats the last known version of a trade says nothing; memory is bounded.

use std::collections::{BTreeMap, VecDeque};

use messages::Symbol;
use messages::market::{Conditions, Level, Tick, TickBody};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, conditions, level, price};
use super::sequence::sequence;
use crate::wire::DecodeError;
use crate::wire::alpaca::instrument;
use crate::wire::json::Text;

/// Corrected trades remembered. On a wild day Alpaca corrects some hundreds of all symbols.
const REMEMBERED: usize = 4_096;

/// A correction: `o…` is how the trade was, `c…` how it is.
#[derive(Deserialize)]
pub struct Correction<'a> {
    #[serde(borrow, rename = "S")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "x")]
    exchange: Option<&'a RawValue>,
    #[serde(borrow, rename = "t")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "oi")]
    original: Option<&'a RawValue>,
    #[serde(borrow, rename = "ci")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "cp")]
    price: Option<&'a RawValue>,
    #[serde(borrow, rename = "cs")]
    size: Option<&'a RawValue>,
    #[serde(borrow, rename = "cc")]
    conditions: Option<&'a RawValue>,
}

/// A trade is taken back.
#[derive(Deserialize)]
pub struct Cancel<'a> {
    #[serde(borrow, rename = "S")]
    symbol: Option<Text<'a>>,
    #[serde(borrow, rename = "x")]
    exchange: Option<&'a RawValue>,
    #[serde(borrow, rename = "t")]
    time: Option<&'a RawValue>,
    #[serde(borrow, rename = "i")]
    id: Option<&'a RawValue>,
    #[serde(borrow, rename = "p")]
    price: Option<&'a RawValue>,
}

/// What a trade is by its last revision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Now {
    /// The trade of this sequence, where it has one.
    Corrected(Option<i64>),
    Cancelled,
}

#[derive(Debug, Clone, Copy)]
struct Revised {
    revision: u16,
    now: Now,
}

/// The newest revision of each trade that was corrected or cancelled.
#[derive(Debug, Default)]
pub struct Revisions {
    known: BTreeMap<(Symbol, i64), Revised>,
    /// The first sequence of a trade, by the one that a correction gave it.
    firsts: BTreeMap<(Symbol, i64), i64>,
    /// Keys of both, oldest first.
    order: VecDeque<(Symbol, i64)>,
}

impl Revisions {
    /// A correction as a tick; `None` when it is known, or cannot be told whose it is.
    pub fn correct(&mut self, message: &Correction<'_>, rounded: &mut u64) -> Result<Option<Tick>, DecodeError> {
        const EVENT: &str = "correction";
        let (symbol, time) = (fields::symbol(message.symbol.as_ref(), EVENT)?, fields::time(message.time, EVENT)?);
        let Level { price, size } = level(EVENT, [("cp", message.price), ("cs", message.size)], rounded)?;
        let body = TickBody::Trade { price, size, aggressor: None, conditions: conditions(message.conditions)? };
        let corrected = sequence(message.exchange, message.id, time);
        let original = sequence(message.exchange, message.original, time);
        let revised = original.and_then(|original| self.revise(symbol, original, Now::Corrected(corrected)));
        Ok(revised.map(|(first, revision)| {
            if let Some(corrected) = corrected.filter(|corrected| *corrected != first) {
                self.firsts.insert((symbol, corrected), first);
                self.remember((symbol, corrected));
            }
            Tick { instrument: instrument(symbol), time, sequence: Some(first), revision, body }
        }))
    }

    /// A cancel as a tick of size zero; `None` when it is known, or cannot be told whose it is.
    pub fn cancel(&mut self, message: &Cancel<'_>) -> Result<Option<Tick>, DecodeError> {
        const EVENT: &str = "cancel";
        let (symbol, time) = (fields::symbol(message.symbol.as_ref(), EVENT)?, fields::time(message.time, EVENT)?);
        let price = price(message.price, EVENT, "p")?;
        let body =
            TickBody::Trade { price, size: messages::Size::ZERO, aggressor: None, conditions: Conditions::new() };
        let sequence = sequence(message.exchange, message.id, time);
        Ok(self.withdraw(Tick { instrument: instrument(symbol), time, sequence, revision: 0, body }))
    }

    /// A trade of an answer by REST with what became of it (`u`); `None` when that is known.
    pub fn fetched(&mut self, tick: Tick, update: &str) -> Option<Tick> {
        let key = (tick.instrument.symbol, tick.sequence.unwrap_or(0));
        match update {
            r#""canceled""# => self.withdraw(tick),
            // It was corrected: where the correction is known, the trade is what that said.
            r#""incorrect""# if self.known.contains_key(&(key.0, self.first(key.0, key.1))) => None,
            r#""incorrect""# => self.withdraw(tick),
            // Where the correction is known, this is the same trade under its new id.
            r#""corrected""# if self.firsts.contains_key(&key) => None,
            _ => Some(tick),
        }
    }

    /// The trade of `tick` counts no more: its next revision, of size zero.
    fn withdraw(&mut self, tick: Tick) -> Option<Tick> {
        let TickBody::Trade { price, aggressor, conditions, .. } = tick.body else { return None };
        let (first, revision) = self.revise(tick.instrument.symbol, tick.sequence?, Now::Cancelled)?;
        let body = TickBody::Trade { price, size: messages::Size::ZERO, aggressor, conditions };
        Some(Tick { sequence: Some(first), revision, body, ..tick })
    }

    fn first(&self, symbol: Symbol, sequence: i64) -> i64 {
        self.firsts.get(&(symbol, sequence)).copied().unwrap_or(sequence)
    }

    /// The first sequence of the trade, and its new revision.
    fn revise(&mut self, symbol: Symbol, sequence: i64, now: Now) -> Option<(i64, u16)> {
        let first = self.first(symbol, sequence);
        let key = (symbol, first);
        let known = self.known.get(&key).copied();
        if known.is_some_and(|known| known.now == now) {
            return None;
        }
        let revision = known.map_or(0, |known| known.revision).checked_add(1)?;
        self.known.insert(key, Revised { revision, now });
        if known.is_none() {
            self.remember(key);
        }
        Some((first, revision))
    }

    fn remember(&mut self, key: (Symbol, i64)) {
        self.order.push_back(key);
        if self.order.len() > REMEMBERED
            && let Some(oldest) = self.order.pop_front()
        {
            self.known.remove(&oldest);
            self.firsts.remove(&oldest);
        }
    }
}
