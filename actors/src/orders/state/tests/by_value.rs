//! Orders by value: judged by what they come to, on their way in money, and filled when their venue says so.

use super::*;

fn bench() -> Bench {
    let mut bench = Bench::new();
    let venue = Capabilities { quote_quantity: true, ..CAPABILITIES };
    bench.orders.settings.venues = [(Exchange::Simulated, venue)].into();
    bench
}

fn buy_for(bench: &mut Bench, number: u32, value: &str) -> String {
    let request = OrderRequest {
        quote_quantity: value.parse().ok(),
        ..OrderRequest::market(instrument(), Side::Buy, Quantity::ZERO)
    };
    let said = bench.command("a", 0, Command::Submit { order_id: order_id(number), request: Box::new(request) });
    bench.check_restored();
    said.iter().map(say).collect::<Vec<_>>().join("; ")
}

/// One of 1000, which the venue fills.
fn check_filled(script: &str) {
    let mut bench = bench();
    assert_eq!(buy_for(&mut bench, 1, "1000"), "1 intended → pending_submit; send 1 market");
    check_at(bench, script);
}

#[test]
fn its_venue_says_when_it_is_filled_before_the_last_fill_or_behind() {
    check_filled(
        "
        venue 1 accepted          | 1 accepted
        venue 1 fill x 4 of 4     | 1 partially_filled
        venue 1 completed 9       |
        venue 1 fill y 5 of 9     | 1 filled
        venue 1 completed 9       |
        ",
    );
    check_filled(
        "
        venue 1 fill x 9 of 9     | 1 partially_filled
        venue 1 completed 9       | 1 filled
        ",
    );
    check_filled(
        "
        venue 1 fill x 9 of 9     | 1 partially_filled
        cancel 1                  | 1 cancel_requested → pending_cancel; cancel 1
        venue 1 cancel_rejected   | 1 cancel_rejected → partially_filled (venue.says_so); ask 1
        venue 1 expired           | 1 expired (venue.says_so)
        ",
    );
}

#[test]
fn what_is_on_its_way_by_value_counts_towards_the_position() {
    let mut bench = bench();
    assert_eq!(buy_for(&mut bench, 1, "3000"), "1 intended → pending_submit; send 1 market");
    assert_eq!(buy_for(&mut bench, 2, "3000"), "2 denied (risk.max_position)");
    // What is filled of it counts as that, and no more for what it was to spend.
    bench.step("venue 1 fill x 20 of 20");
    assert_eq!(buy_for(&mut bench, 3, "3000"), "3 denied (risk.max_position)");
    bench.step("venue 1 expired");
    assert_eq!(buy_for(&mut bench, 4, "2900"), "4 intended → pending_submit; send 4 market");
}
