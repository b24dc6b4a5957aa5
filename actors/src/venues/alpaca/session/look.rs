//! What the account holds, part by part: open orders, the fills that are wanted, positions, cash. In this order, so that a fill
//! between two questions is in the later one.
//!
//! Each part is a question among the others of the [`super::Budget`]. One that cannot be learned is named, and the next is asked.

use std::collections::BTreeSet;

use messages::account::{AccountSnapshot, VenueBalance, VenueFill, VenueOrder, VenuePosition, Wanted};
use messages::orders::{OrderType, TimeInForce};
use messages::{Exchange, Instrument, Quantity, UtcNanos, VenueOrderId};

use super::super::account::{Account, Position};
use super::super::activity::{Activity, Page};
use super::super::call::{ACTIVITIES_PER_PAGE, Call, ORDERS_PER_PAGE};
use super::super::order::OrderObject;
use super::super::outcome::{Answer, Outcome};
use super::*;
use crate::wire::DecodeError;

/// Two orders may be submitted at one instant, the first of them on the next page.
const OVERLAP: Duration = Duration::from_millis(1);
/// History is asked for from so long before the first fill that is wanted.
const EARLIER: Duration = Duration::from_secs(60);
/// The most pages of a list.
const PAGES: u32 = 50;

/// A part of what is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Part {
    Orders,
    Fills,
    Positions,
    Cash,
}

impl Part {
    const fn name(self) -> &'static str {
        match self {
            Self::Orders => "open orders",
            Self::Fills => "fills",
            Self::Positions => "positions",
            Self::Cash => "cash",
        }
    }
}

/// A question under way.
#[derive(Debug)]
pub(super) struct Look {
    asked: UtcNanos,
    wanted: Vec<Wanted>,
    seen: BTreeSet<VenueOrderId>,
    pages: u32,
    last: Call,
    snapshot: AccountSnapshot,
}

impl Look {
    fn new(account: messages::Account, wanted: &[Wanted], asked: UtcNanos) -> Self {
        let snapshot = AccountSnapshot {
            account,
            asked,
            time: asked,
            open: Vec::new(),
            fills: Vec::new(),
            positions: Some(Vec::new()),
            balances: Vec::new(),
            missing: Vec::new(),
        };
        let ours = wanted.iter().filter(|wanted| wanted.instrument.exchange == Exchange::Alpaca).copied();
        let (seen, last) = (BTreeSet::new(), Call::open_orders(None));
        Self { asked, wanted: ours.collect(), seen, pages: 1, last, snapshot }
    }

    /// Takes the body of a part: what is asked next, nothing where it was the last.
    fn read(&mut self, part: Part, body: &[u8]) -> Option<(Part, Call)> {
        let read = match part {
            Part::Orders => OrderObject::read_list(body).map(|orders| self.orders(orders)),
            Part::Fills => Page::read(body).map(|page| self.fills(page)),
            Part::Positions => Position::read_list(body).map(|positions| self.positions(positions)),
            Part::Cash => Account::read(body).map(|account| self.cash(&account)),
        };
        match read {
            Ok(more) => more.or_else(|| self.next(part)),
            Err(error) => self.lost(part, &error.to_string()),
        }
    }

    /// A part that cannot be learned.
    fn lost(&mut self, part: Part, why: &str) -> Option<(Part, Call)> {
        self.snapshot.missing.push(format!("{}: {why}", part.name()));
        self.next(part)
    }

    fn next(&mut self, part: Part) -> Option<(Part, Call)> {
        self.pages = 1;
        let since = self.wanted.iter().filter_map(|wanted| wanted.since).map(|mark| mark.at).min();
        match (part, since) {
            (Part::Orders, Some(since)) => Some((Part::Fills, Call::fills(since.before(EARLIER), None))),
            (Part::Orders, None) | (Part::Fills, _) => Some((Part::Positions, Call::positions())),
            (Part::Positions, _) => Some((Part::Cash, Call::account())),
            (Part::Cash, _) => None,
        }
    }

    /// One more page of a part, where there may be one.
    fn page(&mut self, part: Part, call: Call) -> Option<(Part, Call)> {
        self.pages += 1;
        if self.pages > PAGES {
            self.snapshot.missing.push(format!("{}: there are more than {PAGES} pages", part.name()));
            return None;
        }
        Some((part, call))
    }

    fn orders(&mut self, orders: Vec<Result<OrderObject, DecodeError>>) -> Option<(Part, Call)> {
        let is_full = orders.len() >= ORDERS_PER_PAGE;
        let (mut oldest, mut is_new) = (None, false);
        for order in orders {
            let order = match order {
                Ok(order) => order,
                Err(error) => {
                    self.snapshot.missing.push(format!("an open order: {error}"));
                    continue;
                }
            };
            oldest = [oldest, order.submitted_at].into_iter().flatten().min();
            if self.seen.insert(order.id) {
                is_new = true;
                match self.listed(&order) {
                    Some(listed) => self.snapshot.open.push(listed),
                    None => self.snapshot.missing.push(format!("open order {}: its symbol or its side", order.id)),
                }
            }
        }
        let before = oldest.filter(|_| is_full && is_new)?;
        self.page(Part::Orders, Call::open_orders(Some(before.after(OVERLAP))))
    }

