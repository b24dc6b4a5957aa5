//! Matching: what the market that is shown does to our orders.

use super::*;
use crate::accounting;

impl Market {
    /// The levels that an order on `side` would meet, best first, less what we took of them.
    fn shown(&self, side: Side) -> impl Iterator<Item = Level> + '_ {
        let from_book = self.book.is_synced();
        let best = match side {
            Side::Buy => self.ask,
            Side::Sell => self.bid,
        };
        let book: Box<dyn Iterator<Item = Level>> = match side {
            Side::Buy => Box::new(self.book.asks()),
            Side::Sell => Box::new(self.book.bids()),
        };
        let best = best.or(self.last.filter(|_| self.is_unquoted()));
        let quote = best.into_iter().filter(move |_| !from_book);
        book.filter(move |_| from_book).chain(quote).map(move |level| self.less_taken(side, level))
    }

    fn less_taken(&self, side: Side, level: Level) -> Level {
        let taken = self.taken.get(&(side, level.price)).copied().unwrap_or_default();
        let left = level.size.to_quantity().checked_sub(taken).unwrap_or_default();
        let size = if left.is_positive() { to_size(left) } else { Size::ZERO };
        Level { size, ..level }
    }

    /// True when the order would trade at once.
    pub(super) fn crosses(&self, request: &OrderRequest) -> bool {
        !request.order_type.is_conditional()
            && self.shown(request.side).next().is_some_and(|best| reaches(request, best.price))
    }

    /// The size shown at a price on the order's own side; `None` where nothing is known of it.
    fn size_at(&self, side: Side, price: Price) -> Option<Quantity> {
        if self.book.is_synced() {
            return Some(self.book.size_at(side, price).to_quantity());
        }
        let best = match side {
            Side::Buy => self.bid,
            Side::Sell => self.ask,
        }?;
        let better_than_best = match side {
            Side::Buy => price > best.price,
            Side::Sell => price < best.price,
        };
        match (price == best.price, better_than_best) {
            (true, _) => Some(best.size.to_quantity()),
            (_, true) => Some(Quantity::ZERO),
            _ => None,
        }
    }

    /// True when the market has reached the trigger price.
    fn triggers(&self, request: &OrderRequest) -> bool {
        match (request.stop_price, self.last.map(|l| l.price)) {
            (Some(stop), Some(last)) => match request.side {
                Side::Buy => last >= stop,
                Side::Sell => last <= stop,
            },
            _ => false,
        }
    }
}

