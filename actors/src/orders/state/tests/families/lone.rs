//! A stop-loss without a take-profit: watched here until it leaves, and then working at its venue.

use super::*;

#[test]
fn a_lone_stop_is_watched_while_its_entry_fills() {
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        venue 1 accepted                  | 1 accepted
        exit 2 of 1 oto sell 10 stop 95   | 2 held
        trade 94                          |
        trade 99                          |
        venue 1 fill x 4 of 4             | 1 partially_filled
        trade 95                          | 2 triggered → held; 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                  | 1 canceled; 2 intended → pending_submit; send 2 market
        see 2                             | pending_submit 0/4 @ 0
        ",
    );
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        exit 2 of 1 oto sell 10 stop 95   | 2 held
        venue 1 fill x 4 of 4             | 1 partially_filled
        trade 96                          |
        venue 1 fill y 6 of 10            | 1 filled; 2 intended → pending_submit; send 2 stop
        ",
    );
}

/// As a stop the venue would refuse it: the market has passed its price.
#[test]
fn a_lone_stop_whose_price_was_reached_leaves_as_a_market_order() {
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        exit 2 of 1 oto sell 10 stop 95   | 2 held
        trade 94                          |
        venue 1 fill x 10 of 10           | 1 filled; 2 triggered → held; 2 intended → pending_submit; send 2 market
        ",
    );
    check(&placed(
        "
        cancel 2                                  | 2 canceled
        trade 94                                  |
        venue 1 fill x 10 of 10                   | 1 filled; 3 triggered → held; 3 intended → pending_submit; send 3 market
        ",
    ));
}

#[test]
fn a_lone_stop_that_risk_holds_on_is_watched() {
    check_once(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        exit 2 of 1 oto sell 10 stop 95   | 2 held
        trading HALTED                    | trading HALTED
        venue 1 fill x 10 of 10           | 1 filled; alert
        trading ACTIVE                    | trading ACTIVE
        trade 95                          | 2 triggered → held; 2 intended → pending_submit; send 2 market
        ",
    );
}
