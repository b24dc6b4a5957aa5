//! Matching: what the market that is shown does to our orders.

use super::*;
use crate::settings::TriggerBy;

impl Paper {
    /// Works an order that has just arrived, was changed, was triggered or need not wait any more.
    pub(super) fn work(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let by = self.settings.paper.triggers.by;
        let Some(working) = self.orders.get_mut(id).filter(|w| !w.held) else { return };
        let Some(market) = self.markets.get(working.request.instrument) else { return };
        if working.waits_for_trigger() {
            if !working.triggers(market, by) {
                return;
            }
            working.triggered = true;
            out.push(self.report(id, now, ReportKind::Triggered));
        }
        self.take(id, now, out);
        self.settle(id, now, out);
    }

    /// Takes what is shown on the other side, as far as the limit and the band reach.
    fn take(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.orders.get(id) else { return };
        let (request, mut rest) = (working.request.clone(), working.remaining());
        let band = self.band(request.instrument, now);
        let Some(market) = self.markets.get(request.instrument) else { return };
        let mut takes: Vec<Take> = Vec::new();
        for level in market.shown(request.side) {
            let allowed = reaches(&request, level.price) && band.is_none_or(|band| band.holds(level.price));
            if !rest.is_positive() || !allowed {
                break;
            }
            let shown = level.size.to_quantity();
            let quantity = rest.min(shown);
            if quantity.is_positive() {
                takes.push(Take { side: request.side, price: level.price, quantity, shown });
                rest = rest.checked_sub(quantity).unwrap_or_default();
            }
        }
        if request.time_in_force == TimeInForce::Fok && rest.is_positive() {
            return;
        }
        for take in takes {
            if let Some(market) = self.markets.get_mut(request.instrument) {
                market.take(take.side, take.price, take.quantity);
            }
            let price = self.slipped(&take, &request);
            self.fill(id, price, take.quantity, Liquidity::Taker, now, out);
        }
    }

    /// The price that is paid: by the slippage model, on the price step, never beyond the limit, above zero.
    fn slipped(&mut self, take: &Take, request: &OrderRequest) -> Price {
        let price = self.models.slippage.price(take, &mut self.chance.slippage);
        if price == take.price {
            return price;
        }
        let step = self.settings.rules.get(&request.instrument).map_or(Price::ZERO, |rules| rules.price_step);
        let floor = price.floor_to(step);
        let on_step = match take.side {
            Side::Buy if floor < price => floor.checked_add(step).unwrap_or(price),
            Side::Buy | Side::Sell => floor,
        };
        let limited = match (request.price, take.side) {
            (None, _) => on_step,
            (Some(limit), Side::Buy) => on_step.min(limit),
            (Some(limit), Side::Sell) => on_step.max(limit),
        };
        if limited.is_positive() { limited } else { take.price }
    }

    /// What is left rests with a place in the queue, or ends.
    fn settle(&mut self, id: ClientOrderId, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let Some(working) = self.orders.get_mut(id) else { return };
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
        let shown = price.and_then(|p| self.markets.get(working.request.instrument)?.size_at(side, p));
        if let Some(shown) = shown.filter(|_| working.place.is_none()) {
            let ahead = self.models.fills.joins(shown, &mut self.chance.fills);
            working.place = Some(Place { ahead, shown, traded: Quantity::ZERO });
        }
    }

    /// The orders that an event is matched with, in a list that is given back to [`Self::ids`].
    fn ids(&mut self, instrument: Instrument) -> Vec<ClientOrderId> {
        let mut ids = std::mem::take(&mut self.ids);
        ids.clear();
        ids.extend(self.markets.get(instrument).into_iter().flat_map(|m| &m.orders).map(|(_, id)| *id));
        ids
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
        let (by, band, size) = (self.settings.paper.triggers.by, self.band(instrument, now), size.to_quantity());
        let mut left = size;
        let ids = self.ids(instrument);
        for id in ids.iter().copied() {
            let events = self.events;
            let Some(working) = self.orders.get_mut(id).filter(|w| w.is_met_by(events)) else { continue };
            if working.waits_for_trigger() {
                if by == TriggerBy::Last {
                    self.work(id, now, out);
                }
                continue;
            }
            let allowed = |limit: &Price| band.is_none_or(|band| band.holds(*limit));
            let Some(limit) = working.request.price.filter(allowed) else { continue };
            let beyond = match working.request.side {
                Side::Buy => price < limit,
                Side::Sell => price > limit,
            };
            if beyond {
                // All that was shown at our price has gone before the market could trade behind it.
                let rest = working.remaining();
                self.fill(id, limit, rest, Liquidity::Maker, now, out);
            } else if price == limit {
                let quantity = working.trade_at_its_price(size, &mut left);
                self.fill(id, limit, quantity, Liquidity::Maker, now, out);
            }
        }
        self.ids = ids;
    }

