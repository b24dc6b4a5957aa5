//! The strategy trait: what a user writes.
//!
//! A strategy hears market data, its own orders' events, timers and answers to its queries, and acts
//! through its [`Context`]. It knows no clock, no threads and no I/O of the runtime: the same inputs
//! give the same orders, live, on paper and in a backtest.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::instrument::Rules;
use messages::market::{Bar, Depth, Level, Timeframe};
use messages::orders::Side;
use messages::orders::{Command, Contingency, Exits, Order, OrderRequest, OrderUpdate, Replacement};
use messages::strategies::Resumed;
use messages::{Instrument, OrderId, Price, Quantity, Size, UtcNanos};

/// What a strategy asks to hear.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wants {
    /// Its instruments; nothing of others is delivered.
    pub instruments: Vec<Instrument>,
    /// Bars of these lengths.
    pub bars: Vec<Timeframe>,
    /// Best bids and asks.
    pub quotes: bool,
    /// Trades.
    pub trades: bool,
    /// Depth messages.
    pub depth: bool,
    /// History to hear before it starts.
    pub warm_up: Option<WarmUp>,
}

/// History to hear before the start: so many bars of each instrument.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct WarmUp {
    /// Of which length.
    pub timeframe: Timeframe,
    /// How many, at most.
    pub bars: u32,
}

/// A trade, as a strategy hears it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trade {
    /// Which instrument.
    pub instrument: Instrument,
    /// Exchange time.
    pub time: UtcNanos,
    /// Price.
    pub price: Price,
    /// Size.
    pub size: Size,
    /// Who took, where known.
    pub aggressor: Option<Side>,
}

/// A best bid and ask, as a strategy hears it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quote {
    /// Which instrument.
    pub instrument: Instrument,
    /// Exchange time.
    pub time: UtcNanos,
    /// Best bid.
    pub bid: Option<Level>,
    /// Best ask.
    pub ask: Option<Level>,
}

/// A strategy. Every method has a default, so that one writes only what one needs.
///
/// A method that panics ends this instance; it is replaced by a new one from its saved state.
pub trait Strategy: Send {
    /// What it asks to hear. Asked once, after it was made.
    fn wants(&self) -> Wants;

