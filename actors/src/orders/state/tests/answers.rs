//! Orders without an answer: asked about, never sent again.

use super::*;

#[test]
fn an_order_without_an_answer_is_asked_about_again_and_again() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        wait 3s                   |
        wait 1s                   | ask 1
        wait 5s                   | ask 1
        venue 1 submitted         | 1 submitted
        wait 5s                   | ask 1
        venue 1 accepted          | 1 accepted
        wait 60s                  |
        ",
    );
}

#[test]
fn an_order_that_the_venue_cannot_receive_any_more_ends() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 submitted         | 1 submitted
        venue 1 unknown           |
        wait 60s                  | ask 1
        venue 1 unknown said 30s ago |
        venue 1 unknown           | 1 not_received → rejected (not_received)
        venue 1 unknown           |
        see 1                     | rejected 0/10 @ 100 not_received
        cancel 1                  |
        venue 1 fill x 4 of 4     | alert; 1 partially_filled
        see 1                     | partially_filled 4/10 @ 100
        venue 1 fill y 6 of 10    | 1 filled
        ",
    );
}

#[test]
fn an_order_that_was_taken_for_lost_and_rests_is_open_again() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 submitted         | 1 submitted
        wait 60s                  | ask 1
        venue 1 unknown           | 1 not_received → rejected (not_received)
        venue 1 accepted          | alert; 1 accepted
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        ",
    );
}

#[test]
fn while_it_is_not_known_that_an_order_left_only_the_venues_answers_count() {
    // The ledger may have hung for a minute: the order and the first question left together, just now.
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        wait 70s                  | ask 1
        venue 1 unknown           |
        wait 50s                  | ask 1
        venue 1 unknown           |
        wait 10s                  | ask 1
        venue 1 unknown           | 1 not_received → rejected (not_received)
        ",
    );
}

#[test]
fn an_order_that_the_venue_had_and_forgot_stays_open_and_is_told() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        venue 1 unknown           | alert
        venue 1 unknown           |
        see 1                     | accepted 0/10 @ 100
        ",
    );
}

#[test]
fn a_cancel_without_an_answer_is_said_again() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        wait 5s                   | cancel 1
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        cancel 2                  | 2 cancel_requested → pending_cancel; cancel 2
        venue 1 canceled          | 1 canceled
        wait 5s                   | ask 2
        venue 2 unknown           |
        wait 70s                  | ask 2
        venue 2 unknown           | 2 not_received → rejected (not_received)
        ",
    );
}