    /// New sizes are shown: queues change, and a quote that crosses us fills us.
    pub(super) fn match_shown(&mut self, instrument: Instrument, now: UtcNanos, out: &mut Vec<VenueReport>) {
        let (by, band) = (self.settings.paper.triggers.by, self.band(instrument, now));
        let ids = self.ids(instrument);
        for id in ids.iter().copied() {
            let events = self.events;
            let (Some(working), Some(market)) = (self.orders.get_mut(id), self.markets.get(instrument)) else {
                continue;
            };
            if !working.is_met_by(events) {
                continue;
            }
            if working.waits_for_trigger() {
                if by == TriggerBy::Quote {
                    self.work(id, now, out);
                }
                continue;
            }
            let Some(limit) = working.request.price else { continue };
            let side = working.request.side;
            if let Some(shown) = market.size_at(side, limit) {
                let (model, chance) = (&mut self.models.fills, &mut self.chance.fills);
                let ahead = match working.place {
                    None => model.joins(shown, chance),
                    Some(Place { ahead, shown: before, traded }) if before != shown || traded.is_positive() => {
                        model.changes(ahead, &Change { before, traded, now: shown }, chance).min(ahead)
                    }
                    Some(place) => place.ahead,
                };
                working.place = Some(Place { ahead, shown, traded: Quantity::ZERO });
            }
            let allowed = band.is_none_or(|band| band.holds(limit));
            let best = market.shown(side).next().filter(|best| allowed && reaches(&working.request, best.price));
            if let Some(best) = best {
                let quantity = working.remaining().min(best.size.to_quantity());
                if let Some(market) = self.markets.get_mut(instrument).filter(|_| quantity.is_positive()) {
                    market.take(side, best.price, quantity);
                }
                self.fill(id, limit, quantity, Liquidity::Maker, now, out);
            }
        }
        self.ids = ids;
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
        let Some(working) = self.orders.get_mut(id).filter(|_| quantity.is_positive()) else { return };
        let rules = self.settings.rules.get(&working.request.instrument);
        let fee = rules.and_then(|rules| {
            let filled = Filled {
                rules,
                price,
                quantity,
                liquidity,
                at: now,
                filled_before: working.filled,
                value_before: working.value,
                paid_before: working.paid,
            };
            Some(Fee { amount: self.models.fees.fee(&filled)?, asset: rules.quote })
        });
        working.filled = working.filled.checked_add(quantity).unwrap_or(working.filled);
        working.fills += 1;
        let value = price.times(quantity).and_then(|value| working.value.checked_add(value));
        working.value = value.unwrap_or(working.value);
        let paid = fee.and_then(|fee| working.paid.checked_add(fee.amount));
        working.paid = paid.unwrap_or(working.paid);
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
        if let Some(rules) = rules {
            self.balances.fill(rules, working.request.side, &fill);
        }
        let (done, kin) = (!working.remaining().is_positive(), working.kin());
        out.push(self.report(id, now, ReportKind::Filled(fill)));
        if !done {
            self.cancel_rivals(kin, now, out);
        } else if let Some(working) = self.take_out(id) {
            self.ended(&working, now, out);
        }
    }
}

impl Working {
    /// True when an event with this number may do something to it: it worked before the event came.
    fn is_met_by(&self, event: u64) -> bool {
        !self.held && self.since < event
    }

    /// A trade at its price: what it fills. `left` is what our orders before it have left of the trade.
    fn trade_at_its_price(&mut self, size: Quantity, left: &mut Quantity) -> Quantity {
        let rest = self.remaining();
        // How long the queue is nobody knows while the price is not shown: only a trade beyond it fills.
        let Some(place) = self.place.as_mut() else { return Quantity::ZERO };
        place.traded = place.traded.checked_add(size).unwrap_or(place.traded);
        if !left.is_positive() {
            return Quantity::ZERO;
        }
        let behind = left.checked_sub(place.ahead).unwrap_or_default();
        if !behind.is_positive() {
            place.ahead = place.ahead.checked_sub(*left).unwrap_or_default();
            *left = Quantity::ZERO;
            return Quantity::ZERO;
        }
        place.ahead = Quantity::ZERO;
        let quantity = rest.min(behind);
        *left = behind.checked_sub(quantity).unwrap_or_default();
        quantity
    }
}
