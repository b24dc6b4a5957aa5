//! Busts and corrections.

use super::*;

/// What order 1 has: status, filled, its fee and what its strategy holds.
fn stands(bench: &Bench) -> String {
    let order = bench.orders.order(order_id(1)).unwrap();
    let position = bench.orders.book.own("a".parse().unwrap(), instrument()).position;
    let fee = order.commission.map_or(Cash::ZERO, |fee| fee.amount);
    let average = order.average_fill_price().map_or("-".to_owned(), |price| price.to_string());
    format!("{} {} @ {average} fee {fee} holds {position}", order.status, order.filled)
}

fn run(lines: &[&str], expected: &str) {
    let mut bench = Bench::new();
    for line in lines {
        bench.step(line);
        bench.check_restored();
    }
    assert_eq!(stands(&bench), expected, "{lines:?}");
}

#[test]
fn what_is_undone_is_filled_no_more() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        venue 1 fill x 4 of 4     | 1 partially_filled
        venue 1 fill y 2 of 6     | 1 partially_filled
        venue 1 busted x          | alert; 1 busted → partially_filled
        see 1                     | partially_filled 2/10 @ 100
        venue 1 busted x          |
        venue 1 fill x 4 of 4     |
        venue 1 busted y          | alert; 1 busted → accepted
        see 1                     | accepted 0/10 @ 100
        venue 1 fill z 10 of 10   | 1 filled
        venue 1 busted z          | alert; 1 busted → filled
        see 1                     | filled 0/10 @ 100
        venue 1 fill w 10 of 10   | 1 filled
        venue 1 canceled          |
        venue 1 busted w          | alert; 1 busted → filled
        venue 1 canceled          | 1 canceled
        see 1                     | canceled 0/10 @ 100
        ",
    );
}

#[test]
fn a_correction_puts_another_fill_in_the_place_of_one() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 10 of 10   | 1 filled
        venue 1 corrected x by y 9 of 9 | alert; 1 busted → filled; 1 partially_filled → filled
        venue 1 corrected x by y 9 of 9 |
        see 1                     | filled 9/10 @ 100
        cancel 1                  |
        ",
    );
}

#[test]
fn an_execution_that_is_undone_before_it_comes_never_counts() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 accepted          | 1 accepted
        venue 1 busted x          | alert; 1 busted → accepted
        venue 1 busted x          |
        restart                   | ask 1
        venue 1 fill x 4 of 4     |
        venue 1 fill y 4 of 4     | 1 partially_filled
        see 1                     | partially_filled 4/10 @ 100
        ",
    );
}

#[test]
fn what_is_held_and_paid_goes_with_the_fill() {
    let begin = ["submit 1 buy 10 @ 100", "venue 1 fill x 4 of 4", "venue 1 fill y 6 of 10"];
    run(&begin, "filled 10 @ 100 fee 2 holds 10");
    run(&[&begin[..], &["venue 1 busted x"]].concat(), "filled 6 @ 100 fee 1 holds 6");
    run(&[&begin[..], &["venue 1 busted y", "restart", "venue 1 busted y"]].concat(), "filled 4 @ 100 fee 1 holds 4");
    run(&[&begin[..], &["venue 1 corrected y by z 3 of 7"]].concat(), "filled 7 @ 100 fee 2 holds 7");
    run(&[&begin[..2], &["venue 1 canceled", "venue 1 busted x"]].concat(), "canceled 0 @ - fee 0 holds 0");
    run(&[&begin[..2], &["cancel 1", "venue 1 busted x"]].concat(), "pending_cancel 0 @ - fee 0 holds 0");
}

#[test]
fn what_is_undone_under_an_older_name_counts_as_well() {
    check(
        "
        submit 1 buy 10 @ 100     | 1 intended → pending_submit; send 1
        venue 1 fill x 4 of 4     | 1 partially_filled
        replace 1 20              | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1-r1 replaced 20    | 1 replaced → partially_filled
        venue 1 busted x          | alert; 1 busted → accepted
        see 1                     | accepted 0/20 @ 100
        ",
    );
}
