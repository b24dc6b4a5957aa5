//! Cancels and replacements, and how they meet.

use super::*;

#[test]
fn a_cancel_goes_out_at_any_time_of_an_order() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 submitted         |
        venue 1 accepted          | 1 accepted → pending_cancel
        venue 1 canceled          | 1 canceled
        cancel 1                  |
        submit 2 buy 10 @ 100     | 2 intended → pending_submit; send 2
        venue 2 submitted         | 2 submitted
        cancel 2                  | 2 cancel_requested → pending_cancel; cancel 2
        venue 2 rejected          | 2 rejected (venue.says_so)
        submit 3 buy 10 @ 100     | 3 intended → pending_submit; send 3
        venue 3 fill x 4 of 4     | 3 partially_filled
        cancel 3                  | 3 cancel_requested → pending_cancel; cancel 3
        venue 3 fill y 1 of 5     | 3 partially_filled → pending_cancel
        venue 3 canceled          | 3 canceled
        see 3                     | canceled 5/10 @ 100
        submit 4 buy 10 @ 100     | 4 intended → pending_submit; send 4
        cancel 4                  | 4 cancel_requested → pending_cancel; cancel 4
        venue 4 fill z 10 of 10   | 4 filled
        venue 4 cancel_rejected   |
        see 4                     | filled 10/10 @ 100
        ",
    );
}

#[test]
fn a_refused_cancel_puts_the_order_back_to_work_and_asks_what_became_of_it() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 4 of 4     | 1 partially_filled
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 cancel_rejected   | 1 cancel_rejected → partially_filled (venue.says_so); ask 1
        venue 1 cancel_rejected   |
        venue 1 canceled          | 1 canceled
        ",
    );
}

/// A stop waits for what is on its way, and a question is.
#[test]
fn a_question_is_open_until_the_venue_says_where_the_order_stands() {
    let mut bench = Bench::new();
    let mut check = |line: &str, questions: usize| {
        bench.step(line);
        assert_eq!(bench.orders.questions(), questions, "{line}");
    };
    check("submit 1 buy 10 @ 100", 0);
    check("venue 1 accepted", 0);
    check("cancel 1", 0);
    // The first cancel has ended it, and its report was lost; the second is refused, and the order works again here.
    check("by manual cancel 1", 0);
    check("venue 1 cancel_rejected", 1);
    check("venue 1 cancel_rejected", 1);
    check("venue 1 fill x 4 of 4", 1);
    check("venue 1 canceled", 0);
    check("reconnect", 1);
    check("venue 1 fill y 6 of 10", 0);
    check("submit 2 buy 10 @ 100", 0);
    check("wait 5s", 1);
    check("venue 2 submitted", 1);
    check("venue 2 unknown", 0);
    check("wait 5s", 1);
    check("venue 2 rejected", 0);
}

#[test]
fn a_cancel_that_overtakes_its_order_stands() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 cancel_rejected   | ask 1
        venue 1 accepted          | 1 accepted → pending_cancel
        wait 5s                   | cancel 1
        venue 1 canceled          | 1 canceled
        ",
    );
}

#[test]
fn a_replacement_changes_the_terms_when_the_venue_says_so() {
    check(
        "
        submit 1 buy 10 @ 100       | 1 intended → pending_submit; send 1
        replace 1 20                |
        venue 1 accepted            | 1 accepted
        replace 1 20 @ 101          | 1 replace_requested → pending_replace; replace 1 by 1-r1
        replace 1 30                |
        see 1                       | pending_replace 0/10 @ 100
        venue 1 fill x 2 of 2       | 1 partially_filled → pending_replace
        venue 1-r1 replaced 20 @ 101 | 1 replaced → partially_filled
        venue 1-r1 replaced 20 @ 101 |
        see 1                       | partially_filled 2/20 @ 101
        replace 1 2                 | 1 replace_rejected → partially_filled (order.already_filled)
        replace 1 51                | 1 replace_rejected → partially_filled (risk.max_position)
        replace 1 @ 102             | 1 replace_requested → pending_replace; replace 1-r1 by 1-r2
        venue 1-r2 replace_rejected | 1 replace_rejected → partially_filled (venue.says_so)
        see 1                       | partially_filled 2/20 @ 101
        venue 1-r1 fill y 18 of 20  | 1 filled
        ",
    );
}

#[test]
fn what_is_said_again_of_an_old_replacement_does_not_answer_the_new_one() {
    check(
        "
        submit 1 buy 10 @ 100       | 1 intended → pending_submit; send 1
        venue 1 accepted            | 1 accepted
        replace 1 @ 101             | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1-r1 replaced @ 101   | 1 replaced → accepted
        replace 1 @ 102             | 1 replace_requested → pending_replace; replace 1-r1 by 1-r2
        venue 1-r1 replaced @ 101   |
        see 1                       | pending_replace 0/10 @ 101
        venue 1-r2 replaced @ 102   | 1 replaced → accepted
        venue 1-r1 replaced @ 101   |
        venue 1 canceled            |
        venue 1 unknown             |
        see 1                       | accepted 0/10 @ 102
        replace 1 @ 103             | 1 replace_requested → pending_replace; replace 1-r2 by 1-r3
        venue 1-r3 replace_rejected | 1 replace_rejected → accepted (venue.says_so)
        replace 1 @ 104             | 1 replace_requested → pending_replace; replace 1-r2 by 1-r4
        venue 1-r3 replace_rejected |
        see 1                       | pending_replace 0/10 @ 102
        ",
    );
}

