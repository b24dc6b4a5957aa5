//! Busts and corrections: what a venue reported as traded and then took back.
//!
//! The fill that does not stand stays where it was written; what undoes it is written behind it, under a key made of its own, with
//! its price, and with its quantity and fee negative, so that sums over fills, positions and money are right again. A correction is
//! that and a fill. Both are told to people, each once. The fee goes back with its fill; a venue that keeps it is seen in the
//! balances. An order that has ended stays ended, with less filled.

use super::*;

impl Orders {
    /// The venue undid an execution. One that nobody here has heard of is noted all the same: it must not count when it comes.
    pub(super) fn undo(
        &mut self,
        entry: &mut Entry,
        execution_id: ExecutionId,
        said: UtcNanos,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        let key = execution_id.undone();
        if entry.executions.contains_key(&key) {
            self.counters.ignored += 1;
            return;
        }
        let name = entry.order.client_order_id;
        let known = entry.executions.get(&execution_id).copied();
        let Some(fill) = undoing(&entry.order, key, known, said) else {
            return self
                .alarm(format!("execution {execution_id} of {name} was undone, and its sums are out of range"), out);
        };
        let why = match known {
            Some(Executed { price, quantity, .. }) => format!(
                "the venue undid execution {execution_id}, {quantity} at {price}; {} of {} are filled now",
                fill.cumulative, entry.order.request.quantity
            ),
            None => format!("the venue undid execution {execution_id}, which nobody here has heard of"),
        };
        self.alarm(format!("order {name}: {why}"), out);
        self.take_in(entry, &fill);
        self.happen(entry, Happening { text: why, fill: Some(fill), ..Happening::of(EventKind::Busted) }, at, out);
    }

    /// The venue changed an execution.
    pub(super) fn correct(
        &mut self,
        entry: &mut Entry,
        execution_id: ExecutionId,
        fill: Fill,
        at: Moment,
        out: &mut Vec<Effect>,
    ) {
        self.undo(entry, execution_id, fill.executed_at, at, out);
        self.fill(entry, fill, at, out);
    }

    /// Takes a fill, or what undoes one, into the order's sums and into what is held.
    pub(super) fn take_in(&mut self, entry: &mut Entry, fill: &Fill) {
        entry.note(fill);
        let order = &mut entry.order;
        order.filled = order.filled.checked_add(fill.quantity).unwrap_or(order.filled);
        let notional = fill.price.notional(fill.quantity).and_then(|n| order.filled_notional.checked_add(n));
        order.filled_notional = notional.unwrap_or(order.filled_notional);
        order.commission = add_fee(order.commission, fill.fee);
        let order = order.clone();
        self.apply_exposure(&order, fill);
    }
}

impl Entry {
    /// True when the venue undid a fill of it.
    pub(super) fn is_amended(&self) -> bool {
        self.executions.keys().any(|key| key.undoes().is_some())
    }
}

/// True for a filled order of which a fill was undone: it takes another, and has another end.
pub(super) fn has_room_again(order: &Order) -> bool {
    order.status == Status::Filled && order.remaining().is_positive()
}

/// What undoes an execution, or stands for its undoing where it is not known; `None` where the sums do not fit.
fn undoing(order: &Order, key: ExecutionId, known: Option<Executed>, said: UtcNanos) -> Option<Fill> {
    let none = Executed { price: Price::default(), quantity: Quantity::ZERO, fee: None };
    let Executed { price, quantity, fee } = known.unwrap_or(none);
    Some(Fill {
        execution_id: key,
        price,
        quantity: -quantity,
        cumulative: order.filled.checked_sub(quantity)?,
        liquidity: None,
        fee: fee.map(|fee| Fee { amount: -fee.amount, ..fee }),
        executed_at: said,
    })
}

/// The order's row has one fee in one asset: that of its first fill. The trades have every fee.
fn add_fee(sum: Option<Fee>, fee: Option<Fee>) -> Option<Fee> {
    match (sum, fee) {
        (None, fee) => fee,
        (Some(sum), Some(fee)) if sum.asset == fee.asset => {
            Some(Fee { amount: sum.amount.checked_add(fee.amount).unwrap_or(sum.amount), ..sum })
        }
        (sum, _) => sum,
    }
}
