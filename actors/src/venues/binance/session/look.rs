//! What the account holds, part by part: open orders, then the fills that are wanted of each symbol, then the balances. In this
//! order, so that a fill between two questions is in the later one.
//!
//! Weights: 80 for all open orders, 20 for each page of a symbol's fills, 20 for the balances. A part that cannot be learned is
//! named, and the others are asked for all the same.

use std::collections::VecDeque;

use messages::account::{AccountSnapshot, VenueBalance, VenueFill, VenueOrder, Wanted};
use messages::{Account, Exchange, Instrument, UtcNanos, caps};
use serde_json::Value;

use super::super::answer::{self, Answer};
use super::super::call::{Call, FILLS};
use super::super::heard::Heard;
use super::super::order::{OrderBody, TradeBody};
use super::{Asked, Effect, Session};

/// The most pages of one symbol's fills.
const PAGES: u32 = 20;

/// A part of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    /// All open orders.
    Open,
    /// A page of a symbol's fills.
    Fills(Instrument, u32),
    /// The balances.
    Balances,
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Look {
    asked: UtcNanos,
    wanted: VecDeque<Wanted>,
    /// From when on the fills are wanted that are being asked for.
    since: UtcNanos,
    /// Whether no fill is known to begin at: then the first page is the newest, and what is older is not on it.
    begins_at_newest: bool,
    snapshot: AccountSnapshot,
}

impl Look {
    fn new(account: Account, wanted: &[Wanted], asked: UtcNanos) -> Self {
        let ours = |wanted: &&Wanted| wanted.instrument.exchange == Exchange::Binance && wanted.since.is_some();
        let snapshot = AccountSnapshot {
            account,
            asked,
            time: asked,
            open: Vec::new(),
            fills: Vec::new(),
            positions: None,
            balances: Vec::new(),
            missing: Vec::new(),
        };
        let wanted = wanted.iter().filter(ours).copied().collect();
        Self { asked, wanted, since: UtcNanos::MIN, begins_at_newest: false, snapshot }
    }

    /// Takes an answer; what of it could not be read, and what is asked next: nothing where it was the last.
    fn take(&mut self, part: Part, answer: &Answer) -> (Vec<Heard>, Option<(Part, Call)>) {
        let body = match answer {
            Ok(body) => body,
            Err(failure) => {
                self.snapshot.missing.push(format!("{}: {failure}", part.name()));
                return (Vec::new(), self.next(part));
            }
        };
        match part {
            Part::Open => {
                let (orders, unread) = answer::orders(body);
                let read: Vec<Option<VenueOrder>> = orders.iter().map(OrderBody::listed).collect();
                self.count_unread(part, unread.len() + read.iter().filter(|order| order.is_none()).count());
                self.snapshot.open = read.into_iter().flatten().collect();
                (unread, self.next(part))
            }
            Part::Fills(instrument, page) => self.take_fills(instrument, page, body),
            Part::Balances => {
                let unread = match answer::balances(body, self.asked) {
                    Heard::Balances { balances, .. } => {
                        let total = |b: super::super::heard::Balance| VenueBalance {
                            asset: b.asset,
                            free: b.free,
                            locked: b.locked,
                        };
                        self.snapshot.balances = balances.into_iter().map(total).collect();
                        Vec::new()
                    }
                    other => vec![other],
                };
                self.count_unread(part, unread.len());
                (unread, None)
            }
        }
    }

    fn take_fills(&mut self, instrument: Instrument, page: u32, body: &Value) -> (Vec<Heard>, Option<(Part, Call)>) {
        let part = Part::Fills(instrument, page);
        let (trades, unread) = answer::trades(body);
        let read: Vec<Option<VenueFill>> = trades.iter().map(TradeBody::listed).collect();
        self.count_unread(part, unread.len() + read.iter().filter(|fill| fill.is_none()).count());
        let read: Vec<VenueFill> = read.into_iter().flatten().collect();
        let is_full = trades.len() + unread.len() >= FILLS as usize;
        let reaches_back = read.iter().any(|fill| fill.executed_at < self.since);
        if page == 1 && self.begins_at_newest && is_full && !reaches_back {
            self.snapshot.missing.push(format!("{}: only the newest {FILLS} can be listed", part.name()));
        }
        let is_wanted = |fill: &VenueFill| fill.executed_at >= self.since;
        self.snapshot.fills.extend(read.into_iter().filter(is_wanted));
        let last = trades.iter().map(|trade| trade.id).max();
        if let Some(last) = last.filter(|_| is_full) {
            if page < PAGES && self.snapshot.fills.len() < caps::ACCOUNT_FILLS {
                let call = Call::fills(instrument.symbol, Some(last + 1));
                return (unread, Some((Part::Fills(instrument, page + 1), call)));
            }
            self.snapshot.missing.push(format!("{}: there are more than can be listed at once", part.name()));
        }
        (unread, self.next(part))
    }

    fn count_unread(&mut self, part: Part, unread: usize) {
        if unread > 0 {
            self.snapshot.missing.push(format!("{}: {unread} of its rows cannot be read", part.name()));
        }
    }

    fn next(&mut self, part: Part) -> Option<(Part, Call)> {
        if part == Part::Balances {
            return None;
        }
        match self.wanted.pop_front() {
            Some(Wanted { instrument, since }) => {
                self.since = since.map_or(UtcNanos::MIN, |mark| mark.at);
                let from = since.and_then(|mark| trade_of(mark.execution_id?.as_str()));
                self.begins_at_newest = from.is_none();
                Some((Part::Fills(instrument, 1), Call::fills(instrument.symbol, from)))
            }
            None => Some((Part::Balances, Call::account())),
        }
    }
}

impl Part {
    fn name(self) -> String {
        match self {
            Self::Open => "open orders".to_owned(),
            Self::Fills(instrument, _) => format!("fills of {instrument}"),
            Self::Balances => "balances".to_owned(),
        }
    }
}

/// The venue's number of a trade, in the key that we give it: symbol:trade:order.
fn trade_of(execution_id: &str) -> Option<u64> {
    execution_id.rsplit(':').nth(1)?.parse().ok()
}

impl Session {
    /// Begins to ask for all of it. A question that is under way is given up: its answer would be the older one.
    pub(super) fn look(&mut self, wanted: &[Wanted], asked: UtcNanos, now: UtcNanos, out: &mut Vec<Effect>) {
        self.look = Some(Look::new(self.account, wanted, asked));
        self.send_or_wait(Call::open_orders(), Asked::Account(asked, Part::Open), now, out);
    }

    /// A part was answered.
    pub(super) fn looked(
        &mut self,
        (asked, part): (UtcNanos, Part),
        answer: &Answer,
        now: UtcNanos,
        out: &mut Vec<Effect>,
    ) {
        let Some(mut look) = self.look.take_if(|look| look.asked == asked) else { return };
        let (unread, next) = look.take(part, answer);
        out.extend(unread.into_iter().map(Effect::heard));
        match next {
            Some((part, call)) => {
                self.look = Some(look);
                self.send_or_wait(call, Asked::Account(asked, part), now, out);
            }
            None => {
                look.snapshot.time = now;
                look.snapshot.fills.sort_by_key(|fill| fill.executed_at);
                out.push(Effect::Account(Box::new(look.snapshot)));
            }
        }
    }
}