#[test]
fn a_replacement_that_was_lost_is_given_up_when_it_can_no_longer_arrive() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        wait 5s                   | ask 1
        venue 1 accepted          |
        wait 60s                  | ask 1
        venue 1 accepted said 50s ago |
        venue 1 accepted          | 1 replace_rejected → accepted (not_received)
        see 1                     | accepted 0/10 @ 100
        venue 1-r1 fill x 12 of 12 | 1 replaced → accepted; ask 1-r1; 1 partially_filled
        see 1                     | partially_filled 12/10 @ 100
        venue 1-r1 replaced 20    | 1 replaced → partially_filled
        see 1                     | partially_filled 12/20 @ 100
        venue 1-r1 fill y 8 of 20 | 1 filled
        ",
    );
}

#[test]
fn a_fill_under_the_new_name_tells_that_the_order_was_replaced() {
    check(
        "
        submit 1 buy 10 @ 100      | 1 intended → pending_submit; send 1
        venue 1 accepted           | 1 accepted
        replace 1 20               | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1-r1 fill x 10 of 10 | 1 replaced → accepted; 1 partially_filled
        see 1                      | partially_filled 10/20 @ 100
        venue 1-r1 replaced 20     |
        venue 1-r1 fill y 10 of 20 | 1 filled
        ",
    );
}

#[test]
fn a_replacement_down_to_what_is_filled_ends_the_order() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 5               | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1 fill x 5 of 5     | 1 partially_filled → pending_replace
        venue 1-r1 replaced 5     | 1 replaced → filled
        see 1                     | filled 5/5 @ 100
        ",
    );
}

#[test]
fn the_venue_may_change_an_order_without_being_asked() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        venue 1 replaced 8        | 1 replaced → accepted
        venue 1 replaced 8        |
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1 replaced 7        | 1 replaced → pending_replace
        see 1                     | pending_replace 0/7 @ 100
        venue 1-r1 replaced 20    | 1 replaced → accepted
        ",
    );
}

#[test]
fn a_cancel_during_a_replacement_ends_the_order_whichever_comes_first() {
    // The venue replaces first: the cancel named an order that is gone, and goes out by the new name.
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1-r1 replaced 20    | 1 replaced → pending_cancel; cancel 1-r1
        venue 1 cancel_rejected   |
        venue 1-r1 canceled       | 1 canceled
        see 1                     | canceled 0/20 @ 100
        ",
    );
    // The refusal of the old name comes first.
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 cancel_rejected   | ask 1
        venue 1-r1 replaced 20    | 1 replaced → pending_cancel; cancel 1-r1
        venue 1-r1 canceled       | 1 canceled
        ",
    );
    // The cancel overtakes the replacement.
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled          | 1 canceled
        venue 1-r1 replace_rejected |
        see 1                     | canceled 0/10 @ 100
        ",
    );
    // The replacement is refused: the cancel is still owed its answer, and is said again.
    check(
        "
        submit 1 buy 10 @ 100       | 1 intended → pending_submit; send 1
        venue 1 accepted            | 1 accepted
        replace 1 20                | 1 replace_requested → pending_replace; replace 1 by 1-r1
        cancel 1                    | 1 cancel_requested → pending_cancel; cancel 1
        venue 1-r1 replace_rejected | 1 replace_rejected → pending_cancel (venue.says_so)
        wait 5s                     | cancel 1
        venue 1 canceled            | 1 canceled
        ",
    );
}

#[test]
fn a_name_without_room_takes_no_replacement() {
    let mut bench = Bench::new();
    let mut ids = ClientOrderIds::new("instance", u64::MAX).unwrap();
    ids.go_on_behind("instance-3w5e11264sgsf-zzzzzzy".parse().unwrap());
    bench.orders.client_ids = ids;
    bench.step("submit 1 buy 10 @ 100");
    let name = bench.orders.order(order_id(1)).unwrap().client_order_id;
    bench.report(name, Duration::ZERO, ReportKind::Accepted);
    let said = bench.step("replace 1 20");
    let Effect::Update(update) = &said[0] else { panic!("{said:?}") };
    assert_eq!(update.event.reason, Some(Reason::code("order.too_many_replacements")));
    assert_eq!((update.event.kind, update.event.status), (EventKind::ReplaceRejected, Status::Accepted));
    assert_eq!(said.len(), 1, "nothing goes to the venue");
}
