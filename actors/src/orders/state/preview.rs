//! What risk would say to an order of a person, without deciding anything.

use super::*;
use crate::ports::Preview;

impl Orders {
    /// Judges an order that is only thought of.
    #[must_use]
    pub fn preview(&mut self, request: &OrderRequest, now: UtcNanos) -> Preview {
        let strategy = StrategyId::manual();
        let verdict = self.judge(strategy, false, request, request.quantity, now);
        let instrument = request.instrument;
        let prices = self.prices.get(instrument).copied().unwrap_or_default();
        let price = request.price.or(request.stop_price).or_else(|| prices.reference(request.side));
        let position = self.book.own(strategy, instrument).position;
        Preview {
            verdict,
            price,
            notional: request.quote_quantity.or_else(|| price?.times(request.quantity)),
            position,
            position_after: risk::asked(request, &prices).and_then(|q| position.checked_add(request.side.signed(q))),
            free_quote: self.free(instrument).quote,
            priced_at: (prices.received > UtcNanos::MIN).then_some(prices.received),
        }
    }
}
