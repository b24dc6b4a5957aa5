//! An order as the state keeps it.

use super::*;

/// An order with what only we need to know.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Entry {
    pub(super) order: Order,
    /// How much was asked of it when it left: what was held here may have left for less, and may come back.
    pub(super) asked: Quantity,
    /// Events so far.
    pub(super) events: u32,
    /// Fills so far and what undid them, by key.
    pub(super) executions: BTreeMap<ExecutionId, Executed>,
    /// Fills that were refused, each with the count that did not fit: not told again, and judged anew with another count. No
    /// record holds them: after a restart each is told once more.
    #[serde(skip)]
    pub(super) refused: BTreeSet<(ExecutionId, Quantity)>,
    /// The most that any report said was filled.
    pub(super) reported: Quantity,
    /// When the venue was last asked or told about it.
    pub(super) asked_at: UtcNanos,
    /// When a cancel or replacement, still unanswered, was sent.
    pub(super) requested_at: Option<UtcNanos>,
    /// When the order had left for the venue at the latest, where only the venue's answers tell.
    pub(super) left_by: Option<UtcNanos>,
    /// True while it is known to be replaced and not by what.
    pub(super) terms_unknown: bool,
    /// Of an order by value: how much all of it is, once its venue has said so. No record holds it: the venue says it again.
    #[serde(skip)]
    pub(super) whole: Option<Quantity>,
}

/// What is kept of a fill: what it takes to undo it.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(super) struct Executed {
    pub(super) price: Price,
    pub(super) quantity: Quantity,
    pub(super) fee: Option<Fee>,
}

impl Entry {
    /// True for an execution that was applied, or undone before it came: that never was.
    pub(super) fn knows(&self, key: ExecutionId) -> bool {
        self.executions.contains_key(&key) || self.executions.contains_key(&key.undone())
    }

    /// How much of it was filled when it was adopted: that is counted, and no execution here tells of it.
    pub(super) fn adopted_with(&self) -> Option<Quantity> {
        let told = self.executions.values().try_fold(Quantity::ZERO, |sum, fill| sum.checked_add(fill.quantity))?;
        self.order.filled.checked_sub(told).filter(|quantity| quantity.is_positive())
    }

    /// True when nothing is left of it with so much filled. How much an order by value is only its venue can say.
    pub(super) fn is_complete(&self, filled: Quantity) -> bool {
        match self.order.request.quote_quantity {
            Some(_) => self.whole.is_some_and(|whole| filled >= whole),
            None => !self.terms_unknown && filled >= self.order.request.quantity,
        }
    }

    /// Remembers a fill that was applied, or undone: that the venue does not count any more.
    pub(super) fn note(&mut self, fill: &Fill) {
        let Fill { execution_id, price, quantity, fee, cumulative, .. } = *fill;
        self.executions.insert(execution_id, Executed { price, quantity, fee });
        self.reported = if quantity.is_negative() {
            self.reported.checked_add(quantity).unwrap_or_default()
        } else {
            self.reported.max(cumulative)
        };
    }
}
