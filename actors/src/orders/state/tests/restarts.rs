//! Starts and lost connections: the ledger gives every order again, and the venue is asked what was missed.

use super::*;

#[test]
fn a_start_asks_about_every_open_order() {
    check(
        "
        submit 1 buy 1 @ 100      | 1 intended → pending_submit; send 1
        submit 2 buy 1 @ 100      | 2 intended → pending_submit; send 2
        venue 2 submitted         | 2 submitted
        submit 3 buy 1 @ 100      | 3 intended → pending_submit; send 3
        venue 3 accepted          | 3 accepted
        submit 4 buy 2 @ 100      | 4 intended → pending_submit; send 4
        venue 4 fill x 1 of 1     | 4 partially_filled
        submit 5 buy 1 @ 100      | 5 intended → pending_submit; send 5
        venue 5 triggered         | 5 triggered
        submit 6 buy 1 @ 100      | 6 intended → pending_submit; send 6
        venue 6 accepted          | 6 accepted
        cancel 6                  | 6 cancel_requested → pending_cancel; cancel 6
        submit 7 buy 1 @ 100      | 7 intended → pending_submit; send 7
        venue 7 accepted          | 7 accepted
        replace 7 2               | 7 replace_requested → pending_replace; replace 7 by 7-r1
        submit 8 buy 1 @ 100      | 8 intended → pending_submit; send 8
        venue 8 fill y 1 of 1     | 8 filled
        restart                   | ask 1; ask 2; ask 3; ask 4; ask 5; cancel 6; ask 6; ask 7
        venue 1 fill z 1 of 1     | 1 filled
        venue 2 accepted          | 2 accepted
        venue 3 canceled          | 3 canceled
        venue 4 fill x 1 of 1     |
        venue 4 fill w 1 of 2     | 4 filled
        venue 5 accepted          |
        venue 6 canceled          | 6 canceled
        venue 7-r1 replaced 2     | 7 replaced → accepted
        see 7                     | accepted 0/2 @ 100
        ",
    );
}

#[test]
fn ids_go_on_behind_a_start() {
    check(
        "
        submit 1 buy 1 @ 100      | 1 intended → pending_submit; send 1
        restart                   | ask 1
        submit 1 buy 1 @ 100      |
        submit 2 buy 1 @ 100      | 2 intended → pending_submit; send 2
        ",
    );
}

#[test]
fn a_cancel_and_a_replacement_go_on_over_a_start() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        restart                   | ask 1
        venue 1 accepted          |
        wait 60s                  | ask 1
        venue 1 accepted          | 1 replace_rejected → accepted (not_received)
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        restart                   | cancel 1; ask 1
        venue 1 cancel_rejected   | 1 cancel_rejected → accepted (venue.says_so); ask 1
        venue 1 canceled          | 1 canceled
        ",
    );
}

#[test]
fn a_start_does_not_end_an_order_that_may_just_have_left() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        wait 120s                 | ask 1
        restart                   | ask 1
        venue 1 unknown           |
        wait 60s                  | ask 1
        venue 1 unknown           | 1 not_received → rejected (not_received)
        ",
    );
}

#[test]
fn a_lost_connection_is_asked_about_like_a_start() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        venue 2 accepted          | 2 accepted
        cancel 2                  | 2 cancel_requested → pending_cancel; cancel 2
        reconnect                 | ask 1; cancel 2; ask 2
        venue 1 fill x 4 of 4     | 1 partially_filled
        venue 1 canceled          | 1 canceled
        ",
    );
}

#[test]
fn orders_whose_end_came_with_the_last_words_are_asked_about_for_their_fills() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 canceled          | 1 canceled
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        wait 70s                  | ask 2
        venue 2 canceled          | 2 canceled
        submit 3 buy 10 @ 100     | 3 intended → pending_submit; send 3
        venue 3 fill x 10 of 10   | 3 filled
        wait 3600s                |
        reconnect                 | ask 2
        venue 2 fill y 4 of 4     | 2 partially_filled → canceled
        venue 2 canceled          |
        see 2                     | canceled 4/10 @ 100
        restart                   | ask 2
        wait 700s                 |
        submit 4 buy 10 @ 100     | 4 intended → pending_submit; send 4
        venue 4 fill z 10 of 10   | 4 filled
        restart                   |
        ",
    );
}
