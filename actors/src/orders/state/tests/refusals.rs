//! What is refused, by whom, and what a refusal leaves alone.

use super::*;

#[test]
fn risk_denies_and_counts_what_is_open_and_on_its_way() {
    // The limit of the bench is a position worth 5000.
    check(
        "
        submit 1 buy 51 @ 100     | 1 denied (risk.max_position)
        see 1                     | denied 0/51 @ 100 risk.max_position
        submit 2 buy 30 @ 100     | 2 intended → pending_submit; send 2
        submit 3 buy 21 @ 100     | 3 denied (risk.max_position)
        submit 4 buy 20 @ 100     | 4 intended → pending_submit; send 4
        venue 4 accepted          | 4 accepted
        venue 4 canceled          | 4 canceled
        venue 2 accepted          | 2 accepted
        replace 2 40              | 2 replace_requested → pending_replace; replace 2 by 2-r1
        submit 5 buy 11 @ 100     | 5 denied (risk.max_position)
        venue 2-r1 replace_rejected | 2 replace_rejected → accepted (venue.says_so)
        submit 6 buy 11 @ 100     | 6 intended → pending_submit; send 6
        ",
    );
}

#[test]
fn a_cash_account_cannot_spend_what_a_replacement_may_cost() {
    let mut bench = Bench::new();
    bench.orders.settings.kind = AccountKind::Cash;
    bench.orders.on_deposit("USD".parse().unwrap(), "1500".parse().unwrap());
    bench.orders.on_deposit("USD".parse().unwrap(), "500".parse().unwrap());
    bench.step("submit 1 buy 10 @ 100");
    bench.step("venue 1 accepted");
    bench.step("replace 1 @ 120");
    let denied = bench.step("submit 2 buy 10 @ 100");
    assert_eq!(denied.iter().map(say).collect::<Vec<_>>(), ["2 denied (risk.buying_power)"]);
    bench.step("venue 1-r1 replace_rejected");
    let taken = bench.step("submit 3 buy 10 @ 100");
    assert_eq!(say(&taken[0]), "3 intended → pending_submit");
}

#[test]
fn an_order_that_was_made_is_not_made_again() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        submit 1 buy 10 @ 100     |
        by b submit 1 buy 5 @ 99  |
        see 1                     | pending_submit 0/10 @ 100
        submit 2 buy 51 @ 100     | 2 denied (risk.max_position)
        submit 2 buy 10 @ 100     |
        ",
    );
}

#[test]
fn nobody_touches_anothers_order_but_people() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        by b cancel 1             |
        by b replace 1 20         |
        by b cancel all           |
        cancel 7                  |
        see 1                     | accepted 0/10 @ 100
        by manual cancel 1        | 1 cancel_requested → pending_cancel; cancel 1
        ",
    );
}

#[test]
fn a_generation_that_was_replaced_may_only_cancel() {
    check(
        "
        by a/0 submit 1 buy 10 @ 100 | 1 intended → pending_submit; send 1
        venue 1 accepted             | 1 accepted
        fault a 1 leave              | strategy.panicked
        by a/0 submit 2 buy 10 @ 100 | 2 denied (stale_generation)
        by a/0 replace 1 20          |
        by a/1 submit 3 buy 10 @ 100 | 3 intended → pending_submit; send 3
        by a/0 cancel 1              | 1 cancel_requested → pending_cancel; cancel 1
        fault a 2 cancel             | strategy.panicked; 3 cancel_requested → pending_cancel; cancel 3
        ",
    );
}

#[test]
fn halted_takes_no_order_and_lets_cancels_through() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        trading HALTED            | trading HALTED
        trading HALTED            |
        submit 2 buy 10 @ 100     | 2 denied (risk.halted)
        replace 1 5               | 1 replace_rejected → accepted (risk.halted)
        restart                   | ask 1
        submit 3 buy 10 @ 100     | 3 denied (risk.halted)
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        trading ACTIVE            | trading ACTIVE
        submit 4 buy 10 @ 100     | 4 intended → pending_submit; send 4
        ",
    );
}

#[test]
fn reducing_takes_only_what_makes_a_position_smaller() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 10 of 10   | 1 filled
        trading REDUCING          | trading REDUCING
        submit 2 buy 1 @ 100      | 2 denied (risk.reducing)
        submit 3 sell 11 @ 100    | 3 denied (risk.reducing)
        submit 4 sell 6 @ 100     | 4 intended → pending_submit; send 4
        submit 5 sell 5 @ 100     | 5 denied (risk.reducing)
        submit 6 sell 4 @ 100     | 6 intended → pending_submit; send 6
        ",
    );
}

#[test]
fn cancel_all_is_for_ones_own_orders_and_a_persons_for_all() {
    check(
        "
        submit 1 buy 10 @ 100      | 1 intended → pending_submit; send 1
        by b submit 2 buy 10 @ 100 | 2 intended → pending_submit; send 2
        submit 3 buy 10 @ 100      | 3 intended → pending_submit; send 3
        venue 1 fill x 10 of 10    | 1 filled
        cancel all                 | 3 cancel_requested → pending_cancel; cancel 3
        by manual cancel all       | 2 cancel_requested → pending_cancel; cancel 2
        venue 3 canceled           | 3 canceled
        by manual cancel all       |
        ",
    );
}
