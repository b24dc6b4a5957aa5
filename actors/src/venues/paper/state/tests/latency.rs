//! Messages on their way: requests to the venue, reports back.

use proptest::prelude::*;

use super::*;

const SLOW: &str = "to_venue = { model = 'uniform', parameters = { from = '1ms', to = '9ms' } }
to_us = { model = 'log_normal', parameters = { median = '4ms', sigma = 0.8 } }";

#[test]
fn a_report_arrives_after_its_latency() {
    let mut b = Bench::with("to_us = { model = 'fixed', parameters = { delay = '7ms' } }");
    b.quote("99", "5", "100", "5");
    assert_eq!(b.order("m", Side::Buy, "1", None, |_| {}), ["m Submitted"]);
    let due = b.now.after(Duration::from_millis(7));
    assert_eq!(b.paper.next_due(), Some(due));
    let mut out = Vec::new();
    b.paper.on_timer(due, &mut out);
    assert_eq!(out.iter().map(say).collect::<Vec<_>>(), ["m Accepted", "m taker 1 @ 100 of 1 fee 0.1"]);
    assert!(out.iter().all(|report| report.time == b.now), "the venue's time is that of the fill");
}

/// A price of the random market.
fn price(n: u8) -> Price {
    format!("{}", 95 + n % 10).parse().unwrap()
}

proptest! {
    /// Requests at random times, of random delays, in a random market: reports of an order come in the order in which the
    /// venue said them, nobody is filled before the request arrived, and the same seed gives all of it again.
    #[test]
    fn nothing_overtakes_and_nothing_is_early(steps in proptest::collection::vec((0u8..6, any::<u8>(), 0i64..5_000_000), 1..80)) {
        let run = || {
            let mut b = Bench::with(SLOW);
            let (mut said, mut sent) = (Vec::new(), BTreeMap::new());
            for (n, (kind, value, wait)) in steps.iter().copied().enumerate() {
                b.now = UtcNanos(b.now.0 + wait);
                let mut out = Vec::new();
                if kind < 3 {
                    let side = if kind == 0 { Side::Buy } else { Side::Sell };
                    let request = OrderRequest::limit(instrument(), side, Quantity::ONE, price(value));
                    let name = format!("o{n}");
                    let id: ClientOrderId = name.parse().unwrap();
                    sent.insert(id, b.now);
                    let request = VenueRequest::Submit { client_order_id: id, order_id: order_id(&name), request: Box::new(request), at: b.now };
                    b.paper.on_request(request, b.now, &mut out);
                } else {
                    let size = Size::ONE;
                    let body = TickBody::Trade { price: price(value), size, aggressor: None, conditions: Default::default() };
                    let tick = Tick { instrument: instrument(), time: b.now, sequence: None, revision: 0, body };
                    let event = Event { id: MarketId(n as u64 + 1), body: EventBody::Tick(tick) };
                    let batch = Batch { source: Source::Simulated, received: b.now, events: vec![event] };
                    b.paper.on_market(&batch, &mut out);
                }
                said.extend(out.into_iter().map(|report| (b.now, report)));
            }
            let end = b.now.after(Duration::from_secs(700));
            let mut out = Vec::new();
            b.paper.on_timer(end, &mut out);
            said.extend(out.into_iter().map(|report| (end, report)));
            (said, sent)
        };
        let (said, sent) = run();
        let answers: Vec<_> = said.iter().filter(|(_, r)| r.kind != ReportKind::Submitted).collect();
        prop_assert!(answers.windows(2).all(|pair| pair[0].1.time <= pair[1].1.time));
        for (heard, report) in answers {
            prop_assert!(report.time <= *heard, "heard before it was said");
            let earliest = sent[&report.client_order_id].after(Duration::from_millis(1));
            prop_assert!(report.time >= earliest, "{report:?} is early");
        }
        prop_assert_eq!(run().0, said);
    }
}
