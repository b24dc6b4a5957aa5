//! What the hub shows of each topic: its snapshot, and what is new in it, as messages.

use std::collections::BTreeMap;

use actors::ports::StrategyStatus;
use actors::settings::StrategyRun;
use bytestring::ByteString;
use messages::instrument::Asset;
use messages::market::{TickBody, Timeframe};
use messages::{Instrument, orders};
use serde::Serialize;

use super::super::protocol::{Head, Refusal};
use super::super::topic::Topic;
use super::Known;
use super::account::{Account, TradingNow};
use super::bars::Shown;
use super::market::{Market, Print};
use super::tape::Fresh;
use crate::http::views;

/// What is new in a topic.
pub enum News {
    /// Nothing.
    Nothing,
    /// More than can be told: a snapshot is due.
    TooMuch,
    /// This.
    Message(ByteString),
}

/// All that is shown.
pub struct Views {
    /// Of the market.
    pub market: Market,
    /// Of us.
    pub account: Account,
    /// What instruments are paid in.
    quotes: BTreeMap<Instrument, Asset>,
    /// What strategies are made with, by their names.
    runs: BTreeMap<String, StrategyRun>,
}

/// A bar, and whether it is still open.
#[derive(Serialize)]
struct Bar {
    #[serde(flatten)]
    bar: views::Bar,
    is_open: bool,
}

/// The trading state; who changed it last is unknown where that lies before the start.
#[derive(Serialize)]
struct Trading {
    state: String,
    by: Option<String>,
    why: Option<String>,
    changed_at: Option<String>,
}

impl Views {
    /// Nothing is known yet but these.
    pub fn new(known: Known) -> Self {
        let runs = known.strategies.into_iter().map(|(name, run)| (name.to_string(), run)).collect();
        let market = Market::new(known.instruments, known.timeframes);
        Self { market, account: Account::default(), quotes: known.quotes, runs }
    }

    /// Whether there is such a topic here.
    ///
    /// # Errors
    /// Nothing was ever heard of its instrument, or no bars of this length are published.
    pub fn check(&self, topic: Topic) -> Result<(), Refusal> {
        let refuse = |detail| Err(Refusal::of(topic.to_string(), "unknown_topic", detail));
        let (Topic::Quotes(instrument) | Topic::Trades(instrument) | Topic::Bars(instrument, _)) = topic else {
            return Ok(());
        };
        if self.market.line(instrument).is_none() {
            return refuse(format!("nothing is known of {instrument}; see GET /api/v1/instruments"));
        }
        let known = self.market.timeframes();
        if let Topic::Bars(_, timeframe) = topic
            && !known.contains(&timeframe)
        {
            let known = known.iter().map(Timeframe::to_string).collect::<Vec<_>>().join(", ");
            return refuse(format!("bars of {timeframe} are not published; expected {known}"));
        }
        Ok(())
    }

    /// Somebody watches a topic, or nobody any more.
    pub fn watch(&mut self, topic: Topic, is_watched: bool) {
        let account = &mut self.account;
        match topic {
            Topic::Trades(instrument) => {
                if let Some(line) = self.market.line_mut(instrument) {
                    line.trades.watch(is_watched);
                }
            }
            Topic::Bars(instrument, timeframe) => {
                let line = self.market.line_mut(instrument);
                if let Some(bars) = line.and_then(|line| line.bars.get_mut(&timeframe)) {
                    bars.watch(is_watched);
                }
            }
            Topic::Orders => account.events.watch(is_watched),
            Topic::Fills => account.fills.watch(is_watched),
            Topic::Logs => account.logs.watch(is_watched),
            _ => {}
        }
    }

    /// What is new; it is new no more then.
    pub fn news(&mut self, head: Head) -> News {
        let account = &mut self.account;
        match head.topic {
            Topic::Quotes(instrument) => {
                let line = self.market.line_mut(instrument);
                let is_new = line.is_some_and(|line| std::mem::take(&mut line.is_quote_new));
                if is_new { News::Message(self.snapshot(head)) } else { News::Nothing }
            }
            Topic::Trades(instrument) => {
                let fresh = self.market.line_mut(instrument).map_or(Fresh::Nothing, |line| line.trades.take());
                entries(head, fresh, |print| trade(&print))
            }
            Topic::Bars(instrument, timeframe) => {
                let line = self.market.line_mut(instrument);
                match line.and_then(|line| line.bars.get_mut(&timeframe)).map(|bars| bars.take()) {
                    None => News::Nothing,
                    Some(None) => News::TooMuch,
                    Some(Some(shown)) => list(head, bars(&shown)),
                }
            }
            Topic::Orders => entries(head, account.events.take(), |update| views::Event::from(&update)),
            Topic::Fills => entries(head, account.fills.take(), |trade| views::Trade::from(&trade)),
            Topic::Logs => entries(head, account.logs.take(), |line| views::LogLine::from(&*line)),
            // The open ones are few: all of them, each time.
            Topic::Alerts if account.alerts.take() => News::TooMuch,
            Topic::Positions => list(head, account.new_positions().into_iter().map(views::Position::from).collect()),
            Topic::Strategies => {
                let names = account.new_strategies();
                list(head, names.iter().filter_map(|name| self.strategy(name)).collect())
            }
            Topic::Equity if account.valued.take() => News::Message(self.snapshot(head)),
            Topic::Trading if account.trading_now.take() => News::Message(self.snapshot(head)),
            Topic::Health if account.health.take() => News::Message(self.snapshot(head)),
            Topic::Equity | Topic::Trading | Topic::Alerts | Topic::Health => News::Nothing,
        }
    }

