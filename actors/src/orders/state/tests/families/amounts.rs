//! How much an exit is for: what its entry brought, less what others have closed.

use super::*;

#[test]
fn what_an_entry_was_filled_with_is_closed() {
    check(&placed(
        "
        venue 1 fill x 4 of 4                     | 1 partially_filled
        cancel 1                                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                          | 1 canceled; 2 intended → pending_submit; send 2
        see 2                                     | pending_submit 0/4 @ 105
        see 3                                     | held 0/10 @ 0
        ",
    ));
}

/// What a stop is for is known when it leaves: until then a late fill of its entry may make it more, and so may a fill of its rival
/// that is undone.
#[test]
fn a_held_stop_grows_with_what_is_left() {
    check(&placed(
        "
        venue 1 fill x 5 of 5                     | 1 partially_filled
        cancel 1                                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 canceled                          | 1 canceled; 2 intended → pending_submit; send 2
        venue 2 accepted                          | 2 accepted
        venue 1 fill y 5 of 10                    | 1 filled
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        see 3                                     | pending_submit 0/10 @ 0
        ",
    ));
    check(&bought(
        "
        venue 2 fill y 4 of 4                     | 2 partially_filled
        venue 2 busted y                          | alert; 2 busted → accepted
        trade 95                                  | 3 triggered → held; 2 cancel_requested → pending_cancel; cancel 2
        venue 2 canceled                          | 2 canceled; 3 intended → pending_submit; send 3 market
        see 3                                     | pending_submit 0/10 @ 0
        ",
    ));
}

/// What did not arrive had left for what was left then; said again it is for what is left now.
#[test]
fn an_exit_that_is_said_again_is_for_what_is_left_by_then() {
    let begin = "
        bracket 1 buy 10 @ 100 profit 105 loss 95 | 1 intended → pending_submit; send 1; 2 held; 3 held
        venue 1 fill x 4 of 4                     | 1 partially_filled
        venue 1 canceled                          | 1 canceled; 2 intended → pending_submit; send 2
        see 2                                     | pending_submit 0/4 @ 105
        ";
    let end = "
        see 2                                     | held 0/10 @ 105
        wait 5s                                   | 2 intended → pending_submit; send 2
        see 2                                     | pending_submit 0/10 @ 105
        ";
    for between in [
        // The entry's late fill comes behind the word that the exit did not arrive, or before it.
        "venue 2 not_taken      | alert; 2 held (venue.says_so)
         venue 1 fill y 6 of 10 | 1 filled",
        "venue 1 fill y 6 of 10 | 1 filled
         venue 2 not_taken      | alert; 2 held (venue.says_so)",
        // And what was asked is known after a start.
        "restart                | ask 2; ask 1
         venue 1 fill y 6 of 10 | 1 filled
         venue 2 submitted      | 2 submitted
         venue 2 not_taken      | alert; 2 held (venue.says_so)",
    ] {
        check_at(Bench::without_ties(), &format!("{begin}{between}{end}"));
    }
}

/// What was asked is what was asked last.
#[test]
fn an_exit_that_is_said_again_is_for_no_more_than_was_asked() {
    check_at(
        Bench::without_ties(),
        "
        bracket 1 buy 10 @ 100 profit 105 loss 95 | 1 intended → pending_submit; send 1; 2 held; 3 held
        replace 2 8                               | 2 replaced → held
        venue 1 fill x 10 of 10                   | 1 filled; 2 intended → pending_submit; send 2
        venue 2 not_taken                         | alert; 2 held (venue.says_so)
        see 2                                     | held 0/8 @ 105
        replace 2 3                               | 2 replaced → held
        wait 5s                                   | 2 intended → pending_submit; send 2
        venue 2 not_taken                         | 2 held (venue.says_so)
        see 2                                     | held 0/3 @ 105
        ",
    );
}

/// A checkpoint falls between an exit's leaving and the word that it did not arrive.
#[test]
fn a_checkpoint_keeps_what_was_asked_of_an_exit() {
    let mut bench = Bench::without_ties();
    bench.step("bracket 1 buy 10 @ 100 profit 105 loss 95");
    bench.step("venue 1 fill x 4 of 4");
    bench.step("venue 1 canceled");
    assert_eq!(bench.show(2), "pending_submit 0/4 @ 105");
    let saved = postcard::to_allocvec(&bench.orders.save()).unwrap();
    let mut loaded = empty();
    loaded.settings.clone_from(&bench.orders.settings);
    loaded.load(postcard::from_bytes(&saved).unwrap());
    bench.orders = loaded;
    bench.step("venue 2 not_taken");
    assert_eq!(bench.show(2), "held 0/10 @ 105");
}

