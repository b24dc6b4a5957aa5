//! What a fill does to balances: the one place that knows.

use messages::instrument::{Asset, Rules};
use messages::orders::{Fill, Side};
use messages::{Cash, Price, Quantity};

/// Changes of balances by one fill, or by what undoes one, one entry per asset.
///
/// Base asset moves by the quantity, quote asset by price × quantity (rounded half to even once), the
/// fee leaves its own asset, which may be a third one.
#[must_use]
pub fn balance_changes(rules: &Rules, side: Side, fill: &Fill) -> Option<Vec<(Asset, Cash)>> {
    let base = Cash::from_raw(side.signed(fill.quantity).raw())?;
    let value = fill.price.times(fill.quantity)?;
    let quote = match side {
        Side::Buy => -value,
        Side::Sell => value,
    };
    let mut changes = vec![(rules.base, base), (rules.quote, quote)];
    if let Some(fee) = fill.fee {
        match changes.iter_mut().find(|(asset, _)| *asset == fee.asset) {
            Some((_, amount)) => *amount = amount.checked_sub(fee.amount)?,
            None => changes.push((fee.asset, -fee.amount)),
        }
    }
    Some(changes)
}

/// What `cash` buys at a price, rounded down; `None` at a price that is not positive or out of range.
#[must_use]
pub fn quantity_for(cash: Cash, price: Price) -> Option<Quantity> {
    const PRICE_ONE: i128 = 100_000_000;
    let value = cash.raw().checked_mul(PRICE_ONE)?;
    price.is_positive().then(|| Quantity::from_raw(value / i128::from(price.raw())))?
}

/// A position after a fill, or after one was undone, and the profit of what it closed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    /// The new quantity, signed.
    pub quantity: Quantity,
    /// The new cost basis, signed like the quantity.
    pub cost_basis: Cash,
    /// Profit of the closed part, before fees.
    pub realized: Cash,
}

/// Moves a position (signed `quantity` with its exact `cost_basis`) by a fill. A partial close takes
/// basis × closed / quantity, rounded half to even, and leaves the rest, so that totals always balance;
/// a fill beyond zero closes all and opens the other side at its price.
#[must_use]
pub fn move_position(quantity: Quantity, cost_basis: Cash, side: Side, fill: &Fill) -> Option<Moved> {
    let change = side.signed(fill.quantity);
    let after = quantity.checked_add(change)?;
    let value = fill.price.times(fill.quantity.abs())?;
    let signed_value = if change.is_negative() { -value } else { value };
    let grows = quantity.is_zero() || quantity.is_negative() == change.is_negative();
    if grows {
        let cost_basis = cost_basis.checked_add(signed_value)?;
        return Some(Moved { quantity: after, cost_basis, realized: Cash::ZERO });
    }
    if change.abs() <= quantity.abs() {
        let taken = cost_basis.share(change.abs(), quantity.abs())?;
        // A sale brings `value` for the basis taken; buying back a short gives back the negative basis.
        let realized = (-signed_value).checked_sub(taken)?;
        return Some(Moved { quantity: after, cost_basis: cost_basis.checked_sub(taken)?, realized });
    }
    let closing_value = fill.price.times(quantity.abs())?;
    let closing_signed = if change.is_negative() { closing_value } else { -closing_value };
    let realized = closing_signed.checked_sub(cost_basis)?;
    let opened = signed_value.checked_add(closing_signed)?;
    Some(Moved { quantity: after, cost_basis: opened, realized })
}

/// Moves a position by what undoes a fill, its mirror of negative quantity. Where it is known what that fill `realized`, all that
/// it did is taken back: its quantity, its cost, its profit. What is then left of the cost of nothing was profit, too. Where other
/// fills since leave no cost for what is still held, or nothing is known of the fill, the mirror counts as a trade at its price, so
/// that totals balance in any case.
#[must_use]
pub fn undo_fill(
    quantity: Quantity,
    cost_basis: Cash,
    side: Side,
    mirror: &Fill,
    realized: Option<Cash>,
) -> Option<Moved> {
    let taken_back = realized.and_then(|realized| take_back(quantity, cost_basis, side, mirror, realized));
    taken_back.or_else(|| move_position(quantity, cost_basis, side, mirror))
}