    /// All that is known of a topic.
    pub fn snapshot(&self, head: Head) -> ByteString {
        let account = &self.account;
        match head.topic {
            Topic::Quotes(instrument) => {
                let quote = self.market.line(instrument).and_then(|line| line.quote.as_ref());
                head.write(&quote.and_then(quote_of).as_slice())
            }
            Topic::Trades(instrument) => {
                let line = self.market.line(instrument);
                head.write(
                    &line.into_iter().flat_map(|line| line.trades.newest()).filter_map(trade).collect::<Vec<_>>(),
                )
            }
            Topic::Bars(instrument, timeframe) => {
                let known = self.market.line(instrument).and_then(|line| line.bars.get(&timeframe));
                head.write(&known.map(|known| bars(&known.all())).unwrap_or_default())
            }
            Topic::Orders => head.write(&account.orders.values().map(views::Order::from).collect::<Vec<_>>()),
            Topic::Fills => head.write(&account.fills.newest().map(views::Trade::from).collect::<Vec<_>>()),
            Topic::Positions => head.write(&account.held().map(views::Position::from).collect::<Vec<_>>()),
            Topic::Equity => head.write(&account.valued.value.as_deref().map(views::Portfolio::of).as_slice()),
            Topic::Trading => head.write(&account.trading_now.value.as_ref().map(Trading::from).as_slice()),
            Topic::Strategies => {
                let known = account.strategies.keys().filter_map(|name| self.strategy(name));
                head.write(&known.collect::<Vec<_>>())
            }
            Topic::Logs => {
                head.write(&account.logs.newest().map(|line| views::LogLine::from(&**line)).collect::<Vec<_>>())
            }
            Topic::Alerts => head.write(&account.alerts.value.as_deref().unwrap_or_default()),
            Topic::Health => head.write(&account.health.value.as_slice()),
        }
    }

    fn strategy(&self, name: &str) -> Option<views::Strategy> {
        let status: &StrategyStatus = self.account.strategies.get(name)?;
        let run = self.runs.get(name)?;
        let open: Vec<orders::Order> = self.account.orders.values().cloned().collect();
        let quote = |instrument| self.quotes.get(&instrument).copied();
        let results = views::Results::of(name, Some(&open), self.account.valued.value.as_deref(), quote);
        Some(views::Strategy::of(status, run, results))
    }
}

impl From<&TradingNow> for Trading {
    fn from(now: &TradingNow) -> Self {
        let changed = now.changed.as_ref();
        Self {
            state: now.state.to_string(),
            by: changed.map(|(change, _)| change.by.clone()),
            why: changed.map(|(change, _)| change.why.clone()),
            changed_at: changed.map(|(_, at)| at.to_string()),
        }
    }
}

fn entries<T, V: Serialize>(head: Head, fresh: Fresh<T>, show: impl Fn(T) -> V) -> News {
    match fresh {
        Fresh::Nothing => News::Nothing,
        Fresh::TooMany => News::TooMuch,
        Fresh::Entries(entries) => list(head, entries.into_iter().map(show).collect()),
    }
}

fn list<V: Serialize>(head: Head, list: Vec<V>) -> News {
    if list.is_empty() { News::Nothing } else { News::Message(head.write(&list)) }
}

fn bars(shown: &Shown) -> Vec<Bar> {
    let bar = |bar, is_open| Bar { bar: views::Bar::from(bar), is_open };
    let closed = shown.closed.iter().map(|closed| bar(closed, false));
    closed.chain(shown.open.iter().map(|open| bar(open, true))).collect()
}

fn trade(print: &Print) -> Option<views::Tick> {
    views::Tick::of(print.id, &print.tick, print.received)
}

fn quote_of(print: &Print) -> Option<views::Quote> {
    let TickBody::Quote { bid, ask } = print.tick.body else { return None };
    Some(views::Quote::of(bid, ask, print.tick.time, print.received))
}
