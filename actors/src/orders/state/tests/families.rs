//! Orders that belong together at a venue that does not hold them: one story each, with a start wherever it may die.

use super::*;

mod amounts;
mod lone;

/// Runs a story as it stands, and once more with a start in front of each of its lines: what is sent is the same.
fn check(story: &str) {
    check_once(story);
    let steps: Vec<&str> = story.lines().map(|line| line.split('|').next().unwrap_or_default().trim()).collect();
    let steps: Vec<&str> = steps.into_iter().filter(|step| !step.is_empty() && !step.starts_with("see")).collect();
    let sent = |dies_at: Option<usize>| {
        let mut bench = Bench::without_ties();
        for (place, step) in steps.iter().enumerate() {
            if dies_at == Some(place) {
                bench.step("restart");
            }
            bench.step(step);
        }
        let submits = bench.effects.iter().filter(|e| matches!(e, Effect::Send(_, VenueRequest::Submit { .. })));
        (submits.map(say).collect::<Vec<_>>(), bench.orders.book.all(instrument()).position)
    };
    let undisturbed = sent(None);
    (0..steps.len()).for_each(|place| assert_eq!(sent(Some(place)), undisturbed, "a start before {}", steps[place]));
}

/// Runs a story as it stands: one in which a start would change what is sent.
fn check_once(story: &str) {
    check_at(Bench::without_ties(), story);
}

/// A story of a bracket that was placed: entry 1, profit 2, stop 3.
fn placed(story: &str) -> String {
    let begin = "bracket 1 buy 10 @ 100 profit 105 loss 95 | 1 intended → pending_submit; send 1; 2 held; 3 held";
    format!("{begin}\n{story}")
}

/// The same, of one whose entry is filled whole, so that its profit leaves.
fn bought(story: &str) -> String {
    placed(&format!("venue 1 fill x 10 of 10 | 1 filled; 2 intended → pending_submit; send 2\n{story}"))
}

/// The same, of one whose profit works at the venue.
fn working(story: &str) -> String {
    bought(&format!("venue 2 accepted | 2 accepted\n{story}"))
}

#[test]
fn a_bracket_takes_its_profit() {
    check(&placed(
        "
        see 2                                     | held 0/10 @ 105
        venue 1 accepted                          | 1 accepted
        venue 1 fill x 4 of 4                     | 1 partially_filled
        trade 106                                 |
        venue 1 fill y 6 of 10                    | 1 filled; 2 intended → pending_submit; send 2
        venue 2 accepted                          | 2 accepted
        venue 2 fill z 3 of 3                     | 2 partially_filled
        see 3                                     | held 0/10 @ 0
        venue 2 fill w 7 of 10                    | 2 filled; 3 canceled (contingency.rival_filled)
        ",
    ));
}

#[test]
fn a_bracket_stops_its_loss_and_the_profit_leaves_first() {
    check(&working(
        "
        trade 95.01                               |
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        trade 97                                  |
        venue 2 fill y 2 of 2                     | 2 partially_filled → pending_cancel
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        see 3                                     | pending_submit 0/8 @ 0
        venue 3 fill z 8 of 8                     | 3 filled
        ",
    ));
}

#[test]
fn a_stop_that_triggered_here_and_never_arrived_is_lost_as_any_other() {
    check(&working(
        "
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        cancel 3                                  | 3 cancel_requested → pending_cancel; cancel 3
        venue 3 cancel_rejected                   | ask 3
        venue 3 unknown                           |
        wait 70s                                  | ask 3
        venue 3 unknown                           | 3 not_received → rejected (not_received); alert
        ",
    ));
}

#[test]
fn a_stop_takes_the_rest_of_its_entry_with_it() {
    check(&placed(
        "
        venue 1 accepted                          | 1 accepted
        trade 94                                  |
        trade 99                                  |
        venue 1 fill x 4 of 4                     | 1 partially_filled
        trade 94                                  | 3 triggered → held; 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                          | 1 canceled; 3 intended → pending_submit; send 3 market
        venue 3 fill y 4 of 4                     | 3 filled; 2 canceled (contingency.rival_filled)
        ",
    ));
}

#[test]
fn an_entry_that_ends_without_a_fill_ends_its_exits() {
    for (end, said) in [("canceled", "1 canceled"), ("rejected", "1 rejected (venue.says_so)")] {
        check(&placed(&format!(
            "
            venue 1 {end}    | {said}; 2 canceled (contingency.parent_ended); 3 canceled (contingency.parent_ended)
            "
        )));
    }
}