/// What is more than its exits would be closed by none.
#[test]
fn an_entry_does_not_outgrow_its_exits() {
    check(&placed(
        "
        venue 1 accepted                          | 1 accepted
        replace 1 20                              | 1 replace_rejected → accepted (contingency.quantity)
        replace 1 8 @ 101                         | 1 replace_requested → pending_replace; replace 1 by 1-r1
        venue 1-r1 replaced 8 @ 101               | 1 replaced → accepted
        replace 1 10                              | 1 replace_requested → pending_replace; replace 1-r1 by 1-r2
        venue 1-r2 replaced 10                    | 1 replaced → accepted
        cancel 2                                  | 2 canceled
        replace 1 11                              | 1 replace_rejected → accepted (contingency.quantity)
        cancel 3                                  | 3 canceled
        replace 1 11                              | 1 replace_requested → pending_replace; replace 1-r2 by 1-r3
        ",
    ));
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        venue 1 accepted                  | 1 accepted
        exit 2 of 1 oco buy 10 stop 110   | 2 held
        replace 1 11                      | 1 replace_rejected → accepted (contingency.quantity)
        ",
    );
}

/// Who closes a part alone may have more of the rest.
#[test]
fn an_entry_that_is_closed_in_part_may_grow() {
    check(
        "
        submit 1 buy 10 @ 100             | 1 intended → pending_submit; send 1
        venue 1 accepted                  | 1 accepted
        exit 2 of 1 oto sell 5 stop 95    | 2 held
        replace 1 20                      | 1 replace_requested → pending_replace; replace 1 by 1-r1
        ",
    );
}

/// What was bought pays its own fee: no more is sold than came.
#[test]
fn a_fee_in_what_was_bought_is_left_out() {
    let mut bench = Bench::without_ties();
    bench.step("bracket 1 buy 10 @ 100 profit 105 loss 95");
    let fee = Some(Fee { amount: "0.5".parse().unwrap(), asset: "A".parse().unwrap() });
    let quantity: Quantity = "10".parse().unwrap();
    let fill = Fill { fee, ..fill("x".parse().unwrap(), quantity, quantity, bench.now) };
    bench.report(client_id("1"), Duration::ZERO, ReportKind::Filled(fill));
    assert_eq!(bench.show(2), "pending_submit 0/9 @ 105");
    assert_eq!(bench.show(3), "held 0/10 @ 0");
}

/// An account whose means for fees run out pays in one asset first and then in another: each fill has its own.
#[test]
fn every_fee_in_what_was_bought_is_left_out() {
    let rows: [(&[&str], &str); 4] = [
        (&["6 0.3 BNB", "4 0.4 A"], "9"),
        (&["6 0.6 A", "4 0.3 BNB"], "9"),
        (&["3 0.6 A", "3 0.3 BNB", "4 0.6 A"], "8"),
        (&["6 0.3 BNB", "4 0.4 USD"], "10"),
    ];
    for (fills, expected) in rows {
        let mut bench = Bench::without_ties();
        bench.step("bracket 1 buy 10 @ 100 profit 105 loss 95");
        let mut cumulative = Quantity::ZERO;
        for (number, text) in fills.iter().enumerate() {
            let [quantity, amount, asset] = text.split(' ').collect::<Vec<_>>()[..] else { panic!("no fill: {text}") };
            let quantity: Quantity = quantity.parse().unwrap();
            cumulative = cumulative.checked_add(quantity).unwrap();
            let fee = Some(Fee { amount: amount.parse().unwrap(), asset: asset.parse().unwrap() });
            let fill = Fill { fee, ..fill(format!("x{number}").parse().unwrap(), quantity, cumulative, bench.now) };
            bench.report(client_id("1"), Duration::ZERO, ReportKind::Filled(fill));
            bench.check_restored();
        }
        assert_eq!(bench.show(2), format!("pending_submit 0/{expected} @ 105"), "{fills:?}");
    }
}

/// A fee goes back with the fill that it was paid for.
#[test]
fn a_fee_of_a_fill_that_was_undone_is_not_left_out() {
    let mut bench = Bench::without_ties();
    bench.step("bracket 1 buy 10 @ 100 profit 105 loss 95");
    bench.step("venue 1 fill x 4 of 4");
    let fee = Some(Fee { amount: "0.5".parse().unwrap(), asset: "A".parse().unwrap() });
    let fill = Fill { fee, ..fill("y".parse().unwrap(), "3".parse().unwrap(), "7".parse().unwrap(), bench.now) };
    bench.report(client_id("1"), Duration::ZERO, ReportKind::Filled(fill));
    bench.step("venue 1 busted y");
    bench.step("venue 1 canceled");
    bench.check_restored();
    assert_eq!(bench.show(2), "pending_submit 0/4 @ 105");
}
