//! Rows of market data that something later changes: gaps that end, trades that are corrected.

use messages::market::{Event, EventBody, Gap, GapCause, GapChannel, Tick, TickBody};
use messages::{MarketId, Size, UtcNanos};

use super::{ask, follow, instrument, open, trade, write_market};

#[test]
fn a_correction_or_cancel_is_shown_instead_of_the_trade() {
    let dir = tempfile::tempdir().unwrap();
    let corrected = |id, sequence, size, revision| {
        let EventBody::Tick(tick) = trade(id, 10).body else { panic!("a trade is a tick") };
        let TickBody::Trade { price, aggressor, conditions, .. } = tick.body else { panic!("it is a trade") };
        let body = TickBody::Trade { price, size, aggressor, conditions };
        Event { id: MarketId(id), body: EventBody::Tick(Tick { sequence: Some(sequence), revision, body, ..tick }) }
    };
    write_market(dir.path(), vec![trade(1, 10), trade(2, 20), trade(3, 30)]);
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    drop(instance);
    let two = Size::from_raw(2 * Size::ONE.raw()).unwrap();
    write_market(dir.path(), vec![corrected(4, 1, two, 1), corrected(5, 2, two, 1), corrected(6, 2, Size::ZERO, 2)]);
    let instance = open(dir.path());
    follow(dir.path(), &instance);
    let sql = "SELECT tick_id AS id, volume AS v FROM market_ticks ORDER BY sequence_number";
    let expected = "{'id': 4, 'v': 2.00000000};{'id': 6, 'v': 0.00000000};{'id': 3, 'v': 1.00000000}";
    assert_eq!(ask(&instance, sql), expected);
}

fn gap(id: u64, channel: GapChannel, cause: GapCause, from: i64, to: Option<i64>) -> Event {
    let time = |secs| UtcNanos::from_secs(secs).unwrap();
    let (first_missing, resumed_at) = (Some(id as i64), to.map(|_| id as i64));
    let (instrument, from, to) = (instrument(), time(from), to.map(time));
    Event {
        id: MarketId(id),
        body: EventBody::Gap(Box::new(Gap { instrument, channel, cause, from, to, first_missing, resumed_at })),
    }
}

#[test]
fn a_gap_is_one_row_from_its_opening_to_its_end() {
    use GapCause::{Disconnect, Recovered, Sequence};
    use GapChannel::{Depth, Quotes, Trades};
    let dir = tempfile::tempdir().unwrap();
    let rows = || {
        let instance = open(dir.path());
        follow(dir.path(), &instance);
        let sql = "SELECT gap_id AS id, channel AS ch, cause AS why, epoch(\"to\")::INT AS t, first_missing AS f, resumed_at AS r
                   FROM feed_gaps ORDER BY ALL";
        ask(&instance, sql).replace('\'', "").replace("disconnect", "lost")
    };
    write_market(dir.path(), vec![gap(1, Trades, Disconnect, 10, None), gap(2, Quotes, Disconnect, 10, None)]);
    let open_ones =
        "{id: 1, ch: trades, why: lost, t: NULL, f: 1, r: NULL};{id: 2, ch: quotes, why: lost, t: NULL, f: 2, r: NULL}";
    assert_eq!(rows(), open_ones);
    assert_eq!(rows(), open_ones, "a restart changes nothing");
    // One ends in another batch; one opens and ends in the same batch; one is told whole.
    let more = vec![
        gap(3, Trades, Recovered, 10, Some(20)),
        gap(4, Depth, Disconnect, 10, None),
        gap(5, Depth, Recovered, 10, Some(21)),
        gap(6, Depth, Sequence, 30, Some(31)),
    ];
    write_market(dir.path(), more);
    let expected = "{id: 1, ch: trades, why: recovered, t: 20, f: 3, r: 3};\
                    {id: 2, ch: quotes, why: lost, t: NULL, f: 2, r: NULL};\
                    {id: 4, ch: depth, why: recovered, t: 21, f: 5, r: 5};\
                    {id: 6, ch: depth, why: sequence, t: 31, f: 6, r: 6}";
    assert_eq!(rows(), expected);
    // The same start again is another gap: the one before has ended. And both ends of both come at once.
    write_market(
        dir.path(),
        vec![
            gap(7, Quotes, Disconnect, 10, Some(40)),
            gap(8, Quotes, Disconnect, 10, None),
            gap(9, Quotes, Disconnect, 10, Some(41)),
            gap(10, Trades, Disconnect, 10, None),
        ],
    );
    let expected = "{id: 1, ch: trades, why: recovered, t: 20, f: 3, r: 3};\
                    {id: 2, ch: quotes, why: lost, t: 40, f: 7, r: 7};\
                    {id: 4, ch: depth, why: recovered, t: 21, f: 5, r: 5};\
                    {id: 6, ch: depth, why: sequence, t: 31, f: 6, r: 6};\
                    {id: 8, ch: quotes, why: lost, t: 41, f: 9, r: 9};\
                    {id: 10, ch: trades, why: lost, t: NULL, f: 10, r: NULL}";
    assert_eq!(rows(), expected);
}