#[test]
fn one_that_is_cancelled_or_refused_leaves_the_other() {
    check(&placed(
        "
        cancel 3                                  | 3 canceled
        venue 1 fill x 10 of 10                   | 1 filled; 2 intended → pending_submit; send 2
        bracket 4 buy 10 @ 100 profit 105 loss 95 | 4 intended → pending_submit; send 4; 5 held; 6 held
        venue 4 fill y 10 of 10                   | 4 filled; 5 intended → pending_submit; send 5
        venue 5 rejected                          | 5 rejected (venue.says_so); 6 intended → pending_submit; send 6 stop
        venue 6 rejected                          | 6 rejected (venue.says_so); alert
        ",
    ));
}

/// The price of a stop was reached, and a person cancels it while the others leave for its sake.
#[test]
fn that_others_gave_way_for_nothing_is_said() {
    let begin = working(
        "
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        cancel 3                                  | 3 canceled
        ",
    );
    check_once(&format!("{begin} venue 2 canceled | 2 canceled; alert"));
    let dies = "restart | cancel 2; ask 2; ask 3
        venue 2 canceled | 2 canceled; alert";
    check_once(&format!("{begin} {dies}"));
    let stays = "venue 2 cancel_rejected | 2 cancel_rejected → accepted (venue.says_so); ask 2";
    check_once(&format!("{begin} {stays}"));
    check_once(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        venue 1 accepted                  | 1 accepted
        exit 2 of 1 oto sell 10 stop 95   | 2 held
        venue 1 fill x 4 of 4             | 1 partially_filled
        trade 95                          | 2 triggered → held; 1 cancel_requested → pending_cancel; cancel 1
        cancel 2                          | 2 canceled
        venue 1 canceled                  | 1 canceled; alert
        ",
    );
}

/// Who cancels both knows it.
#[test]
fn that_both_were_cancelled_is_not_said() {
    check(&working(
        "
        cancel all                                | 2 cancel_requested → pending_cancel; cancel 2; 3 canceled
        venue 2 canceled                          | 2 canceled
        ",
    ));
}

#[test]
fn that_both_were_filled_is_said() {
    check(&working(
        "
        trade 94                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        venue 3 fill y 10 of 10                   | 3 filled
        venue 2 fill z 10 of 10                   | 2 filled; alert
        ",
    ));
}

#[test]
fn a_stop_waits_for_the_fills_that_the_venue_counts() {
    check(&working(
        "
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 fill z 2 of 5                     | alert; ask 2; 2 partially_filled → pending_cancel
        venue 2 canceled                          | 2 canceled
        wait 5s                                   | ask 2
        wait 5s                                   | ask 2
        venue 2 fill y 3 of 3                     | 2 partially_filled → canceled; 3 intended → pending_submit; send 3 market
        see 3                                     | pending_submit 0/5 @ 0
        ",
    ));
}

#[test]
fn exits_wait_for_the_fills_that_the_venue_counts_of_their_entry() {
    check(&placed(
        "
        venue 1 fill x 4 of 7                     | alert; ask 1; 1 partially_filled
        venue 1 canceled                          | 1 canceled
        venue 1 fill w 3 of 3                     | 1 partially_filled → canceled; 2 intended → pending_submit; send 2
        see 2                                     | pending_submit 0/7 @ 105
        ",
    ));
}

/// What the venue undid makes its counts before and after differ: nothing is missing.
#[test]
fn exits_do_not_wait_for_a_fill_that_was_undone() {
    check(&placed(
        "
        venue 1 fill x 4 of 4                     | 1 partially_filled
        venue 1 fill y 3 of 7                     | 1 partially_filled
        venue 1 busted y                          | alert; 1 busted → partially_filled
        venue 1 fill y 3 of 7                     |
        venue 1 canceled                          | 1 canceled; 2 intended → pending_submit; send 2
        see 2                                     | pending_submit 0/4 @ 105
        ",
    ));
}

#[test]
fn a_cancel_that_the_venue_refuses_is_said_again_later() {
    check_once(&working(
        "
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 cancel_rejected                   | 2 cancel_rejected → accepted (venue.says_so); ask 2
        venue 2 accepted                          |
        wait 5s                                   | 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        ",
    ));
}

#[test]
fn what_risk_refuses_is_held_on_and_tried_again() {
    check_once(&placed(
        "
        trading HALTED                            | trading HALTED
        venue 1 fill x 10 of 10                   | 1 filled; alert
        trade 94                                  | 3 triggered → held; alert
        wait 5s                                   |
        trading ACTIVE                            | trading ACTIVE
        wait 5s                                   | 3 intended → pending_submit; send 3 market
        venue 3 fill y 10 of 10                   | 3 filled; 2 canceled (contingency.rival_filled)
        ",
    ));
}

