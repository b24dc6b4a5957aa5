//! What the venue sees of one instrument, and what an order there would meet.
//!
//! The book where one is synced, else the best quote; where only trades are known, the last one stands for both sides. With
//! `drop_stale_levels` nothing is met that later messages say is gone: a newer quote goes before an older book, a trade
//! beyond the best price has cleared what was better, and a trade at it has taken its size.

use super::*;

/// What is known of the levels on one side beside the newest message that showed them.
#[derive(Default)]
struct SideSeen {
    /// The best level of the newest quote.
    quote: Option<Level>,
    /// The trade that went through what is shown: nothing better is left.
    swept: Option<(Level, UtcNanos)>,
    /// What traded at the best price since it was shown.
    eaten: Option<(Price, Quantity, UtcNanos)>,
}

/// What is seen of one instrument.
#[derive(Default)]
pub struct Market {
    bids: SideSeen,
    asks: SideSeen,
    /// The last trade.
    pub last: Option<Level>,
    /// The update id of the newest quote; kept where stale levels are dropped.
    quote_id: Option<u64>,
    pub book: Book,
    /// What our orders took of the sizes that are shown, by side and price.
    pub taken: BTreeMap<(Side, Price), Quantity>,
    /// Our orders here, oldest first.
    pub orders: BTreeSet<(u64, ClientOrderId)>,
    pub bands: Bands,
}

/// True when `price` is better than `other` for who goes this way.
pub fn is_better(side: Side, price: Price, other: Price) -> bool {
    match side {
        Side::Buy => price < other,
        Side::Sell => price > other,
    }
}

impl Market {
    /// Takes a trade or a quote in.
    pub fn see(&mut self, tick: &Tick, drop_stale: bool) {
        match tick.body {
            TickBody::Trade { price, size, .. } => {
                if !self.taken.is_empty() && self.is_unquoted() {
                    self.taken.clear();
                }
                let trade = Level { price, size };
                self.last = Some(trade);
                if drop_stale {
                    self.clear_by(Side::Buy, trade, tick.time);
                    self.clear_by(Side::Sell, trade, tick.time);
                }
            }
            TickBody::Quote { bid, ask } => {
                if self.bids.quote != bid {
                    self.taken.retain(|(side, _), _| *side != Side::Sell);
                }
                if self.asks.quote != ask {
                    self.taken.retain(|(side, _), _| *side != Side::Buy);
                }
                self.bids = SideSeen { quote: bid, swept: None, eaten: None };
                self.asks = SideSeen { quote: ask, swept: None, eaten: None };
                self.quote_id = tick.sequence.filter(|_| drop_stale).and_then(|id| u64::try_from(id).ok());
            }
        }
    }

    /// Takes a depth message in: a new size at a price is what is there now.
    pub fn see_depth(&mut self, depth: &Depth, now: UtcNanos) {
        self.book.on_depth(depth, now);
        for level in &depth.asks {
            self.taken.remove(&(Side::Buy, level.price));
        }
        for level in &depth.bids {
            self.taken.remove(&(Side::Sell, level.price));
        }
        for seen in [&mut self.bids, &mut self.asks] {
            seen.swept = seen.swept.filter(|(_, at)| *at > depth.time);
            seen.eaten = seen.eaten.filter(|(_, _, at)| *at > depth.time);
        }
    }

    /// A trade says what is left of the levels that an order on `side` would meet.
    fn clear_by(&mut self, side: Side, trade: Level, at: UtcNanos) {
        let Some(best) = self.newest_best(side) else { return };
        let seen = match side {
            Side::Buy => &mut self.asks,
            Side::Sell => &mut self.bids,
        };
        if is_better(side, best, trade.price) {
            seen.swept = Some((trade, at));
        } else if best == trade.price {
            let before = seen.eaten.filter(|(price, ..)| *price == best).map(|(_, eaten, _)| eaten).unwrap_or_default();
            let eaten = before.checked_add(trade.size.to_quantity()).unwrap_or(before);
            seen.eaten = Some((best, eaten, at));
        }
    }

    /// What is seen of the levels that an order on `side` would meet.
    fn against(&self, side: Side) -> &SideSeen {
        match side {
            Side::Buy => &self.asks,
            Side::Sell => &self.bids,
        }
    }