    /// Called once before anything else; state from an earlier run is restored already.
    fn on_start(&mut self, _context: &mut Context<'_>) {}
    /// Bars of the warm-up, oldest first. Orders placed here are placed at the start.
    fn on_history(&mut self, _instrument: Instrument, _bars: &[Bar], _context: &mut Context<'_>) {}
    /// A bar closed or was revised.
    fn on_bar(&mut self, _bar: &Bar, _context: &mut Context<'_>) {}
    /// A trade.
    fn on_trade(&mut self, _trade: &Trade, _context: &mut Context<'_>) {}
    /// A best bid and ask.
    fn on_quote(&mut self, _quote: &Quote, _context: &mut Context<'_>) {}
    /// A depth message.
    fn on_depth(&mut self, _depth: &Depth, _context: &mut Context<'_>) {}
    /// Something happened to one of its orders.
    fn on_order(&mut self, _update: &OrderUpdate, _context: &mut Context<'_>) {}
    /// A timer that it set.
    fn on_timer(&mut self, _id: u32, _context: &mut Context<'_>) {}
    /// It goes on after a fault or a restart; market data in between was not delivered.
    fn on_resumed(&mut self, _resumed: Resumed, _context: &mut Context<'_>) {}
    /// The runtime stops.
    fn on_stop(&mut self, _context: &mut Context<'_>) {}

    /// Its state, for a restart: at most 64 KiB.
    fn save(&self) -> Vec<u8> {
        Vec::new()
    }
    /// Takes saved state back.
    ///
    /// # Errors
    /// What is wrong with it, in words; the strategy then starts without it.
    fn restore(&mut self, _state: &[u8]) -> Result<(), String> {
        Ok(())
    }
}

/// What a strategy may look at and do while it is called.
pub struct Context<'a> {
    pub(super) now: UtcNanos,
    pub(super) book: &'a mut Own,
    pub(super) commands: &'a mut Vec<Command>,
    pub(super) lines: &'a mut Vec<String>,
}

/// What a strategy owns: its orders, positions, timers and the prices that it saw.
#[derive(Debug)]
pub(super) struct Own {
    pub ids: messages::ids::IdMaker,
    pub made: u64,
    pub rules: BTreeMap<Instrument, Rules>,
    pub orders: BTreeMap<OrderId, (Order, u32)>,
    pub positions: BTreeMap<Instrument, Quantity>,
    pub quotes: BTreeMap<Instrument, Quote>,
    pub timers: BTreeMap<u32, UtcNanos>,
}

impl Context<'_> {
    /// The virtual now: the receive time of the input that is being handled.
    #[must_use]
    pub fn now(&self) -> UtcNanos {
        self.now
    }
    /// Sends an order; its fate comes to [`Strategy::on_order`].
    pub fn submit(&mut self, request: OrderRequest) -> OrderId {
        self.book.made += 1;
        let order_id = self.book.ids.next_order_id();
        self.commands.push(Command::Submit { order_id, request: Box::new(request) });
        order_id
    }
    /// Sends an entry with the orders that close it, all taken or all denied. Returns the entry's id; that of the order that
    /// takes the profit is its part 1, that of the one that stops the loss its part 2 ([`OrderId::part`]).
    pub fn bracket(&mut self, entry: OrderRequest, exits: Exits) -> OrderId {
        self.book.made += 1;
        let id = self.book.ids.next_order_id();
        self.commands.push(Command::SubmitList { orders: exits.bracket(id, entry) });
        id
    }
    /// Sends two orders of one quantity of which one cancels the other, both taken or both denied. Where the venue does not
    /// hold them, `second` must wait for a price. Returns their ids.
    pub fn one_cancels_other(&mut self, first: OrderRequest, second: OrderRequest) -> [OrderId; 2] {
        self.book.made += 2;
        let ids = [self.book.ids.next_order_id(), self.book.ids.next_order_id()];
        let second = OrderRequest { parent: Some(ids[0]), contingency: Some(Contingency::Oco), ..second };
        self.commands.push(Command::SubmitList { orders: vec![(ids[0], first), (ids[1], second)] });
        ids
    }
    /// Asks to cancel an order.
    pub fn cancel(&mut self, order_id: OrderId) {
        self.commands.push(Command::Cancel { order_id });
    }
    /// Asks to change an order.
    pub fn replace(&mut self, order_id: OrderId, replacement: Replacement) {
        self.commands.push(Command::Replace { order_id, replacement });
    }
    /// Asks to cancel all of its open orders.
    pub fn cancel_all(&mut self) {
        self.commands.push(Command::CancelAll);
    }
    /// Calls [`Strategy::on_timer`] with `id` after `delay`; a timer of that id that runs is replaced.
    pub fn set_timer(&mut self, id: u32, delay: Duration) {
        self.book.timers.insert(id, self.now.after(delay));
    }
    /// Its position in an instrument: positive long, negative short.
    #[must_use]
    pub fn position(&self, instrument: Instrument) -> Quantity {
        self.book.positions.get(&instrument).copied().unwrap_or_default()
    }
    /// Its open orders.
    pub fn open_orders(&self) -> impl Iterator<Item = &Order> {
        self.book.orders.values().map(|(order, _)| order)
    }
    /// The newest best bid and ask of one of its instruments.
    #[must_use]
    pub fn quote(&self, instrument: Instrument) -> Option<Quote> {
        self.book.quotes.get(&instrument).copied()
    }
    /// The rules of an instrument.
    #[must_use]
    pub fn rules(&self, instrument: Instrument) -> Option<&Rules> {
        self.book.rules.get(&instrument)
    }
    /// The largest tradable quantity that costs at most `value` at `price`; zero when that is too small.
    #[must_use]
    pub fn quantity_for(&self, instrument: Instrument, value: messages::Cash, price: Price) -> Quantity {
        let Some(rules) = self.rules(instrument) else { return Quantity::ZERO };
        let units = value.raw().checked_mul(100_000_000).and_then(|v| v.checked_div(i128::from(price.raw())));
        let quantity = units.and_then(Quantity::from_raw).unwrap_or_default().floor_to(rules.quantity_step);
        if quantity < rules.min_quantity { Quantity::ZERO } else { quantity }
    }
    /// Writes a line to the log.
    pub fn log(&mut self, line: impl Into<String>) {
        self.lines.push(line.into());
    }
}