#[test]
fn what_did_not_come_to_its_venue_is_held_on_and_said_again() {
    check_once(&bought(
        "
        venue 2 not_taken                         | alert; 2 held (venue.says_so)
        wait 5s                                   | 2 intended → pending_submit; send 2
        venue 2 submitted                         | 2 submitted
        venue 2 not_taken                         | 2 held (venue.says_so)
        trade 94                                  | 3 triggered → held; 3 intended → pending_submit; send 3 market
        venue 3 not_taken                         | alert; 3 held (venue.says_so)
        restart                                   | 3 intended → pending_submit; send 3 market
        venue 3 fill y 10 of 10                   | 3 filled; 2 canceled (contingency.rival_filled)
        ",
    ));
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        venue 1 not_taken                 | 1 rejected (venue.says_so)
        ",
    );
}

#[test]
fn an_exit_that_found_no_connection_leaves_with_the_next_one() {
    check_once(&bought(
        "
        venue 2 unreached                         | alert; 2 held (not_connected)
        wait 30s                                  |
        reconnect                                 |
        wait 1s                                   | 2 intended → pending_submit; send 2
        venue 2 unreached                         | 2 held (not_connected)
        wait 60s                                  | 2 intended → pending_submit; send 2
        ",
    ));
}

/// What works at the venue is not given up for what would be refused.
#[test]
fn a_profit_works_on_while_risk_refuses_the_stop() {
    check_once(&working(
        "
        trading HALTED                            | trading HALTED
        trade 94                                  | 3 triggered → held; alert
        see 2                                     | accepted 0/10 @ 105
        wait 5s                                   |
        venue 2 fill y 2 of 2                     | 2 partially_filled
        trading ACTIVE                            | trading ACTIVE
        wait 5s                                   | 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        see 3                                     | pending_submit 0/8 @ 0
        ",
    ));
}

/// The rest of an entry would only make it more.
#[test]
fn the_rest_of_an_entry_leaves_though_risk_refuses_the_stop() {
    check_once(&placed(
        "
        venue 1 accepted                          | 1 accepted
        venue 1 fill x 4 of 4                     | 1 partially_filled
        trading HALTED                            | trading HALTED
        trade 94                                  | 3 triggered → held; 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                          | 1 canceled; alert
        ",
    ));
}

/// What is held is sold by one of the two: with the other still counted there would be nothing left to sell.
#[test]
fn a_stop_is_judged_as_if_its_rival_had_left() {
    let mut bench = Bench::without_ties();
    bench.orders.settings.kind = AccountKind::Cash;
    bench.orders.on_deposit("USD".parse().unwrap(), "1000".parse().unwrap());
    for line in
        ["bracket 1 buy 9 @ 100 profit 105 loss 95", "venue 1 fill x 9 of 9", "venue 2 accepted", "trading REDUCING"]
    {
        bench.step(line);
    }
    let said: Vec<String> = bench.step("trade 94").iter().map(say).collect();
    assert_eq!(said.join("; "), "3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2");
}

#[test]
fn of_two_orders_one_cancels_the_other() {
    check(
        "
        submit 1 buy 10 @ 100                     | 1 intended → pending_submit; send 1
        venue 1 accepted                          | 1 accepted
        exit 2 of 1 oco buy 10 stop 110           | 2 held
        venue 1 fill x 3 of 3                     | 1 partially_filled
        trade 110                                 | 2 triggered → held; 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                          | 1 canceled; 2 intended → pending_submit; send 2 market
        see 2                                     | pending_submit 0/7 @ 0
        ",
    );
}

#[test]
fn a_held_order_is_changed_and_cancelled_here() {
    check(&placed(
        "
        replace 2 5 @ 106                         | 2 replaced → held
        see 2                                     | held 0/5 @ 106
        replace 2 5 @ 106.001                     | 2 replace_rejected → held (instrument.tick)
        cancel all                                | 1 cancel_requested → pending_cancel; cancel 1; 2 canceled; 3 canceled
        ",
    ));
}

#[test]
fn a_list_is_taken_whole_or_not_at_all() {
    check(
        "
        bracket 1 buy 10 @ 100 profit 105.001 loss 95 | 1 denied (contingency.list_denied); 2 denied (instrument.tick); 3 denied (contingency.list_denied)
        bracket 4 buy 60 @ 100 profit 105 loss 95     | 4 denied (risk.max_position); 5 denied (contingency.list_denied); 6 denied (contingency.list_denied)
        ",
    );
}

