//! The venue's own bars: published where no trade ever came, compared where trades come in.

use super::*;

/// A bar of the venue: open in seconds, one price for all four, volume, trades.
fn venue_bar(timeframe: &str, open_s: i64, price: &str, volume: &str, trade_count: u64) -> Bar {
    let price = price.parse().unwrap();
    Bar {
        bar_id: MarketId(0),
        instrument: btc(),
        timeframe: timeframe.parse().unwrap(),
        open_time: ms(open_s * 1_000),
        open: price,
        high: price,
        low: price,
        close: price,
        volume: volume.parse().unwrap(),
        notional: messages::Notional::from_raw(1),
        trade_count,
        revision: 0,
        is_complete: true,
    }
}

fn feed_bar(desk: &mut Desk, at_ms: i64, bar: Bar) -> Vec<String> {
    lines(&desk.feed(at_ms, vec![FeedItem::Bar(bar)]))
}

#[test]
fn without_trades_the_venues_bars_are_published_and_revised() {
    let mut desk = Desk::bars(&["1m", "1d"]);
    let first = venue_bar("1m", 1_200, "50", "2", 3);
    assert_eq!(feed_bar(&mut desk, 1_261_000, first), ["1m 1200 50/50/50/50 2 3 r0"]);
    assert_eq!(feed_bar(&mut desk, 1_262_000, first), [""; 0], "nothing changed");
    assert_eq!(feed_bar(&mut desk, 1_290_000, Bar { trade_count: 4, ..first }), ["1m 1200 50/50/50/50 2 4 r1"]);
    let ids: Vec<MarketId> = desk.said_bars().iter().map(|bar| bar.bar_id).collect();
    assert!(ids[0] == ids[1] && ids[0] != MarketId(0));
    // A running day that does not begin with the UTC day.
    let day = Bar { is_complete: false, ..venue_bar("1d", -18_000, "50", "2", 3) };
    assert_eq!(feed_bar(&mut desk, 1_300_000, day), ["1d -18000 50/50/50/50 2 3 r0 incomplete"]);
    assert_eq!(feed_bar(&mut desk, 1_301_000, Bar { is_complete: true, ..day }), ["1d -18000 50/50/50/50 2 3 r1"]);
    // A length that is not configured.
    assert_eq!(feed_bar(&mut desk, 1_302_000, venue_bar("5m", 900, "50", "2", 3)), [""; 0]);
    assert_eq!((desk.market.counters().bars, desk.market.counters().revisions), (2, 2));
    assert_eq!(lines(&desk.stop(1_400_000)), [""; 0]);
}

#[test]
fn with_trades_ours_are_published_and_the_venues_compared() {
    let mut desk = Desk::bars(&["1m"]);
    desk.feed(1_190_000, vec![trade(1_190_000, 1, "50", "1")]);
    desk.feed(1_210_000, vec![trade(1_200_000, 2, "50", "1"), trade(1_210_000, 3, "50", "1")]);
    // The first minute was not wholly watched: there is nothing to compare.
    feed_bar(&mut desk, 1_260_000, venue_bar("1m", 1_140, "50", "9", 9));
    assert_eq!(desk.market.counters().venue_bars, 0);
    assert_eq!(feed_bar(&mut desk, 1_260_500, venue_bar("1m", 1_200, "50", "2", 2)), [""; 0]);
    feed_bar(&mut desk, 1_260_600, venue_bar("1m", 1_200, "50", "3", 2));
    assert_eq!((desk.market.counters().venue_bars, desk.market.counters().venue_bars_differ), (2, 1));
    assert_eq!(lines(&desk.timer(1_262_000)), ["1m 1200 50/50/50/50 2 2 r0"]);
}

#[test]
fn a_bar_that_was_the_venues_stays_the_venues() {
    let mut desk = Desk::bars(&["1m"]);
    feed_bar(&mut desk, 1_261_000, venue_bar("1m", 1_200, "50", "2", 3));
    // Its last trade comes late: the venue has counted it.
    desk.feed(1_262_000, vec![trade(1_259_000, 1, "50", "1"), trade(1_261_000, 2, "60", "1")]);
    assert_eq!(lines(&desk.timer(1_322_000)), ["1m 1260 60/60/60/60 1 1 r0 incomplete"]);
    assert_eq!(feed_bar(&mut desk, 1_323_000, venue_bar("1m", 1_200, "50", "2", 4)), ["1m 1200 50/50/50/50 2 4 r1"]);
}

#[test]
fn a_restart_goes_on_with_ids_and_revisions() {
    let mut desk = Desk::bars(&["1m", "5m", "1d"]);
    let (minute, day) = (venue_bar("1m", 1_200, "50", "2", 3), venue_bar("1d", -18_000, "50", "2", 3));
    desk.feed(1_261_000, vec![FeedItem::Bar(minute), FeedItem::Bar(day)]);
    let mut again = super::rebuild::restarted(&desk, &["1m", "5m", "1d"]);
    assert_eq!(again.feed(1_262_000, vec![FeedItem::Bar(minute), FeedItem::Bar(day)]), []);
    let changed = |bar: Bar| FeedItem::Bar(Bar { trade_count: 5, ..bar });
    let said = again.feed(1_263_000, vec![changed(minute), changed(day)]);
    assert_eq!(lines(&said), ["1m 1200 50/50/50/50 2 5 r1", "1d -18000 50/50/50/50 2 5 r1"]);
    let ids = |bars: Vec<Bar>| bars.iter().map(|bar| bar.bar_id).collect::<Vec<_>>();
    assert_eq!(ids(again.said_bars()), ids(desk.said_bars()));
    assert_eq!(lines(&again.timer(1_600_000)), [""; 0], "no longer bar is made of the venue's minutes");
}

#[test]
fn a_bar_that_cannot_be_and_an_old_one_are_dropped() {
    let mut desk = Desk::bars(&["1m"]);
    let bar = venue_bar("1m", 1_200, "50", "2", 3);
    let wrong = [
        Bar { high: "49".parse().unwrap(), ..bar },
        Bar { volume: "-1".parse().unwrap(), ..bar },
        venue_bar("1m", 120_000_000, "50", "2", 3),
    ];
    for bar in wrong {
        assert_eq!(feed_bar(&mut desk, 1_261_000, bar), [""; 0]);
    }
    assert_eq!(desk.market.counters().out_of_range, 3);
    assert_eq!(feed_bar(&mut desk, 1_860_000, bar), [""; 0]);
    assert_eq!(desk.market.counters().too_late, 1);
}
