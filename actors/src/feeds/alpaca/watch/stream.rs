//! One channel of a symbol, and its gap.

use messages::market::{Gap, GapCause, GapChannel};
use messages::{Symbol, UtcNanos};

use crate::feeds::alpaca::settings::Channel;
use crate::wire::alpaca::instrument;

/// A gap that is open.
#[derive(Debug, Clone, Copy)]
pub struct Open {
    pub from: UtcNanos,
    pub cause: GapCause,
}

/// One channel of a symbol that can have gaps.
#[derive(Debug)]
pub struct Stream {
    pub channel: GapChannel,
    pub last: Option<UtcNanos>,
    /// Since when it is subscribed on the present connection.
    pub since: Option<UtcNanos>,
    pub gap: Option<Open>,
}

/// What a channel's gaps are called; bars have none.
pub const fn gap_channel(channel: Channel) -> Option<GapChannel> {
    match channel {
        Channel::Trades => Some(GapChannel::Trades),
        Channel::Quotes => Some(GapChannel::Quotes),
        Channel::Orderbooks => Some(GapChannel::Depth),
        _ => None,
    }
}

/// A gap as it is reported.
pub fn gap(symbol: Symbol, channel: GapChannel, open: Open, to: Option<UtcNanos>) -> Gap {
    let Open { from, cause } = open;
    Gap { instrument: instrument(symbol), channel, cause, from, to, first_missing: None, resumed_at: None }
}