#[test]
fn ties_that_cannot_be_held_are_refused() {
    check(
        "
        exit 2 of 1 oto sell 10 stop 95           | 1 denied (contingency.orphan)
        submit 1 buy 10 @ 100                     | 2 intended → pending_submit; send 2
        venue 2 accepted                          | 2 accepted
        exit 3 of 1 oto sell 11 stop 95           | 3 denied (contingency.quantity)
        exit 4 of 1 oco buy 9 stop 110            | 4 denied (contingency.quantity)
        exit 5 of 1 oco buy 10 limit 90           | 5 denied (contingency.rivals)
        exit 6 of 1 oto sell 10 limit 105         | 6 held
        exit 7 of 1 oto sell 10 limit 106         | 7 denied (contingency.rivals)
        exit 8 of 1 oco buy 10 stop 110           | 8 denied (contingency.mixed)
        exit 9 of 6 oto buy 10 stop 110           | 9 denied (contingency.depth)
        ",
    );
}

/// Its id sorts in front of theirs, and it is tied in another way.
#[test]
fn an_order_that_was_denied_changes_nothing_for_those_that_it_named() {
    check(
        "
        bracket 4 buy 10 @ 100 profit 105 loss 95 | 1 intended → pending_submit; send 1; 2 held; 3 held
        exit 1 of 4 oco sell 10 stop 95           | 4 denied (contingency.mixed)
        venue 1 fill x 10 of 10                   | 1 filled; 2 intended → pending_submit; send 2
        exit 2 of 4 oto sell 10 limit 106         | 5 denied (contingency.rivals)
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        ",
    );
}

/// What one has filled that has ended counts for those that follow it: they are tied as it was.
#[test]
fn all_of_one_parent_are_tied_alike_also_behind_one_that_has_ended() {
    check(
        "
        submit 1 buy 10 @ 100                     | 1 intended → pending_submit; send 1
        exit 2 of 1 oto sell 10 limit 105         | 2 held
        cancel 2                                  | 2 canceled
        exit 3 of 1 oco buy 10 stop 110           | 3 denied (contingency.mixed)
        exit 4 of 1 oto sell 10 limit 106         | 4 held
        venue 1 fill x 10 of 10                   | 1 filled; 4 intended → pending_submit; send 4
        ",
    );
}

/// Whoever holds the tie: one strategy would decide over the orders of another, which it may not cancel either.
#[test]
fn an_order_of_another_strategy_is_nobodys_parent() {
    for venue in [Bench::without_ties, Bench::new] {
        check_at(
            venue(),
            "
            submit 1 buy 10 @ 100                     | 1 intended → pending_submit; send 1
            by b exit 2 of 1 oto sell 10 stop 95      | 2 denied (contingency.owner)
            by b exit 3 of 1 oco buy 10 stop 110      | 3 denied (contingency.owner)
            by manual exit 4 of 1 oco buy 10 stop 110 | 4 denied (contingency.owner)
            ",
        );
    }
}

/// A cash account sells what it will have bought, and what it sells is free by then.
#[test]
fn a_cash_account_takes_a_bracket() {
    let mut bench = Bench::without_ties();
    bench.orders.settings.kind = AccountKind::Cash;
    bench.orders.on_deposit("USD".parse().unwrap(), "1000".parse().unwrap());
    let said = |effects: Vec<Effect>| effects.iter().map(say).collect::<Vec<_>>().join("; ");
    assert_eq!(
        said(bench.step("bracket 1 buy 9 @ 100 profit 105 loss 95")),
        "1 intended → pending_submit; send 1; 2 held; 3 held"
    );
    assert_eq!(said(bench.step("venue 1 fill x 9 of 9")), "1 filled; 2 intended → pending_submit; send 2");
    bench.step("venue 2 accepted");
    bench.step("trade 94");
    assert_eq!(said(bench.step("venue 2 canceled")), "2 canceled; 3 intended → pending_submit; send 3 market");
    let mut bench = Bench::new();
    bench.orders.settings.kind = AccountKind::Cash;
    bench.orders.on_deposit("USD".parse().unwrap(), "1000".parse().unwrap());
    assert_eq!(
        said(bench.step("bracket 1 buy 9 @ 100 profit 105 loss 95")),
        "1 intended → pending_submit; send 1; 2 intended → pending_submit; send 2; 3 intended → pending_submit; send 3 stop",
        "a venue that holds them hears of all"
    );
}