    /// The best price that an order on `side` would meet, by the newest message that shows it.
    pub fn newest_best(&self, side: Side) -> Option<Price> {
        if self.book.is_synced() && !self.quote_leads() {
            let best = match side {
                Side::Buy => self.book.best_ask(),
                Side::Sell => self.book.best_bid(),
            };
            return best.map(|level| level.price);
        }
        self.against(side).quote.map(|level| level.price)
    }

    /// True where the newest quote is newer than the book: their ids are of one counter (Binance: `u` of bookTicker and of depth).
    fn quote_leads(&self) -> bool {
        self.quote_id.is_some_and(|id| self.book.last_id().is_some_and(|known| id > known))
    }

    /// True where only trades are known, as in a recording of trades.
    pub fn is_unquoted(&self) -> bool {
        self.bids.quote.is_none() && self.asks.quote.is_none() && !self.book.is_synced()
    }

    /// The levels that an order on `side` would meet, best first, less what we took of them.
    pub fn shown(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let seen = self.against(side);
        let (synced, leads) = (self.book.is_synced(), self.quote_leads());
        let quote = seen.quote.or(self.last.filter(|_| self.is_unquoted())).filter(|_| !synced || leads);
        let swept = seen.swept.map(|(trade, _)| trade);
        let is_gone = move |price| swept.is_some_and(|trade| is_better(side, price, trade.price));
        // Beyond the levels that are known, the trade that went there is all that is known.
        let first = quote.map(|level| if is_gone(level.price) { swept.unwrap_or(level) } else { level });
        let behind = first.map(|level| level.price);
        let book = synced.then(|| self.book.against(side)).into_iter().flatten();
        let book = book.filter(move |level| {
            let is_behind = behind.is_none_or(|best| is_better(side, best, level.price));
            is_behind && !is_gone(level.price)
        });
        first.into_iter().chain(book).map(move |level| self.less_taken(side, level))
    }

    fn less_taken(&self, side: Side, level: Level) -> Level {
        let taken = self.taken.get(&(side, level.price)).copied().unwrap_or_default();
        let eaten = self.against(side).eaten.filter(|(price, ..)| *price == level.price).map(|(_, eaten, _)| eaten);
        let left =
            level.size.to_quantity().checked_sub(taken).and_then(|left| left.checked_sub(eaten.unwrap_or_default()));
        let left = left.unwrap_or_default();
        let size = if left.is_positive() { to_size(left) } else { Size::ZERO };
        Level { size, ..level }
    }

    /// Our orders took so much of a level.
    pub fn take(&mut self, side: Side, price: Price, quantity: Quantity) {
        let taken = self.taken.entry((side, price)).or_default();
        *taken = taken.checked_add(quantity).unwrap_or(*taken);
    }

    /// True when the order would trade at once.
    pub fn crosses(&self, request: &OrderRequest) -> bool {
        !request.order_type.is_conditional()
            && self.shown(request.side).next().is_some_and(|best| reaches(request, best.price))
    }

    /// The size shown at a price on the order's own side; `None` where nothing is known of it.
    pub fn size_at(&self, side: Side, price: Price) -> Option<Quantity> {
        let synced = self.book.is_synced();
        if synced && !self.quote_leads() {
            return Some(self.book.size_at(side, price).to_quantity());
        }
        let best = self.against(side.opposite()).quote?;
        let is_inside = match side {
            Side::Buy => price > best.price,
            Side::Sell => price < best.price,
        };
        match (price == best.price, is_inside) {
            (true, _) => Some(best.size.to_quantity()),
            (_, true) => Some(Quantity::ZERO),
            _ => synced.then(|| self.book.size_at(side, price).to_quantity()),
        }
    }
}

/// True when the request may trade at `price`.
pub fn reaches(request: &OrderRequest, price: Price) -> bool {
    match (request.price, request.side) {
        (None, _) => true,
        (Some(limit), Side::Buy) => price <= limit,
        (Some(limit), Side::Sell) => price >= limit,
    }
}

/// A quantity that came from tick sizes is one again.
fn to_size(quantity: Quantity) -> Size {
    i64::try_from(quantity.raw() / 10).ok().and_then(Size::from_raw).unwrap_or(Size::MAX)
}