fn take_back(quantity: Quantity, cost_basis: Cash, side: Side, mirror: &Fill, realized: Cash) -> Option<Moved> {
    let after = quantity.checked_add(side.signed(mirror.quantity))?;
    let value = mirror.price.times(side.signed(mirror.quantity))?;
    let rest = cost_basis.checked_add(value)?.checked_sub(realized)?;
    if after.is_zero() {
        return Some(Moved { quantity: after, cost_basis: Cash::ZERO, realized: (-realized).checked_sub(rest)? });
    }
    let is_sound = !rest.is_zero() && rest.is_negative() == after.is_negative();
    is_sound.then_some(Moved { quantity: after, cost_basis: rest, realized: -realized })
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;
    use proptest::prelude::*;

    use super::*;

    fn fill(price: &str, quantity: &str) -> Fill {
        Fill {
            execution_id: "x".parse().unwrap(),
            price: price.parse().unwrap(),
            quantity: quantity.parse().unwrap(),
            cumulative: quantity.parse().unwrap(),
            liquidity: None,
            fee: None,
            executed_at: UtcNanos(0),
        }
    }

    #[test]
    fn positions_open_grow_shrink_close_and_flip() {
        let check = |from: (&str, &str), side, price, quantity, expected: (&str, &str, &str)| {
            let moved =
                move_position(from.0.parse().unwrap(), from.1.parse().unwrap(), side, &fill(price, quantity)).unwrap();
            let found = (moved.quantity.to_string(), moved.cost_basis.to_string(), moved.realized.to_string());
            assert_eq!(
                (found.0.as_str(), found.1.as_str(), found.2.as_str()),
                expected,
                "{from:?} {side} {quantity} @ {price}"
            );
        };
        check(("0", "0"), Side::Buy, "100", "2", ("2", "200", "0"));
        check(("2", "200"), Side::Buy, "110", "1", ("3", "310", "0"));
        check(("2", "200"), Side::Sell, "110", "1", ("1", "100", "10"));
        check(("2", "200"), Side::Sell, "90", "2", ("0", "0", "-20"));
        check(("2", "200"), Side::Sell, "110", "3", ("-1", "-110", "20"));
        check(("0", "0"), Side::Sell, "100", "2", ("-2", "-200", "0"));
        check(("-2", "-200"), Side::Buy, "90", "1", ("-1", "-100", "10"));
        check(("-2", "-200"), Side::Buy, "90", "5", ("3", "270", "20"));
        // 10 for three: the part that does not divide stays with the rest.
        check(("3", "10"), Side::Sell, "4", "1", ("2", "6.666666667", "0.666666667"));
    }

    #[test]
    fn a_fill_that_is_undone_takes_its_cost_and_its_profit_with_it() {
        let check =
            |from: (&str, &str), side, (price, quantity), realized: Option<&str>, expected: (&str, &str, &str)| {
                let (held, basis) = (from.0.parse().unwrap(), from.1.parse().unwrap());
                let realized = realized.map(|realized| realized.parse().unwrap());
                let moved = undo_fill(held, basis, side, &fill(price, quantity), realized).unwrap();
                let found = (moved.quantity.to_string(), moved.cost_basis.to_string(), moved.realized.to_string());
                let found = (found.0.as_str(), found.1.as_str(), found.2.as_str());
                assert_eq!(found, expected, "{from:?}: {side} {quantity} @ {price}, which realized {realized:?}");
            };
        // 10 @ 100 and 10 @ 110 were bought: without the first, 10 cost 1,100.
        check(("20", "2100"), Side::Buy, ("100", "-10"), Some("0"), ("10", "1100", "0"));
        // 10 @ 100 bought and sold @ 110: without the sale, they are held and nothing was made.
        check(("0", "0"), Side::Sell, ("110", "-10"), Some("100"), ("10", "1000", "-100"));
        // 20 for 2,100, half of them sold @ 120 for 150: without the buy @ 110 the sale has made 200.
        check(("10", "1050"), Side::Buy, ("110", "-10"), Some("0"), ("0", "0", "50"));
        check(("-10", "-1000"), Side::Sell, ("100", "-10"), Some("0"), ("0", "0", "0"));
        // 1 @ 1,000 and 9 @ 1 were bought, 8 sold: no cost is left for the one that stays, and the mirror is a sale.
        check(("2", "201.8"), Side::Buy, ("1000", "-1"), Some("0"), ("1", "100.9", "899.1"));
        // Nobody remembers what it realized.
        check(("0", "0"), Side::Sell, ("110", "-10"), None, ("10", "1100", "0"));
    }

    proptest! {
        #[test]
        fn fills_that_are_all_undone_leave_nothing(
            fills in proptest::collection::vec((any::<bool>(), 1i64..1_000, 1i128..50), 1..12),
            order in proptest::collection::vec(any::<proptest::sample::Index>(), 12),
        ) {
            let (mut quantity, mut basis, mut realized, mut cash) = (Quantity::ZERO, Cash::ZERO, Cash::ZERO, Cash::ZERO);
            let mut step = |side: Side, fill: &Fill, of: Option<Cash>| {
                let moved = if fill.quantity.is_negative() {
                    undo_fill(quantity, basis, side, fill, of).unwrap()
                } else {
                    move_position(quantity, basis, side, fill).unwrap()
                };
                let value = fill.price.times(side.signed(fill.quantity)).unwrap();
                cash = cash.checked_sub(value).unwrap();
                (quantity, basis) = (moved.quantity, moved.cost_basis);
                realized = realized.checked_add(moved.realized).unwrap();
                assert_eq!(cash.checked_add(basis).unwrap(), realized, "cash + basis = realized profit");
                assert!(!quantity.is_zero() || basis.is_zero(), "a flat position has no basis");
                moved.realized
            };
            let mut open: Vec<(Side, Fill, Cash)> = Vec::new();
            for (buy, price, amount) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                let fill = fill(&price.to_string(), &amount.to_string());
                let made = step(side, &fill, None);
                open.push((side, fill, made));
            }
            for index in order.iter().take(open.len()) {
                let (side, fill, made) = open.remove(index.index(open.len()));
                let mirror = Fill { quantity: -fill.quantity, ..fill };
                step(side, &mirror, Some(made));
            }
            prop_assert_eq!((quantity, basis, realized, cash), (Quantity::ZERO, Cash::ZERO, Cash::ZERO, Cash::ZERO));
        }

        #[test]
        fn what_was_paid_is_basis_plus_realized(fills in proptest::collection::vec((any::<bool>(), 1i64..10_000_000_000, 1i128..5_000_000_000), 1..40)) {
            let (mut quantity, mut basis, mut realized, mut cash) = (Quantity::ZERO, Cash::ZERO, Cash::ZERO, Cash::ZERO);
            for (buy, price, amount) in fills {
                let side = if buy { Side::Buy } else { Side::Sell };
                let mut fill = fill("1", "1");
                fill.price = Price::from_raw(price).unwrap();
                fill.quantity = Quantity::from_raw(amount).unwrap();
                let moved = move_position(quantity, basis, side, &fill).unwrap();
                let value = fill.price.times(fill.quantity).unwrap();
                cash = if buy { cash.checked_sub(value) } else { cash.checked_add(value) }.unwrap();
                (quantity, basis) = (moved.quantity, moved.cost_basis);
                realized = realized.checked_add(moved.realized).unwrap();
                prop_assert_eq!(cash.checked_add(basis).unwrap(), realized, "cash + basis = realized profit");
                prop_assert!(!quantity.is_zero() || basis.is_zero(), "a flat position has no basis");
            }
        }
    }
}