    fn listed(&self, order: &OrderObject) -> Option<VenueOrder> {
        Some(VenueOrder {
            client_order_id: order.client_order_id.clone(),
            venue_order_id: order.id,
            instrument: self.instrument(&order.symbol)?,
            side: order.side?,
            order_type: order_type(&order.order_type),
            time_in_force: time_in_force(&order.time_in_force),
            quantity: order.quantity,
            price: order.limit_price,
            stop_price: order.terms(Quantity::ZERO).stop_price,
            filled: order.filled,
            filled_notional: order.average.and_then(|average| average.notional(order.filled)),
            status: order.status.to_string(),
        })
    }

    fn fills(&mut self, page: Page) -> Option<(Part, Call)> {
        for error in &page.others {
            self.snapshot.missing.push(format!("a fill: {error}"));
        }
        let read: Vec<VenueFill> = page.fills.iter().filter_map(|fill| self.fill(fill)).collect();
        self.snapshot.fills.extend(read);
        let behind = page.last.filter(|_| page.len >= ACTIVITIES_PER_PAGE)?;
        let since = self.wanted.iter().filter_map(|wanted| wanted.since).map(|mark| mark.at).min()?;
        self.page(Part::Fills, Call::fills(since.before(EARLIER), Some(&behind)))
    }

    /// A fill that is wanted: of an instrument that we have traded, from the execution on that is known.
    fn fill(&self, fill: &Activity) -> Option<VenueFill> {
        let instrument = self.instrument(&fill.symbol)?;
        let since = self.wanted.iter().find(|wanted| wanted.instrument == instrument)?.since?;
        (fill.time >= since.at).then_some(VenueFill {
            venue_order_id: fill.order_id,
            instrument,
            side: fill.side?,
            execution_id: fill.execution_id,
            price: fill.price,
            quantity: fill.quantity,
            cumulative: Some(fill.cumulative),
            liquidity: None,
            fee: None,
            executed_at: fill.time,
        })
    }

    fn positions(&mut self, positions: Vec<Result<Position, DecodeError>>) -> Option<(Part, Call)> {
        for position in positions {
            match position {
                Ok(position) => match (self.instrument(&position.symbol), &mut self.snapshot.positions) {
                    (Some(instrument), Some(all)) => all.push(VenuePosition {
                        instrument,
                        quantity: position.quantity,
                        average_entry: position.average_entry,
                    }),
                    _ => self.snapshot.missing.push(format!("the position in `{}`", position.symbol)),
                },
                Err(error) => self.snapshot.missing.push(format!("a position: {error}")),
            }
        }
        None
    }

    fn cash(&mut self, account: &Account) -> Option<(Part, Call)> {
        match account.currency.parse() {
            Ok(asset) => {
                self.snapshot.balances.push(VenueBalance { asset, free: account.cash, locked: messages::Cash::ZERO });
            }
            Err(_) => self.snapshot.missing.push(format!("cash in `{}`", account.currency)),
        }
        None
    }

    /// The instrument of a symbol. Some lists write crypto without its slash.
    fn instrument(&self, symbol: &str) -> Option<Instrument> {
        let plain = |text: &str| text.replace('/', "");
        let mut known = self.wanted.iter().map(|wanted| wanted.instrument);
        let same = known.find(|instrument| plain(instrument.symbol.as_str()) == plain(symbol));
        same.or_else(|| Some(Instrument { exchange: Exchange::Alpaca, symbol: symbol.parse().ok()? }))
    }
}

fn order_type(name: &str) -> Option<OrderType> {
    Some(match name {
        "market" => OrderType::Market,
        "limit" => OrderType::Limit,
        "stop" => OrderType::Stop,
        "stop_limit" => OrderType::StopLimit,
        _ => return None,
    })
}

fn time_in_force(name: &str) -> Option<TimeInForce> {
    TimeInForce::ALL.iter().copied().find(|known| known.as_str() == name)
}

impl Session {
    /// Begins to ask for all of it. A question that is under way is given up: its answer would be the older one.
    pub(super) fn look(&mut self, wanted: &[Wanted], asked: UtcNanos, now: UtcNanos) {
        self.look = Some(Look::new(self.settings.account, wanted, asked));
        self.look_for(Part::Orders, Call::open_orders(None), now);
    }

    fn look_for(&mut self, part: Part, call: Call, now: UtcNanos) {
        let Some(look) = &mut self.look else { return };
        look.last = call.clone();
        let purpose = Purpose::Look(look.asked, part);
        self.queue(Urgency::Question, purpose, call, now);
    }

    /// A part was answered.
    pub(super) fn looked(
        &mut self,
        asked: UtcNanos,
        part: Part,
        answer: Result<Answer<'_>, &str>,
        now: UtcNanos,
        out: &mut Vec<Do>,
    ) {
        let Some(mut look) = self.look.take_if(|look| look.asked == asked) else { return };
        let next = match answer.as_ref().map(|answer| (answer.outcome(), answer.body)) {
            Ok((Outcome::Done, body)) => look.read(part, body),
            // Too many requests: the same again, in its turn.
            Ok((Outcome::Limited, _)) => Some((part, look.last.clone())),
            Ok((Outcome::Unauthorized { text } | Outcome::Ambiguous { text }, _)) => look.lost(part, &text),
            Ok((Outcome::Refused { text, .. }, _)) => look.lost(part, &text),
            Ok((Outcome::NotKnown, _)) => look.lost(part, "404"),
            Err(why) => look.lost(part, why),
        };
        match next {
            Some((part, call)) => {
                self.look = Some(look);
                self.look_for(part, call, now);
            }
            None => {
                look.snapshot.time = now;
                out.push(Do::Account(Box::new(look.snapshot)));
            }
        }
    }
}