/// True when the request may trade at `price`.
fn reaches(request: &OrderRequest, price: Price) -> bool {
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

impl Paper {
    /// Works an order that has just arrived, was changed or was triggered.
    pub(super) fn work(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.orders.get(id) else { return };
        let instrument = working.request.instrument;
        let Some(market) = self.markets.get(instrument) else { return };
        if working.waits_for_trigger() {
            if !market.triggers(&working.request) {
                return;
            }
            if let Some(working) = self.orders.get_mut(id) {
                working.triggered = true;
            }
            out.push(self.report(id, now, ReportKind::Triggered));
        }
        self.take(id, now, out);
        self.settle(id, now, out);
    }

    /// Takes what is shown on the other side, as far as the limit reaches.
    fn take(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.orders.get(id) else { return };
        let (request, mut rest) = (working.request.clone(), working.remaining());
        let Some(market) = self.markets.get(request.instrument) else { return };
        let mut takes: Vec<(Price, Quantity)> = Vec::new();
        for level in market.shown(request.side) {
            if !rest.is_positive() || !reaches(&request, level.price) {
                break;
            }
            let quantity = rest.min(level.size.to_quantity());
            if quantity.is_positive() {
                takes.push((level.price, quantity));
                rest = rest.checked_sub(quantity).unwrap_or_default();
            }
        }
        if request.time_in_force == TimeInForce::Fok && rest.is_positive() {
            return;
        }
        for (price, quantity) in takes {
            if let Some(market) = self.markets.get_mut(request.instrument) {
                let taken = market.taken.entry((request.side, price)).or_default();
                *taken = taken.checked_add(quantity).unwrap_or(*taken);
            }
            self.fill(id, price, quantity, Liquidity::Taker, now, out);
        }
    }

    /// What is left rests with a place in the queue, or ends.
    fn settle(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.orders.get(id) else { return };
        let ends = match working.request.time_in_force {
            TimeInForce::Ioc => Some("ioc_unfilled"),
            TimeInForce::Fok => Some("fok_unfilled"),
            _ if working.request.price.is_none() => Some("market_unfilled"),
            _ => None,
        };
        if let Some(code) = ends {
            return self.end(id, now, ReportKind::Expired { reason: Reason::code(code) }, out);
        }
        let (side, price) = (working.request.side, working.request.price);
        let queue = price.and_then(|p| self.markets.get(working.request.instrument)?.size_at(side, p));
        if let Some(working) = self.orders.get_mut(id)
            && working.queue.is_none()
        {
            working.queue = queue;
        }
    }

    /// A trade: triggers stops, shortens queues, fills who is at its front.
    pub(super) fn match_trade(
        &mut self,
        instrument: Instrument,
        price: Price,
        size: Size,
        now: UtcNanos,
        out: &mut Vec<VenueReport>,
    ) {
        let mut left = size.to_quantity();
        for id in self.ids(instrument) {
            let Some(working) = self.orders.get_mut(id) else { continue };
            if working.waits_for_trigger() {
                self.work(id, now, out);
                continue;
            }
            let Some(limit) = working.request.price else { continue };
            let beyond = match working.request.side {
                Side::Buy => price < limit,
                Side::Sell => price > limit,
            };
            if beyond {
                // All that was shown at our price has gone before the market could trade behind it.
                let rest = working.remaining();
                self.fill(id, limit, rest, Liquidity::Maker, now, out);
            } else if price == limit && left.is_positive() {
                // How long the queue is nobody knows while the price is not shown: only a trade beyond it fills.
                let Some(before) = working.queue else { continue };
                let shortened = before.checked_sub(left).unwrap_or_default();
                if shortened.is_negative() {
                    working.queue = Some(Quantity::ZERO);
                    let quantity = working.remaining().min(-shortened);
                    left = (-shortened).checked_sub(quantity).unwrap_or_default();
                    self.fill(id, limit, quantity, Liquidity::Maker, now, out);
                } else {
                    working.queue = Some(shortened);
                    left = Quantity::ZERO;
                }
            }
        }
    }

    /// New sizes are shown: queues cannot be longer than they, and a quote that crosses us fills us.
    pub(super) fn match_shown(&mut self, instrument: Instrument, now: UtcNanos, out: &mut Vec<VenueReport>) {
        for id in self.ids(instrument) {
            let (Some(working), Some(market)) = (self.orders.get_mut(id), self.markets.get(instrument)) else {
                continue;
            };
            let Some(limit) = working.request.price.filter(|_| !working.waits_for_trigger()) else { continue };
            let side = working.request.side;
            if let Some(size) = market.size_at(side, limit) {
                working.queue = Some(working.queue.map_or(size, |q| q.min(size)));
            }
            let crossing = market.shown(side).next().filter(|best| reaches(&working.request, best.price));
            if let Some(best) = crossing {
                let quantity = working.remaining().min(best.size.to_quantity());
                if let Some(market) = self.markets.get_mut(instrument) {
                    let taken = market.taken.entry((side, best.price)).or_default();
                    *taken = taken.checked_add(quantity).unwrap_or(*taken);
                }
                self.fill(id, limit, quantity, Liquidity::Maker, now, out);
            }
        }
    }

    fn ids(&self, instrument: Instrument) -> Vec<ClientOrderId> {
        self.markets.get(instrument).map(|m| m.orders.iter().map(|(_, id)| *id).collect()).unwrap_or_default()
    }

    fn fill(
        &mut self,
        id: ClientOrderId,
        price: Price,
        quantity: Quantity,
        liquidity: Liquidity,
        now: UtcNanos,
        out: &mut Vec<VenueReport>,
    ) {
        let fee = self.fee(id, price, quantity, liquidity);
        let Some(working) = self.orders.get_mut(id).filter(|_| quantity.is_positive()) else { return };
        working.filled = working.filled.checked_add(quantity).unwrap_or(working.filled);
        working.fills += 1;
        let execution_id = format!("{id}:{}", working.fills).parse();
        let fill = Fill {
            execution_id: execution_id.expect("a client order id and a counter fit the cap"),
            price,
            quantity,
            cumulative: working.filled,
            liquidity: Some(liquidity),
            fee,
            executed_at: now,
        };
        let done = !working.remaining().is_positive();
        out.push(self.report(id, now, ReportKind::Filled(fill)));
        if done
            && let Some(working) = self.orders.remove(id)
            && let Some(market) = self.markets.get_mut(working.request.instrument)
        {
            market.orders.remove(&(working.arrival, id));
        }
    }

    /// The fee, in quote asset.
    fn fee(&self, id: ClientOrderId, price: Price, quantity: Quantity, liquidity: Liquidity) -> Option<Fee> {
        let rules = self.settings.rules.get(&self.orders.get(id)?.request.instrument)?;
        let ppm = match liquidity {
            Liquidity::Maker => self.settings.maker_fee_ppm,
            Liquidity::Taker => self.settings.taker_fee_ppm,
        };
        accounting::fee(rules, price, quantity, ppm)
    }
}
